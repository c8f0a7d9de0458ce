package netsim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/netsim"
)

func TestDialAndTalk(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, s := w.procs[1].dial(2)
	require.False(t, a.IsOpen())
	_, err := a.Send(nil)
	require.ErrorIs(t, err, netsim.ErrNotOpen)
	w.run(ms - 1)
	require.Empty(t, w.procs[2].order)
	w.run(1)
	b := w.procs[2].order[0]
	require.True(t, b.IsOpen())
	w.procs[2].send(b, "first") // before the other side knows that it is open
	require.False(t, s.opened)
	w.run(ms)
	require.True(t, s.opened)
	require.Equal(t, []string{"first"}, s.frames)

	require.NotEqual(t, a, b)
	require.EqualValues(t, []uint64{1, 2, 2, 1}, []uint64{a.Local(), a.Peer(), b.Local(), b.Peer()})
	require.EqualValues(t, []uint32{7, 7}, []uint32{a.Port(), b.Port()})
	require.True(t, a.Dialed())
	require.False(t, b.Dialed())

	frame := []byte("mine")
	_, err = a.Send(frame)
	require.NoError(t, err)
	copy(frame, "gone") // what was sent is a copy
	w.procs[1].send(a, "")
	w.run(ms)
	require.Equal(t, []string{"mine", ""}, w.procs[2].conns[b].frames)
	require.Zero(t, w.Counts().FramesLost)
}

func TestZeroConn(t *testing.T) {
	var c netsim.Conn
	require.True(t, c.Over())
	require.False(t, c.IsOpen())
	require.Zero(t, c.ID()+c.Local()+c.Peer()+uint64(c.Port())+uint64(c.Backlog()))
	_, err := c.Send(nil)
	require.ErrorIs(t, err, netsim.ErrNotOpen)
	c.Close()
	c.PauseRead()
	c.ResumeRead()
	newWorld(t, plain).CutConn(c, netsim.TellBoth)
}

func TestFrameTooLarge(t *testing.T) {
	cfg := plain
	cfg.MaxFrame = 10
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	_, err := a.Send(make([]byte, 11))
	require.ErrorIs(t, err, netsim.ErrTooLarge)
	w.procs[1].send(a, "0123456789")
	w.run(second)
	require.Equal(t, []string{"0123456789"}, w.procs[2].conns[b].frames)
}

func TestRefusedByNobody(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	w.Crash(2, false)
	_, s := w.procs[1].dial(2)
	w.run(2*ms - 1)
	require.Zero(t, s.broken)
	w.run(1)
	require.Equal(t, netsim.Refused, s.broken)
	require.EqualValues(t, 1, w.Counts().Refused)
}

// A machine that is off, or never was there, gives no answer; only the dialer's
// own timer does.
func TestNoAnswer(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	w.Crash(2, true)
	c, s := w.procs[1].dial(2)
	_, s9 := w.procs[1].dial(9)
	w.run(100 * second)
	require.Zero(t, s.broken)
	require.Zero(t, s9.broken)
	require.EqualValues(t, 2, w.Counts().Unanswered)
	c.Close()
	require.True(t, c.Over())
	w.start(2)
	w.pair(1, 2)
}

func TestDialOfTheDead(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	w.Crash(1, false)
	require.True(t, w.Dial(1, 2, 0).Over())
	w.run(second)
	require.Empty(t, w.procs[2].order)
}

// Latency has a least and a spread, and keeps the order.
func TestLatency(t *testing.T) {
	w := newWorld(t, netsim.Config{Latency: ms, Jitter: 5 * ms}, 1, 2)
	a, b := w.pair(1, 2)
	want := names(200)
	var at []int64
	w.procs[2].then = func(netsim.Conn, []byte) { at = append(at, w.sched.Now()) }
	start := w.sched.Now()
	for _, f := range want {
		w.procs[1].send(a, f)
	}
	w.run(second)
	require.Equal(t, want, w.procs[2].conns[b].frames)
	require.GreaterOrEqual(t, at[0], start+ms)
	require.Greater(t, at[199], at[0]+5*ms)
}

