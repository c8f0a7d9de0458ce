package clients

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// ports of one member on the loopback interface.
type ports struct {
	quorum, election, client string
	kept                     []net.Listener // for who is started later
}

// somePorts finds ports for members, and keeps them for those who will be there: somebody
// else's connection might have one of them for its own.
func somePorts(t *testing.T) []ports {
	var found []ports
	for range all {
		var p ports
		for _, x := range []*string{&p.quorum, &p.election, &p.client} {
			l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
			_, *x, _ = net.SplitHostPort(l.Addr().String())
			p.kept = append(p.kept, l)
		}
		found = append(found, p)
	}
	for id := founders + 1; id < all; id++ {
		found[id].release()
	}
	return found
}

// release lets the member have its ports.
func (p *ports) release() {
	for _, l := range p.kept {
		_ = l.Close()
	}
	p.kept = nil
}

// configure writes the zoo.cfg of a member, and returns its name.
func (s *side) configure(t *testing.T, id int) string {
	home := filepath.Join(s.dir, fmt.Sprint(id))
	must(0, os.MkdirAll(filepath.Join(home, "data"), 0o700))(t)
	must(0, os.WriteFile(filepath.Join(home, "data", "myid"), fmt.Append(nil, id), 0o600))(t)
	text := "tickTime=500\ninitLimit=20\nsyncLimit=10\nminSessionTimeout=1000\nmaxSessionTimeout=120000\nmaxClientCnxns=0\n" +
		"admin.enableServer=false\n4lw.commands.whitelist=*\nforceSync=no\npreAllocSize=1024\nreconfigEnabled=true\n" +
		"DigestAuthenticationProvider.superDigest=" + superDigest() + "\ndataDir=" + filepath.Join(home, "data") + "\n"
	for i := range founders {
		text += s.spec(i+1, "participant") + "\n"
	}
	if id > founders {
		text += s.spec(id, "observer") + "\n"
	}
	file := filepath.Join(home, "zoo.cfg")
	must(0, os.WriteFile(file, []byte(text), 0o600))(t)
	return file
}

// superDigest is server.Super as a server is told of it.
func superDigest() string {
	user, _, _ := strings.Cut(server.Super, ":")
	sum := sha1.Sum([]byte(server.Super))
	return user + ":" + base64.StdEncoding.EncodeToString(sum[:])
}

const (
	founders = 3
	all      = 6 // members that there are ports for
)

// side is one of the two ensembles that are compared.
type side struct {
	name    string
	dir     string
	members []ports
	run     func(file string, id int) *exec.Cmd
	keeps   bool // connections to followers outlive the leader's going
}

// ensembleOf runs the founders, each a process.
func ensembleOf(t *testing.T, name string, run func(file string, id int) *exec.Cmd) *side {
	s := &side{name: name, dir: t.TempDir(), members: somePorts(t), run: run}
	for id := range founders {
		s.start(t, id+1)
	}
	for id := range founders {
		s.await(t, id+1, func(mode string) bool { return mode != "" })
	}
	return s
}

