package sched_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

func TestOrderIsTimeThenSequence(t *testing.T) {
	var s sched.Scheduler
	var got []int
	add := func(when int64, id int) { s.At(when, nil, sched.Work, func() { got = append(got, id) }) }
	add(30, 5)
	add(10, 1)
	add(20, 3)
	add(10, 2)
	add(20, 4)
	for s.Step() {
	}
	require.Equal(t, []int{1, 2, 3, 4, 5}, got)
	require.EqualValues(t, 30, s.Now())
	require.False(t, s.Step())
}

// Against a list that is sorted: the heap has no order of its own.
func TestOrderAgainstSorting(t *testing.T) {
	type event struct {
		when int64
		id   int
	}
	for seed := range uint64(50) {
		r := sched.NewSource(seed).Stream("test")
		var s sched.Scheduler
		var want, got []event
		var handles []sched.Handle
		for i := range 500 {
			e := event{r.Range(0, 40), i}
			want = append(want, e)
			handles = append(handles, s.At(e.when, nil, sched.Work, func() { got = append(got, event{s.Now(), e.id}) }))
		}
		for range r.IntN(450) {
			i := r.IntN(len(handles))
			require.True(t, handles[i].Cancel())
			require.False(t, handles[i].Cancel())
			want, handles = slices.Delete(want, i, i+1), slices.Delete(handles, i, i+1)
			require.Equal(t, len(want), s.Pending())
		}
		slices.SortStableFunc(want, func(a, b event) int { return int(a.when - b.when) })
		for s.Step() {
		}
		require.Equal(t, want, got, "seed %d", seed)
		require.Zero(t, s.Pending())
	}
}

func TestTime(t *testing.T) {
	var s sched.Scheduler
	var at []int64
	note := func() { at = append(at, s.Now()) }
	s.At(100, nil, sched.Work, func() {
		s.At(50, nil, sched.Work, note) // has passed: now
		s.After(-5, nil, sched.Work, note)
		s.After(7, nil, sched.Work, note)
		s.After(math.MaxInt64, nil, sched.Work, note) // more than fits: at the end of time
	})
	s.RunUntil(100)
	require.Equal(t, []int64{100, 100}, at)
	s.RunUntil(500)
	require.Equal(t, []int64{100, 100, 107}, at)
	require.EqualValues(t, 500, s.Now())
	when, ok := s.Next()
	require.True(t, ok)
	require.EqualValues(t, math.MaxInt64, when)
	s.RunUntil(10)
	require.EqualValues(t, 500, s.Now(), "time does not go back")
}

func TestCounts(t *testing.T) {
	var s sched.Scheduler
	nothing := func() {}
	s.At(1, nil, sched.Idle, nothing)
	s.At(2, nil, sched.Work, nothing)
	s.At(3, nil, sched.Work, nothing).Cancel()
	s.At(4, nil, sched.Work, nothing)
	s.RunUntil(10)
	require.EqualValues(t, 3, s.Steps())
	require.EqualValues(t, 2, s.Events())
}

// A handle outlives its event and never touches the one that took its place.
func TestHandleOfTheDead(t *testing.T) {
	var s sched.Scheduler
	ran := 0
	first := s.At(1, nil, sched.Work, func() { ran++ })
	require.True(t, first.Pending())
	require.True(t, first.Cancel())
	second := s.At(1, nil, sched.Work, func() { ran += 10 })
	require.NotEqual(t, first, second)
	require.False(t, first.Pending())
	require.False(t, first.Cancel())
	require.True(t, second.Pending())
	require.True(t, s.Step())
	require.False(t, second.Cancel())
	require.Equal(t, 10, ran)
	require.False(t, sched.Handle{}.Cancel())
	require.False(t, sched.Handle{}.Pending())
}

func TestCancelFromWithin(t *testing.T) {
	var s sched.Scheduler
	var self, other sched.Handle
	ran := false
	self = s.At(1, nil, sched.Work, func() {
		require.False(t, self.Pending(), "it is running, not pending")
		require.True(t, other.Cancel())
	})
	other = s.At(1, nil, sched.Work, func() { ran = true })
	for s.Step() {
	}
	require.False(t, ran)
}

