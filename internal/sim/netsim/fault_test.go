package netsim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// A stall holds back, and loses nothing.
func TestStallOneWay(t *testing.T) {
	cfg := plain
	cfg.Window = 100
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	w.procs[1].send(a, "on its way")
	stall := w.Stall(1, 2)
	w.procs[1].send(a, "behind")
	for i := range 30 {
		w.procs[2].send(b, numbered(i, 6))
	}
	w.run(10 * second)
	require.Empty(t, w.procs[2].conns[b].frames)
	require.Len(t, w.procs[1].conns[a].frames, 10, "the other way flows until its window is full")
	require.Equal(t, 200, b.Backlog())
	require.Zero(t, w.procs[1].conns[a].broken)
	stall.Heal()
	stall.Heal()
	w.run(0)
	require.Equal(t, []string{"on its way", "behind"}, w.procs[2].conns[b].frames)
	w.run(second)
	require.Len(t, w.procs[1].conns[a].frames, 30)
	require.EqualValues(t, 24, w.Counts().StalledBytes)
}

// Of several stalls of one direction the last to heal counts.
func TestStallsAreIndependent(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	one, two := w.Stall(1, 2), w.Stall(1, 2)
	w.procs[1].send(a, "x")
	one.Heal()
	one.Heal()
	w.run(second)
	require.Empty(t, w.procs[2].conns[b].frames)
	require.Equal(t, 1, w.Faults())
	two.Heal()
	w.run(second)
	require.Len(t, w.procs[2].conns[b].frames, 1)
	require.Zero(t, w.Faults())
}

// What opens connections and what ends them waits too.
func TestStallOfOpeningAndEnd(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	w.Stall(1, 2)
	w.procs[1].send(a, "last")
	a.Close()
	_, waits := w.procs[1].dial(2)
	gaveUp, _ := w.procs[1].dial(2)
	w.run(second)
	gaveUp.Close()
	w.run(second)
	require.Zero(t, w.procs[2].conns[b].broken)
	require.False(t, waits.opened)
	w.HealAll()
	w.run(second)
	require.Equal(t, []string{"last"}, w.procs[2].conns[b].frames)
	require.Equal(t, netsim.Closed, w.procs[2].conns[b].broken)
	require.True(t, waits.opened)
	require.Len(t, w.procs[2].order, 2, "an attempt that was given up is not repeated")
}

func TestStallThenCut(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	f := w.StallThenCut(1, 2, 5*second, netsim.TellBoth)
	w.procs[1].send(a, "lost")
	w.run(4 * second)
	require.Zero(t, w.procs[1].conns[a].broken)
	w.run(2 * second)
	require.Equal(t, netsim.Reset, w.procs[1].conns[a].broken)
	require.Equal(t, netsim.Reset, w.procs[2].conns[b].broken, "the cut is told through the stall")
	require.Empty(t, w.procs[2].conns[b].frames)
	require.EqualValues(t, 1, w.Counts().FramesLost)
	f.Heal()
	w.pair(1, 2)

	c, _ := w.pair(1, 2)
	w.StallThenCut(1, 2, second, netsim.TellBoth).Heal()
	w.run(5 * second)
	require.True(t, c.IsOpen(), "healed before the cut")
}

func TestRefuseAndBlackhole(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	refuse := w.Refuse(1, 2)
	_, s := w.procs[1].dial(2)
	w.run(second)
	require.Equal(t, netsim.Refused, s.broken)
	w.pair(2, 1) // the other way is open
	refuse.Heal()
	hole := w.Blackhole(1, 2)
	gone, s2 := w.procs[1].dial(2)
	w.run(second)
	hole.Heal()
	w.run(100 * second)
	require.False(t, s2.opened)
	require.Zero(t, s2.broken)
	gone.Close()
	w.procs[1].send(a, "still there") // what is connected is not concerned
	w.pair(1, 2)
	require.Equal(t, []string{"still there"}, w.procs[2].conns[b].frames)
	c := w.Counts()
	require.EqualValues(t, []uint64{1, 1, 1, 1}, []uint64{c.Refusals, c.Refused, c.Blackholes, c.Blackholed})
}

func TestDelayAndThrottle(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	var at []int64
	w.procs[2].then = func(netsim.Conn, []byte) { at = append(at, w.sched.Now()) }
	send := func(size int) int64 {
		start := w.sched.Now()
		w.procs[1].send(a, strings.Repeat("x", size-4))
		w.run(100 * second)
		return at[len(at)-1] - start
	}
	d1, d2 := w.Delay(1, 2, 10*ms), w.Delay(1, 2, 5*ms)
	w.Delay(2, 1, second)
	require.Equal(t, 16*ms, send(10))
	d1.Heal()
	require.Equal(t, 6*ms, send(10))
	d2.Heal()
	t1, t2 := w.Throttle(1, 2, 100), w.Throttle(1, 2, 10)
	require.Equal(t, second+ms, send(10))
	t2.Heal()
	require.Equal(t, second/10+ms, send(10))
	t1.Heal()
	require.Equal(t, ms, send(10))
	// A frame sent behind a delayed one does not pass it.
	d := w.Delay(1, 2, second)
	w.procs[1].send(a, "slow")
	d.Heal()
	w.procs[1].send(a, "fast")
	w.run(2 * second)
	frames := w.procs[2].conns[b].frames
	require.Equal(t, []string{"slow", "fast"}, frames[len(frames)-2:])
}

