package wire

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/watch"
)

// Connections that never say who they are do not keep anybody out for longer than they
// may take for it.
func TestManyWhoSayNothing(t *testing.T) {
	n := min(2000, (openFiles()-100)/2)
	s := serve(t, Config{MaxConnsPerAddr: -1, MaxConns: n + 1, HandshakeTimeout: time.Second})
	good := s.open()
	var silent []*raw
	for i := range n {
		c := s.dial()
		if i%2 == 0 {
			_, err := io.WriteString(c.n, "\x00\x00\x00\x2d\x00")
			require.NoError(t, err)
		}
		silent = append(silent, c)
		if i%100 == 0 {
			g, _ := good.do(opExists, &existsRequest{path: "/"})
			require.Equal(t, errOK, g.err)
		}
	}
	for _, c := range silent {
		c.closed()
	}
	s.open()
}

// Who stops in the middle of a request has a session that ends, and the connection with it.
func TestHalfARequest(t *testing.T) {
	s := serveWith(t, Config{}, server.Config{Tick: 10 * time.Millisecond, MaxSessionTimeout: 300 * time.Millisecond}, nil)
	c := s.open()
	_, err := io.WriteString(c.n, "\x00\x00\x10\x00\x00\x00\x00\x01")
	require.NoError(t, err)
	c.closed()
	require.Zero(t, s.host.View().NumSessions())
}

// A request that is none is the last, and is logged; those before it are done.
func TestTheLastRequest(t *testing.T) {
	l := &log{}
	s := serve(t, Config{Logger: slog.New(slog.NewTextHandler(l, nil))})
	c := s.open()
	c.send(jute.AppendInt(jute.AppendInt(nil, 1), 4242))
	require.Equal(t, errUnimplemented, c.next().err)
	c.closed()
	require.Eventually(t, func() bool { return strings.Contains(l.text(), "unknown opcode 4242") }, 10*time.Second, time.Millisecond)

	d := s.open()
	b := &sheet{b: jute.AppendInt(jute.AppendInt(nil, 1), int32(opCreate))}
	b.body(create("/good"))
	_, err := d.n.Write(append(jute.AppendBuffer(nil, b.b), 0xff, 0xff, 0xff, 0xff))
	require.NoError(t, err)
	for _, err = d.frame(); err == nil; _, err = d.frame() {
	}
	g, _ := s.open().do(opExists, &existsRequest{path: "/good"})
	require.Equal(t, errOK, g.err)
}

// However many watches are asked for in one frame, there are no more than may be, and no
// more is kept of the question than of others.
func TestManyWatchesAtOnce(t *testing.T) {
	paths := make([]string, 60_000)
	for i := range paths {
		paths[i] = fmt.Sprintf("/%05d", i)
	}
	ask := &setWatchesRequest{op: opSetWatches, zxid: 1, data: paths, exist: []string{}, children: []string{}}
	l := &log{}
	s := serveWith(t, Config{MaxOutstanding: 10, Logger: slog.New(slog.NewTextHandler(l, nil))},
		server.Config{Watches: watch.Limits{PerOwner: 1000}}, nil)
	good := s.open()
	// None of the znodes is there: each watch fires at once.
	c := s.open()
	g, events := c.do(opSetWatches, ask)
	require.Equal(t, errOK, g.err)
	require.Len(t, events, len(paths))
	// As many as may be, and one more.
	ask = &setWatchesRequest{op: opSetWatches, zxid: 1, data: []string{}, exist: paths, children: []string{}}
	b := &sheet{b: jute.AppendInt(jute.AppendInt(nil, xidSetWatches), int32(opSetWatches))}
	b.body(ask)
	c.send(b.b)
	c.closed()
	require.Contains(t, l.text(), "too many watches")
	g, _ = good.do(opExists, &existsRequest{path: "/"})
	require.Equal(t, errOK, g.err)
}