func TestKill(t *testing.T) {
	var s sched.Scheduler
	a, b := s.NewOwner(), s.NewOwner()
	var got []string
	add := func(o *sched.Owner, name string) sched.Handle {
		return s.After(10, o, sched.Work, func() { got = append(got, name) })
	}
	add(a, "a1")
	add(b, "b1")
	add(nil, "world")
	s.At(5, a, sched.Work, func() {
		a.Kill()
		got = append(got, "to its end")
		require.Equal(t, sched.Handle{}, add(a, "after its death"))
	})
	for s.Step() {
	}
	require.Equal(t, []string{"to its end", "b1", "world"}, got)
	require.True(t, a.Killed())
	a.Kill()
	require.Zero(t, s.Pending())
}

func TestPause(t *testing.T) {
	var s sched.Scheduler
	o := s.NewOwner()
	var got []string
	add := func(when int64, o *sched.Owner, name string) sched.Handle {
		return s.At(when, o, sched.Work, func() {
			got = append(got, name)
			require.True(t, s.Now() >= 20, "%s at %d: time went back", name, s.Now())
		})
	}
	add(10, o, "early")
	gone := add(11, o, "cancelled while held")
	add(12, o, "late")
	add(20, nil, "world")
	add(30, o, "after")
	o.Pause()
	s.RunUntil(20)
	require.Equal(t, []string{"world"}, got)
	require.Equal(t, 4, s.Pending())
	require.True(t, gone.Pending())
	require.True(t, gone.Cancel())
	add(20, nil, "now")
	o.Resume()
	o.Resume()
	for s.Step() {
	}
	require.Equal(t, []string{"world", "early", "late", "now", "after"}, got)
	require.Zero(t, s.Pending())
}

func TestKillWhilePaused(t *testing.T) {
	var s sched.Scheduler
	o := s.NewOwner()
	s.At(1, o, sched.Work, func() { t.Error("ran") })
	s.At(9, o, sched.Work, func() { t.Error("ran") })
	o.Pause()
	s.RunUntil(5)
	o.Kill()
	o.Resume()
	require.Zero(t, s.Pending())
	require.False(t, s.Step())
}

// Time-outs that are set far ahead and always cancelled leave nothing behind, and
// in the steady state nothing is allocated.
func TestNoGarbage(t *testing.T) {
	var s sched.Scheduler
	n := counter{s: &s}
	cycle := func() {
		for range 1000 {
			n.timeout.Cancel()
			n.timeout = s.PostAfter(1e12, nil, sched.Idle, &n, 0)
			s.PostAfter(10, nil, sched.Work, &n, 1)
			require.True(t, s.Step())
		}
	}
	cycle()
	require.Zero(t, testing.AllocsPerRun(20, cycle))
	require.Equal(t, 1, s.Pending())
	require.EqualValues(t, n.sum, s.Events())
	require.Less(t, s.HeapLen(), 200)
}

// Neither do the events of those who were killed.
func TestKillLeavesNothing(t *testing.T) {
	var s sched.Scheduler
	n := counter{s: &s}
	for range 100 {
		o := s.NewOwner()
		for range 50 {
			s.PostAfter(1e12, o, sched.Idle, &n, 0)
		}
		o.Kill()
		require.Zero(t, s.Pending())
		require.Less(t, s.HeapLen(), 200)
	}
	require.False(t, s.Step())
}

type counter struct {
	s       *sched.Scheduler
	timeout sched.Handle
	sum     uint64
}

func (c *counter) Fire(arg uint64) { c.sum += arg }

// chain schedules itself again and again.
type chain struct{ s *sched.Scheduler }

func (c *chain) Fire(arg uint64) { c.s.PostAfter(int64(arg), nil, sched.Work, c, arg*7%1009+1) }

func BenchmarkEvents(b *testing.B) {
	for _, pending := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("%dPending", pending), func(b *testing.B) {
			var s sched.Scheduler
			c := chain{&s}
			for i := range pending {
				s.PostAfter(int64(i), nil, sched.Work, &c, uint64(i%1009)+1)
			}
			for range 2 * pending {
				s.Step()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.Step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkTimeouts(b *testing.B) {
	var s sched.Scheduler
	c := counter{s: &s}
	b.ReportAllocs()
	for range b.N {
		c.timeout.Cancel()
		c.timeout = s.PostAfter(1e9, nil, sched.Idle, &c, 0)
		s.PostAfter(1, nil, sched.Work, &c, 1)
		s.Step()
	}
}
