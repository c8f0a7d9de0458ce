package audit

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Disk is what a member's disk holds, without the entries' contents: the replica's
// hard state, the base and the latest snapshot, where the log ends, and which was the
// last counter of each epoch in it, the base's own epoch included.
type Disk struct {
	HardState    protocol.HardState
	Base, Latest protocol.Base
	Last         protocol.Zxid
	Ends         []protocol.EpochEnd
	// Partial is a snapshot of which chunks 0 to Chunks-1 are there.
	Partial protocol.SnapshotMeta
	Chunks  uint64
}

// Clone returns a copy that shares no table with d.
func (d *Disk) Clone() Disk {
	c := *d
	c.Ends = slices.Clone(d.Ends)
	return c
}

// Holds says whether the log has an entry z, or begins after it.
func (d *Disk) Holds(z protocol.Zxid) bool {
	if b := d.Base.Zxid(); z.Counter <= b.Counter {
		return z == b
	}
	if z.Counter > d.Last.Counter {
		return false
	}
	i, _ := slices.BinarySearchFunc(d.Ends, z.Counter, func(e protocol.EpochEnd, c uint64) int {
		if e.Last < c {
			return -1
		}
		return 1
	})
	return i < len(d.Ends) && d.Ends[i].Epoch == z.Epoch
}

// Write does to d what a storage does with a batch.
func (d *Disk) Write(b *protocol.Batch) error {
	if b.HardState != nil {
		d.HardState = *b.HardState
	}
	if b.Base != nil {
		d.rebase(b.Base)
	}
	if b.Latest != nil {
		d.Latest = *b.Latest
	}
	if b.Truncate != nil {
		if !d.Holds(*b.Truncate) {
			return fmt.Errorf("cut after %v, which the log %v to %v does not hold", *b.Truncate, d.Base.Zxid(), d.Last)
		}
		d.cut(*b.Truncate)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Prev() != d.Last {
			return fmt.Errorf("entry %v after %v does not follow %v", e.Zxid, e.Prev(), d.Last)
		}
		d.extend(e.Zxid)
	}
	return nil
}

func (d *Disk) rebase(b *protocol.Base) {
	z := b.Zxid()
	if !d.Holds(z) {
		d.Ends = append(d.Ends[:0], protocol.EpochEnd{Epoch: z.Epoch, Last: z.Counter})
		d.Last = z
	}
	d.Base = *b
	if z.IsZero() {
		return
	}
	i := 0
	for d.Ends[i].Last < z.Counter {
		i++
	}
	d.Ends = slices.Delete(d.Ends, 0, i)
}

func (d *Disk) cut(z protocol.Zxid) {
	n := len(d.Ends)
	for n > 0 && d.Ends[n-1].Epoch > z.Epoch {
		n--
	}
	d.Ends = d.Ends[:n]
	if n > 0 {
		d.Ends[n-1].Last = z.Counter
	}
	d.Last = z
}

func (d *Disk) extend(z protocol.Zxid) {
	if n := len(d.Ends); n > 0 && d.Ends[n-1].Epoch == z.Epoch {
		d.Ends[n-1].Last = z.Counter
	} else {
		d.Ends = append(d.Ends, protocol.EpochEnd{Epoch: z.Epoch, Last: z.Counter})
	}
	d.Last = z
}

// same says why the durable parts of two disks differ, but for the latest snapshot,
// which may be found damaged and replaced by an older one.
func (d *Disk) same(o *Disk) error {
	h, g := &d.HardState, &o.HardState
	switch {
	case h.Ensemble != g.Ensemble || h.Replica != g.Replica || h.Incarnation != g.Incarnation || !slices.Equal(h.Founders, g.Founders):
		return fmt.Errorf("identity %+v, not %+v", *g, *h)
	case h.AcceptedEpoch != g.AcceptedEpoch:
		return fmt.Errorf("accepted epoch %d, not %d", g.AcceptedEpoch, h.AcceptedEpoch)
	case d.Base.Snapshot != o.Base.Snapshot:
		return fmt.Errorf("base %v, not %v", o.Base.Zxid(), d.Base.Zxid())
	case d.Last != o.Last:
		return fmt.Errorf("the log ends at %v, not at %v", o.Last, d.Last)
	case !slices.Equal(d.Ends, o.Ends):
		return fmt.Errorf("epochs %v, not %v", o.Ends, d.Ends)
	case d.Latest.Zxid().Less(o.Latest.Zxid()) || o.Latest.Zxid().Less(o.Base.Zxid()):
		return fmt.Errorf("latest snapshot %v, not one between %v and %v", o.Latest.Zxid(), o.Base.Zxid(), d.Latest.Zxid())
	}
	return nil
}

// Survived says which of the batches that were under way when a member crashed must
// have become durable for its disk to be as it was found: the first ones, the last of
// them perhaps cut between two entries. durable is the disk before them. It fails if
// nothing explains what was found.
func Survived(durable *Disk, underWay []protocol.Batch, found *Disk) ([]protocol.Batch, error) {
	d := durable.Clone()
	first := d.same(found)
	if first == nil {
		return nil, nil
	}
	for i := range underWay {
		b := &underWay[i]
		if n := cutAt(&d, b, found); n > 0 {
			cut := protocol.Batch{Entries: b.Entries[:n], Raw: b.Raw[:rawLen(b.Raw, n)]}
			return append(slices.Clone(underWay[:i]), cut), nil
		}
		if err := d.Write(b); err != nil {
			return nil, err
		}
		if d.same(found) == nil {
			return slices.Clone(underWay[:i+1]), nil
		}
	}
	return nil, fmt.Errorf("no part of %d batches leads to what was found: %w", len(underWay), first)
}

// cutAt returns how many entries of b, not all, lead from d to what was found, or 0.
func cutAt(d *Disk, b *protocol.Batch, found *Disk) int {
	if b.HardState != nil || b.Base != nil || b.Latest != nil || b.Truncate != nil {
		return 0
	}
	for i := 0; i < len(b.Entries)-1; i++ {
		if b.Entries[i].Zxid == found.Last && b.Entries[0].Prev() == d.Last {
			c := d.Clone()
			if c.Write(&protocol.Batch{Entries: b.Entries[:i+1]}) == nil && c.same(found) == nil {
				return i + 1
			}
		}
	}
	return 0
}

// rawLen is the length of the first n entries in raw.
func rawLen(raw []byte, n int) int {
	total := 0
	for range n {
		_, k, err := protocol.DecodeEntry(raw[total:])
		if err != nil {
			return total
		}
		total += k
	}
	return total
}
