package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
)

// Whatever a read-only connection brings ends that connection at most.
func TestHostileReaders(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true, MaxOutstanding: 4})
	s.tend()
	s.readsOnly(m)
	good := s.reader()
	for name, frame := range map[string][]byte{
		"no header":      {0, 0},
		"auth of rubble": jute.AppendInt(jute.AppendInt(nil, -4), int32(opAuth)),
	} {
		c := s.reader()
		c.send(frame)
		b, err := c.frame()
		require.Error(t, err, "%s: %x", name, b)
	}
	c := s.reader()
	c.send(jute.AppendInt(jute.AppendInt(nil, 1), 77))
	require.Equal(t, replyHeader{xid: 1, zxid: -1, err: errUnimplemented}, c.next().replyHeader)
	c.closed()
	c = s.reader()
	c.send(jute.AppendInt(jute.AppendInt(jute.AppendInt(nil, 9), int32(opGetData)), 1<<30))
	require.Equal(t, errMarshalling, c.next().err)

	// What comes behind a credential that proves nothing is not answered.
	var b []byte
	for _, x := range []multiOp{{opAuth, &authRequest{scheme: "magic"}}, {opWhoAmI, &whoAmIRequest{}}, {opWhoAmI, &whoAmIRequest{}}} {
		f := &sheet{b: jute.AppendInt(jute.AppendInt(nil, 1), int32(x.op))}
		f.body(x.body)
		b = append(jute.AppendInt(b, int32(len(f.b))), f.b...)
	}
	d := s.reader()
	_, err := d.n.Write(b)
	require.NoError(t, err)
	require.Equal(t, errAuthFailed, d.next().err)
	d.closed()

	// The identities of a session are bounded, the same one counts once.
	for i := range 100 {
		g, _ := c.do(opAuth, &authRequest{scheme: "digest", credential: []byte("same:same")})
		require.Equal(t, errOK, g.err, i)
	}
	for have := 2; ; have++ { // with the address
		g, _ := c.do(opAuth, &authRequest{scheme: "digest", credential: fmt.Appendf(nil, "u%d:p", have)})
		if have == s.host.View().Settings().Identities {
			require.Equal(t, errAuthFailed, g.err)
			c.closed()
			break
		}
		require.Equal(t, errOK, g.err, have)
	}

	// Requests that come faster than their answers are read come out in order.
	const n = 500
	for range n {
		good.ask(opGetData, &getDataRequest{path: "/a"})
	}
	for i := range n {
		g := good.next()
		require.Equal(t, errOK, g.err)
		require.EqualValues(t, i+1, g.xid)
	}
}

// Watches are bounded, and are no more once the connection is gone.
func TestReadOnlyWatches(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.tend()
	s.readsOnly(m)
	c := s.reader()
	for range 10 { // the next takes the place of the one before
		c.do(opExists, &existsRequest{path: "/a", watch: true})
		c.do(opGetData, &getDataRequest{path: "/none", watch: true})
		c.do(opExists, &existsRequest{path: "no path", watch: true})
	}
	require.EqualValues(t, 1, s.wire.readOnlyWatches.Load())
	c.do(opAddWatch, &addWatchRequest{path: "/a", mode: addWatchPersistentRecursive})
	require.EqualValues(t, 2, s.wire.readOnlyWatches.Load())
	g, _ := c.do(opRemoveWatches, &watchesRequest{op: opRemoveWatches, path: "/a", kind: watcherAny})
	require.Equal(t, errOK, g.err)
	require.Zero(t, s.wire.readOnlyWatches.Load())

	c.do(opExists, &existsRequest{path: "/a", watch: true})
	s.wire.readOnlyWatches.Add(maxAllReadOnlyWatches - 1)
	for op, q := range map[opcode]request{
		opExists:     &existsRequest{path: "/a/b", watch: true},
		opSetWatches: &setWatchesRequest{op: opSetWatches, zxid: 1 << 40, data: []string{"/a", "/a/b"}, exist: []string{}, children: []string{}},
	} {
		d := s.reader()
		d.ask(op, q)
		d.closed()
	}
	require.NoError(t, c.n.Close())
	require.Eventually(t, func() bool { return s.wire.readOnlyWatches.Load() == maxAllReadOnlyWatches-1 }, 10*time.Second, time.Millisecond)

	l := &readOnlyLink{c: &conn{s: &Server{}}}
	for i := range maxReadOnlyWatches {
		require.True(t, l.arm(uint64(i)))
	}
	require.False(t, l.arm(maxReadOnlyWatches))
	l.Close()
	l.Close()
	require.Zero(t, l.c.s.readOnlyWatches.Load())
}

// Clients that come while the member is of two minds get a session of one kind or the
// other, or none; and of the read-only ones none is left once it serves.
func TestReadersInAStorm(t *testing.T) {
	s, m := serveMoody(t, Config{SyncTimeout: soon, ReadOnly: true})
	s.tend()
	const clients, rounds = 8, 12
	kinds := make(chan string, clients*rounds)
	for range clients {
		go func() {
			for range rounds {
				kinds <- s.tryToRead()
			}
		}()
	}
	seen := map[string]int{}
	for i := range clients * rounds {
		if i%4 == 0 {
			m.sulk(i%8 == 0)
		}
		seen[<-kinds]++
	}
	t.Log(seen)
	m.sulk(false)
	require.Eventually(t, func() bool {
		s.wire.mu.Lock()
		defer s.wire.mu.Unlock()
		for c := range s.wire.conns {
			if c.wish != wishNone {
				return false
			}
		}
		return true
	}, 10*time.Second, time.Millisecond)
	require.Zero(t, seen["strange"])
	require.NotZero(t, seen["reader"]+seen["writer"])
	g, _ := s.open().do(opCreate, create("/w"))
	require.Equal(t, errOK, g.err)
}

// tryToRead says what it came to.
func (s *served) tryToRead() string {
	n, err := net.Dial("tcp", s.addr)
	if err != nil {
		return "none"
	}
	defer n.Close()
	c := &raw{t: s.t, n: n}
	q := contentToRead
	q.timeout, q.password = 60_000, make([]byte, passwordLen)
	frame := sheetOf(q).b
	if _, err := n.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
		return "none"
	}
	b, err := c.frame()
	switch {
	case err != nil:
		return "none"
	case len(b) == 37 && b[36] == 1 && isReadOnly(int64(binary.BigEndian.Uint64(b[8:]))):
		return "reader"
	case len(b) == 37 && b[36] == 0 && binary.BigEndian.Uint64(b[8:]) != 0:
		return "writer"
	}
	return "strange"
}
