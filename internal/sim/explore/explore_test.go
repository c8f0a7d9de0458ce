package explore

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	longFlag = flag.Bool("long", false, "explore the long configurations too")
	onlyFlag = flag.String("only", "", "explore only the configuration of this name")
)

// TestStandard: every invariant holds in every state of the configurations.
func TestStandard(t *testing.T) {
	for _, cfg := range Standard() {
		if cfg.Long && !*longFlag && cfg.Name != *onlyFlag || *onlyFlag != "" && cfg.Name != *onlyFlag {
			continue
		}
		t.Run(cfg.Name, func(t *testing.T) {
			if !cfg.Long { // the long ones need memory
				t.Parallel()
			}
			if underRace {
				cfg.MaxStates = 2000
			}
			begin := time.Now()
			r, err := Run(cfg, func(p Progress) {
				if cfg.Long && p.Depth%20 == 0 {
					t.Logf("%+v", p)
				}
			})
			require.NoError(t, err)
			d := time.Since(begin)
			t.Logf("%d states, %d transitions, depth %d, %v, %.0f states/s; %s", r.States, r.Transitions, r.Depth,
				d.Round(time.Millisecond), float64(r.States)/d.Seconds(), r.Space)
			require.Nil(t, r.Violation)
			require.True(t, r.Complete || underRace)
		})
	}
}

// TestReached: the short configurations are not empty: what they are about does
// happen in them.
func TestReached(t *testing.T) {
	reached := func(name string, goal func(x *space, s state) bool) {
		for _, cfg := range Standard() {
			if cfg.Name == name {
				require.True(t, reaches(t, cfg, goal), name)
				return
			}
		}
		t.Fatalf("there is no configuration %q", name)
	}
	established := func(epoch uint32) func(*space, state) bool {
		return func(x *space, s state) bool {
			for i := range x.n {
				if x.node(s, i).view.established == epoch {
					return true
				}
			}
			return false
		}
	}
	reached("in line: a read at a deposed leader", func(x *space, s state) bool {
		// asked for, not answered, at a leader of the first epoch when the second has one
		return x.node(s, 2).view.epoch == 1 && x.node(s, 1).view.established == 2 && x.ghosts.all[s[x.ghostSlot()]].needs[1] > 0
	})
	if underRace {
		return
	}
	reached("three epochs, a crash", established(3))
	reached("founding, two wipes", established(1))
	reached("a wipe and its swap", func(x *space, s state) bool {
		for i := range x.n {
			if v := x.node(s, i).view; v.established != 0 && v.version > 1 { // the swap is in force
				return true
			}
		}
		return false
	})
	reached("in line: four epochs, three disconnects, a write, fast disks", established(4))
	reached("two joint changes", func(x *space, s state) bool { return x.node(s, 2).view.version > 2 })
	reached("two snapshots, a wipe, fast disks", func(x *space, s state) bool {
		for i := range x.n {
			n := x.node(s, i)
			if n.view.wipes > 0 && !n.disk.base.Zxid().IsZero() { // received it
				return true
			}
		}
		return false
	})
}

// reaches says whether a goal holds in some state.
func reaches(t *testing.T, cfg Config, goal func(*space, state) bool) bool {
	s := &search{x: newSpace(cfg), seen: newSet()}
	first, v := s.x.first()
	require.Nil(t, v)
	s.add(first, s.x.hash(first), 0, 0)
	s.flush()
	for len(s.next.hashes) > 0 {
		for i := range s.next.hashes {
			if goal(s.x, s.next.rows[i*s.x.width:(i+1)*s.x.width]) {
				return true
			}
		}
		begin := len(s.parents) - len(s.next.hashes)
		s.now, s.next = s.next, level{}
		for i, h := range s.now.hashes {
			v, _ := s.expand(uint32(begin+i), s.now.rows[i*s.x.width:(i+1)*s.x.width], h)
			require.Nil(t, v)
		}
		s.flush()
	}
	return false
}

// TestTwins: cores that the explorer takes for the same behave alike. Of many
// states of a replica a second one was met, with another history, that has the
// same key but not the same encoding; every event that ever happened to the first
// must do the same to the second.
func TestTwins(t *testing.T) {
	compared := 0
	for _, cfg := range Standard() {
		if cfg.Long {
			continue
		}
		cfg.MaxStates = 200_000
		if underRace {
			cfg.MaxStates = 2000
		}
		s := &search{x: newSpace(cfg), seen: newSet()}
		x := s.x
		twins := map[uint32]*node{}
		x.again = func(id uint32, n *node) {
			if twins[id] == nil && !n.gone && !bytes.Equal(n.core.AppendState(nil), x.nodes[id].core.AppendState(nil)) {
				twins[id] = n
			}
		}
		first, v := x.first()
		require.Nil(t, v)
		s.add(first, x.hash(first), 0, 0)
		s.flush()
		s.levels(&Result{}, nil)
		x.again = nil
		for _, at := range x.memo.slots {
			twin := twins[uint32(at.key>>32)&^(1<<31)]
			if at.key == 0 || twin == nil {
				continue
			}
			compared++
			want, got := x.outcomes[at.value], x.work(twin, event(uint32(at.key)-1), at.key>>63 != 0)
			require.Equal(t, want, got, "%s: event %x", cfg.Name, at.key)
		}
	}
	t.Logf("%d outcomes compared", compared)
	require.Greater(t, compared, 100)
}

// TestSameAgain: a search finds the same, again and again.
func TestSameAgain(t *testing.T) {
	cfg := Config{Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Timeouts: 1}
	first, err := Run(cfg, nil)
	require.NoError(t, err)
	again, err := Run(cfg, nil)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

// TestLimits: a search that was cut short says so.
func TestLimits(t *testing.T) {
	cfg := Config{Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Timeouts: 1, MaxStates: 1000}
	r, err := Run(cfg, nil)
	require.NoError(t, err)
	require.False(t, r.Complete)
	cfg.MaxStates, cfg.MaxDepth = 0, 5
	r, err = Run(cfg, nil)
	require.NoError(t, err)
	require.False(t, r.Complete)
	require.Equal(t, 5, r.Depth)

	for _, bad := range []Config{{}, {Voters: 8}, {Voters: 3, Crashes: 8}, {Voters: 3, Writes: -1}, {Voters: 3, Links: [][2]uint64{{1, 2}}},
		{Voters: 3, Start: Established, Links: [][2]uint64{{2, 1}}}, {Voters: 3, Start: Established, Changes: []Change{{}}}} {
		_, err := Run(bad, nil)
		require.Error(t, err, "%+v", bad)
		_, err = Replay(bad, nil)
		require.Error(t, err, "%+v", bad)
	}
}

// TestForeignTrace: a trace is not replayed in a configuration that it is not of.
func TestForeignTrace(t *testing.T) {
	cfg := Config{Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1}
	for _, trace := range []Trace{{action{kind: actCrash}.pack()}, {action{kind: actDeliver, a: 1, b: 2}.pack()}, {0xffffffff}} {
		_, err := Replay(cfg, trace)
		require.ErrorIs(t, err, ErrTrace)
	}
}