// A cut falls on any byte; frames arrive whole or not at all.
func TestCutAtAnyByte(t *testing.T) {
	delivered := map[int]int{}
	var inFrame uint64
	for seed := range uint64(300) {
		w := newWorldFrom(t, sched.NewSource(seed), plain, 1, 2)
		a, b := w.pair(1, 2)
		for _, f := range names(4) {
			w.procs[1].send(a, f)
		}
		require.Equal(t, 1, w.Cut(1, 2, netsim.TellBoth))
		w.procs[1].send(a, "into the void")
		w.run(10 * second)
		sa, sb := w.procs[1].conns[a], w.procs[2].conns[b]
		require.Equal(t, names(len(sb.frames)), append([]string(nil), sb.frames...))
		delivered[len(sb.frames)]++
		require.Equal(t, netsim.Reset, sa.broken)
		require.Equal(t, netsim.Reset, sb.broken)
		require.NotEqual(t, sa.brokenAt, sb.brokenAt, "each side learns in its own time")
		require.Zero(t, w.sched.Pending())
		require.EqualValues(t, 4-len(sb.frames), w.Counts().FramesLost)
		require.LessOrEqual(t, w.Counts().CutsInFrame, uint64(1))
		inFrame += w.Counts().CutsInFrame
		require.Zero(t, w.Cut(1, 2, netsim.TellBoth), "nothing is left to cut")
	}
	require.Len(t, delivered, 5, "%v", delivered)
	require.Greater(t, inFrame, uint64(200))
}

// A side that is not told has a connection into which it can send until the
// window and its patience are at their end.
func TestHalfOpen(t *testing.T) {
	cfg := plain
	cfg.Window = 100
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	w.CutConn(b, netsim.TellSecond) // the side of a
	w.run(10 * second)
	require.Equal(t, netsim.Reset, w.procs[1].conns[a].broken)
	require.True(t, b.IsOpen())
	for i := range 10 {
		require.Zero(t, w.procs[2].send(b, numbered(i, 6)))
	}
	require.Equal(t, 10, w.procs[2].send(b, numbered(10, 6)))
	w.run(1000 * second)
	require.Zero(t, w.procs[2].conns[b].broken)
	require.Zero(t, w.procs[2].conns[b].writable)
	require.EqualValues(t, 1, w.Counts().HalfOpen)
	b.Close()
	w.run(second)
	require.Zero(t, w.sched.Pending())
	w.pair(1, 2)
}

func TestTell(t *testing.T) {
	for tell, want := range map[netsim.Tell][2]netsim.Reason{
		netsim.TellBoth:   {netsim.Reset, netsim.Reset},
		netsim.TellFirst:  {netsim.Reset, 0},
		netsim.TellSecond: {0, netsim.Reset},
		netsim.TellNone:   {},
	} {
		w := newWorld(t, plain, 1, 2, 3)
		a, b := w.pair(1, 2) // one dialed by each
		b2, a2 := w.pair(2, 1)
		other, _ := w.pair(1, 3)
		require.Equal(t, 2, w.Cut(1, 2, tell))
		w.run(10 * second)
		for i, c := range []netsim.Conn{a, b, a2, b2} {
			require.Equal(t, want[i%2], w.procs[c.Local()].conns[c].broken)
		}
		require.True(t, other.IsOpen())
	}
	s := sched.NewSource(1).Stream("x")
	seen := map[netsim.Tell]int{}
	for range 600 {
		seen[netsim.RandomTell(s)]++
	}
	require.Len(t, seen, 4)
	require.InDelta(t, 300, seen[netsim.TellBoth], 60)
}

// An attempt that is cut on its way ends at the dialer if it is told, and nowhere
// else.
func TestCutWhileDialing(t *testing.T) {
	for _, when := range []int64{0, ms / 2, ms, ms * 3 / 2} {
		w := newWorld(t, plain, 1, 2)
		c, s := w.procs[1].dial(2)
		w.run(when)
		w.CutConn(c, netsim.TellBoth)
		w.run(10 * second)
		require.False(t, s.opened)
		require.Equal(t, netsim.Reset, s.broken)
		require.Len(t, w.procs[2].order, int(when/ms))
		for _, b := range w.procs[2].order {
			require.Equal(t, netsim.Reset, w.procs[2].conns[b].broken)
		}
		require.Zero(t, w.sched.Pending())
	}
}

