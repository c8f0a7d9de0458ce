package netsim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// mesh is processes that are all connected.
type mesh struct {
	*world
	ids   []uint64
	conns map[[2]uint64]netsim.Conn // sender, receiver
	s     *sched.Stream
}

func newMesh(t *testing.T, seed uint64, ids ...uint64) *mesh {
	m := &mesh{world: newWorldFrom(t, sched.NewSource(seed), plain, ids...), ids: ids, conns: map[[2]uint64]netsim.Conn{}}
	m.s = m.src.Stream("nemesis")
	for i, x := range ids {
		for _, y := range ids[i+1:] {
			a, b := m.pair(x, y)
			m.conns[[2]uint64{x, y}], m.conns[[2]uint64{y, x}] = a, b
		}
	}
	return m
}

// blocked returns who does not reach whom, at this moment.
func (m *mesh) blocked() map[[2]uint64]bool {
	blocked := map[[2]uint64]bool{}
	got := func(x, y uint64) int { return len(m.procs[y].conns[m.conns[[2]uint64{y, x}]].frames) }
	before := map[[2]uint64]int{}
	for _, x := range m.ids {
		for _, y := range m.ids {
			if x != y {
				before[[2]uint64{x, y}] = got(x, y)
				m.procs[x].send(m.conns[[2]uint64{x, y}], "ping")
			}
		}
	}
	m.run(10 * ms)
	for pair, n := range before {
		if got(pair[0], pair[1]) == n {
			blocked[pair] = true
		}
	}
	return blocked
}

// twoWay fails unless who is blocked is so both ways, and returns how many pairs.
func twoWay(t *testing.T, blocked map[[2]uint64]bool) int {
	for p := range blocked {
		require.True(t, blocked[[2]uint64{p[1], p[0]}], "%v", p)
	}
	return len(blocked) / 2
}

// degree returns how many the one does not reach.
func degree(blocked map[[2]uint64]bool, id uint64) int {
	n := 0
	for p := range blocked {
		if p[0] == id {
			n++
		}
	}
	return n
}

func TestShapes(t *testing.T) {
	five := []uint64{11, 12, 13, 14, 15}
	for name, c := range map[string]struct {
		apply func(n *netsim.Net, s *sched.Stream, ids []uint64, how netsim.How) *netsim.Fault
		check func(t *testing.T, blocked map[[2]uint64]bool) (variant int)
		want  int // variants that must be seen
	}{
		"IsolateOne": {netsim.IsolateOne, func(t *testing.T, blocked map[[2]uint64]bool) int {
			require.Equal(t, 4, twoWay(t, blocked))
			for i, id := range five {
				if degree(blocked, id) == 4 {
					return i
				}
			}
			require.Fail(t, "nobody is isolated")
			return 0
		}, 5},
		"UniformSplit": {netsim.UniformSplit, func(t *testing.T, blocked map[[2]uint64]bool) int {
			n := twoWay(t, blocked)
			require.Contains(t, []int{0, 4, 6}, n)
			return n
		}, 3},
		"MinoritySplit": {netsim.MinoritySplit, func(t *testing.T, blocked map[[2]uint64]bool) int {
			n := twoWay(t, blocked)
			require.Contains(t, []int{4, 6}, n)
			return n
		}, 2},
		"OneWay": {netsim.OneWay, func(t *testing.T, blocked map[[2]uint64]bool) int {
			require.NotEmpty(t, blocked)
			from, to := map[uint64]bool{}, map[uint64]bool{}
			for p := range blocked {
				require.False(t, blocked[[2]uint64{p[1], p[0]}], "only one way")
				from[p[0]], to[p[1]] = true, true
			}
			require.True(t, len(from) == 1 || len(to) == 1)
			return len(from)*10 + len(to)
		}, 7},
		"Bridge": {netsim.Bridge, func(t *testing.T, blocked map[[2]uint64]bool) int {
			require.Equal(t, 4, twoWay(t, blocked))
			bridge := -1
			for i, id := range five {
				if degree(blocked, id) == 0 {
					bridge = i
				} else {
					require.Equal(t, 2, degree(blocked, id))
				}
			}
			require.NotEqual(t, -1, bridge)
			return bridge
		}, 5},
		"Ring": {netsim.Ring, func(t *testing.T, blocked map[[2]uint64]bool) int {
			require.Equal(t, 5, twoWay(t, blocked))
			for _, id := range five {
				require.Equal(t, 2, degree(blocked, id))
			}
			return 0
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			variants := map[int]bool{}
			for seed := range uint64(60) {
				m := newMesh(t, seed, five...)
				f := c.apply(m.Net, m.s, five, netsim.HowStall)
				variants[c.check(t, m.blocked())] = true
				f.Heal()
				m.run(0)
				require.Empty(t, m.blocked())
				require.Zero(t, m.Faults())
			}
			require.GreaterOrEqual(t, len(variants), c.want, "%v", variants)
		})
	}
}

