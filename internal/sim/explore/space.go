package explore

import (
	"fmt"

	"github.com/zabtree/zabtree/zab/protocol"
)

// snapshotChunks is how many chunks a snapshot has.
const snapshotChunks = 1

// space is everything that was ever seen of a configuration, each thing once: a
// state is then a row of numbers.
type space struct {
	cfg      Config
	n, lanes int
	width    int // slots of a state
	linkable []bool
	plant    plant // none before the search begins

	entries  entries
	frames   frames
	queues   queues
	facts    facts
	ghosts   ghosts
	nodes    []*node
	nodePool pool
	nodeKey  []byte
	memo     table // (node, event) -> outcomes
	outcomes []outcome

	// again, if not nil, is told of nodes that are as good as one seen before.
	again func(id uint32, n *node)

	// scratch of apply
	closing []pair
}

type pair struct{ a, b int }

// A state is a row of slots: the nodes; for each ordered pair of them and each lane
// the undelivered frames; the ghost; what is spent.
type state []uint32

func newSpace(cfg Config) *space {
	x := &space{cfg: cfg, n: cfg.nodes(), lanes: cfg.lanes(), entries: newEntries(), frames: newFrames(), queues: newQueues(),
		facts: newFacts(), ghosts: newGhosts(&cfg), nodes: make([]*node, 1), nodePool: newPool(), memo: newTable(),
		outcomes: []outcome{{}, {none: true}}}
	x.width = x.n + x.n*x.n*x.lanes + 2
	x.linkable = make([]bool, x.n*x.n)
	for i := range x.linkable {
		x.linkable[i] = true
	}
	return x
}

func (x *space) coreConfig(self int) protocol.Config {
	return protocol.Config{ID: uint64(self + 1), Founding: x.cfg.founding(), HeartbeatTicks: 1, ElectionTicks: 1, ChunkBytes: 1}
}

// queueSlot is the slot of a link's direction and lane. If there is but one lane it
// is the one for bulk.
func (x *space) queueSlot(from, to, lane int) int {
	return x.n + (from*x.n+to)*x.lanes + lane&(x.lanes-1)
}

func (x *space) ghostSlot() int { return x.width - 2 }
func (x *space) spentSlot() int { return x.width - 1 }

func (x *space) node(s state, i int) *node { return x.nodes[s[i]] }

func (x *space) addNode(n *node) uint32 {
	x.nodeKey = n.appendKey(x.nodeKey[:0], &x.entries)
	id, isNew := x.nodePool.put(x.nodeKey)
	if isNew {
		if n.gone {
			n.core = nil
		}
		x.nodes = append(x.nodes, n)
	} else if x.again != nil {
		x.again(id, n)
	}
	return id
}

// hash is that of a state's content: the sum of what its slots add.
func (x *space) hash(s state) uint64 {
	var h uint64
	for i, id := range s {
		h += x.adds(i, id)
	}
	return h
}

// rehash is the hash of a state that came out of another one.
func (x *space) rehash(h uint64, from, to state) uint64 {
	to = to[:len(from)]
	for i, id := range from {
		if to[i] != id {
			h += x.adds(i, to[i]) - x.adds(i, id)
		}
	}
	return h
}

// adds is what a slot adds to a state's hash: 64 bits of its content's SHA-256,
// mixed with its place.
func (x *space) adds(slot int, id uint32) uint64 {
	var c uint64
	switch {
	case slot < x.n:
		c = x.nodePool.hashes[id]
	case slot < x.ghostSlot():
		c = x.queues.pool.hashes[id]
	case slot == x.ghostSlot():
		c = x.ghosts.pool.hashes[id]
	default:
		c = uint64(id)
	}
	return mix(c + uint64(slot)*0xd1342543de82ef95)
}

// do lets an event happen to a node of a state: the node changes, frames are
// queued, the ghost learns. It returns false if the event is not possible.
func (x *space) do(s state, i int, e event) (bool, *violation) {
	out := x.step(s[i], e, x.fast(s))
	if out.none {
		return false, nil
	}
	if out.violation != nil {
		return true, out.violation
	}
	s[i] = out.next
	n := x.nodes[out.next]
	for _, f := range out.sends {
		if n.linked(int(f.peer)) {
			q := &s[x.queueSlot(i, int(f.peer), int(f.lane))]
			*q = x.queues.push(*q, f.frame, &x.frames)
		}
	}
	for _, p := range out.closes {
		x.closing = append(x.closing, pair{i, int(p)})
	}
	if out.facts != 0 {
		v := x.judge(s[x.ghostSlot()], out.facts)
		if v.violation != nil {
			return true, v.violation
		}
		s[x.ghostSlot()] = v.ghost
	}
	return true, nil
}

