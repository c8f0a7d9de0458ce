package wire

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/tree"
)

// lonely is a member that has no leader whenever the test says so.
type lonely struct{ *moody }

func (m lonely) Connect(ctx context.Context, r session.Receiver) (session.Link, error) {
	if mode, _ := m.Mode(); mode == "" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m.moody.Connect(ctx, r)
}

// serveMoody serves from such a member.
func serveMoody(t testing.TB, config Config) (*served, *moody) {
	var m *moody
	s := serveFrom(t, config, func(host *server.Server) Host {
		m = &moody{Server: host, changed: make(chan struct{})}
		return lonely{m}
	})
	return s, m
}

// readsOnly has the member cease to serve, and waits until it serves reads alone.
func (s *served) readsOnly(m *moody) {
	s.t.Helper()
	m.sulk(true)
	require.Eventually(s.t, func() bool { return s.wire.mode() == readOnlyMode }, 10*time.Second, time.Millisecond)
}

const soon = 200 * time.Millisecond

// connectWith says what a client says first, which may agree to read alone.
func (c *raw) connectWith(q connectRequest) {
	c.t.Helper()
	if q.timeout == 0 {
		q.timeout = 60_000
	}
	if q.password == nil {
		q.password = make([]byte, passwordLen)
	}
	c.send(sheetOf(q).b)
}

// connected takes the answer.
func (c *raw) connected() connectResponse {
	c.t.Helper()
	frame, err := c.frame()
	require.NoError(c.t, err)
	r := decodeConnectResponse(c.t, frame)
	c.session, c.password, c.timeout = r.session, r.password[:], r.timeout
	return r
}

var contentToRead = connectRequest{hasReadOnly: true, readOnly: true}

// reader is a client with a read-only session.
func (s *served) reader() *raw {
	s.t.Helper()
	c := s.dial()
	c.connectWith(contentToRead)
	r := c.connected()
	require.True(s.t, r.readOnly)
	require.NotZero(s.t, r.session)
	return c
}

// reads are requests that read in every way there is.
func reads() []multiOp {
	var list []multiOp
	add := func(op opcode, q request) { list = append(list, multiOp{op, q}) }
	for _, path := range []string{"/", "", "/a", "/a/b", "/closed", "/listed", "/none", "/a/", "/zero\x00", "nonsense", "/zookeeper/config"} {
		add(opExists, &existsRequest{path: path})
		add(opGetData, &getDataRequest{path: path})
		add(opGetChildren, &getChildrenRequest{op: opGetChildren, path: path})
		add(opGetChildren2, &getChildrenRequest{op: opGetChildren2, path: path})
		add(opGetACL, &getACLRequest{path: path})
		add(opGetEphemerals, &getEphemeralsRequest{prefix: path})
		add(opGetAllChildrenNumber, &getAllChildrenNumberRequest{path: path})
		add(opMultiRead, &multiRequest{op: opMultiRead, ops: []multiOp{
			{opGetData, &getDataRequest{path: path}}, {opGetChildren, &getChildrenRequest{op: opGetChildren, path: path}}, {opGetData, &getDataRequest{path: "/a"}},
		}})
		add(opCheckWatches, &watchesRequest{op: opCheckWatches, path: path, kind: watcherAny})
		for watched := range 2 { // the second takes the place of the first
			add(opExists, &existsRequest{path: path, watch: watched == 0})
			add(opGetData, &getDataRequest{path: path, watch: watched == 0})
			add(opGetChildren, &getChildrenRequest{op: opGetChildren, path: path, watch: true})
			add(opAddWatch, &addWatchRequest{path: path, mode: int32(watched)})
			add(opCheckWatches, &watchesRequest{op: opCheckWatches, path: path, kind: int32(watched + 1)})
		}
		add(opRemoveWatches, &watchesRequest{op: opRemoveWatches, path: path, kind: watcherAny})
		add(opRemoveWatches, &watchesRequest{op: opRemoveWatches, path: path, kind: watcherAny})
		add(opSetWatches, &setWatchesRequest{op: opSetWatches, zxid: 1, data: []string{path}, exist: []string{path}, children: []string{path}})
		add(opSetWatches2, &setWatchesRequest{op: opSetWatches2, zxid: 1 << 40, data: []string{path}, exist: []string{path}, children: []string{path},
			persistent: []string{path}, recursive: []string{path}})
	}
	for _, after := range []string{"", "b"} {
		add(opChildrenPage, &childrenPageRequest{path: "/a", after: after, limit: 1})
	}
	add(opExists, &existsRequest{path: extensionsPath})
	add(opWhoAmI, &whoAmIRequest{})
	add(opPing, &pingRequest{})
	add(opAuth, &authRequest{scheme: "ip"})
	add(opSasl, &saslRequest{token: []byte("x")})
	return list
}

