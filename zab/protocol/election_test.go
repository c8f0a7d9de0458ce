package protocol

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// When no voter can be spared, all of them must be for the best candidate. Each has a
// patience of its own and lets others go first when it ends, in its own order: they must
// not need to agree at one moment.
func TestElectionOfAnExactQuorum(t *testing.T) {
	const election = 10
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(1, 7, 0, Config{ElectionTicks: election, HeartbeatTicks: 2})
		w.settleAll(t)
		for _, n := range w.nodes[:3] {
			w.crash(n)
		}
		left := w.nodes[3:]
		for _, n := range left {
			n.core.look()
			n.core.election.rest = true // nobody stands before the others are tired
			n.core.election.round += rng.Uint64N(20)
			n.core.election.ticks = rng.IntN(election)
		}
		for _, n := range left {
			w.take(n)
		}
		w.quiesce()
		ticks := 0
		for ; w.leader() == nil; ticks++ {
			require.Less(t, ticks, 4*election, "seed %d", seed)
			w.ticks(1)
		}
	}
}
