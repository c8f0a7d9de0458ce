package protocol

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// world is a whole ensemble of cores in one goroutine, driven by one seed: its
// network, its disks, and the checks that hold after every step.
type world struct {
	rng      *rand.Rand
	cfg      Config
	nodes    []*simNode
	wires    []*wire
	nextLink LinkID
	now      int64

	// What is true of the whole ensemble, for ever.
	history   []Entry           // applied anywhere, by counter-1
	leaders   map[uint32]uint64 // who was established in an epoch
	decided   map[uint64]bool   // requests: true applied, false certainly not
	committed uint64            // the highest counter applied anywhere
	reads     map[uint64]uint64 // read ID -> committed when it was asked for
	asked     uint64
	stats     map[string]int
}

// simNode is a replica: its core and its disk.
type simNode struct {
	id      uint64
	core    *Core // nil while down
	frozen  int   // steps for which it gets no tick and no frame
	removed bool  // told that it is no member any more
	disk    simDisk
	queue   []Write // not yet durable
	chunks  []StoreChunk
	// The state machine.
	applied uint64
	hash    uint64
	pending map[uint64]bool // requests handed to the core and not resolved
	barrier []simBarrier
}

type simBarrier struct {
	counter  uint64
	requests []uint64
}

// simDisk is what survives a crash.
type simDisk struct {
	hs           HardState
	base, latest Base
	raws         [][]byte
	snapshots    map[SnapshotMeta]simSnapshot
	partial      SnapshotMeta
	partialN     uint64
}

type simSnapshot struct{ applied, hash uint64 }

// wire is a link between two nodes: two lanes each way.
type wire struct {
	id    LinkID
	a, b  *simNode
	lanes [2][Lanes][][]byte // direction, lane
	cut   bool               // frames stall
}

func newWorld(seed uint64, voters, observers int, cfg Config) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), cfg: cfg, leaders: map[uint32]uint64{},
		decided: map[uint64]bool{}, reads: map[uint64]uint64{}, stats: map[string]int{}}
	for i := range voters + observers {
		m := Member{ID: uint64(i + 1)}
		if i >= voters {
			m.Role = Observer
		}
		w.cfg.Founding = append(w.cfg.Founding, m)
	}
	for i := range voters + observers {
		n := &simNode{id: uint64(i + 1)}
		w.wipe(n)
		w.nodes = append(w.nodes, n)
		w.start(n)
	}
	return w
}

// wipe makes a node's disk empty, with a new incarnation.
func (w *world) wipe(n *simNode) {
	n.disk = simDisk{hs: HardState{Replica: n.id, Incarnation: w.rng.Uint64() | 1}, snapshots: map[SnapshotMeta]simSnapshot{}}
}

func (w *world) start(n *simNode) {
	d := &n.disk
	rec := NewRecovery(d.hs, d.base, d.latest, d.partial, d.partialN)
	for _, raw := range d.raws {
		if err := rec.Add(raw); err != nil {
			w.fail("recovery of %d: %v", n.id, err)
		}
	}
	cfg := w.cfg
	cfg.ID = n.id
	n.removed = false
	core, err := New(cfg, rec)
	if err != nil {
		w.fail("start of %d: %v", n.id, err)
	}
	n.core, n.queue, n.chunks, n.pending, n.barrier = core, nil, nil, map[uint64]bool{}, nil
	s := d.snapshots[d.latest.Snapshot]
	n.applied, n.hash = s.applied, s.hash
	w.take(n)
}

func (w *world) crash(n *simNode) {
	for _, wi := range slices.Clone(w.wires) {
		if wi.a == n || wi.b == n {
			w.disconnect(wi)
		}
	}
	n.core = nil
}

func (w *world) connect(a, b *simNode) {
	w.nextLink++
	wi := &wire{id: w.nextLink, a: a, b: b}
	w.wires = append(w.wires, wi)
	a.core.LinkUp(wi.id, Peer{b.id, b.disk.hs.Incarnation})
	w.take(a)
	if a.core == nil || b.core == nil {
		return
	}
	b.core.LinkUp(wi.id, Peer{a.id, a.disk.hs.Incarnation})
	w.take(b)
}

func (w *world) disconnect(wi *wire) {
	i := slices.Index(w.wires, wi)
	if i < 0 {
		return
	}
	w.wires = slices.Delete(w.wires, i, i+1)
	for _, n := range []*simNode{wi.a, wi.b} {
		if n.core != nil {
			n.core.LinkDown(wi.id)
			w.take(n)
		}
	}
}