// hears sends requests one by one and returns everything that comes back, as it is.
func (c *raw) hears(ops []multiOp) []string {
	var all []string
	for i, x := range ops {
		xid := c.ask(x.op, x.body)
		for {
			b, err := c.frame()
			require.NoError(c.t, err, "%d %+v", x.op, x.body)
			all = append(all, fmt.Sprintf("%d, opcode %d: %x", i, x.op, b))
			if got := int32(binary.BigEndian.Uint32(b)); got == xid || got == xidPing {
				break
			}
		}
	}
	return all
}

// tend makes znodes for reads to find.
func (s *served) tend() {
	c := s.open()
	c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("u:p")})
	for _, q := range []*createRequest{
		create("/a"), create("/a/b"), create("/a/c"),
		{op: opCreate, path: "/closed", data: []byte("secret"), acl: []wireACL{{perms: 31, scheme: "auth"}}},
		{op: opCreate, path: "/listed", acl: []wireACL{{perms: 1, scheme: "world", id: "anyone"}, {perms: 31, scheme: "auth"}}},
	} {
		g, _ := c.do(opCreate, q)
		require.Equal(s.t, errOK, g.err, q.path)
	}
}

// Whoever reads from a member that does not serve hears what it would have heard while it
// did, byte for byte: about what there is, about watches, and about what it may not see.
func TestReadOnlyReads(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.tend()
	c := s.open()
	c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("u:p")})
	want := c.hears(reads())
	s.readsOnly(m)
	c.closed()
	d := s.reader()
	d.do(opAuth, &authRequest{scheme: "digest", credential: []byte("u:p")})
	d.xid = 1
	require.Equal(t, want, d.hears(reads()))
	require.Greater(t, len(want), 250)

	// It has the identities that it has proved, and no others.
	e := s.reader()
	g, _ := e.do(opGetData, &getDataRequest{path: "/closed"})
	require.Equal(t, errNoAuth, g.err)
	g, _ = e.do(opGetACL, &getACLRequest{path: "/listed"})
	require.Contains(t, string(g.body), "u:x")
	e.do(opAuth, &authRequest{scheme: "digest", credential: []byte("u:p")})
	g, _ = e.do(opGetData, &getDataRequest{path: "/closed"})
	require.Contains(t, string(g.body), "secret")
	g, _ = e.do(opWhoAmI, &whoAmIRequest{})
	require.Contains(t, string(g.body), "127.0.0.1")
	g, _ = e.do(opAuth, &authRequest{scheme: "magic"})
	require.Equal(t, errAuthFailed, g.err)
	e.closed()
}

// What could change anything is refused, whatever is in it, and nothing is changed.
func TestReadOnlyWrites(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.tend()
	s.readsOnly(m)
	c := s.reader()
	before := s.host.View()
	for op, q := range map[opcode]request{
		opCreate: create("/w"), opCreate2: create("/w"), opCreateContainer: create("/w"), opCreateTTL: &createRequest{op: opCreateTTL, path: "/w"},
		opDelete: &deleteRequest{path: "/a/b", version: -1}, opSetData: &setDataRequest{path: "/a", version: -1},
		opSetACL: &setACLRequest{path: "/a", acl: anyone, version: -1}, opCheck: &checkRequest{path: "/a", version: -1},
		opMulti: &multiRequest{op: opMulti}, opReconfig: &reconfigRequest{}, opSync: &syncRequest{path: "/"}, opDeleteContainer: nil,
		opOnce: &onceRequest{sequence: 1, op: opCreate, body: create("/w")}, opResumeWatch: &resumeWatchRequest{path: "/a"},
	} {
		g, _ := c.do(op, q)
		require.Equal(t, replyHeader{xid: g.xid, zxid: before.Zxid(), err: errNotReadOnly}, g.replyHeader, op)
		require.Empty(t, g.body)
		g, _ = c.do(op, nil) // a frame that ends behind the header
		require.Equal(t, errNotReadOnly, g.err, op)
	}
	g, _ := c.do(opGetData, &getDataRequest{path: "/a"})
	require.Equal(t, errOK, g.err)
	require.Equal(t, before.Digest(), s.host.View().Digest())
}

