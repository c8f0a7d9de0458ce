package wire

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zabtree/zabtree/tree"
)

// versionLine is the first line of srvr, stat and envi. Tools look for its form: the
// order of the date is that of servers before 3.8, which all of them understand.
const versionLine = "Zookeeper version: 3.8.0-zabtree, built on 02/25/2022 08:49 UTC"

// answerWord answers a four-letter word, for which no member must lead.
func (c *conn) answerWord(w word) error {
	var mask [8]byte
	if w == wordStmk { // the new one
		if _, err := io.ReadFull(c.in, mask[:]); err != nil {
			return err
		}
	}
	var text string
	if !c.s.config.allows(w) {
		text = fmt.Sprintf("%s is not executed because it is not in the whitelist.\n", w)
	} else {
		if w == wordStmk {
			c.s.mask.Store(int64(binary.BigEndian.Uint64(mask[:])))
		}
		text = c.s.word(w)
	}
	c.mu.Lock()
	c.out = append(c.out, text...)
	c.mu.Unlock()
	return nil
}

// word returns the answer to a word.
func (s *Server) word(w word) string {
	mode := s.mode()
	switch w {
	case wordRuok:
		return "imok"
	case wordIsro:
		return isro(mode)
	case wordGtmk, wordStmk:
		return strconv.FormatInt(s.mask.Load(), 10)
	case wordConf:
		conf := ""
		if s.config.Conf != nil {
			conf = s.config.Conf()
		}
		return conf + s.members()
	case wordEnvi:
		return environment()
	case wordCrst:
		for _, c := range s.all() {
			c.received.Store(0)
			c.sent.Store(0)
			c.latency.reset()
		}
		return "Connection stats reset.\n"
	case wordSrst:
		s.stats.received.Store(0)
		s.stats.sent.Store(0)
		s.stats.latency.reset()
		return "Server stats reset.\n"
	}
	if mode == "" {
		return "This ZooKeeper instance is not currently serving requests\n"
	}
	switch w {
	case wordSrvr:
		return s.srvr(mode, "")
	case wordStat:
		return s.srvr(mode, "Clients:\n"+s.clients(false)+"\n")
	case wordCons:
		return s.clients(true) + "\n"
	case wordMntr:
		return s.mntr(mode)
	case wordDump:
		return s.dump()
	case wordDirs:
		var data, log int64
		if s.config.Sizes != nil {
			data, log = s.config.Sizes()
		}
		return fmt.Sprintf("datadir_size: %d\nlogdir_size: %d\n", data, log)
	case wordHash:
		v := s.host.View()
		return fmt.Sprintf("0x%x:0x%x\n", v.Zxid(), v.Digest())
	case wordWchs, wordWchc, wordWchp:
		return s.watchWord(w)
	}
	return ""
}

func (s *Server) srvr(mode, clients string) string {
	low, mean, high := s.stats.latency.figures()
	v := s.host.View()
	if mode == readOnlyMode {
		clients = "READ-ONLY mode; serving only read-only clients\n" + clients
	}
	return fmt.Sprintf("%s\n%sLatency min/avg/max: %.0f/%.4f/%.0f\nReceived: %d\nSent: %d\nConnections: %d\nOutstanding: %d\n"+
		"Zxid: 0x%x\nMode: %s\nNode count: %d\n", versionLine, clients, low, mean, high, s.stats.received.Load(), s.stats.sent.Load(),
		len(s.all()), s.stats.outstanding.Load(), v.Zxid(), mode, znodes(v))
}

// znodes counts as a real server does, which has its root twice.
func znodes(v *tree.View) int { return v.Len() + 1 }

// oldest lists the connections, the oldest first.
func (s *Server) oldest() []*conn {
	list := s.all()
	slices.SortFunc(list, func(a, b *conn) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.addr, b.addr)) })
	return list
}

// sessions returns those that have a session.
func (s *Server) sessions() []*conn {
	return slices.DeleteFunc(s.oldest(), func(c *conn) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.session == 0
	})
}

func (s *Server) clients(details bool) string {
	var b strings.Builder
	for _, c := range s.oldest() {
		c.describe(&b, details)
	}
	return b.String()
}

// describe says a connection in a line. One that has no session is most likely there for a
// four-letter word.
func (c *conn) describe(b *strings.Builder, details bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reading := 1
	if c.session == 0 {
		reading = 0
	}
	fmt.Fprintf(b, " /%s[%d](queued=%d,recved=%d,sent=%d", c.n.RemoteAddr(), reading, c.pending.len(), c.received.Load(), c.sent.Load())
	if details && c.session != 0 {
		low, mean, high := c.latency.figures()
		fmt.Fprintf(b, ",sid=0x%x,lop=%s,est=%d,to=%d,lcxid=0x%x,lzxid=0x%x,lresp=%d,llat=%d,minlat=%.0f,avglat=%.0f,maxlat=%.0f",
			c.session, c.last.op.short(), c.since.UnixMilli(), c.timeout.Milliseconds(), c.last.xid, c.zxid, c.last.at.Milliseconds(),
			c.last.took.Milliseconds(), low, mean, high)
	}
	b.WriteString(")\n")
}

