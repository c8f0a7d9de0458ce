package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// reconfigurer is asked, and answers when the test wants to.
type reconfigurer struct{ asked chan *question }

type question struct {
	ctx              context.Context
	joining, leaving string
	members          *string
	version          int64
	permitted        bool
	answer           chan error
}

const newText = "server.1=a:1:2:participant\nversion=7"

var newStat = tree.Stat{Mzxid: 7, Version: -1, DataLength: int32(len(newText))}

func newReconfigurer() *reconfigurer { return &reconfigurer{make(chan *question, 10)} }

func (r *reconfigurer) Reconfig(ctx context.Context, joining, leaving string, members *string, version int64, permitted bool) ([]byte, tree.Stat, error) {
	q := &question{ctx, joining, leaving, members, version, permitted, make(chan error)}
	r.asked <- q
	select {
	case err := <-q.answer:
		if err != nil {
			return nil, tree.Stat{}, err
		}
		return []byte(newText), newStat, nil
	case <-ctx.Done():
		return nil, tree.Stat{}, ctx.Err()
	}
}

// coded is an error that ZooKeeper has a number for.
type coded int32

func (e coded) Error() string        { return fmt.Sprint("refused with ", int32(e)) }
func (e coded) ZooKeeperCode() int32 { return int32(e) }

func requireChanged(t *testing.T, g got) {
	t.Helper()
	require.Equal(t, errOK, g.err)
	want := appendStat(jute.AppendBuffer(nil, []byte(newText)), &newStat)
	require.Equal(t, want, g.body)
}

func TestReconfigIsOffByDefault(t *testing.T) {
	c := serve(t, Config{}).open()
	g, _ := c.do(opReconfig, &reconfigRequest{joining: "server.1=a", config: -1})
	require.Equal(t, errReconfigDisabled, g.err)
}

// Everything before a change is answered before it, and nothing behind it is done before
// it is; pings alone do not wait.
func TestReconfigHasItsPlaceInTheOrder(t *testing.T) {
	r := newReconfigurer()
	s := serve(t, Config{Reconfig: r})
	c := s.open()
	before := c.ask(opCreate, create("/before"))
	change := c.ask(opReconfig, &reconfigRequest{joining: "server.4=d:1:2;3", leaving: "1", config: 26})
	behind := c.ask(opCreate, create("/behind"))
	g := c.next()
	require.Equal(t, before, g.xid)
	q := <-r.asked
	require.Equal(t, "server.4=d:1:2;3", q.joining)
	require.Equal(t, "1", q.leaving)
	require.Nil(t, q.members)
	require.EqualValues(t, 26, q.version)
	require.False(t, q.permitted)
	for range 3 {
		g, _ = c.do(opPing, &pingRequest{})
		require.Equal(t, xidPing, g.xid)
		require.Equal(t, errOK, g.err)
	}
	also := c.ask(opGetData, &getDataRequest{path: "/behind"})
	g, _ = c.do(opPing, &pingRequest{})
	require.Equal(t, xidPing, g.xid)
	require.Nil(t, s.host.View().Lookup("/behind"))
	other := s.open()
	g, _ = other.do(opCreate, create("/others do not wait"))
	require.Equal(t, errOK, g.err)
	zxid := g.zxid

	q.answer <- nil
	g = c.next()
	require.Equal(t, change, g.xid)
	require.GreaterOrEqual(t, g.zxid, zxid)
	requireChanged(t, g)
	for _, xid := range []int32{behind, also} {
		g = c.next()
		require.Equal(t, xid, g.xid)
		require.Equal(t, errOK, g.err)
		require.Greater(t, g.zxid, zxid)
	}
	<-q.ctx.Done() // nothing of it is left
}

func TestReconfigRefused(t *testing.T) {
	r := newReconfigurer()
	c := serve(t, Config{Reconfig: r}).open()
	list := ""
	for _, x := range []struct {
		err  error
		want errCode
	}{
		{coded(-13), errNewConfigNoQuorum}, {coded(-14), errReconfigInProgress}, {fmt.Errorf("why: %w", coded(-103)), errBadVersion}, {coded(0), errSystem},
	} {
		xid := c.ask(opReconfig, &reconfigRequest{members: list, whole: true, config: -1})
		q := <-r.asked
		require.Equal(t, list, *q.members)
		q.answer <- x.err
		g := c.next()
		require.Equal(t, xid, g.xid)
		require.Equal(t, x.want, g.err)
		require.Empty(t, g.body)
		list += "server.1=a"
	}
	g, _ := c.do(opExists, &existsRequest{path: "/"})
	require.Equal(t, errOK, g.err)
}

// If nobody knows what became of it, the client is not told anything.
func TestReconfigOfUnknownOutcome(t *testing.T) {
	r := newReconfigurer()
	c := serve(t, Config{Reconfig: r}).open()
	c.ask(opReconfig, &reconfigRequest{config: -1})
	c.ask(opCreate, create("/behind"))
	(<-r.asked).answer <- errors.New("who knows")
	c.closed()
}

// Whoever is gone waits for nothing any more.
func TestReconfigEndsWithItsConnection(t *testing.T) {
	r := newReconfigurer()
	s := serve(t, Config{Reconfig: r})
	c := s.open()
	c.ask(opReconfig, &reconfigRequest{config: -1})
	q := <-r.asked
	require.NoError(t, c.n.Close())
	<-q.ctx.Done()

	d := s.open()
	d.ask(opReconfig, &reconfigRequest{config: -1})
	q = <-r.asked
	require.NoError(t, s.wire.Close())
	require.Error(t, q.ctx.Err())
}