// A cut behind a Close: what is lost is not called complete.
func TestCutBehindClose(t *testing.T) {
	w := newWorld(t, plain, 1, 2)
	a, b := w.pair(1, 2)
	w.procs[1].send(a, "x")
	a.Close()
	w.Stall(1, 2)
	w.Cut(1, 2, netsim.TellBoth)
	w.run(10 * second)
	require.Empty(t, w.procs[2].conns[b].frames)
	require.Equal(t, netsim.Reset, w.procs[2].conns[b].broken)
}

func TestCrash(t *testing.T) {
	some := 0
	for seed := range uint64(50) {
		w := newWorldFrom(t, sched.NewSource(seed), plain, 1, 2)
		a, b := w.pair(1, 2)
		dead := w.procs[1]
		for _, f := range names(4) {
			dead.send(a, f)
		}
		w.procs[2].send(b, "to a dead process")
		w.Crash(1, false)
		require.True(t, a.Over())
		require.False(t, w.Up(1))
		w.start(1)
		w.run(10 * second)
		require.Empty(t, dead.conns[a].frames)
		require.Zero(t, dead.conns[a].broken)
		got := w.procs[2].conns[b]
		require.Equal(t, names(len(got.frames)), append([]string(nil), got.frames...))
		require.Equal(t, netsim.Reset, got.broken)
		some += len(got.frames)
		w.pair(1, 2)
		w.pair(2, 1)
	}
	require.Greater(t, some, 50)
	require.Less(t, some, 150)
}

// After a loss of power nobody is told, not even of what was closed before.
func TestSilentCrash(t *testing.T) {
	cfg := plain
	cfg.Window = 20
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	closed, b2 := w.pair(1, 2)
	for _, f := range names(10) {
		w.procs[1].send(closed, f)
	}
	closed.Close()
	w.Crash(1, true)
	w.run(1000 * second)
	require.True(t, a.Over())
	require.True(t, b.IsOpen())
	require.True(t, b2.IsOpen())
	require.Less(t, len(w.procs[2].conns[b2].frames), 3)
	_, s := w.procs[2].dial(1)
	w.run(second)
	require.Zero(t, s.broken)
	w.start(1)
	w.run(second)
	require.True(t, b.IsOpen(), "never means never")
	w.pair(2, 1)
}

// A stopped process gets nothing, its kernel goes on.
func TestPause(t *testing.T) {
	cfg := plain
	cfg.Window = 100
	w := newWorld(t, cfg, 1, 2, 3)
	a, b := w.pair(1, 2)
	w.procs[2].send(b, "sent before")
	w.Pause(2)
	require.True(t, w.Paused(2))
	for i := range 20 {
		w.procs[1].send(a, numbered(i, 6))
	}
	third, s3 := w.procs[3].dial(2)
	w.run(1000 * second)
	require.True(t, s3.opened, "the kernel shakes hands")
	w.procs[3].send(third, "hello")
	third.Close()
	w.run(second)
	require.Equal(t, []string{"sent before"}, w.procs[1].conns[a].frames)
	require.Equal(t, 100, a.Backlog())
	require.True(t, a.IsOpen())
	require.Empty(t, w.procs[2].conns[b].frames)
	w.Resume(2)
	w.run(0)
	require.Len(t, w.procs[2].conns[b].frames, 10)
	c3 := w.procs[2].order[1]
	require.Equal(t, []string{"hello"}, w.procs[2].conns[c3].frames)
	require.Equal(t, netsim.Closed, w.procs[2].conns[c3].broken)
	w.run(second)
	require.Len(t, w.procs[2].conns[b].frames, 20)
}

// A paused sender is told that it can write again when it goes on.
func TestWritableAfterPause(t *testing.T) {
	cfg := plain
	cfg.Window = 20
	w := newWorld(t, cfg, 1, 2)
	a, _ := w.pair(1, 2)
	for _, f := range names(4) {
		w.procs[1].send(a, f)
	}
	w.Pause(1)
	w.run(second)
	require.Zero(t, w.procs[1].conns[a].writable)
	require.Zero(t, a.Backlog(), "its kernel went on")
	w.Resume(1)
	w.run(second)
	require.Equal(t, 1, w.procs[1].conns[a].writable)
}

// Once a sender closed and its acknowledgements were stalled, what is backed up
// still flows when that heals.
func TestLingeringBehindStall(t *testing.T) {
	cfg := plain
	cfg.Window = 20
	w := newWorld(t, cfg, 1, 2)
	a, b := w.pair(1, 2)
	w.Stall(2, 1)
	for _, f := range names(10) {
		w.procs[1].send(a, f)
	}
	a.Close()
	w.run(100 * second)
	require.Less(t, len(w.procs[2].conns[b].frames), 3)
	w.HealAll()
	w.run(second)
	require.Equal(t, names(10), w.procs[2].conns[b].frames)
	require.Equal(t, netsim.Closed, w.procs[2].conns[b].broken)
}
