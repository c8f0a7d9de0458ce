package wire

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/server"
)

func TestPipelinedAnswersComeInOrder(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	const n = 300
	first := c.xid + 1
	for i := range n {
		switch i % 3 {
		case 0:
			c.ask(opCreate, create(fmt.Sprintf("/n%d", i)))
		case 1:
			c.ask(opGetData, &getDataRequest{path: fmt.Sprintf("/n%d", i-1)})
		default:
			c.ask(opDelete, &deleteRequest{path: "/none", version: -1})
		}
	}
	zxid := int64(0)
	for i := range n {
		g := c.next()
		require.Equal(t, first+int32(i), g.xid)
		require.GreaterOrEqual(t, g.zxid, zxid)
		zxid = g.zxid
		want := errOK
		if i%3 == 2 {
			want = errNoNode
		}
		require.Equal(t, want, g.err, i)
	}
}

// Few requests at a time may be under way; the others wait where they are.
func TestOutstandingAreBounded(t *testing.T) {
	s := serve(t, Config{MaxOutstanding: 2})
	c := s.open()
	for i := range 100 {
		c.ask(opCreate, create(fmt.Sprintf("/n%d", i)))
	}
	for range 100 {
		require.Equal(t, errOK, c.next().err)
	}
}

func TestSessionGoesOn(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, _ := c.do(opCreate, &createRequest{op: opCreate, path: "/e", acl: anyone, flags: 1})
	require.Equal(t, errOK, g.err)

	d := s.dial()
	d.connect(c.session, c.password, g.zxid)
	require.Equal(t, c.session, d.session)
	c.closed()
	g, _ = d.do(opGetEphemerals, &getEphemeralsRequest{})
	require.Contains(t, string(g.body), "/e")
	// It knows how many writes there were, though the client does not say so.
	g, _ = d.do(opCreate, create("/more"))
	require.Equal(t, errOK, g.err)

	e := s.dial()
	e.connect(c.session, make([]byte, passwordLen), 0)
	require.Zero(t, e.session, "wrong password")
	e.closed()
	g, _ = d.do(opPing, &pingRequest{})
	require.Equal(t, xidPing, g.xid, "and the one who has it is left alone")

	g, _ = d.do(opCloseSession, &closeSessionRequest{})
	require.Equal(t, errOK, g.err)
	d.closed()
	g, _ = s.open().do(opExists, &existsRequest{path: "/e"})
	require.Equal(t, errNoNode, g.err)
	f := s.dial()
	f.connect(c.session, c.password, 0)
	require.Zero(t, f.session, "it is over")
}

// Who has seen more than there is turns to another member.
func TestClientFromTheFuture(t *testing.T) {
	s := serve(t, Config{SyncTimeout: 50 * time.Millisecond})
	for _, session := range []int64{0, s.open().session} {
		c := s.dial()
		b := jute.AppendLong(jute.AppendInt(nil, 0), 1<<40)
		b = jute.AppendBuffer(jute.AppendLong(jute.AppendInt(b, 10_000), session), make([]byte, passwordLen))
		c.send(b)
		c.closed()
	}
}

func TestAuthentication(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, _ := c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("u:p")})
	require.Equal(t, replyHeader{xid: g.xid}, g.replyHeader)
	g, _ = c.do(opCreate, &createRequest{op: opCreate, path: "/mine", acl: []wireACL{{perms: 31, scheme: "auth"}}})
	require.Equal(t, errOK, g.err)
	g, _ = c.do(opWhoAmI, &whoAmIRequest{})
	require.Contains(t, string(g.body), "127.0.0.1")

	// What is no text becomes text, as where it is Java that decodes it.
	c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("\xff:p")})
	g, _ = c.do(opWhoAmI, &whoAmIRequest{})
	require.Contains(t, string(g.body), "digest\x00\x00\x00\x03\xef\xbf\xbd")

	// The identity belongs to the connection.
	d := s.dial()
	d.connect(c.session, c.password, 0)
	g, _ = d.do(opGetData, &getDataRequest{path: "/mine"})
	require.Equal(t, errNoAuth, g.err)
	g, _ = d.do(opCreate, &createRequest{op: opCreate, path: "/local", acl: []wireACL{{perms: 31, scheme: "ip", id: "127.0.0.0/8"}}})
	require.Equal(t, errOK, g.err)
	g, _ = d.do(opSetData, &setDataRequest{path: "/local", version: -1})
	require.Equal(t, errOK, g.err)
	g, _ = d.do(opAuth, &authRequest{scheme: "magic"})
	require.Equal(t, errAuthFailed, g.err)
	d.closed()
}

