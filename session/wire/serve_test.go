package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab"
)

// served is an ensemble of one, and its client port.
type served struct {
	t    testing.TB
	host *server.Server
	wire *Server
	addr string
}

func serve(t testing.TB, config Config) *served { return serveFrom(t, config, nil) }

// serveFrom serves from what is made of the member.
func serveFrom(t testing.TB, config Config, from func(*server.Server) Host) *served {
	t.Helper()
	return serveWith(t, config, server.Config{}, from)
}

// serveWith serves from a member that is configured so.
func serveWith(t testing.TB, config Config, member server.Config, from func(*server.Server) Host) *served {
	t.Helper()
	member.Storage = zab.NewMemoryStorage()
	host, err := server.Start(t.Context(), member)
	require.NoError(t, err)
	require.NoError(t, host.Ready(t.Context()))
	var h Host = host
	if from != nil {
		h = from(host)
	}
	w, err := NewServer(h, config)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- w.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, w.Close())
		require.ErrorIs(t, <-done, ErrServerClosed)
		require.NoError(t, host.Close())
	})
	return &served{t: t, host: host, wire: w, addr: l.Addr().String()}
}

// raw is a client that says what it is told to.
type raw struct {
	t        testing.TB
	n        net.Conn
	session  int64
	password []byte
	timeout  int32
	xid      int32
}

// got is a frame from the server.
type got struct {
	replyHeader
	body []byte
}

func (s *served) dial() *raw {
	n, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { n.Close() })
	return &raw{t: s.t, n: n}
}

// open is a client with a new session.
func (s *served) open() *raw {
	c := s.dial()
	c.connect(0, make([]byte, passwordLen), 0)
	require.NotZero(s.t, c.session)
	return c
}

func (c *raw) connect(session int64, password []byte, seen int64) {
	c.t.Helper()
	b := jute.AppendLong(jute.AppendInt(nil, 0), seen)
	b = jute.AppendBuffer(jute.AppendLong(jute.AppendInt(b, 60_000), session), password)
	c.send(jute.AppendBool(b, false))
	frame, err := c.frame()
	require.NoError(c.t, err)
	r := jute.NewReader(frame)
	r.Int()
	c.timeout, c.session, c.password = r.Int(), r.Long(), append([]byte(nil), r.Buffer()...)
	require.NoError(c.t, r.Err())
}

func (c *raw) send(frame []byte) {
	c.t.Helper()
	_, err := c.n.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	require.NoError(c.t, err)
}

func (c *raw) frame() ([]byte, error) {
	_ = c.n.SetReadDeadline(time.Now().Add(10 * time.Second))
	var head [4]byte
	if _, err := io.ReadFull(c.n, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c.n, b)
	return b, err
}

// ask sends a request and does not wait for the answer.
func (c *raw) ask(op opcode, q request) int32 {
	c.t.Helper()
	c.xid++
	s := &sheet{b: jute.AppendInt(jute.AppendInt(nil, c.xid), int32(op))}
	if q != nil {
		s.body(q)
	}
	c.send(s.b)
	return c.xid
}

// next returns the next frame.
func (c *raw) next() got {
	c.t.Helper()
	b, err := c.frame()
	require.NoError(c.t, err)
	r := jute.NewReader(b)
	g := got{replyHeader: replyHeader{xid: r.Int(), zxid: r.Long(), err: errCode(r.Int())}}
	g.body = b[r.Offset():]
	return g
}

// do asks and returns the answer, and the events that come before it.
func (c *raw) do(op opcode, q request) (answer got, events []string) {
	c.t.Helper()
	xid := c.ask(op, q)
	for {
		g := c.next()
		if g.xid == xidWatchEvent {
			events = append(events, c.event(g))
			continue
		}
		if op != opPing {
			require.Equal(c.t, xid, g.xid)
		}
		return g, events
	}
}

func (c *raw) event(g got) string {
	r := jute.NewReader(g.body)
	typ := watch.Type(r.Int())
	require.EqualValues(c.t, stateSyncConnected, r.Int())
	path, _ := r.Ustring()
	require.NoError(c.t, r.Err())
	return typ.String() + " " + path
}

// closed waits for the server to end the connection.
func (c *raw) closed() {
	c.t.Helper()
	b, err := c.frame()
	require.Error(c.t, err, "%x", b)
	var timeout net.Error
	require.False(c.t, errors.As(err, &timeout) && timeout.Timeout(), "still open")
}

var anyone = []wireACL{{perms: 31, scheme: "world", id: "anyone"}}

func create(path string) *createRequest {
	return &createRequest{op: opCreate, path: path, data: []byte("x"), acl: anyone}
}

func TestSetWatchesTellsWhatWasMissed(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	c.do(opCreate, create("/there"))
	g, events := c.do(opSetWatches, &setWatchesRequest{
		op: opSetWatches, data: []string{"/missing", "/there"}, exist: []string{"/there", "/z"}, children: []string{"/missing", "/there"},
	})
	require.Equal(t, errOK, g.err)
	require.Equal(t, []string{"NodeDeleted /missing", "NodeDataChanged /there", "NodeCreated /there", "NodeDeleted /missing", "NodeChildrenChanged /there"}, events)
	_, events = c.do(opCreate, create("/z"))
	require.Equal(t, []string{"NodeCreated /z"}, events)
	_, events = c.do(opCreate, create("/missing"))
	require.Empty(t, events)
}

func TestSetWatchesWithPersistentOnes(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, events := c.do(opSetWatches2, &setWatchesRequest{
		op: opSetWatches2, data: []string{}, exist: []string{"/z"}, children: []string{"/missing"}, persistent: []string{"/zookeeper/y"}, recursive: []string{},
	})
	require.Equal(t, errOK, g.err)
	require.Equal(t, []string{"NodeDeleted /missing"}, events)
}