// Few members, or none, are no reason to fail.
func TestShapesOfFew(t *testing.T) {
	for _, ids := range [][]uint64{nil, {1}, {1, 2}} {
		m := newMesh(t, 1, ids...)
		for _, apply := range []func(*netsim.Net, *sched.Stream, []uint64, netsim.How) *netsim.Fault{
			netsim.IsolateOne, netsim.UniformSplit, netsim.MinoritySplit, netsim.OneWay, netsim.Bridge, netsim.Ring,
		} {
			apply(m.Net, m.s, ids, netsim.HowStall|netsim.HowRefuse)
		}
		netsim.Swizzle(m.Net, m.s, ids, ms, netsim.HowStall)
		netsim.FlapOne(m.Net, m.s, 1, ids, ms, ms, netsim.HowStall)
		m.HealAll()
		require.Zero(t, m.Faults())
		m.run(second)
		require.Empty(t, m.blocked())
	}
}

// Shapes lie over each other, and each goes its own way.
func TestShapesCompose(t *testing.T) {
	ids := []uint64{1, 2, 3}
	m := newMesh(t, 1, ids...)
	isolated := m.Isolate(1, ids, netsim.HowStall)
	split := m.Split(netsim.HowStall, []uint64{1}, []uint64{2})
	require.Equal(t, 2, twoWay(t, m.blocked()))
	isolated.Heal()
	require.Equal(t, map[[2]uint64]bool{{1, 2}: true, {2, 1}: true}, m.blocked())
	split.Heal()
	m.run(0)
	require.Empty(t, m.blocked())
}

func TestHow(t *testing.T) {
	for how, want := range map[netsim.How]struct{ old, dialed netsim.Reason }{
		netsim.HowStall:                       {0, 0},
		netsim.HowStall | netsim.HowBlackhole: {0, 0},
		netsim.HowRefuse:                      {0, netsim.Refused},
		netsim.HowRefuse | netsim.HowCut:      {netsim.Reset, netsim.Refused},
		netsim.HowBlackhole | netsim.HowCut:   {netsim.Reset, 0},
	} {
		w := newWorldFrom(t, sched.Replay(sched.NewTape(0), sched.Calm), plain, 1, 2) // calm: both sides are told
		a, _ := w.pair(1, 2)
		f := w.Block(1, 2, how)
		_, s := w.procs[1].dial(2)
		w.run(second)
		require.Equal(t, want.old, w.procs[1].conns[a].broken, "%b", how)
		require.Equal(t, want.dialed, s.broken, "%b", how)
		require.False(t, s.opened)
		f.Heal()
		w.run(second)
		require.Equal(t, how == netsim.HowStall, s.opened, "an attempt that stalls goes on: %b", how)
		w.pair(1, 2)
	}
}

func TestFlap(t *testing.T) {
	m := newMesh(t, 1, 1, 2, 3)
	f := netsim.Flap(m.Net, 1, 2, second, netsim.HowStall)
	for range 5 {
		require.Equal(t, map[[2]uint64]bool{{1, 2}: true, {2, 1}: true}, m.blocked())
		m.run(second/2 - 10*ms)
		require.Empty(t, m.blocked())
		m.run(second/2 - 10*ms)
	}
	f.Heal()
	for range 4 {
		require.Empty(t, m.blocked())
		m.run(second / 4)
	}
	require.Zero(t, m.sched.Pending())
	g := netsim.FlapOne(m.Net, m.s, 1, m.ids, second, 2*second, netsim.HowStall)
	require.Equal(t, 1, degree(m.blocked(), 1))
	m.HealAll()
	require.True(t, g.Healed())
	m.run(10 * second)
	require.Zero(t, m.sched.Pending())
}

func TestSwizzle(t *testing.T) {
	ids := []uint64{1, 2, 3, 4, 5}
	most := map[int]bool{}
	for seed := range uint64(40) {
		m := newMesh(t, seed, ids...)
		f := netsim.Swizzle(m.Net, m.s, ids, 50*ms, netsim.HowStall)
		top := 0
		for !f.Healed() {
			isolated := 0
			for _, id := range ids {
				if degree(m.blocked(), id) == 4 {
					isolated++
				}
			}
			top = max(top, isolated)
			require.True(t, m.sched.Now() < 100*second)
		}
		require.Zero(t, m.Faults())
		m.run(0)
		require.Empty(t, m.blocked())
		most[top] = true
	}
	require.GreaterOrEqual(t, len(most), 3, "%v", most)
}