func TestOneEventForOneChange(t *testing.T) {
	s := serve(t, Config{EventZxids: true})
	c := s.open()
	c.do(opCreate, create("/a"))
	for range 3 { // however often it asks
		c.do(opGetData, &getDataRequest{path: "/a", watch: true})
		c.do(opExists, &existsRequest{path: "/a", watch: true})
		c.do(opGetChildren, &getChildrenRequest{op: opGetChildren, path: "/a", watch: true})
	}
	c.do(opAddWatch, &addWatchRequest{path: "/", mode: addWatchPersistentRecursive})
	xid := c.ask(opDelete, &deleteRequest{path: "/a", version: -1})
	g := c.next()
	require.Equal(t, "NodeDeleted /a", c.event(g))
	deleted := g.zxid
	g = c.next()
	require.Equal(t, xid, g.xid)
	require.Equal(t, g.zxid, deleted)
	st, _ := s.host.Status()
	require.Equal(t, 1, st.Watches, "but for the recursive one all have fired")

	// A multi that makes and deletes and makes is three changes.
	_, events := c.do(opMulti, &multiRequest{op: opMulti, ops: []multiOp{
		{opCreate, create("/a")}, {opDelete, &deleteRequest{path: "/a", version: -1}}, {opCreate, create("/a")},
	}})
	require.Equal(t, []string{"NodeCreated /a", "NodeDeleted /a", "NodeCreated /a"}, events)
	g, _ = c.do(opRemoveWatches, &watchesRequest{op: opRemoveWatches, path: "/", kind: watcherAny})
	require.Equal(t, errOK, g.err)
	g, _ = c.do(opCheckWatches, &watchesRequest{op: opCheckWatches, path: "/", kind: watcherAny})
	require.Equal(t, errNoWatcher, g.err)
	_, events = c.do(opDelete, &deleteRequest{path: "/a", version: -1})
	require.Empty(t, events)
}

// A watch that is asked for again takes the place of the one that is there.
func TestWatchesDoNotPileUp(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	for range 100 {
		c.do(opExists, &existsRequest{path: "/a", watch: true})
	}
	c.do(opPing, &pingRequest{})
	st, _ := s.host.Status()
	require.Equal(t, 1, st.Watches)
}

func TestRefusedMultis(t *testing.T) {
	s := serve(t, Config{NoTTL: true})
	c := s.open()
	ttl := &createRequest{op: opCreateTTL, path: "/t", acl: anyone, flags: flagPersistentTTL, ttl: 1000}
	g, _ := c.do(opCreateTTL, ttl)
	require.Equal(t, errUnimplemented, g.err)
	for _, x := range []struct {
		first request
		want  []errCode
	}{
		{create("/a"), []errCode{errOK, errUnimplemented, errRuntimeInconsistency}},
		{&deleteRequest{path: "/none"}, []errCode{errNoNode, errRuntimeInconsistency, errRuntimeInconsistency}},
	} {
		op := opCreate
		if _, ok := x.first.(*deleteRequest); ok {
			op = opDelete
		}
		q := &multiRequest{op: opMulti, ops: []multiOp{{op, x.first}, {opCreateTTL, ttl}, {opCheck, &checkRequest{path: "/", version: -1}}}}
		g, _ := c.do(opMulti, q)
		require.Equal(t, errOK, g.err)
		r := jute.NewReader(g.body)
		for _, want := range x.want {
			require.Equal(t, want, decodeMultiHeader(&r).err)
			require.EqualValues(t, want, r.Int())
		}
	}
	require.Equal(t, 4, s.host.View().Len(), "nothing of them is there")
}

