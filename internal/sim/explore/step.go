package explore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// outcome is all that an event does: the node after it, what is sent, and what it
// says of the ensemble.
type outcome struct {
	next   uint32
	sends  []send
	closes []uint8 // peers whose links are to be closed
	facts  uint32
	// none says that the event is not possible or does nothing.
	none      bool
	violation *violation
}

type send struct {
	peer, lane uint8
	frame      uint32
}

// stepper works out one event.
type stepper struct {
	*space
	n    *node
	out  outcome
	fact fact
	more bool // the core was told something more and has an answer to it
}

// step returns the outcome of an event, from memory if it happened before: that is
// sound because a node does the same, for ever, given the same event.
func (x *space) step(id uint32, e event, fast bool) *outcome {
	key := uint64(id)<<32 | uint64(e) + 1
	if fast {
		key |= 1 << 63
	}
	if at := x.memo.slot(key); at.value != 0 {
		return &x.outcomes[at.value]
	}
	out := x.work(x.nodes[id], e, fast)
	i := uint32(impossible)
	if !out.none {
		i = uint32(len(x.outcomes))
		x.outcomes = append(x.outcomes, out)
	}
	x.memo.slot(key).value = i // work may have moved it
	return &x.outcomes[i]
}

// impossible is the place of the outcome of all events that are not possible.
const impossible = 1

// work finds an outcome by stepping a copy of the node. With a fast disk what is to
// be written is durable at once.
func (x *space) work(before *node, e event, fast bool) outcome {
	s := &stepper{space: x, n: before.clone()}
	s.fact.self = before.self
	if !s.do(e) {
		return outcome{none: true}
	}
	s.take()
	for fast && s.out.violation == nil && len(s.n.queue)+len(s.n.stores) > 0 {
		if len(s.n.queue) > 0 {
			s.written()
		} else {
			s.stored()
		}
		s.take()
	}
	s.conclude(before, e)
	if s.out.violation == nil && s.n.view.epoch > x.cfg.MaxEpoch {
		return outcome{none: true}
	}
	s.out.next = x.addNode(s.n)
	s.out.facts = x.facts.intern(&s.fact)
	return s.out
}

// do lets the core know of an event. It returns false if that cannot be now.
func (s *stepper) do(e event) bool {
	n, c := s.n, s.n.core
	switch e.kind() {
	case evReceive:
		s.receive(e)
	case evLinkUp:
		n.links |= 1 << e.peer()
		c.LinkUp(linkID(n.self, e.peer()), protocol.Peer{ID: uint64(e.peer() + 1), Incarnation: incarnation(e.peer(), uint64(e.arg()))})
	case evLinkDown:
		n.links &^= 1 << e.peer()
		c.LinkDown(linkID(n.self, e.peer()))
	case evWritten:
		s.written()
	case evStored:
		s.stored()
	case evTick:
		c.Tick()
		c.HearAll()
	case evTimeout:
		return s.timeout()
	case evPropose:
		_, err := c.Propose([]protocol.Proposal{{Request: uint64(e.arg()), Data: []byte{byte(e.arg())}}})
		return err == nil
	case evRead:
		c.ReadPoint(uint64(e.arg()))
	case evChange:
		return s.change(int(e.arg()))
	case evSnapshot:
		return s.snapshot()
	case evHandover:
		return c.Handover(uint64(e.peer()+1)) == nil
	case evCrash, evWipe:
		s.crash(e.kind() == evWipe)
	}
	return true
}

func (s *stepper) receive(e event) {
	f := s.frames.at(e.arg()).bytes
	if err := s.n.core.Receive(linkID(s.n.self, e.peer()), slices.Clone(f)); err != nil {
		s.violate(NoBadFrames, "replica %d refuses a frame of %d: %v", s.n.self+1, e.peer()+1, err)
	}
}

