package netsim_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

const (
	ms     = int64(1e6)
	second = int64(1e9)
)

// world is a network with processes that note what they are told.
type world struct {
	*netsim.Net
	t     *testing.T
	sched *sched.Scheduler
	src   *sched.Source
	trace *sched.Trace
	procs map[uint64]*proc
}

func newWorld(t *testing.T, cfg netsim.Config, ids ...uint64) *world {
	return newWorldFrom(t, sched.NewSource(1), cfg, ids...)
}

func newWorldFrom(t *testing.T, src *sched.Source, cfg netsim.Config, ids ...uint64) *world {
	w := &world{t: t, sched: &sched.Scheduler{}, src: src, trace: sched.NewTrace(10000), procs: map[uint64]*proc{}}
	cfg.Trace = w.trace
	w.Net = netsim.New(w.sched, src.Stream("net"), cfg)
	for _, id := range ids {
		w.start(id)
	}
	return w
}

// start gives an ID a new process.
func (w *world) start(id uint64) *proc {
	p := &proc{w: w, id: id, conns: map[netsim.Conn]*side{}}
	w.procs[id] = p
	w.Start(id, p)
	return p
}

// run lets time pass.
func (w *world) run(d int64) { w.sched.RunUntil(w.sched.Now() + d) }

// proc is a process.
type proc struct {
	w     *world
	id    uint64
	conns map[netsim.Conn]*side
	order []netsim.Conn
	then  func(c netsim.Conn, frame []byte) // after each frame
}

// side is what a process knows of its side of a connection.
type side struct {
	opened, accepted bool
	frames           []string
	writable         int
	broken           netsim.Reason
	brokenAt         int64
	sent             []string
}

func (p *proc) side(c netsim.Conn) *side {
	s := p.conns[c]
	if s == nil {
		s = &side{}
		p.conns[c] = s
		p.order = append(p.order, c)
	}
	require.Zero(p.w.t, s.broken, "nothing comes after Broken")
	require.Equal(p.w.t, p.id, c.Local())
	require.False(p.w.t, p.w.Paused(p.id), "a stopped process is told nothing")
	require.Same(p.w.t, p, p.w.procs[p.id], "a dead process is told nothing")
	return s
}

func (p *proc) Accept(c netsim.Conn) {
	require.NotContains(p.w.t, p.conns, c)
	p.side(c).accepted = true
}

func (p *proc) Open(c netsim.Conn) {
	require.True(p.w.t, c.Dialed())
	require.False(p.w.t, p.side(c).opened)
	p.side(c).opened = true
}

func (p *proc) Frame(c netsim.Conn, frame []byte) {
	s := p.side(c)
	require.True(p.w.t, s.opened || s.accepted)
	s.frames = append(s.frames, string(frame))
	if p.then != nil {
		p.then(c, frame)
	}
}

func (p *proc) Writable(c netsim.Conn) {
	require.Zero(p.w.t, c.Backlog())
	p.side(c).writable++
}

func (p *proc) Broken(c netsim.Conn, reason netsim.Reason) {
	s := p.side(c)
	require.True(p.w.t, c.Over())
	s.broken, s.brokenAt = reason, p.w.sched.Now()
}

// dial begins a connection that the process knows from the beginning.
func (p *proc) dial(to uint64) (netsim.Conn, *side) {
	c := p.w.Dial(p.id, to, 7)
	return c, p.side(c)
}

// send sends a frame and remembers it.
func (p *proc) send(c netsim.Conn, frame string) int {
	backlog, err := c.Send([]byte(frame))
	require.NoError(p.w.t, err)
	s := p.conns[c]
	s.sent = append(s.sent, frame)
	return backlog
}

// pair connects two processes and returns both sides.
func (w *world) pair(from, to uint64) (a, b netsim.Conn) {
	known := len(w.procs[to].order)
	a, s := w.procs[from].dial(to)
	w.run(second)
	require.True(w.t, s.opened)
	require.Len(w.t, w.procs[to].order, known+1)
	b = w.procs[to].order[known]
	require.Equal(w.t, a.ID(), b.ID())
	return a, b
}

// numbered returns the n-th frame of some size.
func numbered(n, size int) string {
	b := make([]byte, max(size, 4))
	binary.BigEndian.PutUint32(b, uint32(n))
	return string(b)
}

// plain is a network without chance.
var plain = netsim.Config{Latency: ms, BreakDelay: ms}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("frame ", i))
	}
	return list
}