func (w *world) between(a, b *simNode) *wire {
	for _, wi := range w.wires {
		if wi.a == a && wi.b == b || wi.a == b && wi.b == a {
			return wi
		}
	}
	return nil
}

// deliver hands over the first frame of one lane in one direction.
func (w *world) deliver(wi *wire, dir int, lane Lane) {
	q := &wi.lanes[dir][lane]
	if len(*q) == 0 || wi.cut {
		return
	}
	to := wi.b
	if dir == 1 {
		to = wi.a
	}
	if to.frozen > 0 {
		return
	}
	frame := (*q)[0]
	*q = (*q)[1:]
	w.trace("%d gets %s on %d lane %d role %d last %v", to.id, frameName(frame), wi.id, lane, to.core.role, to.core.log.last)
	if err := to.core.Receive(wi.id, slices.Clone(frame)); err != nil {
		w.fail("%d refuses a frame: %v", to.id, err)
	}
	if w.rng.IntN(3) > 0 { // sometimes several events share a Take
		w.take(to)
	}
}

// take carries out what a core wants done.
func (w *world) take(n *simNode) {
	n.core.SetTime(w.now, w.now)
	out := n.core.Take()
	if errors.Is(out.Halt, ErrNotMember) {
		w.stats["removed"]++
		w.crash(n)
		n.removed = true
		return
	}
	if out.Halt != nil {
		w.fail("%d halts: %v", n.id, out.Halt)
	}
	n.queue = append(n.queue, out.Writes...)
	for _, s := range out.Sends {
		w.send(n, s)
	}
	for _, q := range out.ReadEntries {
		w.readEntries(n, q)
	}
	for _, q := range out.ReadChunks {
		n.core.ChunkRead(q, []byte{byte(q.N)}, nil)
	}
	n.chunks = append(n.chunks, out.StoreChunks...)
	if out.Barrier != 0 {
		n.barrier = []simBarrier{{out.Barrier, sortedKeys(n.pending)}}
	}
	if out.Install != nil {
		w.install(n, out.Install)
	}
	w.apply(n, out.Apply.Counter)
	for _, r := range out.Refused {
		w.resolve(n, r.Request, false)
	}
	for _, a := range out.Reads {
		w.checkRead(n, a)
	}
	for _, c := range out.Close {
		if n.core == nil {
			break
		}
		for _, wi := range slices.Clone(w.wires) {
			if wi.id == c.Link {
				w.stats["closed"]++
				w.disconnect(wi)
			}
		}
	}
	if n.core != nil && len(out.ReadEntries)+len(out.ReadChunks) > 0 {
		w.take(n)
	}
	if n.core == nil {
		return
	}
	w.checkLeader(n)
}

func (w *world) send(n *simNode, s Send) {
	for _, wi := range w.wires {
		if wi.id == s.Link {
			dir := 0
			if wi.b == n {
				dir = 1
			}
			wi.lanes[dir][s.Lane] = append(wi.lanes[dir][s.Lane], s.Frame)
		}
	}
}

// readEntries answers from the durable log and what is queued behind it.
func (w *world) readEntries(n *simNode, q ReadEntries) {
	raws := slices.Clone(n.disk.raws)
	d := n.disk
	for _, wr := range n.queue {
		d, raws = applyBatch(d, raws, wr.Batch)
	}
	i := int(q.After - d.base.Zxid().Counter)
	if q.After < d.base.Zxid().Counter || i >= len(raws) {
		n.core.EntriesRead(q, nil, fmt.Errorf("no entries after %d", q.After))
		return
	}
	var raw []byte
	for _, r := range raws[i:min(len(raws), i+1+w.rng.IntN(3))] {
		raw = append(raw, r...)
	}
	n.core.EntriesRead(q, raw, nil)
}

// applyBatch is what a storage does with a batch.
func applyBatch(d simDisk, raws [][]byte, b Batch) (simDisk, [][]byte) {
	if b.HardState != nil {
		d.hs = *b.HardState
	}
	if b.Base != nil {
		first := d.base.Zxid().Counter
		z := b.Base.Zxid()
		i := int(z.Counter - first)
		if z.Counter >= first && i <= len(raws) && i > 0 && zxidOf(raws[i-1]) == z {
			raws = raws[i:]
		} else if z != d.base.Zxid() {
			raws = nil
		}
		d.base = *b.Base
	}
	if b.Latest != nil {
		d.latest = *b.Latest
	}
	if b.Truncate != nil {
		raws = raws[:b.Truncate.Counter-d.base.Zxid().Counter]
	}
	raw := b.Raw
	for len(raw) > 0 {
		_, k, err := DecodeEntry(raw)
		if err != nil {
			panic(err)
		}
		raws = append(raws[:len(raws):len(raws)], raw[:k])
		raw = raw[k:]
	}
	return d, raws
}