func TestBandwidth(t *testing.T) {
	cfg := plain
	cfg.Bandwidth = 1000
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	a2, b2 := w.pair(1, 2)
	w.procs[1].send(a, strings.Repeat("x", 496))
	w.procs[1].send(a2, strings.Repeat("x", 496))
	w.run(second/2 + ms - 1)
	require.Empty(t, w.procs[2].conns[b].frames)
	w.run(1)
	require.Len(t, w.procs[2].conns[b].frames, 1)
	w.run(second/2 - 1)
	require.Empty(t, w.procs[2].conns[b2].frames, "connections share the wire")
	w.run(1)
	require.Len(t, w.procs[2].conns[b2].frames, 1)
}

// A receiver that does not read makes the window fill and the sender back up.
func TestSlowReader(t *testing.T) {
	cfg := plain
	cfg.Window = 100
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	b.PauseRead()
	for i := range 10 {
		require.Zero(t, w.procs[1].send(a, numbered(i, 6)), "frame %d", i)
	}
	require.Equal(t, 4, w.procs[1].send(a, ""), "the header of an empty frame")
	w.run(second)
	require.Equal(t, 4, a.Backlog())
	require.Empty(t, w.procs[2].conns[b].frames)
	require.Zero(t, w.procs[1].conns[a].writable)
	b.ResumeRead()
	w.run(second)
	require.Zero(t, a.Backlog())
	require.Len(t, w.procs[2].conns[b].frames, 11)
	require.Equal(t, 1, w.procs[1].conns[a].writable)
	require.NotZero(t, w.Counts().WindowFull)
	require.EqualValues(t, 4, w.Counts().MaxBacklog)
}

// Writable is not told to who has sent more in the meantime, until that has gone
// too.
func TestWritableIsTrue(t *testing.T) {
	cfg := plain
	cfg.Window = 10
	w := newWorld(t, cfg, 1, 2)
	a, _ := w.pair(1, 2)
	for range 3 {
		w.procs[1].send(a, "123456")
	}
	for a.Backlog() > 0 {
		require.True(t, w.sched.Step())
	}
	require.NotZero(t, w.procs[1].send(a, "more"))
	w.run(0)
	require.Zero(t, w.procs[1].conns[a].writable) // which checks that nothing is backed up
	w.run(second)
	require.Equal(t, 1, w.procs[1].conns[a].writable)
}

// A process can dial itself: both directions then have one way.
func TestDialSelf(t *testing.T) {
	w := newWorld(t, plain, 1)
	p := w.procs[1]
	a, s := p.dial(1)
	w.run(second)
	require.True(t, s.opened)
	b := p.order[1]
	w.Stall(1, 1)
	p.send(a, "there")
	p.send(b, "and back")
	w.run(second)
	require.Empty(t, p.conns[b].frames)
	w.HealAll()
	w.run(second)
	require.Equal(t, []string{"there"}, p.conns[b].frames)
	require.Equal(t, []string{"and back"}, s.frames)
	a.Close()
	w.run(second)
	require.Equal(t, netsim.Closed, p.conns[b].broken)
	require.Zero(t, w.Remembered())
}

// A frame larger than the window goes through it in pieces.
func TestFrameLargerThanTheWindow(t *testing.T) {
	cfg := plain
	cfg.Window = 100
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	start := w.sched.Now()
	require.Equal(t, 900, w.procs[1].send(a, strings.Repeat("x", 996)))
	w.procs[1].send(a, "behind")
	w.procs[2].then = func(_ netsim.Conn, f []byte) {
		if len(f) == 996 {
			require.Equal(t, start+10*ms, w.sched.Now())
		}
	}
	w.run(second)
	require.Equal(t, w.procs[1].conns[a].sent, w.procs[2].conns[b].frames)
	require.Equal(t, 1, w.procs[1].conns[a].writable)
}

