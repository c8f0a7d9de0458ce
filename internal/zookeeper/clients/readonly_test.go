package clients

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// pair is an ensemble of two members, each a process.
type pair struct {
	t    *testing.T
	addr string // where the first one serves clients
	args [2][]string
	cmds [2]*exec.Cmd
}

// startPair starts two members: program is what runs one, but for the name of its
// configuration. What Apache's server takes from its JVM's flags alone is in the
// environment as well.
func startPair(t *testing.T, program ...string) *pair {
	p := &pair{t: t}
	dir := t.TempDir()
	var servers string
	first := freePorts(t, 6)
	for id := range 2 {
		servers += fmt.Sprintf("server.%d=127.0.0.1:%d:%d\n", id+1, first+3*id, first+3*id+1)
	}
	for id := range 2 {
		port := fmt.Sprint(first + 3*id + 2)
		p.addr = cmp.Or(p.addr, "127.0.0.1:"+port)
		data := filepath.Join(dir, fmt.Sprint(id+1))
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		// Without local sessions, which Zabtree has no need of, Apache's server answers
		// whoever wants a read-only session with a frame that is none.
		for name, text := range map[string]string{"/myid": fmt.Sprint(id + 1), ".cfg": "tickTime=500\ninitLimit=20\nsyncLimit=4\ndataDir=" + data +
			"\nclientPortAddress=127.0.0.1\nclientPort=" + port + "\nmaxClientCnxns=0\nminSessionTimeout=1000\nmaxSessionTimeout=60000\n" +
			"4lw.commands.whitelist=srvr\nadmin.enableServer=false\nextendedTypesEnabled=true\nlocalSessionsEnabled=true\n" +
			"localSessionsUpgradingEnabled=true\npreAllocSize=1024\nforceSync=no\n" + servers} {
			if err := os.WriteFile(data+name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p.args[id] = append(slices.Clone(program), data+".cfg")
		p.start(id)
	}
	t.Cleanup(func() { p.kill(0); p.kill(1) })
	return p
}

const readOnlyFlag = "-Dreadonlymode.enabled=true"

func (p *pair) start(id int) {
	p.cmds[id] = exec.Command(p.args[id][0], p.args[id][1:]...)
	p.cmds[id].Env = append(os.Environ(), "SERVER_JVMFLAGS="+readOnlyFlag)
	if err := p.cmds[id].Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) kill(id int) {
	_ = p.cmds[id].Process.Kill()
	_ = p.cmds[id].Wait()
}

func (p *pair) word(w string) string {
	c, err := zkwire.Dial(p.addr, 10*time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	if err := c.Write([]byte(w)); err != nil {
		return ""
	}
	b, _ := c.ReadAll()
	return string(b)
}

// serves waits until the first member is one of these.
func (p *pair) serves(modes ...string) {
	p.t.Helper()
	var answer string
	for range 600 {
		answer = p.word("srvr")
		for _, mode := range modes {
			if strings.Contains(answer, "\nMode: "+mode+"\n") {
				return
			}
		}
		<-time.After(50 * time.Millisecond)
	}
	p.t.Fatalf("never %v: %q", modes, answer)
}

// hearing is what a server was heard to say. Numbers that each server has its own of are
// known by when they were heard first.
type hearing struct {
	*pair
	lines   []string
	numbers map[int64]string
}

func (h *hearing) say(format string, args ...any) {
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *hearing) number(n int64) string {
	if n <= 0 {
		return fmt.Sprint(n)
	}
	if h.numbers[n] == "" {
		h.numbers[n] = fmt.Sprintf("#%d", len(h.numbers)+1)
	}
	return h.numbers[n]
}

// peer is a client's connection. Nil is one that was closed in place of an answer.
type peer struct {
	*zkwire.Conn
	h     *hearing
	xid   int32
	reply *zkwire.ConnectReply
}

func (h *hearing) connect(what string, r zkwire.ConnectRequest) *peer {
	h.t.Helper()
	c, err := zkwire.Dial(h.addr, 20*time.Second)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	r.Timeout = cmp.Or(r.Timeout, 60000)
	if r.Password == nil {
		r.Password = make([]byte, 16)
	}
	if err := c.Write(r.AppendFrame(nil)); err != nil {
		h.t.Fatal(err)
	}
	frame, err := c.ReadFrame()
	if err != nil {
		h.say("%s: closed", what)
		return nil
	}
	reply, err := zkwire.DecodeConnect(frame)
	if err != nil {
		h.t.Fatal(err)
	}
	h.say("%s: session %s of %d ms, read-only %v", what, h.number(reply.SessionID), reply.Timeout, reply.ReadOnly)
	return &peer{Conn: c, h: h, reply: reply}
}

// do sends a request, and notes what comes back.
func (c *peer) do(r zkwire.Request) {
	c.h.t.Helper()
	c.xid++
	switch r.Xid = c.xid; r.Op {
	case zkwire.Ping:
		r.Xid = -2
	case zkwire.Auth:
		r.Xid = -4
	}
	_ = c.Write(r.AppendFrame(nil))
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			c.h.say("%v: closed", &r)
			return
		}
		reply, err := zkwire.Decode(frame, &r)
		if err != nil {
			c.h.t.Fatal(err)
		}
		if reply.Event != nil {
			c.h.say("event %d in state %d of %s", reply.Event.Type, reply.Event.State, *reply.Event.Path)
			continue
		}
		c.h.say("%v: xid %d zxid %s error %d%s", &r, reply.Xid, c.h.number(reply.Zxid), reply.Err, c.h.body(reply))
		return
	}
}

func (h *hearing) body(r *zkwire.Reply) string {
	slices.Sort(r.Names)
	s := fmt.Sprintf(" %q %q", r.Data, r.Names)
	if r.Path != nil {
		s += " path " + *r.Path
	}
	if r.Count != nil {
		s += fmt.Sprintf(" count %d", *r.Count)
	}
	var ids []string // in no order
	for _, id := range r.IDs {
		ids = append(ids, *id.Scheme+":"+*id.Name)
	}
	slices.Sort(ids)
	s += fmt.Sprintf(" %q", ids)
	if r.ACL != nil {
		s += zkwire.FormatACL(r.ACL)
	}
	if x := r.Stat; x != nil {
		s += fmt.Sprintf(" stat %s %s %s %v %d %d %d %s %d %d", h.number(x.Czxid), h.number(x.Mzxid), h.number(x.Pzxid), x.Ctime == x.Mtime,
			x.Version, x.Cversion, x.Aversion, h.number(x.EphemeralOwner), x.DataLength, x.NumberChildren)
	}
	for i := range r.Results {
		s += fmt.Sprintf(" {%v %d%s}", r.Results[i].Type, r.Results[i].Err, h.body(&r.Results[i].Reply))
	}
	return s + fmt.Sprintf(" %x", r.Rest)
}

// ended waits until the server has closed the connection.
func (c *peer) ended() {
	c.h.t.Helper()
	if frame, err := c.ReadFrame(); err == nil {
		c.h.t.Fatalf("still there: %x", frame)
	}
}

func anyone(perms int32, scheme, id string) []zkwire.ACL {
	return []zkwire.ACL{{Perms: perms, Scheme: &scheme, ID: &id}}
}

func digest(credential string) zkwire.Request {
	scheme := "digest"
	return zkwire.Request{Op: zkwire.Auth, Scheme: &scheme, Data: []byte(credential)}
}

// alone is what clients hear of a member whose only other member was killed.
func alone(t *testing.T, program ...string) []string {
	h := &hearing{pair: startPair(t, program...), numbers: map[int64]string{}}
	h.serves("leader", "follower")
	all, own := anyone(31, "world", "anyone"), anyone(31, "auth", "")
	first := h.connect("the first", zkwire.ConnectRequest{ReadOnly: true})
	h.say("isro: %s", h.word("isro"))
	first.do(zkwire.Request{Op: zkwire.Create, Path: "/r", Data: []byte("hello"), ACL: all})
	first.do(zkwire.Request{Op: zkwire.Create, Path: "/e", ACL: all, Flags: 1})
	first.do(digest("u:p"))
	for _, path := range []string{"/closed", "/r/a", "/r/last"} {
		first.do(zkwire.Request{Op: zkwire.Create, Path: path, Data: []byte(path), ACL: own})
	}
	h.kill(1)
	first.ended()
	h.serves("read-only")

	h.say("isro: %s", h.word("isro"))
	h.say("srvr: %v", strings.Contains(h.word("srvr"), "\nREAD-ONLY mode; serving only read-only clients\n"))
	again := zkwire.ConnectRequest{SessionID: first.reply.SessionID, Password: first.reply.Password}
	h.connect("one that wants to write", zkwire.ConnectRequest{})
	h.connect("an old one", zkwire.ConnectRequest{OmitReadOnly: true})
	h.connect("the first", again)
	again.ReadOnly = true
	h.connect("the first, content to read", again)
	h.connect("one that has seen more", zkwire.ConnectRequest{ReadOnly: true, LastZxid: 1 << 60})
	h.connect("one with a short timeout", zkwire.ConnectRequest{ReadOnly: true, Timeout: 1}).ended()
	h.connect("one with a long timeout", zkwire.ConnectRequest{ReadOnly: true, Timeout: 1 << 30})
	c := h.connect("a reader", zkwire.ConnectRequest{ReadOnly: true})
	for _, r := range readOnlyScript(all) {
		c.do(r)
	}
	for _, last := range []zkwire.Request{{Op: 77}, digest("\x00"), {Op: zkwire.Auth}, {Op: zkwire.CloseSession}} {
		d := h.connect("another", zkwire.ConnectRequest{ReadOnly: true})
		d.do(last)
		d.do(zkwire.Request{Op: zkwire.WhoAmI})
		h.connect("it again", zkwire.ConnectRequest{ReadOnly: true, SessionID: d.reply.SessionID, Password: make([]byte, 16)})
	}

	h.start(1)
	c.ended()
	h.serves("leader", "follower")
	h.say("isro: %s", h.word("isro"))
	clear(h.numbers) // how many entries of the log there are since is each server's own affair
	h.connect("the reader", zkwire.ConnectRequest{SessionID: c.reply.SessionID, Password: c.reply.Password})
	if first = h.connect("the first, content to read", again); first != nil {
		first.do(zkwire.Request{Op: zkwire.GetEphemerals, Path: "/"})
	}
	return h.lines
}

func readOnlyScript(all []zkwire.ACL) []zkwire.Request {
	script := []zkwire.Request{{Op: zkwire.WhoAmI}, {Op: zkwire.GetData, Path: "/closed"}, {Op: zkwire.GetACL, Path: "/closed"}, digest("u:p"), {Op: zkwire.WhoAmI}}
	for _, path := range []string{"/r", "/closed", "/e", "/none", "nonsense"} {
		for _, op := range []zkwire.Opcode{zkwire.Exists, zkwire.GetData, zkwire.GetChildren, zkwire.GetChildren2, zkwire.GetACL, zkwire.GetAllChildrenNumber,
			zkwire.Sync, zkwire.Delete, zkwire.SetData, zkwire.Check, zkwire.DeleteContainer} {
			script = append(script, zkwire.Request{Op: op, Path: path}, zkwire.Request{Op: op, Raw: []byte{1}})
		}
		for _, op := range []zkwire.Opcode{zkwire.Create, zkwire.Create2, zkwire.CreateContainer, zkwire.CreateTTL, zkwire.SetACL} {
			script = append(script, zkwire.Request{Op: op, Path: path, ACL: all})
		}
		script = append(script,
			zkwire.Request{Op: zkwire.MultiRead, Ops: []zkwire.Request{{Op: zkwire.GetData, Path: path}, {Op: zkwire.GetChildren, Path: path}}},
			zkwire.Request{Op: zkwire.Multi, Ops: []zkwire.Request{{Op: zkwire.Delete, Path: path}}},
			zkwire.Request{Op: zkwire.Exists, Path: path, Watch: true}, zkwire.Request{Op: zkwire.GetData, Path: path, Watch: true},
			zkwire.Request{Op: zkwire.CheckWatches, Path: path, Type: 2}, zkwire.Request{Op: zkwire.RemoveWatches, Path: path, Type: 2},
			zkwire.Request{Op: zkwire.AddWatch, Path: path, Type: 1},
			zkwire.Request{Op: zkwire.SetWatches, Zxid: 1, Watches: [5][]string{{path}, {path}, {path}}})
	}
	return append(script, zkwire.Request{Op: zkwire.Multi}, zkwire.Request{Op: zkwire.Reconfig}, zkwire.Request{Op: zkwire.Ping},
		zkwire.Request{Op: zkwire.GetEphemerals, Path: "/"}, zkwire.Request{Op: zkwire.SASL, Data: []byte("x")})
}

// TestReadOnly: who is served by a member without a leader hears what Apache's says, and
// whoever is not served by the one is not by the other.
func TestReadOnly(t *testing.T) {
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := alone(t, "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", readOnlyFlag,
		"-cp", "/usr/share/java/zookeeper.jar", "org.apache.zookeeper.server.quorum.QuorumPeerMain")
	got := alone(t, bin, "-zoo-cfg")
	if len(want) < 200 {
		t.Fatalf("only %d lines: %q", len(want), want)
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("line %d:\n%s\n\nApache ZooKeeper's:\n%s", i, strings.Join(got[max(0, i-2):min(i+3, len(got))], "\n"),
				strings.Join(want[max(0, i-2):min(i+3, len(want))], "\n"))
			return
		}
	}
}