func (s *stepper) written() {
	n := s.n
	w := n.queue[0]
	n.queue = n.queue[1:]
	var err error
	if n.disk, err = n.disk.apply(&s.entries, &w.Batch, &s.plant); err != nil {
		s.violate(StorageHolds, "replica %d: %v", n.self+1, err)
		return
	}
	n.core.Durable(w.Seq)
}

// stored makes a chunk of a snapshot durable.
func (s *stepper) stored() {
	n := s.n
	q := n.stores[0]
	n.stores = n.stores[1:]
	for _, d := range []*storage{&n.disk, &n.memory} {
		if d.partial != q.Meta {
			d.partial, d.chunks = q.Meta, 0
		}
		d.chunks = max(d.chunks, q.N+1)
		if q.Last {
			d.partial, d.chunks = protocol.SnapshotMeta{}, 0
			d.addSnapshot(q.Meta)
		}
	}
	n.core.ChunkStored(q, nil)
}

func (s *storage) addSnapshot(m protocol.SnapshotMeta) {
	if !slices.Contains(s.snapshots, m) {
		s.snapshots = append(slices.Clone(s.snapshots), m)
		slices.SortFunc(s.snapshots, func(a, b protocol.SnapshotMeta) int { return a.Zxid.Compare(b.Zxid) })
	}
}

// timeout lets so many ticks pass in silence that the core's patience ends.
func (s *stepper) timeout() bool {
	n := s.n
	if n.view.phase == protocol.Looking && len(n.queue) > 0 {
		return false // nothing is said before the disk is done
	}
	n.core.Tick()
	if n.view.leads || n.view.follows {
		n.core.Tick()
	}
	n.core.HearAll()
	return true
}

func (s *stepper) change(i int) bool {
	conf := s.n.core.Status().Config
	if !conf.Founded() || i >= len(s.cfg.Changes) {
		return false
	}
	var next protocol.Membership
	add := func(ids []uint64, role protocol.Role) {
		for _, id := range ids {
			m := protocol.Member{ID: id, Incarnation: incarnation(int(id-1), 0), Role: role}
			if old := conf.Current.Find(id); old != nil {
				m.Incarnation = old.Incarnation
			}
			next = append(next, m)
		}
	}
	add(s.cfg.Changes[i].Voters, protocol.Voter)
	add(s.cfg.Changes[i].Observers, protocol.Observer)
	slices.SortFunc(next, func(a, b protocol.Member) int { return int(a.ID) - int(b.ID) })
	_, err := s.n.core.Reconfigure(changeRequest(i), conf.Version, next)
	return err == nil
}

// changeRequest is the number of the request for a change, above those of writes.
func changeRequest(i int) uint64 { return uint64(maxBudget + 1 + i) }

// snapshot makes the state the latest snapshot: its file is whole already, the
// record in the log is written like everything else.
func (s *stepper) snapshot() bool {
	n := s.n
	p, ok := n.memory.prefix(n.applied)
	if !ok || n.applied == 0 || n.applied <= n.memory.latest.Zxid().Counter || len(p.log) == 0 {
		return false
	}
	last := s.entries.at(p.log[len(p.log)-1])
	meta := protocol.SnapshotMeta{Zxid: last.zxid, Digest: s.entries.digest(p.digest, p.log), Size: snapshotChunks, Sum: n.applied}
	n.disk.addSnapshot(meta)
	n.memory.addSnapshot(meta)
	n.core.Compacted(n.core.BaseAt(meta, 0))
	return true
}

// crash loses what is not durable, and starts the replica again.
func (s *stepper) crash(wipe bool) {
	n := s.n
	old := n.disk.hs
	if wipe {
		inc := incarnation(n.self, n.view.wipes+1)
		if s.plant.sameIncarnation {
			inc = old.Incarnation
		}
		n.disk = storage{hs: protocol.HardState{Replica: old.Replica, Incarnation: inc}}
	}
	if f := s.plant.restart; f != nil {
		f(&n.disk, &s.entries)
	}
	if err := s.start(n); err != nil {
		s.violate(StorageHolds, "replica %d does not start: %v", n.self+1, err)
	}
}

