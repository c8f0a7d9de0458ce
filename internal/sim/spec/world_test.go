package spec_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// world is an ensemble of real cores in one goroutine, which tells a Spec and one
// Auditor a member everything that they want to know.
type world struct {
	rng      *rand.Rand
	cfg      protocol.Config
	checkers *checkers
	nodes    []*node
	wires    []*wire
	nextLink protocol.LinkID
	now      int64
	asked    uint64
	stats    map[string]int
	err      error // the first violation

	// hear, if set, gets everything that the checkers are told. It may change it, or
	// return false to have it not told.
	hear func(e *event) bool
}

// node is a replica and its disk.
type node struct {
	id      uint64
	core    *protocol.Core // nil while down
	removed bool
	frozen  int // steps in which it gets nothing

	disk   audit.Disk // positions
	log    []entry    // contents, after the base
	snaps  map[protocol.SnapshotMeta]protocol.Base
	queue  []protocol.Write
	done   int // of queue: durable, and the core was not told yet
	chunks []protocol.StoreChunk

	applied protocol.Entry
}

type entry struct {
	raw []byte
	e   protocol.Entry
}

// wire is a link: two directions of two lanes.
type wire struct {
	id    protocol.LinkID
	ends  [2]*node
	lanes [2][protocol.Lanes][][]byte
	stall bool
}

func newWorld(seed uint64, voters, observers int, cfg protocol.Config, hear func(*event) bool) *world {
	w := &world{hear: hear, rng: rand.New(rand.NewPCG(seed, 7)), cfg: cfg, stats: map[string]int{}}
	for i := range voters + observers {
		m := protocol.Member{ID: uint64(i + 1)}
		if i >= voters {
			m.Role = protocol.Observer
		} else if w.rng.IntN(4) == 0 {
			m.Weight = uint32(1 + w.rng.IntN(3))
		}
		w.cfg.Founding = append(w.cfg.Founding, m)
	}
	w.checkers = newCheckers(w.cfg.Founding)
	for _, m := range w.cfg.Founding {
		n := &node{id: m.ID}
		w.wipe(n)
		w.nodes = append(w.nodes, n)
		w.start(n)
	}
	return w
}

func (w *world) check(err error) {
	if w.err == nil && err != nil {
		w.err = err
	}
}

// tell tells the checkers.
func (w *world) tell(e event) {
	if w.hear == nil || w.hear(&e) {
		w.check(w.checkers.tell(&e))
	}
}

// wipe makes a disk empty, under a new incarnation.
func (w *world) wipe(n *node) {
	n.disk = audit.Disk{HardState: protocol.HardState{Replica: n.id, Incarnation: w.rng.Uint64()>>8 | 1}}
	n.log, n.queue, n.done, n.chunks = nil, nil, 0, nil
	n.snaps = map[protocol.SnapshotMeta]protocol.Base{}
}

// damage loses the end of a log that no fsync may lose: the replica goes on under a
// new incarnation with what is left.
func (w *world) damage(n *node) {
	n.queue, n.done = nil, 0
	keep := n.disk.Latest.Zxid().Counter - n.disk.Base.Zxid().Counter
	if span := uint64(len(n.log)) - keep; span > 0 {
		keep += w.rng.Uint64N(span)
	}
	if keep < uint64(len(n.log)) {
		z := n.disk.Base.Zxid()
		if keep > 0 {
			z = n.log[keep-1].e.Zxid
		}
		w.write(n, &protocol.Batch{Truncate: &z})
	}
	n.disk.HardState = protocol.HardState{Replica: n.id, Incarnation: w.rng.Uint64()>>8 | 1, AcceptedEpoch: n.disk.Last.Epoch}
}

func (w *world) start(n *node) {
	w.surviveCrash(n)
	d := &n.disk
	found := d.Clone()
	w.tell(event{what: started, member: n.id, disk: &found})
	rec := protocol.NewRecovery(d.HardState, d.Base, d.Latest, d.Partial, d.Chunks)
	for _, x := range n.log {
		if err := rec.Add(x.raw); err != nil {
			panic(fmt.Sprintf("recovery of %d: %v", n.id, err))
		}
	}
	cfg := w.cfg
	cfg.ID = n.id
	core, err := protocol.New(cfg, rec)
	if err != nil {
		panic(fmt.Sprintf("start of %d: %v", n.id, err))
	}
	n.core, n.chunks = core, nil
	n.applied = protocol.Entry{Zxid: d.Latest.Zxid(), Clock: d.Latest.Clock}
	w.take(n)
}