// fast says whether what is to be written is durable at once.
func (x *space) fast(s state) bool {
	used := spent(s[x.spentSlot()])
	return x.cfg.FastDisks && used.of(budgetCrashes) == x.cfg.Crashes && used.of(budgetWipes) == x.cfg.Wipes
}

// settle closes the links that cores asked to be closed.
func (x *space) settle(s state) (bool, *violation) {
	for len(x.closing) > 0 {
		p := x.closing[0]
		x.closing = x.closing[1:]
		if ok, v := x.unlink(s, p.a, p.b); !ok || v != nil {
			return ok, v
		}
	}
	return true, nil
}

// unlink breaks a link, if there is one: what is on its way is lost, both ends
// learn of it.
func (x *space) unlink(s state, a, b int) (bool, *violation) {
	for lane := range x.lanes {
		s[x.queueSlot(a, b, lane)], s[x.queueSlot(b, a, lane)] = 0, 0
	}
	for _, p := range []pair{{a, b}, {b, a}} {
		n := x.node(s, p.a)
		if n.gone || !n.linked(p.b) {
			continue
		}
		if ok, v := x.do(s, p.a, makeEvent(evLinkDown, p.b, 0, 0)); !ok || v != nil {
			return ok, v
		}
	}
	return true, nil
}

func (x *space) link(s state, a, b int) (bool, *violation) {
	wipes := [2]uint32{uint32(x.node(s, a).view.wipes), uint32(x.node(s, b).view.wipes)}
	if ok, v := x.do(s, a, makeEvent(evLinkUp, b, 0, wipes[1])); !ok || v != nil {
		return ok, v
	}
	return x.do(s, b, makeEvent(evLinkUp, a, 0, wipes[0]))
}

// first returns the state in which a search begins.
func (x *space) first() (state, *violation) {
	s := make(state, x.width)
	s[x.ghostSlot()] = firstGhost
	for i := range x.n {
		n := &node{self: i, disk: storage{hs: protocol.HardState{Replica: uint64(i + 1), Incarnation: incarnation(i, 0)}}}
		if err := x.start(n); err != nil {
			return s, &violation{StorageHolds, err.Error()}
		}
		st := &stepper{space: x, n: n}
		st.take()
		n.look(&x.entries)
		s[i] = x.addNode(n)
	}
	if v := x.linkAll(s); v != nil || x.cfg.Start == Cold {
		x.begin()
		return s, v
	}
	if v := x.run(s); v != nil {
		return s, v
	}
	if x.node(s, x.cfg.Voters-1).view.established == 0 {
		return s, &violation{NoHalt, "no leader was established to begin with"}
	}
	if v := x.restrict(s); v != nil {
		return s, v
	}
	x.begin()
	return s, nil
}

// begin forgets how the first state came about, and lets plants have their way.
func (x *space) begin() {
	x.plant, x.memo, x.outcomes = x.cfg.plant, newTable(), x.outcomes[:impossible+1]
}

// restrict goes from an established ensemble to where the configuration begins.
func (x *space) restrict(s state) *violation {
	for b := range x.n {
		for a := range b {
			x.linkable[a*x.n+b] = x.cfg.linkable(a, b)
			if x.linkable[a*x.n+b] {
				continue
			}
			if _, v := x.unlink(s, a, b); v != nil {
				return v
			}
		}
	}
	if x.cfg.Start == Restarted {
		for i := range x.n {
			if _, v := x.apply(s, action{kind: actCrash, a: i}); v != nil {
				return v
			}
		}
		if v := x.linkAll(s); v != nil {
			return v
		}
	}
	s[x.spentSlot()] = 0
	return nil
}

// linkAll connects all that can be.
func (x *space) linkAll(s state) *violation {
	for b := range x.n {
		for a := range b {
			if !x.linkable[a*x.n+b] {
				continue
			}
			if _, v := x.link(s, a, b); v != nil {
				return v
			}
		}
	}
	return nil
}

// run delivers frames and completes writes, the first possible each time, until
// there is nothing left to do.
func (x *space) run(s state) *violation {
	for range 10000 {
		i := 0
		acts := x.actions(s, nil)
		for i < len(acts) && acts[i].kind != actDeliver && acts[i].kind != actWritten && acts[i].kind != actStored {
			i++
		}
		if i == len(acts) {
			return nil
		}
		if _, v := x.apply(s, acts[i]); v != nil {
			return v
		}
	}
	return &violation{NoHalt, "the ensemble never comes to rest"}
}

func (x *space) String() string {
	return fmt.Sprintf("%d states of replicas, %d outcomes, %d frames, %d queues, %d ghosts", len(x.nodes)-1, len(x.outcomes)-2,
		len(x.frames.all)-1, len(x.queues.all)-1, len(x.ghosts.all)-1)
}