// start makes a core out of what is on the disk.
func (x *space) start(n *node) error {
	n.queue, n.stores, n.links = nil, nil, 0
	n.memory = n.disk
	rec, err := n.disk.recovery(&x.entries)
	if err != nil {
		return err
	}
	n.applied = n.disk.latest.Zxid().Counter
	n.core, err = protocol.New(x.coreConfig(n.self), rec)
	return err
}

// take carries out what the core wants done, readings at once.
func (s *stepper) take() {
	for again := true; again && s.out.violation == nil && !s.n.gone; {
		out := s.n.core.Take()
		s.more = len(out.ReadEntries)+len(out.ReadChunks) > 0
		s.carryOut(&out)
		again = s.more
	}
}

func (s *stepper) carryOut(out *protocol.Output) {
	n := s.n
	if errors.Is(out.Halt, protocol.ErrNotMember) {
		s.leave()
		return
	}
	if out.Halt != nil {
		s.violate(NoHalt, "replica %d halts: %v", n.self+1, out.Halt)
		return
	}
	for i := range out.Writes {
		s.write(&out.Writes[i])
	}
	for i := range out.Sends {
		s.send(&out.Sends[i])
	}
	for _, q := range out.ReadEntries {
		s.readEntries(q)
	}
	for _, q := range out.ReadChunks {
		n.core.ChunkRead(q, []byte{byte(q.N)}, nil)
	}
	n.stores = append(n.stores, out.StoreChunks...)
	if out.Install != nil {
		s.install(out.Install)
	}
	s.apply(out.Apply.Counter)
	for _, r := range out.Refused {
		s.fact.refused |= 1 << r.Request
	}
	for _, a := range out.Reads {
		s.fact.reads = append(s.fact.reads, readFact{id: uint8(a.ID), failed: a.Err != nil, at: a.Zxid.Counter})
	}
	for _, c := range out.Close {
		s.out.closes = append(s.out.closes, uint8(n.peerOf(c.Link)))
	}
}

// leave ends a replica that is no member any more.
func (s *stepper) leave() {
	n := s.n
	for p := range s.cfg.nodes() {
		if n.linked(p) {
			s.out.closes = append(s.out.closes, uint8(p))
		}
	}
	n.gone, n.queue, n.stores = true, nil, nil
}

func (s *stepper) write(w *protocol.Write) {
	n := s.n
	var err error
	if n.memory, err = n.memory.apply(&s.entries, &w.Batch, &plant{}); err != nil {
		s.violate(StorageHolds, "replica %d: %v", n.self+1, err)
		return
	}
	n.queue = append(n.queue, *w)
	if f := s.plant.durableEarly; f != nil && f(n, w) {
		n.core.Durable(w.Seq)
		s.more = true
	}
}

// send notes a frame that is sent, and holds what it claims against the disk.
// Heartbeats are left out where no read is ever asked: they mean nothing then.
func (s *stepper) send(o *protocol.Send) {
	b := o.Frame
	if f := s.plant.rewrite; f != nil {
		b = f(slices.Clone(b))
	}
	id, err := s.frames.intern(b)
	if err != nil {
		s.violate(NoBadFrames, "replica %d sends a frame that cannot be read: %v", s.n.self+1, err)
		return
	}
	f := s.frames.at(id)
	if f.claims.Heartbeat && s.cfg.Reads == 0 {
		return
	}
	s.audit(f)
	s.out.sends = append(s.out.sends, send{uint8(s.n.peerOf(o.Link)), uint8(o.Lane), id})
}

// readEntries answers with one entry. Entries that are being written count as
// there.
func (s *stepper) readEntries(q protocol.ReadEntries) {
	m := &s.n.memory
	b := m.base.Zxid().Counter
	if q.After < b || q.After-b >= uint64(len(m.log)) {
		s.n.core.EntriesRead(q, nil, fmt.Errorf("no entries after %d", q.After))
		return
	}
	s.n.core.EntriesRead(q, slices.Clone(s.entries.at(m.log[q.After-b]).raw), nil)
}