// Who has a session keeps it: it is not taken over where nobody can tell what became of it,
// and goes on once the member serves.
func TestSessionOutlivesReadOnly(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	c := s.open()
	g, _ := c.do(opCreate, &createRequest{op: opCreate, path: "/e", acl: anyone, flags: 1})
	require.Equal(t, errOK, g.err)
	before, _ := s.host.View().Session(c.session)
	s.readsOnly(m)
	c.closed()
	s.reader()
	again := contentToRead
	again.session, again.password = c.session, c.password
	for _, id := range []int64{c.session, 77, -1, 1 << 61} {
		again.session = id
		d := s.dial()
		d.connectWith(again)
		d.closed()
	}
	after, _ := s.host.View().Session(c.session)
	require.Equal(t, before, after)
	m.sulk(false)
	again.session = c.session
	d := s.dial()
	d.connectWith(again)
	r := d.connected()
	require.Equal(t, c.session, r.session)
	require.False(t, r.readOnly)
	g, _ = d.do(opGetEphemerals, &getEphemeralsRequest{})
	require.Contains(t, string(g.body), "/e")
	g, _ = d.do(opCreate, create("/w"))
	require.Equal(t, errOK, g.err)
}

// A read-only session is over with its connection, and was never one of the ensemble's.
func TestReadOnlySessionIsNoOther(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.readsOnly(m)
	c, d := s.reader(), s.reader()
	require.NotEqual(t, c.session, d.session)
	g, _ := c.do(opCloseSession, &closeSessionRequest{})
	require.Equal(t, replyHeader{xid: g.xid, zxid: s.host.View().Zxid()}, g.replyHeader)
	c.closed()
	for _, serves := range []bool{false, true} {
		if serves {
			m.sulk(false)
			d.closed()
		}
		for _, x := range []*raw{c, d} {
			again := contentToRead
			again.session, again.password = x.session, x.password
			e := s.dial()
			e.connectWith(again)
			require.Equal(t, connectResponse{hasReadOnly: true, readOnly: !serves}, e.connected(), "expired")
			e.closed()
		}
	}
	require.Zero(t, s.host.View().NumSessions())
	for range 1000 {
		id := newReadOnlyID()
		require.True(t, isReadOnly(id) && id > 0)
	}
	for _, id := range []int64{0, 1, -1, 1<<62 - 1, -1 << 62, -1 << 63} {
		require.False(t, isReadOnly(id), id)
	}
}

// Clients that have not agreed to read alone are treated as ever, and so are all of them
// by a member that is not to serve reads.
func TestReadOnlyIsAgreedTo(t *testing.T) {
	for _, on := range []bool{true, false} {
		s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: on})
		if m.sulk(true); on {
			s.readsOnly(m)
		}
		for _, q := range []connectRequest{{hasReadOnly: true}, {}, contentToRead} {
			if on && q.readOnly {
				continue
			}
			c := s.dial()
			c.connectWith(q)
			c.closed()
		}
		m.sulk(false)
		c := s.dial()
		c.connectWith(contentToRead)
		require.False(t, c.connected().readOnly)
		c.do(opExists, &existsRequest{path: "/"})
	}
}

// waiting waits until a connection waits for what the member will serve.
func (s *served) waiting() {
	require.Eventually(s.t, func() bool {
		s.wire.mu.Lock()
		defer s.wire.mu.Unlock()
		for c := range s.wire.conns {
			if c.wish == wishWaits {
				return true
			}
		}
		return false
	}, 10*time.Second, time.Millisecond)
}