func zxidOf(raw []byte) Zxid {
	e, _, err := DecodeEntry(raw)
	if err != nil {
		panic(err)
	}
	return e.Zxid
}

// completeWrite makes the first queued writes durable.
func (w *world) completeWrite(n *simNode, count int) {
	count = min(count, len(n.queue))
	if count == 0 {
		return
	}
	for _, wr := range n.queue[:count] {
		n.disk, n.disk.raws = applyBatch(n.disk, n.disk.raws, wr.Batch)
	}
	seq := n.queue[count-1].Seq
	n.queue = n.queue[count:]
	n.core.Durable(seq)
	w.take(n)
}

func (w *world) completeChunk(n *simNode) {
	if len(n.chunks) == 0 {
		return
	}
	q := n.chunks[0]
	n.chunks = n.chunks[1:]
	d := &n.disk
	if d.partial != q.Meta {
		d.partial, d.partialN = q.Meta, 0
	}
	d.partialN = max(d.partialN, q.N+1)
	if q.Last {
		d.partial, d.partialN = SnapshotMeta{}, 0
		d.snapshots[q.Meta] = simSnapshot{q.Meta.Zxid.Counter, q.Meta.Digest}
		w.stats["snapshot received"]++
	}
	n.core.ChunkStored(q, nil)
	w.take(n)
}

func (w *world) install(n *simNode, b *Base) {
	s := n.disk.snapshots[b.Snapshot]
	if s.applied <= n.applied {
		w.fail("%d installs snapshot of %d behind %d", n.id, s.applied, n.applied)
	}
	n.applied, n.hash = s.applied, s.hash
	n.pending, n.barrier = map[uint64]bool{}, nil // outcome unknown
}

// snapshot takes a snapshot of a node's own state.
func (w *world) snapshot(n *simNode) {
	if n.applied == 0 {
		return
	}
	e := w.history[n.applied-1]
	meta := SnapshotMeta{Zxid: e.Zxid, Digest: n.hash, Size: int64(1 + n.applied%7), Sum: n.applied}
	n.disk.snapshots[meta] = simSnapshot{n.applied, n.hash}
	n.core.Compacted(n.core.BaseAt(meta, e.Clock))
	w.take(n)
}

// apply applies what may be applied, and compares with what everybody else did.
func (w *world) apply(n *simNode, upTo uint64) {
	if upTo <= n.applied {
		return
	}
	base := n.disk.base.Zxid().Counter
	for n.applied < upTo {
		i := int(n.applied - base)
		if i < 0 || i >= len(n.disk.raws) {
			w.fail("%d may apply %d, but has %d to %d durable", n.id, upTo, base, int(base)+len(n.disk.raws))
		}
		e, _, _ := DecodeEntry(n.disk.raws[i])
		n.applied++
		if uint64(len(w.history)) < n.applied {
			w.history = append(w.history, e)
			w.committed = n.applied
		} else if h := w.history[n.applied-1]; h.Zxid != e.Zxid || string(h.Data) != string(e.Data) {
			w.fail("%d applies %v %q where %v %q was applied", n.id, e.Zxid, e.Data, h.Zxid, h.Data)
		}
		h := fnv.New64a()
		fmt.Fprint(h, n.hash, e.Zxid, e.Data)
		n.hash = h.Sum64()
		if e.Kind == KindMembership {
			w.stats["change applied"]++
		}
		if e.Kind != KindOpen && e.Request != 0 {
			if done, ok := w.decided[e.Request]; ok && !done {
				w.fail("%d applies %d, which was certainly not to be", n.id, e.Request)
			}
			if e.Origin == n.id {
				w.resolve(n, e.Request, true)
			}
		}
		w.passBarriers(n)
	}
}

func (w *world) passBarriers(n *simNode) {
	for len(n.barrier) > 0 && n.barrier[0].counter <= n.applied {
		for _, q := range n.barrier[0].requests {
			if n.pending[q] {
				w.stats["barred"]++
				w.resolve(n, q, false)
			}
		}
		n.barrier = n.barrier[1:]
	}
}