// log collects why connections ended.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Whatever is wrong with what a connection brings ends that connection, for one
// reason, and nobody else notices.
func TestHostileConnections(t *testing.T) {
	l := &log{}
	s := serve(t, Config{HandshakeTimeout: 100 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(l, nil))})
	good := s.open()
	for name, bytes := range map[string]string{
		"negative length":      "\xff\xff\xff\xff",
		"over the limit":       "\x00\x20\x00\x00",
		"no word, no length":   "GET / HTTP/1.1\r\n\r\n",
		"nothing":              "",
		"half a handshake":     "\x00\x00\x00\x2d\x00\x00",
		"a short handshake":    "\x00\x00\x00\x04\x00\x00\x00\x00",
		"a handshake of zeros": "\x00\x00\x00\x2d" + strings.Repeat("\x00", 44),
		"a vast password":      "\x00\x00\x00\x18" + strings.Repeat("\x00", 20) + "\x7f\xff\xff\xff",
	} {
		c := s.dial()
		_, err := io.WriteString(c.n, bytes)
		require.NoError(t, err, name)
		c.closed()
	}
	for name, frame := range map[string][]byte{
		"no header":      {0, 0},
		"unknown opcode": jute.AppendInt(jute.AppendInt(nil, 1), 77),
		"auth of rubble": jute.AppendInt(jute.AppendInt(nil, -4), int32(opAuth)),
	} {
		c := s.open()
		c.send(frame)
		b, err := c.frame()
		if name == "unknown opcode" {
			require.NoError(t, err)
			require.Equal(t, appendReply(nil, replyHeader{xid: 1, zxid: -1, err: errUnimplemented})[4:], b)
			b, err = c.frame()
		}
		require.Error(t, err, "%s: %x", name, b)
	}
	// A body that cannot be understood is answered, and the connection goes on.
	c := s.open()
	c.send(jute.AppendInt(jute.AppendInt(jute.AppendInt(nil, 9), int32(opGetData)), 1<<30))
	require.Equal(t, errMarshalling, c.next().err)
	g, _ := c.do(opExists, &existsRequest{path: "/"})
	require.Equal(t, errOK, g.err)

	g, _ = good.do(opExists, &existsRequest{path: "/"})
	require.Equal(t, errOK, g.err)
	text := l.text()
	require.Contains(t, text, "the limit is 1048575")
	require.NotContains(t, text, "level=ERROR")
}

func TestConnectionsAreBounded(t *testing.T) {
	s := serve(t, Config{MaxConnsPerAddr: 3})
	var open []*raw
	for range 3 {
		open = append(open, s.open())
	}
	s.dial().closed()
	open[0].do(opCloseSession, &closeSessionRequest{})
	open[0].closed()
	require.Eventually(t, func() bool { return len(s.wire.all()) == 2 }, 10*time.Second, time.Millisecond)
	s.open()
}

// Who does not read what it asks for is left.
func TestClientThatDoesNotRead(t *testing.T) {
	s := serve(t, Config{MaxUnread: 1 << 20, MaxOutstanding: 1 << 20})
	c := s.open()
	big := create("/big")
	big.data = make([]byte, 900_000)
	g, _ := c.do(opCreate, big)
	require.Equal(t, errOK, g.err)
	d := s.open()
	d.do(opAddWatch, &addWatchRequest{path: "/", mode: addWatchPersistentRecursive})
	go func() { // until the connection is closed
		s := &sheet{b: jute.AppendInt(jute.AppendInt(nil, 5), int32(opGetData))}
		s.body(&getDataRequest{path: "/big"})
		b := append(jute.AppendInt(nil, int32(len(s.b))), s.b...)
		for range 200 {
			if _, err := d.n.Write(b); err != nil {
				return
			}
		}
	}()
	for i := range 2000 { // events, which wait for nobody
		g, _ := c.do(opCreate, create(fmt.Sprintf("/n%d", i)))
		require.Equal(t, errOK, g.err)
		if len(s.wire.all()) == 1 {
			return
		}
	}
	// It was slow but within bounds, but for the answers that come at once.
	for _, x := range s.wire.all() {
		x.mu.Lock()
		require.Less(t, len(x.out), 2<<20+maxBatch<<20)
		x.mu.Unlock()
	}
}