// Close lets what was sent arrive, also what is backed up, and the end behind it.
func TestClose(t *testing.T) {
	cfg := plain
	cfg.Window = 20
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	for _, f := range names(20) {
		w.procs[1].send(a, f)
	}
	w.procs[2].send(b, "too late")
	a.Close()
	a.Close()
	require.True(t, a.Over())
	_, err := a.Send(nil)
	require.ErrorIs(t, err, netsim.ErrNotOpen)
	w.run(second)
	require.Equal(t, names(20), w.procs[2].conns[b].frames)
	require.Equal(t, netsim.Closed, w.procs[2].conns[b].broken)
	require.Empty(t, w.procs[1].conns[a].frames)
	require.Zero(t, w.procs[1].conns[a].broken, "who closes is not told")
	require.Zero(t, w.sched.Pending())
}

// Whoever gives up dialing is accepted all the same if the attempt was on its way.
func TestCloseWhileDialing(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	c, s := w.procs[1].dial(2)
	c.Close()
	w.run(second)
	require.False(t, s.opened)
	b := w.procs[2].order[0]
	require.True(t, w.procs[2].conns[b].accepted)
	require.Equal(t, netsim.Closed, w.procs[2].conns[b].broken)
}

// A handler may do anything, also to the connection it is told of.
func TestHandlersChangeTheWorld(t *testing.T) {
	for name, act := range map[string]func(w *world, c netsim.Conn){
		"close": func(_ *world, c netsim.Conn) { c.Close() },
		"crash": func(w *world, _ netsim.Conn) { w.Crash(2, false) },
		"power": func(w *world, _ netsim.Conn) { w.Crash(2, true) },
		"start": func(w *world, _ netsim.Conn) { w.start(2) },
		"cut":   func(w *world, c netsim.Conn) { w.CutConn(c, netsim.TellBoth); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, plain, 1, 2)
			a, b := w.pair(1, 2)
			two := w.procs[2]
			two.then = func(c netsim.Conn, _ []byte) { act(w, c) }
			for _, f := range names(5) {
				w.procs[1].send(a, f)
			}
			w.run(second)
			require.Equal(t, names(1), two.conns[b].frames)
			w.start(2)
			w.pair(1, 2)
		})
	}
	t.Run("pause", func(t *testing.T) {
		w := newWorld(t, plain, 1, 2)
		a, b := w.pair(1, 2)
		w.procs[2].then = func(c netsim.Conn, _ []byte) { w.Pause(2) }
		for _, f := range names(3) {
			w.procs[1].send(a, f)
		}
		for i := 1; i <= 3; i++ {
			w.run(second)
			require.Equal(t, names(i), w.procs[2].conns[b].frames)
			w.Resume(2)
		}
	})
	t.Run("resume within", func(t *testing.T) {
		w := newWorld(t, plain, 1, 2)
		a, b := w.pair(1, 2)
		w.procs[2].then = func(c netsim.Conn, _ []byte) { c.PauseRead(); c.ResumeRead() }
		for _, f := range names(3) {
			w.procs[1].send(a, f)
		}
		w.run(second)
		require.Equal(t, names(3), w.procs[2].conns[b].frames)
	})
}

// Frames belong to whoever got them, and do not reach into each other.
func TestBytesOfFrames(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, _ := w.pair(1, 2)
	var got [][]byte
	w.procs[2].then = func(_ netsim.Conn, f []byte) { got = append(got, f) }
	for i := range 200 {
		w.procs[1].send(a, strings.Repeat(string(rune('a'+i%26)), i*7%700))
	}
	w.run(second)
	for _, f := range got {
		f = append(f, '!')
		clear(f)
	}
	w.procs[1].send(a, "after")
	w.run(second)
	require.Equal(t, "after", string(got[200]))
	for i := range got[:200] {
		require.Len(t, got[i], i*7%700)
		require.NotNil(t, got[i])
	}
}
