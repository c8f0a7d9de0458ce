package spec_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/zab/protocol"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run only this seed of TestRealCores")
	seedsFlag = flag.Int("seeds", 300, "how many seeds TestRealCores runs")
	stepsFlag = flag.Int("steps", 3000, "how many steps a seed of TestRealCores has")
)

// TestRealCores runs ensembles of real cores through random faults: neither the Spec
// nor an Auditor finds anything.
func TestRealCores(t *testing.T) {
	first, n := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	} else if testing.Short() {
		n = 50
	}
	total := map[string]int{}
	for seed := first; seed < first+uint64(n); seed++ {
		w := randomWorld(seed)
		w.run(*stepsFlag)
		require.NoError(t, w.err, "seed %d", seed)
		w.count(total)
	}
	t.Log(total)
	if n >= 50 { // a run that saw too little proves nothing
		for k, least := range map[string]int{"opened": n, "committed": 10 * n, "applied": 20 * n, "changes": n / 20, "reads": n,
			"incarnations": n / 30, "truncations": n / 20, "bases": n, "received": n / 20, "survived": n / 10} {
			require.GreaterOrEqual(t, total[k], least, k)
		}
	}
}

func (w *world) count(total map[string]int) {
	s := w.checkers.spec.Stats()
	for k, v := range map[string]int{"opened": s.Opened, "committed": s.Committed, "changes": s.Changes, "applied": s.Applied,
		"promises": s.Promises, "acks": s.Acks, "truncations": s.Truncations, "bases": s.Bases, "reads": s.Reads,
		"restarts": s.Restarts, "incarnations": s.Incarnations - len(w.nodes)} {
		total[k] += v
	}
	for _, a := range w.checkers.audits {
		total["early nacks"] += a.Hints().Nacks
		total["early pongs"] += a.Hints().Pongs
	}
	for k, v := range w.stats {
		total[k] += v
	}
}

// randomWorld is an ensemble whose size, limits and faults are drawn from a seed.
func randomWorld(seed uint64) *faulty {
	rng := rand.New(rand.NewPCG(seed, 8))
	voters := []int{1, 2, 3, 3, 3, 5}[rng.IntN(6)]
	w := newWorld(seed, voters, rng.IntN(2), protocol.Config{ElectionTicks: 5, HeartbeatTicks: 1,
		MaxInflightBytes: 40 + rng.IntN(400), TailBytes: 60 + rng.IntN(300), ChunkBytes: 1 + rng.IntN(4), MaxBatchBytes: 60 + rng.IntN(200),
		GatherBytes: []int{1, 1, 200, 0}[seed%4]}, nil)
	f := &faulty{world: w, crash: rng.IntN(5) * 3, cut: rng.IntN(6), stall: rng.IntN(4), snapshot: rng.IntN(6), tick: 1 + rng.IntN(40),
		disk: 2 + rng.IntN(80), handover: rng.IntN(3), change: max(0, rng.IntN(8)-4), freeze: max(0, rng.IntN(6)-3)}
	if voters >= 3 && rng.IntN(3) == 0 {
		// One that is wiped before the ensemble is founded may be its end.
		f.wipes, f.wipeEarly = 1+voters/5, rng.IntN(4) == 0
	}
	return f
}

// faulty is a world with rates of faults, in relation to each other and to deliveries.
type faulty struct {
	*world
	crash, cut, stall, snapshot, tick, disk, handover, change, freeze int
	wipes                                                             int // how many may yet happen
	wipeEarly                                                         bool
}

func (f *faulty) run(steps int) {
	for i := 0; i < steps && f.err == nil; i++ {
		f.step()
	}
}

func (f *faulty) step() {
	n := f.nodes[f.rng.IntN(len(f.nodes))]
	f.now += int64(f.rng.IntN(1000))
	switch {
	case n.core == nil:
		if !n.removed && f.rng.IntN(30) == 0 {
			f.start(n)
		}
	case n.frozen > 0:
		if n.frozen--; f.rng.IntN(4) == 0 {
			f.read(n)
		}
	default:
		f.act(n)
	}
}