// Reads alone are served only once it is clear that the member will not serve soon.
func TestReadOnlyComesLate(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: time.Hour, ReadOnly: true})
	m.sulk(true)
	c := s.dial()
	c.connectWith(contentToRead)
	s.waiting()
	m.sulk(false)
	require.False(t, c.connected().readOnly)
	g, _ := c.do(opCreate, create("/w"))
	require.Equal(t, errOK, g.err)

	m.sulk(true)
	d := s.dial()
	d.connectWith(contentToRead)
	s.waiting()
	require.NoError(t, s.wire.Close())
	d.closed()

	s, m = serveMoody(t, Config{SyncTimeout: time.Second, ReadOnly: true})
	m.sulk(true)
	e := s.dial()
	e.connectWith(contentToRead)
	s.waiting()
	require.True(t, e.connected().readOnly)
}

// blank is a member that knows of nothing.
type blank struct{ lonely }

func (blank) View() *tree.View { return tree.New(tree.Settings{}).View() }

// A member that has been started alone, and has no snapshot, does not say of everything
// that it is not there.
func TestReadOnlyNeedsSomethingToRead(t *testing.T) {
	m := &moody{changed: make(chan struct{})}
	s := serveFrom(t, Config{SyncTimeout: soon, ReadOnly: true}, func(host *server.Server) Host {
		m.Server = host
		return blank{lonely{m}}
	})
	m.sulk(true)
	c := s.dial()
	c.connectWith(contentToRead)
	c.closed() // after more than SyncTimeout
	require.Equal(t, "null", s.word("isro"))
}

// A client that has seen more than this member turns to another one.
func TestReaderFromTheFuture(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.tend()
	s.readsOnly(m)
	q := contentToRead
	q.lastZxidSeen = s.host.View().Zxid()
	c := s.dial()
	c.connectWith(q)
	require.True(t, c.connected().readOnly)
	q.lastZxidSeen++
	c = s.dial()
	c.connectWith(q)
	c.closed()
}

// A session's timeout is within bounds, and whoever is silent for longer is gone.
func TestReadOnlyTimeout(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true, MinSessionTimeout: 20 * time.Millisecond, MaxSessionTimeout: 10 * time.Minute})
	s.readsOnly(m)
	for asked, want := range map[int32]int32{1 << 30: 600_000, 30_000: 30_000, -5: 20} {
		q := contentToRead
		q.timeout = asked
		c, began := s.dial(), time.Now()
		c.connectWith(q)
		require.Equal(t, want, c.connected().timeout)
		if want < 1000 {
			c.closed()
			require.GreaterOrEqual(t, time.Since(began), time.Duration(want)*time.Millisecond)
		}
	}
}

// The super user sees everything here as well.
func TestReadOnlySuper(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true, SuperDigest: tree.DigestID("root", "pw").ID})
	s.tend()
	s.readsOnly(m)
	c := s.reader()
	c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("root:pw")})
	g, _ := c.do(opGetData, &getDataRequest{path: "/closed"})
	require.Equal(t, errOK, g.err)
}

// word asks a four-letter word.
func (s *served) word(w string) string {
	n, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	defer n.Close()
	_, err = io.WriteString(n, w)
	require.NoError(s.t, err)
	b, err := io.ReadAll(n)
	require.NoError(s.t, err)
	return string(b)
}

func TestReadOnlyWords(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	require.Equal(t, "rw", s.word("isro"))
	s.readsOnly(m)
	c := s.reader()
	require.Equal(t, "ro", s.word("isro"))
	require.Contains(t, s.word("srvr"), "\nREAD-ONLY mode; serving only read-only clients\nLatency ")
	require.Contains(t, s.word("srvr"), "\nMode: read-only\n")
	m.sulk(false)
	c.closed()
	require.Equal(t, "rw", s.word("isro"))

	off, m := serveMoody(t, Config{SyncTimeout: soon, Words: []string{"*"}})
	m.sulk(true)
	require.Equal(t, "null", off.word("isro"))
	require.True(t, strings.Contains(off.word("mntr"), "not currently serving"))
}

func TestValidateReadOnly(t *testing.T) {
	require.NoError(t, (&Config{ReadOnly: true, MinSessionTimeout: 48 * time.Hour}).Validate())
	require.ErrorContains(t, (&Config{MinSessionTimeout: -1}).Validate(), "Config.MinSessionTimeout")
	require.ErrorContains(t, (&Config{MaxSessionTimeout: -1}).Validate(), "Config.MaxSessionTimeout")
	require.ErrorContains(t, (&Config{MinSessionTimeout: time.Hour, MaxSessionTimeout: time.Minute}).Validate(), "Config.MaxSessionTimeout")
}
