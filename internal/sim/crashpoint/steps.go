package crashpoint

import (
	"bytes"
	"errors"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// step is a kind of operation of the script, and how often there is one.
type step struct {
	name   string
	weight int
	do     func(r *replica) error
}

func steps() []step {
	return []step{
		{"append", 10, func(r *replica) error { return r.append(1, 1+r.rnd.IntN(4), 400) }},
		{"appends joined to one", 4, func(r *replica) error { return r.append(2+r.rnd.IntN(3), 1, 200) }},
		{"append larger than a segment", 1, func(r *replica) error { return r.append(1, 2, 6000) }},
		{"promise", 4, func(r *replica) error { return r.promise() }},
		{"new epoch", 4, func(r *replica) error { return r.newEpoch(false) }},
		{"new epoch in one write", 2, func(r *replica) error { return r.newEpoch(true) }},
		{"snapshot", 8, (*replica).snapshot},
		{"receive", 8, (*replica).receive},
		{"receive another", 1, (*replica).receiveAnother},
		{"close and open", 3, (*replica).closeAndOpen},
		{"process dies", 2, (*replica).die},
		{"power is lost", 2, (*replica).losePower},
		{"disk full or not", 3, (*replica).fill},
		{"read for a follower", 2, (*replica).read},
	}
}

// next does a step.
func (r *replica) next() {
	if r.getting != nil && r.rnd.Chance(1, 3) {
		r.begin("receive", r.receive)
		return
	}
	all := steps()
	total := 0
	for _, s := range all {
		total += s.weight
	}
	n := r.rnd.IntN(total)
	for _, s := range all {
		if n -= s.weight; n < 0 {
			r.begin(s.name, func() error { return s.do(r) })
			return
		}
	}
}

func (r *replica) last() protocol.Zxid { return r.c.acked.disk.Last }

// entries returns a batch of entries that follow one.
func (r *replica) entries(after protocol.Zxid, epoch uint32, n, size int) protocol.Batch {
	var b protocol.Batch
	for range n {
		e := protocol.Entry{
			Zxid: protocol.Zxid{Epoch: epoch, Counter: after.Counter + 1}, PrevEpoch: after.Epoch, Kind: protocol.KindCommand,
			Wall: int64(r.rnd.Uint64() >> 1), Clock: int64(after.Counter), Origin: uint64(r.rnd.IntN(3)), Request: r.rnd.Uint64(),
		}
		if e.Data = make([]byte, 1+r.rnd.IntN(size)); size > 1000 {
			e.Data = make([]byte, size)
		}
		for i := range e.Data {
			e.Data[i] = byte(mix(e.Request + uint64(i)))
		}
		if epoch > after.Epoch {
			e.Kind, e.Data = protocol.KindOpen, nil
			if after.IsZero() {
				e.Data = opening()
			}
		}
		b.Entries = append(b.Entries, e)
		b.Raw = protocol.AppendEntry(b.Raw, &e)
		after = e.Zxid
	}
	return b
}

// commits has what is durable be committed, some of it.
func (r *replica) commits() {
	if n := r.last().Counter - r.commit; n > 0 && r.rnd.Chance(2, 3) {
		r.commit += r.rnd.Uint64N(n) + 1
	}
}

// append appends batches of entries, which are joined to one.
func (r *replica) append(batches, n, size int) error {
	last, accepted := r.last(), r.c.acked.disk.HardState.AcceptedEpoch
	if last.Epoch == 0 || accepted > last.Epoch {
		return r.newEpoch(false)
	}
	var all []protocol.Batch
	for range batches {
		b := r.entries(last, last.Epoch, n, size)
		last = b.Entries[n-1].Zxid
		all = append(all, b)
	}
	defer r.commits()
	return r.write(all...)
}

// promise raises the accepted epoch.
func (r *replica) promise() error {
	h := r.c.acked.disk.HardState
	h.AcceptedEpoch += 1 + uint32(r.rnd.IntN(2))
	if h.Founders == nil {
		for _, m := range founding {
			h.Founders = append(h.Founders, protocol.Founder{ID: m.ID, Incarnation: h.Incarnation})
		}
	}
	return r.write(protocol.Batch{HardState: &h})
}

// newEpoch cuts off what another leader's log does not have, and takes the opening
// entry of its epoch.
func (r *replica) newEpoch(atOnce bool) error {
	d := &r.c.acked.disk
	if d.HardState.AcceptedEpoch == d.Last.Epoch {
		if err := r.promise(); err != nil {
			return err
		}
		d = &r.c.acked.disk
	}
	last := d.Last
	var all []protocol.Batch
	if n := last.Counter - r.commit; n > 0 && r.rnd.Chance(3, 4) {
		last = r.c.acked.zxidAt(r.commit + r.rnd.Uint64N(n))
		all = append(all, protocol.Batch{Truncate: &last})
	}
	b := r.entries(last, d.HardState.AcceptedEpoch, 1+r.rnd.IntN(3), 300)
	if atOnce && len(all) > 0 {
		b.Truncate = &last
		all = nil
	}
	defer r.commits()
	return r.write(append(all, b)...)
}

// snapshot takes one and has the log name it.
func (r *replica) snapshot() error {
	b, ok, err := r.compaction()
	if err != nil || !ok {
		return err
	}
	return r.write(b)
}

// compaction takes a snapshot and returns what is then to be written. There is none
// if nothing was committed since the one before, or there is no space for it.
func (r *replica) compaction() (b protocol.Batch, ok bool, err error) {
	m := r.c.acked
	before := m.disk.Latest
	if r.commit <= before.Zxid().Counter {
		if r.commit = m.disk.Last.Counter; r.commit <= before.Zxid().Counter {
			return b, false, nil
		}
	}
	state := m.state(r.commit, r.c.known)
	meta, err := driver.WriteSnapshot(never, r.life, state.zxid, &state)
	if errors.Is(err, protocol.ErrNoSpace) {
		r.c.total.Kinds["snapshot without space"]++
		return b, false, nil
	}
	if err != nil {
		return b, false, err
	}
	latest := baseOf(meta)
	b.Latest = &latest
	if m.disk.Base.Zxid().Less(before.Zxid()) && m.disk.Holds(before.Zxid()) && r.rnd.Chance(4, 5) {
		b.Base = &before
	}
	return b, true, nil
}

// receive takes the next chunk of a snapshot, which after the last one is the
// base.
func (r *replica) receive() error {
	d := &r.c.acked.disk
	g := r.getting
	if g == nil || g.meta.Zxid.Counter <= d.Last.Counter || len(g.bytes) > 12*r.how.chunkBytes {
		g = r.another()
	}
	q := chunkOf(g.meta, g.bytes, g.next, r.how.chunkBytes)
	r.c.receipts.begins(q, r.how.chunkBytes)
	r.c.news = true
	err := r.life.worker.StoreChunk(q)
	r.c.news = true
	if errors.Is(err, protocol.ErrNoSpace) {
		r.c.total.Kinds["receipt without space"]++
		r.c.receipts.failed()
		r.getting = nil
		r.room()
		return nil
	}
	if err != nil {
		return err
	}
	r.c.receipts.durable(q, r.how.chunkBytes)
	if g.next++; !q.Last {
		return nil
	}
	r.getting = nil
	base := baseOf(g.meta)
	b := protocol.Batch{Base: &base, Latest: &base}
	if h := d.HardState; h.AcceptedEpoch < base.Zxid().Epoch {
		h.AcceptedEpoch = base.Zxid().Epoch
		b.HardState = &h
	}
	r.c.total.Kinds["snapshot installed"]++
	if err := r.write(b); err != nil {
		return err
	}
	r.commit = base.Zxid().Counter
	return nil
}

// another makes up a snapshot that a leader may send: of a size that takes a few chunks.
func (r *replica) another() *receiving {
	d := &r.c.acked.disk
	z := protocol.Zxid{Epoch: max(d.HardState.AcceptedEpoch, 1), Counter: d.Last.Counter + 10 + r.rnd.Uint64N(40)}
	digest := r.rnd.Uint64()
	for isLarge(digest) != (r.how.chunkBytes >= 64<<10) || sizeOf(digest) < r.how.chunkBytes {
		digest = mix(digest)
	}
	r.getting = &receiving{content: r.c.known.get(z, digest)}
	return r.getting
}

func (r *replica) receiveAnother() error {
	r.getting = nil
	return r.receive()
}

func (r *replica) closeAndOpen() error {
	if err := r.stop(); err != nil {
		return err
	}
	return r.start()
}

// die is the end of a process, not of the machine.
func (r *replica) die() error {
	r.life = nil
	r.attach(r.mem.Clone())
	return r.start()
}

func (r *replica) losePower() error {
	r.life = nil
	salt := r.rnd.Uint64()
	r.attach(r.mem.Crash(imageOf(r.rnd.IntN(processDies), salt, r.mem.Pending())))
	return r.start()
}

// fill leaves next to no space on the disk, or makes room.
func (r *replica) fill() error {
	if r.full {
		r.room()
		return nil
	}
	r.full = true
	r.limit(r.mem.Used() + int64(r.rnd.IntN(2*r.how.segmentBytes)))
	return nil
}

// read reads the log and a snapshot, as for followers that are behind.
func (r *replica) read() error {
	m := r.c.acked
	if base := m.disk.Base.Zxid(); m.disk.Last != base {
		raw, _, err := r.life.worker.ReadEntries(&driver.ReadEntries{ReadEntries: protocol.ReadEntries{After: base.Counter, MaxBytes: 1000}}, r.seq)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(raw, m.entries[0].raw) {
			return errors.New("other bytes than were written")
		}
	}
	if meta := m.disk.Latest.Snapshot; !meta.IsZero() {
		_, err := r.life.worker.ReadChunk(&protocol.ReadChunk{Meta: meta})
		return err
	}
	return nil
}