// surviveCrash finds some of the batches that were under way on the disk, the last one
// perhaps cut, and has Survived find out which.
func (w *world) surviveCrash(n *node) {
	w.durable(n, n.done)
	under := n.queue
	n.queue, n.done = nil, 0
	if len(under) == 0 {
		return
	}
	found := n.disk.Clone()
	k := w.rng.IntN(len(under) + 1)
	var batches []protocol.Batch
	for i, x := range under {
		batches = append(batches, x.Batch)
		b := x.Batch
		if i == k-1 && len(b.Entries) > 1 && b.HardState == nil && b.Base == nil && b.Truncate == nil && w.rng.IntN(2) == 0 {
			b = protocol.Batch{Entries: b.Entries[:1]}
		}
		if i < k {
			if err := found.Write(&b); err != nil {
				panic(err)
			}
		}
	}
	before := n.disk.Clone()
	there, err := audit.Survived(&before, batches, &found)
	w.check(err)
	for i := range there {
		w.tell(event{what: durable, member: n.id, batch: &there[i]})
		w.write(n, &there[i])
	}
	if k > 0 {
		w.stats["survived"]++
	}
	if fmt.Sprint(n.disk) != fmt.Sprint(found) {
		panic(fmt.Sprintf("%+v is not %+v", n.disk, found))
	}
}

func (w *world) crash(n *node) {
	for _, x := range slices.Clone(w.wires) {
		if x.ends[0] == n || x.ends[1] == n {
			w.disconnect(x)
		}
	}
	n.core = nil
	w.tell(event{what: down, member: n.id})
}

func (w *world) between(a, b *node) bool {
	return slices.ContainsFunc(w.wires, func(x *wire) bool { return x.ends == [2]*node{a, b} || x.ends == [2]*node{b, a} })
}

func (w *world) connect(a, b *node) {
	w.nextLink++
	x := &wire{id: w.nextLink, ends: [2]*node{a, b}}
	w.wires = append(w.wires, x)
	w.tell(event{what: linkUp, member: a.id, peer: b.id, link: x.id})
	for i, n := range x.ends {
		if n.core != nil && slices.Contains(w.wires, x) {
			n.core.LinkUp(x.id, protocol.Peer{ID: x.ends[1-i].id, Incarnation: x.ends[1-i].disk.HardState.Incarnation})
			w.take(n)
		}
	}
}

func (w *world) disconnect(x *wire) {
	i := slices.Index(w.wires, x)
	if i < 0 {
		return
	}
	w.wires = slices.Delete(w.wires, i, i+1)
	w.tell(event{what: linkDown, member: x.ends[0].id, link: x.id})
	for _, n := range x.ends {
		if n.core != nil {
			n.core.LinkDown(x.id)
			w.take(n)
		}
	}
}

func (w *world) deliver(x *wire, dir int, lane protocol.Lane) {
	q := &x.lanes[dir][lane]
	if len(*q) == 0 || x.stall {
		return
	}
	from, to := x.ends[dir], x.ends[1-dir]
	if to.frozen > 0 {
		return
	}
	frame := (*q)[0]
	*q = (*q)[1:]
	w.tell(event{what: delivered, member: to.id, peer: from.id, link: x.id, frame: frame})
	if err := to.core.Receive(x.id, slices.Clone(frame)); err != nil {
		panic(fmt.Sprintf("%d refuses a frame: %v", to.id, err))
	}
	if w.rng.IntN(3) > 0 {
		w.take(to)
	}
}