func (s *Server) mntr(mode string) string {
	low, mean, high := s.stats.latency.figures()
	v := s.host.View()
	ephemerals, bytes := 0, 0
	for session := range v.Sessions() {
		for range v.Ephemerals(session.ID) {
			ephemerals++
		}
	}
	for path, stat := range v.Walk("/") {
		bytes += len(path) + int(stat.DataLength)
	}
	watches := 0
	for _, c := range s.sessions() {
		c.mu.Lock()
		watches += len(c.watches.byID)
		c.mu.Unlock()
	}
	var b strings.Builder
	line := func(key string, value any) { fmt.Fprintf(&b, "zk_%s\t%v\n", key, value) }
	line("version", strings.TrimPrefix(versionLine, "Zookeeper version: "))
	line("avg_latency", fmt.Sprintf("%.4f", mean))
	line("max_latency", int64(high))
	line("min_latency", int64(low))
	line("packets_received", s.stats.received.Load())
	line("packets_sent", s.stats.sent.Load())
	line("num_alive_connections", len(s.all()))
	line("outstanding_requests", s.stats.outstanding.Load())
	line("server_state", mode)
	line("znode_count", znodes(v))
	line("watch_count", watches)
	line("ephemerals_count", ephemerals)
	line("approximate_data_size", bytes)
	line("global_sessions", v.NumSessions())
	line("local_sessions", 0)
	line("uptime", time.Since(s.started).Milliseconds())
	return b.String()
}

// dump lists the sessions of the ensemble and their ephemeral znodes.
func (s *Server) dump() string {
	v := s.host.View()
	var sessions, ephemerals strings.Builder
	with := 0
	for info := range v.Sessions() {
		fmt.Fprintf(&sessions, "0x%x\t%dms\n", info.ID, info.Timeout.Milliseconds())
		first := true
		for path := range v.Ephemerals(info.ID) {
			if first {
				with++
				fmt.Fprintf(&ephemerals, "0x%x:\n", info.ID)
				first = false
			}
			fmt.Fprintf(&ephemerals, "\t%s\n", path)
		}
	}
	return fmt.Sprintf("SessionTracker dump:\nGlobal Sessions(%d):\n%sephemeral nodes dump:\nSessions with Ephemerals (%d):\n%s",
		v.NumSessions(), sessions.String(), with, ephemerals.String())
}

// watchWord summarises the watches, or lists them by connection or by path.
func (s *Server) watchWord(w word) string {
	type line struct {
		session int64
		path    string
	}
	var lines []line
	paths := map[string]bool{}
	sessions := s.sessions()
	watching := 0
	for _, c := range sessions {
		c.mu.Lock()
		if len(c.watches.byPath) > 0 {
			watching++
		}
		for path := range maps.Keys(c.watches.byPath) {
			paths[path] = true
			lines = append(lines, line{c.session, path})
		}
		c.mu.Unlock()
	}
	if w == wordWchs {
		return fmt.Sprintf("%d connections watching %d paths\nTotal watches:%d\n", watching, len(paths), len(lines))
	}
	slices.SortFunc(lines, func(a, b line) int {
		if w == wordWchc {
			return cmp.Or(cmp.Compare(a.session, b.session), cmp.Compare(a.path, b.path))
		}
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.session, b.session))
	})
	var b bytes.Buffer
	head := ""
	for _, l := range lines {
		key, value := fmt.Sprintf("0x%x", l.session), l.path
		if w == wordWchp {
			key, value = value, key
		}
		if key != head {
			head = key
			fmt.Fprintf(&b, "%s\n", key)
		}
		fmt.Fprintf(&b, "\t%s\n", value)
	}
	b.WriteByte('\n')
	return b.String()
}

// members returns the lines of conf that describe the ensemble.
func (s *Server) members() string {
	data, _, err := s.host.View().Get("/zookeeper/config")
	if err != nil || len(data) == 0 {
		return ""
	}
	return "membership: \n" + string(data) + "\n"
}

func environment() string {
	name, _ := os.Hostname()
	return fmt.Sprintf("Environment:\nzookeeper.version=%s\nhost.name=%s\ngo.version=%s\nos.name=%s\nos.arch=%s\n",
		strings.TrimPrefix(versionLine, "Zookeeper version: "), name, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