// A session's end waits for what it asked before.
func TestReconfigAndTheEndOfTheSession(t *testing.T) {
	r := newReconfigurer()
	c := serve(t, Config{Reconfig: r}).open()
	c.ask(opReconfig, &reconfigRequest{config: -1})
	last := c.ask(opCloseSession, &closeSessionRequest{})
	(<-r.asked).answer <- nil
	requireChanged(t, c.next())
	require.Equal(t, last, c.next().xid)
	c.closed()
}

func TestReconfigsInARow(t *testing.T) {
	r := newReconfigurer()
	c := serve(t, Config{Reconfig: r, MaxOutstanding: 2}).open()
	const n = 50
	first := c.xid + 1
	for range n {
		c.ask(opReconfig, &reconfigRequest{config: -1})
		c.ask(opCreate, &createRequest{op: opCreate, path: "/s", acl: anyone, flags: 2})
		c.ask(opExists, &existsRequest{path: "/"})
	}
	for i := range int32(n) {
		q := <-r.asked
		select {
		case <-r.asked:
			t.Fatal("two at a time")
		default:
		}
		q.answer <- nil
		for k := range int32(3) {
			g := c.next()
			require.Equal(t, first+3*i+k, g.xid)
			require.Equal(t, errOK, g.err)
		}
	}
}

// A client that sends pings while it waits, and reads nothing, is not kept for ever.
func TestReconfigAndPingsThatAreNotRead(t *testing.T) {
	r := newReconfigurer()
	c := serve(t, Config{Reconfig: r, MaxUnread: 1 << 10}).open()
	c.ask(opReconfig, &reconfigRequest{config: -1})
	q := <-r.asked
	_ = c.n.SetWriteDeadline(time.Now().Add(time.Minute))
	frame := jute.AppendInt(jute.AppendInt(jute.AppendInt(nil, 8), xidPing), int32(opPing))
	var many []byte
	for range 1 << 12 {
		many = append(many, frame...)
	}
	for {
		if _, err := c.n.Write(many); err != nil {
			break
		}
	}
	<-q.ctx.Done()
}

// member serves a member of an ensemble whose membership clients may change.
func member(t *testing.T, e *sessiontest.Ensemble, i int) *served {
	host := e.Server(i)
	w, err := NewServer(host, Config{Reconfig: host})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- w.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, w.Close())
		require.ErrorIs(t, <-done, ErrServerClosed)
	})
	return &served{t: t, host: host, wire: w, addr: l.Addr().String()}
}

// What a client is told of a change is what it reads behind it; whoever watches is told
// once, and before.
func TestReconfigOfAnEnsemble(t *testing.T) {
	e := sessiontest.Start(t, sessiontest.Options{Config: func(c *server.Config) {
		c.SuperDigest = tree.DigestCredential("super:secret").ID
		c.Members = zab.Membership{{ID: 1, Addr: "a:1"}, {ID: 2, Addr: "b:1"}, {ID: 3, Addr: "c:1"}}
	}})
	lead := e.Leader(t.Context())
	s := member(t, e, lead%3+1)
	c := s.open()
	config := &getDataRequest{path: configPath, watch: true}
	var stat tree.Stat
	read := func(g got) string {
		t.Helper()
		require.Equal(t, errOK, g.err)
		r := jute.NewReader(g.body)
		text := string(r.Buffer())
		stat = tree.Stat{Czxid: r.Long(), Mzxid: r.Long()}
		require.LessOrEqual(t, stat.Mzxid, g.zxid)
		require.NoError(t, r.Err())
		return text
	}
	ask := func(i int) *reconfigRequest {
		return &reconfigRequest{joining: fmt.Sprintf("server.%d=x%d:1:2:observer;3", 3+i, 3+i), config: -1}
	}
	g, _ := c.do(opReconfig, ask(1))
	require.Equal(t, errNoAuth, g.err)
	g, _ = c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("super:secret")})
	require.Equal(t, errOK, g.err)
	for i := range 20 {
		g, events := c.do(opGetData, config)
		require.Empty(t, events)
		before, old := read(g), stat.Mzxid
		g, events = c.do(opReconfig, ask(i))
		require.Equal(t, []string{"NodeDataChanged " + configPath}, events)
		text := read(g)
		require.NotContains(t, before, fmt.Sprintf("server.%d=", 3+max(i, 1)))
		require.Contains(t, text, fmt.Sprintf("server.%d=x%d:1:2:observer;0.0.0.0:3\n", 3+i, 3+i))
		require.Greater(t, stat.Mzxid, old)
		mzxid := stat.Mzxid
		g, events = c.do(opGetData, config)
		require.Empty(t, events)
		require.Equal(t, text, read(g))
		require.Equal(t, mzxid, stat.Mzxid)
	}
	// Who is let change the znode may change the ensemble, from then on.
	g, _ = c.do(opSetACL, &setACLRequest{path: configPath, acl: anyone, version: -1})
	require.Equal(t, errOK, g.err)
	g, _ = member(t, e, lead).open().do(opReconfig, &reconfigRequest{leaving: "4", config: -1})
	require.NotContains(t, read(g), "server.4")
}