func (f *faulty) act(n *node) {
	r := f.rng.IntN(420)
	hit := func(rate int) bool { r -= rate; return r < 0 && r >= -rate }
	switch {
	case hit(f.crash):
		if f.rng.IntN(5) == 0 {
			f.crashOrWipe(n)
		}
	case hit(f.cut):
		if x := f.anyWire(); x != nil {
			f.disconnect(x)
		}
	case hit(f.stall):
		if x := f.anyWire(); x != nil {
			x.stall = !x.stall
		}
	case hit(f.freeze):
		if n.core.Status().Leader == n.id {
			n.frozen = 50 + f.rng.IntN(300)
		}
	case hit(f.snapshot):
		f.world.snapshot(n)
	case hit(f.handover):
		if f.rng.IntN(4) == 0 && n.core.Handover(0) == nil {
			f.stats["handover"]++
		}
		f.take(n)
	case hit(f.change):
		f.reconfigure(n)
	case hit(f.tick):
		n.core.Tick()
		f.take(n)
	case hit(f.disk):
		f.writeSome(n)
	case hit(20):
		f.connectAny()
	case hit(25):
		f.propose(n)
	case hit(6):
		f.read(n)
	default:
		f.deliverSome()
	}
}

func (f *faulty) crashOrWipe(n *node) {
	f.world.crash(n)
	f.stats["crash"]++
	early := f.checkers.spec.Committed().IsZero() && !f.wipeEarly
	if f.wipes == 0 || early || f.rng.IntN(2) > 0 {
		return
	}
	f.wipes--
	if f.rng.IntN(2) == 0 {
		f.wipe(n)
		f.stats["wiped"]++
	} else {
		f.damage(n)
		f.stats["damaged"]++
	}
}

func (f *faulty) writeSome(n *node) {
	f.sync(n, 1+f.rng.IntN(4))
	if f.rng.IntN(2) > 0 {
		f.durable(n, 1+f.rng.IntN(4))
	}
	if n.core != nil {
		f.storeChunk(n)
	}
}

func (f *faulty) anyWire() *wire {
	if len(f.wires) == 0 {
		return nil
	}
	return f.wires[f.rng.IntN(len(f.wires))]
}

func (f *faulty) deliverSome() {
	x := f.anyWire()
	for range 1 + f.rng.IntN(4) {
		if x != nil && slices.Contains(f.wires, x) {
			f.deliver(x, f.rng.IntN(2), protocol.Lane(f.rng.IntN(int(protocol.Lanes))))
		}
	}
}

func (f *faulty) connectAny() {
	a, b := f.nodes[f.rng.IntN(len(f.nodes))], f.nodes[f.rng.IntN(len(f.nodes))]
	if a != b && a.core != nil && b.core != nil && !f.between(a, b) {
		f.connect(a, b)
	}
}

func (f *faulty) propose(n *node) {
	var ps []protocol.Proposal
	for range 1 + f.rng.IntN(3) {
		f.asked++
		ps = append(ps, protocol.Proposal{Request: f.asked, Data: []byte{byte(f.asked)}})
	}
	if _, err := n.core.Propose(ps); err == nil {
		f.stats["proposed"] += len(ps)
	}
	f.take(n)
}

func (f *faulty) read(n *node) {
	f.asked++
	f.tell(event{what: readAsked, member: n.id, n: f.asked})
	n.core.ReadPoint(f.asked)
	f.take(n)
}

// reconfigure proposes a random small change of the membership.
func (f *faulty) reconfigure(n *node) {
	conf := n.core.Status().Config
	if !conf.Founded() {
		return
	}
	next := conf.Current.Clone()
	x := f.nodes[f.rng.IntN(len(f.nodes))]
	i := slices.IndexFunc(next, func(m protocol.Member) bool { return m.ID == x.id })
	switch {
	case i < 0:
		next = append(next, protocol.Member{ID: x.id, Incarnation: x.disk.HardState.Incarnation, Role: protocol.Observer})
		slices.SortFunc(next, func(a, b protocol.Member) int { return int(a.ID) - int(b.ID) })
	case next[i].Role == protocol.Observer:
		next[i].Role, next[i].Weight = protocol.Voter, uint32(f.rng.IntN(3))
	case f.rng.IntN(3) > 0:
		next[i].Role = protocol.Observer
	default:
		next = slices.Delete(next, i, i+1)
	}
	f.asked++
	if _, err := n.core.Reconfigure(f.asked, conf.Version, next); err == nil {
		f.stats["change proposed"]++
	}
	f.take(n)
}