// TestZkCliReadsOnly: Apache's own client reads from a member that was left alone, and
// goes on to write, with its watch, once the member is not alone any more.
func TestZkCliReadsOnly(t *testing.T) {
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &hearing{pair: startPair(t, bin, "-zoo-cfg"), numbers: map[int64]string{}}
	h.serves("leader", "follower")
	h.connect("", zkwire.ConnectRequest{}).do(zkwire.Request{Op: zkwire.Create, Path: "/r", Data: []byte("hello"), ACL: anyone(31, "world", "anyone")})
	h.kill(1)
	h.serves("read-only")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "java", "-Djava.util.logging.config.file=/dev/null", "-cp",
		"/usr/share/java/zookeeper.jar:/usr/share/java/commons-cli.jar", "org.apache.zookeeper.ZooKeeperMain", "-r", "-server", h.addr)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	types := func(line, then string) {
		t.Helper()
		if line != "" {
			if _, err := io.WriteString(in, line+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		var seen []string
		for lines.Scan() {
			if seen = append(seen, lines.Text()); strings.Contains(lines.Text(), then) {
				return
			}
		}
		t.Fatalf("%s: no %q in %q", line, then, seen)
	}
	types("", "state:ConnectedReadOnly")
	types("get -w /r", "hello")
	types("create /w x", "Not a read-only call: /w")
	h.start(1)
	types("", "state:SyncConnected type:None")
	types("create /w x", "Created /w")
	types("set /r y", "NodeDataChanged path:/r")
	if _, err := io.WriteString(in, "quit\n"); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