// take carries out what a core wants done.
func (w *world) take(n *node) {
	n.core.SetTime(w.now, w.now)
	out := n.core.Take()
	if errors.Is(out.Halt, protocol.ErrNotMember) {
		w.stats["removed"]++
		w.crash(n)
		n.removed = true
		return
	}
	if out.Halt != nil {
		w.check(fmt.Errorf("%d halts: %w", n.id, out.Halt))
		return
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
	if out.Install != nil {
		w.tell(event{what: installed, member: n.id, base: out.Install})
		n.applied = protocol.Entry{Zxid: out.Install.Zxid(), Clock: out.Install.Clock}
	}
	w.apply(n, out.Apply.Counter)
	for _, a := range out.Reads {
		if a.Err != nil {
			w.tell(event{what: readFailed, member: n.id, n: a.ID})
		} else {
			w.tell(event{what: readAnswered, member: n.id, n: a.ID, zxid: a.Zxid})
		}
	}
	for _, c := range out.Close {
		for _, x := range slices.Clone(w.wires) {
			if x.id == c.Link {
				w.stats["closed"]++
				w.disconnect(x)
			}
		}
	}
	if n.core != nil && len(out.ReadEntries)+len(out.ReadChunks) > 0 {
		w.take(n)
	}
}

func (w *world) send(n *node, s protocol.Send) {
	for _, x := range w.wires {
		if x.id != s.Link {
			continue
		}
		dir := 0
		if x.ends[1] == n {
			dir = 1
		}
		w.tell(event{what: sent, member: n.id, peer: x.ends[1-dir].id, link: x.id, frame: s.Frame})
		x.lanes[dir][s.Lane] = append(x.lanes[dir][s.Lane], s.Frame)
	}
}

// readEntries answers from the log as it will be once everything queued is written.
func (w *world) readEntries(n *node, q protocol.ReadEntries) {
	log, base := n.log, n.disk.Base.Zxid().Counter
	d := n.disk.Clone()
	for _, x := range n.queue[n.done:] {
		log = writeLog(&d, log, &x.Batch)
		if err := d.Write(&x.Batch); err != nil {
			panic(err)
		}
		base = d.Base.Zxid().Counter
	}
	if q.After < base || q.After-base >= uint64(len(log)) {
		n.core.EntriesRead(q, nil, fmt.Errorf("no entries after %d", q.After))
		return
	}
	var raw []byte
	log = log[q.After-base:]
	for _, x := range log[:min(len(log), 1+w.rng.IntN(3))] {
		raw = append(raw, x.raw...)
	}
	n.core.EntriesRead(q, raw, nil)
}

// writeLog does to a log's contents what a storage does with a batch. d is the disk
// before it.
func writeLog(d *audit.Disk, log []entry, b *protocol.Batch) []entry {
	base := d.Base.Zxid().Counter
	if b.Base != nil {
		z := b.Base.Zxid()
		if d.Holds(z) {
			log = log[z.Counter-base:]
		} else {
			log = nil
		}
		base = z.Counter
	}
	if b.Truncate != nil {
		log = log[:b.Truncate.Counter-base]
	}
	for raw := b.Raw; len(raw) > 0; {
		e, k, err := protocol.DecodeEntry(raw)
		if err != nil {
			panic(err)
		}
		log = append(log[:len(log):len(log)], entry{raw[:k], e})
		raw = raw[k:]
	}
	return log
}

func (w *world) write(n *node, b *protocol.Batch) {
	n.log = writeLog(&n.disk, n.log, b)
	if err := n.disk.Write(b); err != nil {
		panic(err)
	}
}

// sync makes queued batches durable; the core is told later.
func (w *world) sync(n *node, count int) {
	for range min(count, len(n.queue)-n.done) {
		b := n.queue[n.done].Batch
		w.tell(event{what: durable, member: n.id, batch: &b})
		w.write(n, &b)
		n.done++
	}
}

// durable tells the core of batches that are durable.
func (w *world) durable(n *node, count int) {
	count = min(count, n.done)
	if count == 0 {
		return
	}
	seq := n.queue[count-1].Seq
	n.queue, n.done = n.queue[count:], n.done-count
	if n.core != nil {
		n.core.Durable(seq)
		w.take(n)
	}
}

func (w *world) storeChunk(n *node) {
	if len(n.chunks) == 0 {
		return
	}
	q := n.chunks[0]
	n.chunks = n.chunks[1:]
	d := &n.disk
	if d.Partial != q.Meta {
		d.Partial, d.Chunks = q.Meta, 0
	}
	d.Chunks = max(d.Chunks, q.N+1)
	w.tell(event{what: chunkDurable, member: n.id, meta: q.Meta, n: q.N})
	if q.Last {
		d.Partial, d.Chunks = protocol.SnapshotMeta{}, 0
		w.stats["received"]++
	}
	n.core.ChunkStored(q, nil)
	w.take(n)
}

func (w *world) apply(n *node, upTo uint64) {
	for base := n.disk.Base.Zxid().Counter; n.applied.Zxid.Counter < upTo && w.err == nil; {
		i := n.applied.Zxid.Counter - base
		if i >= uint64(len(n.log)) {
			w.check(fmt.Errorf("%d may apply %d and has %d to %d", n.id, upTo, base, base+uint64(len(n.log))))
			return
		}
		n.applied = n.log[i].e
		w.tell(event{what: applied, member: n.id, entry: n.applied})
	}
}

// snapshot takes a snapshot of a node's own state.
func (w *world) snapshot(n *node) {
	z := n.applied.Zxid
	if z.IsZero() {
		return
	}
	meta := protocol.SnapshotMeta{Zxid: z, Digest: z.Counter * 31, Size: int64(1 + z.Counter%7), Sum: z.Counter}
	n.core.Compacted(n.core.BaseAt(meta, n.applied.Clock))
	w.take(n)
}
