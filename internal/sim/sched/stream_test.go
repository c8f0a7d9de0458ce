package sched_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// use draws in every way there is and returns what came.
func use(s *sched.Stream, rounds int) []uint64 {
	var got []uint64
	flag := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	for i := range rounds {
		got = append(got, s.Uint64(), uint64(s.IntN(i+3)), s.Uint64N(1<<40), flag(s.Chance(1, 3)), flag(s.PPM(500_000)),
			uint64(s.Range(-10, 10)), uint64(s.Range(math.MinInt64, math.MaxInt64)), uint64(s.Exp(1e6)), uint64(sched.Pick(s, []int{4, 5, 6})))
		got = append(got, sched.Shuffled(s, []uint64{1, 2, 3, 4})...)
	}
	return got
}

func TestSameSeedSameStream(t *testing.T) {
	a, b := sched.NewSource(7), sched.NewSource(7)
	require.Equal(t, use(a.Stream("net"), 50), use(b.Stream("net"), 50))
	require.Same(t, a.Stream("net"), a.Stream("net"))
	require.NotEqual(t, use(sched.NewSource(7).Stream("net"), 5), use(sched.NewSource(8).Stream("net"), 5))
	require.NotEqual(t, use(sched.NewSource(7).Stream("net"), 5), use(sched.NewSource(7).Stream("disk-1"), 5))
}

// The first answers of a seed, for ever: or tapes and seeds of old failures lose
// their meaning unnoticed.
func TestAnswersOfSeed1(t *testing.T) {
	s := sched.NewSource(1).Stream("net")
	var got []int64
	for range 4 {
		got = append(got, int64(s.IntN(1000)), s.Exp(1_000_000), s.Range(-50, 50))
	}
	require.Equal(t, []int64{828, 90059, 7, 110, 355267, 31, 468, 207639, 1, 405, 638053, 50}, got)
}

func TestStreamsAreIndependent(t *testing.T) {
	alone := use(sched.NewSource(3).Stream("workload-2"), 20)
	s := sched.NewSource(3)
	use(s.Stream("net"), 13)
	got := use(s.Stream("workload-2"), 10)
	use(s.Stream("nemesis"), 1)
	got = append(got, use(s.Stream("workload-2"), 0)...)
	require.Equal(t, alone[:len(got)], got)
}

func TestRanges(t *testing.T) {
	s := sched.NewSource(9).Stream("x")
	seen := map[int64]bool{}
	for range 2000 {
		v := s.Range(-2, 2)
		require.True(t, v >= -2 && v <= 2)
		seen[v] = true
		require.Less(t, s.IntN(7), 7)
		require.Less(t, s.Uint64N(5), uint64(5))
		e := s.Exp(1000)
		require.True(t, e >= 0 && e < 10_000)
	}
	require.Len(t, seen, 5)
	// What makes no sense takes a draw and gives the least.
	n := s.Draws()
	require.Zero(t, s.IntN(0))
	require.Zero(t, s.IntN(-3))
	require.Zero(t, s.Uint64N(0))
	require.EqualValues(t, 5, s.Range(5, 4))
	require.Zero(t, s.Exp(0))
	require.Zero(t, s.Exp(-1))
	require.False(t, s.Chance(1, 0))
	require.Zero(t, sched.Pick(s, []int(nil)))
	require.Equal(t, n+8, s.Draws())
	require.LessOrEqual(t, s.Exp(math.MaxInt64), int64(math.MaxInt64))
}

func TestChance(t *testing.T) {
	s := sched.NewSource(11).Stream("x")
	hits := 0
	for range 100_000 {
		require.False(t, s.Chance(0, 10))
		require.True(t, s.Chance(10, 10))
		if s.PPM(30_000) {
			hits++
		}
	}
	require.InDelta(t, 3000, hits, 300)
}

// Exp is exponential: its mean, and how much lies beyond one and three means.
func TestExp(t *testing.T) {
	s := sched.NewSource(5).Stream("x")
	const n, mean = 200_000, 1_000_000
	sum, beyond1, beyond3, zeros := 0.0, 0, 0, 0
	for range n {
		x := s.Exp(mean)
		sum += float64(x)
		if x > mean {
			beyond1++
		}
		if x > 3*mean {
			beyond3++
		}
		if x == 0 {
			zeros++
		}
	}
	require.InDelta(t, mean, sum/n, 0.02*mean)
	require.InDelta(t, math.Exp(-1), float64(beyond1)/n, 0.01)
	require.InDelta(t, math.Exp(-3), float64(beyond3)/n, 0.005)
	require.Less(t, zeros, n/1000)
}

// Wait is the same, but that nothing comes soon on a calm stream.
func TestWait(t *testing.T) {
	a, b := sched.NewSource(5).Stream("x"), sched.NewSource(5).Stream("x")
	for range 1000 {
		require.Equal(t, a.Exp(1000), b.Wait(1000))
	}
	calm := sched.Replay(sched.NewTape(0), sched.Calm).Stream("x")
	require.InDelta(t, 9.7e6, calm.Wait(1e6), 0.1e6)
	require.Zero(t, calm.Wait(0))
	require.Equal(t, 2, calm.Draws())
}

// The curve itself, at every point that can be drawn, against the real logarithm.
func TestExpCurve(t *testing.T) {
	draws := make([]uint64, 1<<14)
	for i := range draws {
		draws[i] = uint64(i)
	}
	tape := sched.NewTape(0)
	tape.Set("x", draws)
	s := sched.Replay(tape, sched.Calm).Stream("x")
	last := int64(-1)
	for i := range draws {
		got := s.Exp(1e9)
		want := -math.Log1p(-float64(i)/(1<<14)) * 1e9
		require.InDelta(t, want, got, 30_000, "draw %d", i)
		require.GreaterOrEqual(t, got, last, "draw %d", i)
		last = got
	}
}

func TestShuffle(t *testing.T) {
	s := sched.NewSource(2).Stream("x")
	list := []int{1, 2, 3, 4, 5, 6}
	firsts := map[int]int{}
	for range 6000 {
		got := sched.Shuffled(s, list)
		firsts[got[0]]++
		slices.Sort(got)
		require.Equal(t, list, got)
	}
	for i := 1; i <= 6; i++ {
		require.InDelta(t, 1000, firsts[i], 150)
	}
}

func TestStreamsDoNotAllocate(t *testing.T) {
	s := sched.NewSource(1).Stream("x")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.IntN(10)
		s.Exp(100)
		s.PPM(10)
	}))
}

func BenchmarkIntN(b *testing.B) {
	s := sched.NewSource(1).Stream("x")
	for range b.N {
		s.IntN(1000)
	}
}

func BenchmarkExp(b *testing.B) {
	s := sched.NewSource(1).Stream("x")
	for range b.N {
		s.Exp(1000)
	}
}