// moody is a member that does not serve whenever the test says so.
type moody struct {
	*server.Server
	mu      sync.Mutex
	sulks   bool
	changed chan struct{}
}

func (m *moody) Mode() (string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sulks {
		return "", m.changed
	}
	return "leader", m.changed
}

func (m *moody) sulk(yes bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sulks = yes
	close(m.changed)
	m.changed = make(chan struct{})
}

// Clients of a member that does not serve turn to another one, but not at once.
func TestMemberThatDoesNotServe(t *testing.T) {
	var m *moody
	s := serveFrom(t, Config{SyncTimeout: 200 * time.Millisecond}, func(host *server.Server) Host {
		m = &moody{Server: host, changed: make(chan struct{})}
		return m
	})
	c := s.open()
	m.sulk(true)
	m.sulk(false)
	g, _ := c.do(opExists, &existsRequest{path: "/"})
	require.Equal(t, errOK, g.err)
	m.sulk(true)
	c.closed()
	n, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	defer n.Close()
	_, err = io.WriteString(n, "srvr")
	require.NoError(t, err)
	b, err := io.ReadAll(n)
	require.NoError(t, err)
	require.Contains(t, string(b), "not currently serving")
	m.sulk(false)
	s.open()
}

func TestFourLetterWords(t *testing.T) {
	ask := func(s *served, w string) string {
		n, err := net.Dial("tcp", s.addr)
		require.NoError(t, err)
		defer n.Close()
		_, err = io.WriteString(n, w)
		require.NoError(t, err)
		b, err := io.ReadAll(n)
		require.NoError(t, err)
		return string(b)
	}
	s := serve(t, Config{})
	require.Equal(t, "imok", ask(s, "ruok"))
	require.Equal(t, "mntr is not executed because it is not in the whitelist.\n", ask(s, "mntr"))
	srvr := ask(s, "srvr")
	require.True(t, strings.HasPrefix(srvr, "Zookeeper version: 3.8.0-"), srvr)
	require.Contains(t, srvr, "\nMode: standalone\nNode count: 5\n")

	all := serve(t, Config{Words: []string{"*"}})
	c := all.open()
	c.do(opExists, &existsRequest{path: "/w", watch: true})
	c.do(opCreate, &createRequest{op: opCreate, path: "/e", acl: anyone, flags: 1})
	for w, want := range map[string]string{
		"mntr": "zk_server_state\tstandalone\n", "stat": "Clients:\n /127.0.0.1:", "cons": ",lop=CREA,est=", "isro": "rw",
		"conf": "", "envi": "go.version=go", "dump": "\t/e\n", "wchs": "1 connections watching 1 paths\nTotal watches:1\n",
		"wchp": "/w\n\t0x", "wchc": "\n\t/w\n\n", "crst": "Connection stats reset.\n", "srst": "Server stats reset.\n",
		"dirs": "datadir_size: ", "hash": "0x",
	} {
		require.Contains(t, ask(all, w), want, w)
	}
	require.Equal(t, "306", ask(all, "gtmk"))
	require.Equal(t, "258", ask(all, "stmk\x00\x00\x00\x00\x00\x00\x01\x02"))
	require.Equal(t, "258", ask(all, "gtmk"))
}

func TestValidate(t *testing.T) {
	require.NoError(t, (&Config{}).Validate())
	err := (&Config{MaxFrameBytes: 1, MaxOutstanding: -1, MaxUnread: -1, HandshakeTimeout: -1, SyncTimeout: -1, Words: []string{"nope", "x"}}).Validate()
	for _, field := range []string{"MaxFrameBytes", "MaxOutstanding", "MaxUnread", "HandshakeTimeout", "SyncTimeout", "Words"} {
		require.ErrorContains(t, err, "Config."+field)
	}
	_, err = NewServer(nil, Config{MaxUnread: -1})
	require.Error(t, err)
}