func (w *world) resolve(n *simNode, request uint64, applied bool) {
	delete(n.pending, request)
	if was, ok := w.decided[request]; ok && was != applied {
		w.fail("request %d: %v and %v", request, was, applied)
	}
	if !applied {
		for _, e := range w.history {
			if e.Kind != KindOpen && e.Request == request {
				w.fail("request %d is refused, but in the log at %v", request, e.Zxid)
			}
		}
	}
	w.decided[request] = applied
	w.stats[fmt.Sprintf("resolved %v", applied)]++
}

func (w *world) propose(n *simNode) {
	var ps []Proposal
	for range 1 + w.rng.IntN(3) {
		w.asked++
		ps = append(ps, Proposal{Request: w.asked, Data: []byte{byte(w.asked)}})
	}
	if _, err := n.core.Propose(ps); err == nil {
		for _, p := range ps {
			n.pending[p.Request] = true
		}
	}
	w.take(n)
}

// reconfigure proposes a random small change of the membership.
func (w *world) reconfigure(n *simNode) {
	conf := n.core.Status().Config
	if !conf.Founded() {
		return
	}
	next := conf.Current.Clone()
	x := w.nodes[w.rng.IntN(len(w.nodes))]
	i := slices.IndexFunc(next, func(m Member) bool { return m.ID == x.id })
	switch {
	case i < 0:
		next = append(next, Member{ID: x.id, Incarnation: x.disk.hs.Incarnation, Role: Observer})
		slices.SortFunc(next, func(a, b Member) int { return int(a.ID) - int(b.ID) })
	case w.rng.IntN(3) > 0 && next[i].Role == Voter:
		next[i].Role = Observer
	case next[i].Role == Observer:
		next[i].Role, next[i].Weight = Voter, uint32(w.rng.IntN(3))
	default:
		next = slices.Delete(next, i, i+1)
	}
	w.asked++
	if _, err := n.core.Reconfigure(w.asked, conf.Version, next); err == nil {
		n.pending[w.asked] = true
		w.stats["change proposed"]++
	}
	w.take(n)
}

func (w *world) read(n *simNode) {
	w.asked++
	w.reads[w.asked] = w.committed
	n.core.ReadPoint(w.asked)
	w.take(n)
}

func (w *world) checkRead(n *simNode, a ReadAnswer) {
	if a.Err == nil {
		w.stats["read"]++
		if a.Zxid.Counter < w.reads[a.ID] {
			w.fail("%d may read at %v, but %d was applied before it asked", n.id, a.Zxid, w.reads[a.ID])
		}
	}
}

// checkLeader checks that an epoch has one established leader.
func (w *world) checkLeader(n *simNode) {
	c := n.core
	if c.role != roleLeading || c.leading.phase != Broadcasting {
		return
	}
	if was, ok := w.leaders[c.epoch]; ok && was != n.id {
		w.fail("%d and %d lead epoch %d", was, n.id, c.epoch)
	}
	if w.leaders[c.epoch] == 0 {
		w.stats["leader"]++
	}
	w.leaders[c.epoch] = n.id
}

func (w *world) trace(format string, args ...any) {
	if *traceFlag {
		fmt.Printf(format+"\n", args...)
	}
}

// frameName describes a frame.
func frameName(f []byte) string {
	r := codec.NewReader(f)
	switch k := kind(r.Uint8()); k {
	case kindLook:
		return fmt.Sprintf("look%+v", readLook(&r))
	case kindLead:
		return fmt.Sprintf("lead%+v", readLead(&r))
	case kindJoin:
		return fmt.Sprintf("join%+v", readJoin(&r))
	case kindSync:
		return fmt.Sprintf("sync%+v", readSync(&r))
	case kindSnap:
		return fmt.Sprintf("snap%+v", readSnap(&r))
	case kindEntries:
		h := readEntriesHeader(&r)
		es, _ := DecodeEntries(nil, r.Rest())
		s := ""
		for _, e := range es {
			s += " " + e.Zxid.String()
		}
		return fmt.Sprintf("entries%+v%s", h, s)
	case kindAck:
		return fmt.Sprintf("ack%+v", readAck(&r))
	default:
		return fmt.Sprintf("kind %d", k)
	}
}

type simFailure string

func (w *world) fail(format string, args ...any) { panic(simFailure(fmt.Sprintf(format, args...))) }

func sortedKeys(m map[uint64]bool) []uint64 {
	ks := make([]uint64, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