// start starts a member.
func (s *side) start(t *testing.T, id int) {
	cmd := s.run(s.configure(t, id), id)
	cmd.Dir = filepath.Join(s.dir, fmt.Sprint(id))
	s.members[id-1].release()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// await waits until a member says of itself what is wanted.
func (s *side) await(t *testing.T, id int, want func(mode string) bool) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !want(s.mode(id)) {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: member %d is %q", s.name, id, s.mode(id))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *side) addr(id int) string { return "127.0.0.1:" + s.members[id-1].client }

func (s *side) spec(id int, role string) string {
	p := &s.members[id-1]
	return fmt.Sprintf("server.%d=127.0.0.1:%s:%s:%s;127.0.0.1:%s", id, p.quorum, p.election, role, p.client)
}

// same shows a text as it is on both sides: ports by name, and no version.
func (s *side) same(text string) string {
	var names []string
	for i, p := range s.members {
		id := fmt.Sprint(i + 1)
		names = append(names, p.quorum, "q"+id, p.election, "e"+id, p.client, "c"+id)
	}
	text = text[:strings.LastIndex(text, "\nversion=")]
	return strings.NewReplacer(names...).Replace(text)
}

var modeLine = regexp.MustCompile(`Mode: (\w+)`)

// mode is what a member says of itself.
func (s *side) mode(id int) string {
	c, err := zkwire.Dial(s.addr(id), 2*time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	if c.Write([]byte("srvr")) != nil {
		return ""
	}
	b, _ := c.ReadAll()
	if m := modeLine.FindSubmatch(b); m != nil {
		return string(m[1])
	}
	return ""
}

func (s *side) leader(t *testing.T) int {
	for id := range founders {
		if s.mode(id+1) == "leader" {
			return id + 1
		}
	}
	t.Fatalf("%s: no leader", s.name)
	return 0
}

// rawClient is a client that shows what it is answered.
type rawClient struct {
	t   *testing.T
	c   *zkwire.Conn
	xid int32
}

func dial(t *testing.T, addr string) *rawClient {
	t.Helper()
	return must(tryDial(t, addr))(t)
}

// tryDial opens a session.
func tryDial(t *testing.T, addr string) (*rawClient, error) {
	c, err := zkwire.Dial(addr, time.Minute)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	hello := zkwire.ConnectRequest{Timeout: 60_000, Password: make([]byte, 16)}
	if err := c.Write(hello.AppendFrame(nil)); err != nil {
		return nil, err
	}
	frame, err := c.ReadFrame()
	if err != nil {
		return nil, err
	}
	if r, err := zkwire.DecodeConnect(frame); err != nil || r.SessionID == 0 {
		return nil, fmt.Errorf("no session: %v", err)
	}
	return &rawClient{t: t, c: c}, nil
}

func (c *rawClient) do(r zkwire.Request) (*zkwire.Reply, error) {
	c.xid++
	if r.Xid = c.xid; r.Op == zkwire.Auth {
		r.Xid = zkwire.XidAuth
	}
	if err := c.c.Write(r.AppendFrame(nil)); err != nil {
		return nil, err
	}
	for {
		frame, err := c.c.ReadFrame()
		if err != nil {
			return nil, err
		}
		reply, err := zkwire.Decode(frame, &r)
		if err != nil || reply.Event == nil {
			return reply, err
		}
	}
}

func (c *rawClient) super() {
	scheme := "digest"
	if r, err := c.do(zkwire.Request{Op: zkwire.Auth, Scheme: &scheme, Data: []byte(server.Super)}); err != nil || r.Err != 0 {
		c.t.Fatal(r, err)
	}
}

// change asks for a reconfig; "null" is null.
func (c *rawClient) change(joining, leaving, members string, version int64) (*zkwire.Reply, error) {
	var b []byte
	for _, s := range []string{joining, leaving, members} {
		if s == "null" {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return c.do(zkwire.Request{Op: zkwire.Reconfig, Raw: binary.BigEndian.AppendUint64(b, uint64(version))})
}

// refusal is a change that is refused: with what Apache ZooKeeper answers, or with ours.
type refusal struct {
	super                     bool
	joining, leaving, members string
	version                   int64
	ours                      int32 // 0: the same
	why                       string
}

// refusals are asked for in an ensemble of the founders.
func (s *side) refusals() []refusal {
	const null, whichever = "null", -1
	strangers := s.spec(4, "participant") + "," + s.spec(5, "participant") + "," + s.spec(6, "participant")
	list := []refusal{
		{false, null, null, null, whichever, 0, ""},
		{false, null, null, null, 77, 0, ""},
		{false, "nonsense", null, null, whichever, 0, ""},
		{false, "nonsense", null, null, 77, 0, ""},
		{false, strangers, "1", null, whichever, -102, "nothing is begun for who may not"},
		{true, null, null, null, 77, 0, ""},
		{true, null, "server.1", null, whichever, 0, ""},
		{true, null, "1 2", null, whichever, 0, ""},
		{true, null, "1,2,3", null, whichever, 0, ""},
		{true, null, null, "", whichever, 0, ""},
		{true, null, null, "nonsense", whichever, 0, ""},
		{true, null, null, "server.1=127.0.0.1:1", whichever, 0, ""},
		{true, null, null, "server.1=127.0.0.1:1:2:observer", whichever, -8, "no participants are a bad argument, and no accident"},
		{true, null, null, "server.x=127.0.0.1:1:2", whichever, -8, "likewise"},
	}
	for _, joining := range []string{
		"server.4", "server.4=", "4", "=127.0.0.1:1:2;3", "server.x=127.0.0.1:1:2;3", "server.4=127.0.0.1:1:2", "server.4=127.0.0.1:1;3",
		"server.4=127.0.0.1:1:2;3=4", "server.4=127.0.0.1:1:1;3", "server.4=127.0.0.1:1:2:leader;3", "server.4=127.0.0.1:1:x;3",
		"server.4=127.0.0.1:1:99999;3", "server.4=127.0.0.1:1:2;3\nserver.6=127.0.0.1:1:2;3",
	} {
		list = append(list, refusal{true, joining, null, null, whichever, 0, ""})
	}
	return list
}

// both runs the two ensembles.
func both(t *testing.T) (apache, zabtree *side) {
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	zabtree = ensembleOf(t, "Zabtree", func(file string, id int) *exec.Cmd {
		if id > founders {
			return exec.Command(bin, "-zoo-cfg", file, "-founders", "1,2,3")
		}
		return exec.Command(bin, file)
	})
	zabtree.keeps = true
	apache = ensembleOf(t, "Apache ZooKeeper", func(file string, _ int) *exec.Cmd {
		return exec.Command("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", "/usr/share/java/zookeeper.jar",
			"org.apache.zookeeper.server.quorum.QuorumPeerMain", file)
	})
	return apache, zabtree
}

// TestReconfig: both servers refuse the same changes of membership for the same reasons,
// make the same ones, and say the same of them.
func TestReconfig(t *testing.T) {
	apache, zabtree := both(t)
	t.Run("Refused", func(t *testing.T) {
		want, got := apache.refuse(t), zabtree.refuse(t)
		for i, r := range apache.refusals() {
			if r.ours != 0 && got[i] == r.ours && want[i] != r.ours {
				continue // why is said there
			}
			if want[i] != got[i] || r.ours != 0 {
				t.Errorf("%+v: %d, Apache ZooKeeper's is %d", r, got[i], want[i])
			}
		}
	})
	t.Run("zkCli", func(t *testing.T) {
		want, got := apache.typed(t), zabtree.typed(t)
		if want != got || !strings.Contains(want, "Committed new configuration") {
			t.Errorf("%s\nApache ZooKeeper's:\n%s", got, want)
		}
	})
	t.Run("GoZooKeeper", func(t *testing.T) {
		c, _ := connect(t, zabtree.addr(2))
		must(0, c.AddAuth("digest", []byte(server.Super)))(t)
		stat := must(c.IncrementalReconfig([]string{zabtree.spec(5, "observer")}, nil, -1))(t)
		data, read, err := c.Get("/zookeeper/config")
		if err != nil || *read != *stat || !strings.Contains(string(data), zabtree.spec(5, "observer")) {
			t.Fatalf("%q %+v %+v %v", data, read, stat, err)
		}
		list := []string{zabtree.spec(1, "participant"), zabtree.spec(2, "participant"), zabtree.spec(3, "participant")}
		if _, err := c.Reconfig(list, stat.Mzxid-1000); !errors.Is(err, zk.ErrBadVersion) {
			t.Fatal(err)
		}
		must(c.Reconfig(list, -1))(t)
	})
	t.Run("Made", func(t *testing.T) {
		want, got := apache.change(t), zabtree.change(t)
		for i := range want {
			if want[i] != got[i] {
				t.Errorf("%s\nApache ZooKeeper's:\n%s", got[i], want[i])
			}
		}
	})
}

// typed is what zkCli prints for what is typed into it.
func (s *side) typed(t *testing.T) string {
	fifth := s.spec(5, "observer")
	return s.versions(strings.Join(zkCli(t, s.addr(1), "config\nreconfig -remove 5\naddauth digest "+server.Super+`
reconfig -add `+fifth+`
config -c
get /zookeeper/config
reconfig -remove 5 -v 1
reconfig -members nonsense=1
reconfig -remove 1,2,3
reconfig -s -remove 5
config
quit
`), "\n"))
}

var versionText = regexp.MustCompile(`version=[0-9a-f]+|dataLength = \d+|(?m:^[0-9a-f]+ \?,)`)

// versions is same with versions in the middle.
func (s *side) versions(text string) string {
	return s.same(versionText.ReplaceAllString(text, "version ?") + "\nversion=")
}

func (s *side) refuse(t *testing.T) []int32 {
	nobody, super := dial(t, s.addr(1)), dial(t, s.addr(1))
	super.super()
	var codes []int32
	for _, r := range s.refusals() {
		c := nobody
		if r.super {
			c = super
		}
		reply, err := c.change(r.joining, r.leaving, r.members, r.version)
		if err != nil {
			t.Fatalf("%s: %+v: %v", s.name, r, err)
		}
		codes = append(codes, reply.Err)
	}
	return codes
}

// without reads the membership once a member is not in it any more.
func (s *side) without(t *testing.T, by, gone int) *zkwire.Reply {
	var found *zkwire.Reply
	s.await(t, by, func(string) bool {
		c, err := tryDial(t, s.addr(by))
		if err == nil {
			found, err = c.do(zkwire.Request{Op: zkwire.GetData, Path: "/zookeeper/config"})
		}
		return err == nil && found.Err == 0 && !strings.Contains(string(found.Data), s.spec(gone, "participant"))
	})
	return found
}

// change makes changes, and returns what is said of each.
func (s *side) change(t *testing.T) []string {
	lead := s.leader(t)
	by := lead%founders + 1
	other := by%founders + 1
	c := dial(t, s.addr(by))
	c.super()
	var said []string
	note := func(what string, r *zkwire.Reply, err error) {
		t.Helper()
		if err != nil || r.Err != 0 {
			t.Fatalf("%s: %s: %+v %v", s.name, what, r, err)
		}
		st := *r.Stat
		if st.Mzxid > r.Zxid || st.Mzxid == 0 || int(st.DataLength) != len(r.Data) {
			t.Errorf("%s: %s: at zxid %d %+v, %d bytes", s.name, what, r.Zxid, st, len(r.Data))
		}
		said = append(said, fmt.Sprintf("%s: %s; version %d %d %d", what, s.same(string(r.Data)), st.Version, st.Cversion, st.NumberChildren))
	}
	change := func(what, joining, leaving, members string) {
		t.Helper()
		r, err := c.change(joining, leaving, members, -1)
		note(what, r, err)
		// Whoever asks behind it, and anybody after a sync, reads the same.
		for _, c := range []*rawClient{c, dial(t, s.addr(other))} {
			must(c.do(zkwire.Request{Op: zkwire.Sync, Path: "/"}))(t)
			read := must(c.do(zkwire.Request{Op: zkwire.GetData, Path: "/zookeeper/config"}))(t)
			if string(read.Data) != string(r.Data) || read.Stat.Mzxid != r.Stat.Mzxid {
				t.Errorf("%s: %s: %q is read then, not %q", s.name, what, read.Data, r.Data)
			}
		}
	}
	change("nothing", "null", "null", "null")
	change("nothing by empty lists", "", "", "null")
	change("who is not there leaves", "null", "99", "null")
	s.start(t, 4)
	change("joins", s.spec(4, "participant"), "null", "null")
	s.await(t, 4, func(mode string) bool { return mode == "follower" })
	change("leaves, and comes back at once, to observe", s.spec(4, "observer"), "4", "null")
	change("joins without a name", strings.TrimPrefix(s.spec(4, "participant"), "server."), "null", "null")
	change("a list", "null", "null", strings.Join([]string{s.spec(1, "participant"), s.spec(2, "participant"), s.spec(3, "participant")}, ","))
	r, err := c.change("null", fmt.Sprint(lead), "null", -1)
	if err != nil && !s.keeps { // who is connected loses the connection with the leader
		r, err = s.without(t, by, lead), nil
	}
	var stay []string
	for id := range founders { // who led is a matter of luck
		if id+1 != lead {
			stay = append(stay, s.spec(id+1, "participant"))
		}
	}
	if err != nil || r.Err != 0 || s.same(string(r.Data)) != s.same(strings.Join(stay, "\n")+"\nversion=") {
		t.Fatalf("%s: without its leader: %+v %v", s.name, r, err)
	}
	return said
}
