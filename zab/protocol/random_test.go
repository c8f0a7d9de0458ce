package protocol

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run only this seed of TestRandom")
	traceFlag = flag.Bool("frames", false, "print every frame that TestRandom delivers")
	seedsFlag = flag.Int("seeds", 300, "how many seeds TestRandom runs")
)

// TestRandom runs ensembles through random faults and checks after every step
// that nothing committed is lost, that no two logs differ, that an outcome that
// was told is the true one and that reads are not stale; then it heals a quorum,
// leaves the rest broken, and wants a write to commit.
func TestRandom(t *testing.T) {
	first, n := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	} else if testing.Short() {
		n = 50
	}
	total := map[string]int{}
	for seed := first; seed < first+uint64(n); seed++ {
		for k, v := range runSeed(t, seed) {
			total[k] += v
		}
	}
	t.Log(total)
	if n >= 50 { // a run that did too little proves nothing
		for _, k := range []string{"leader", "resolved true", "resolved false", "barred", "read", "snapshot received"} {
			require.NotZero(t, total[k], k)
		}
	}
}

func runSeed(t *testing.T, seed uint64) map[string]int {
	var w *world
	defer func() {
		if r := recover(); r != nil {
			if f, ok := r.(simFailure); ok {
				t.Fatalf("seed %d: %s", seed, f)
			}
			t.Logf("seed %d", seed)
			panic(r)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 2))
	voters := []int{1, 2, 3, 3, 3, 5}[rng.IntN(6)]
	cfg := Config{ElectionTicks: 5, HeartbeatTicks: 1, MaxInflightBytes: 40 + rng.IntN(400), TailBytes: 60 + rng.IntN(300),
		ChunkBytes: 1 + rng.IntN(4), MaxBatchBytes: 60 + rng.IntN(200)}
	cfg.GatherBytes = []int{1, 1, 200, 0}[seed%4]
	w = newWorld(seed, voters, rng.IntN(2), cfg)
	f := faults{crash: rng.IntN(4) * 2, cut: rng.IntN(6), stall: rng.IntN(4), snapshot: rng.IntN(6), tick: 1 + rng.IntN(40), disk: 1 + rng.IntN(60), handover: rng.IntN(3), change: max(0, rng.IntN(8)-4), isolate: max(0, rng.IntN(6)-3)}
	if voters >= 3 && rng.IntN(3) == 0 {
		f.wipe, f.change = 1, 0 // a wiped voter may be the one too many of a smaller membership
	}
	for range 3000 {
		w.step(f)
	}
	w.heal(t, seed)
	return w.stats
}

// faults are rates, in relation to each other and to deliveries.
type faults struct{ crash, wipe, cut, stall, snapshot, tick, disk, handover, change, isolate int }

func (w *world) step(f faults) {
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	r := w.rng.IntN(400)
	hit := func(rate int) bool { r -= rate; return r < 0 && r >= -rate }
	if n.core == nil {
		if !n.removed && w.rng.IntN(30) == 0 {
			w.start(n)
		}
		return
	}
	w.now += int64(w.rng.IntN(1000))
	if n.frozen > 0 {
		n.frozen--
		if w.rng.IntN(4) == 0 {
			w.read(n)
		}
		return
	}
	switch {
	case hit(f.crash) && w.rng.IntN(5) == 0:
		w.crash(n)
		w.stats["crash"]++
		if f.wipe > 0 && w.stats["wipe"] == 0 && len(w.history) > 0 && w.rng.IntN(8) == 0 {
			w.stats["wipe"]++
			w.wipe(n)
		}
	case hit(f.cut):
		if len(w.wires) > 0 {
			w.disconnect(w.wires[w.rng.IntN(len(w.wires))])
		}
	case hit(f.stall):
		if len(w.wires) > 0 {
			wi := w.wires[w.rng.IntN(len(w.wires))]
			wi.cut = !wi.cut
		}
	case hit(f.isolate):
		// A leader that is cut off, and slow to find out.
		if n.core.role == roleLeading {
			n.frozen = 50 + w.rng.IntN(300)
		}
	case hit(f.snapshot):
		w.snapshot(n)
	case hit(f.handover) && w.rng.IntN(4) == 0:
		if n.core.Handover(0) == nil {
			w.stats["handover"]++
		}
		w.take(n)
	case hit(f.change):
		w.reconfigure(n)
	case hit(f.tick):
		n.core.Tick()
		w.take(n)
	case hit(f.disk):
		w.completeWrite(n, 1+w.rng.IntN(4))
		if n.core != nil {
			w.completeChunk(n)
		}
	case hit(20):
		w.connectAny()
	case hit(25):
		w.propose(n)
	case hit(6):
		w.read(n)
	default:
		if len(w.wires) > 0 {
			wi := w.wires[w.rng.IntN(len(w.wires))]
			for range 1 + w.rng.IntN(4) {
				if !slices.Contains(w.wires, wi) {
					break
				}
				w.deliver(wi, w.rng.IntN(2), Lane(w.rng.IntN(int(Lanes))))
			}
		}
	}
}

func (w *world) connectAny() {
	a, b := w.nodes[w.rng.IntN(len(w.nodes))], w.nodes[w.rng.IntN(len(w.nodes))]
	if a != b && a.core != nil && b.core != nil && w.between(a, b) == nil {
		w.connect(a, b)
	}
}

// heal makes everything work, and wants progress and equal states.
func (w *world) heal(t *testing.T, seed uint64) {
	for _, n := range w.nodes {
		n.frozen = 0
		if n.core == nil && !n.removed {
			w.start(n)
		}
	}
	if len(w.history) == 0 && w.stats["wipe"] > 0 {
		return
	}
	target := w.committed
	for round := range 400 {
		for _, a := range w.nodes {
			for _, b := range w.nodes {
				if a.id < b.id && a.core != nil && b.core != nil && w.between(a, b) == nil {
					w.connect(a, b)
				}
			}
		}
		w.quiesce()
		for i, n := range w.nodes {
			if n.core == nil {
				continue
			}
			if round%5 == 0 && round/5%len(w.nodes) == i {
				w.propose(n)
			}
			if n.core == nil {
				continue
			}
			n.core.Tick()
			w.take(n)
		}
		if w.committed > target+3 && w.converged() {
			return
		}
	}
	for _, n := range w.nodes {
		if n.core == nil {
			continue
		}
		t.Logf("%d: %+v", n.id, n.core.Status())
	}
	w.fail("no progress after healing")
}

// quiesce delivers and completes everything.
func (w *world) quiesce() {
	for busy, i := true, 0; busy && i < 10000; i++ {
		busy = false
		for _, n := range w.nodes {
			if n.core == nil {
				continue
			}
			busy = busy || len(n.queue)+len(n.chunks) > 0
			w.completeWrite(n, len(n.queue))
			if n.core != nil {
				w.completeChunk(n)
			}
		}
		for _, wi := range append([]*wire(nil), w.wires...) {
			wi.cut = false
			for dir := range 2 {
				for lane := range Lanes {
					for len(wi.lanes[dir][lane]) > 0 && slices.Contains(w.wires, wi) {
						busy = true
						w.deliver(wi, dir, lane)
					}
				}
			}
		}
		for _, n := range w.nodes {
			if n.core != nil {
				w.take(n)
			}
		}
	}
}

func (w *world) converged() bool {
	var first *simNode
	for _, n := range w.nodes {
		if n.core == nil || n.core.Known(n.id) == nil {
			continue
		}
		if first == nil {
			first = n
		}
		if n.applied != w.committed || n.hash != first.hash || !n.core.Status().Serving {
			return false
		}
	}
	return true
}
