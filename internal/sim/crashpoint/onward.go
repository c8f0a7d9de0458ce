package crashpoint

import (
	"errors"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

// onward has a replica that has recovered go on: write, lose power, recover, close,
// lose power, and recover. Nothing may be lost, and nothing be damage.
func (c *crasher) onward(p Point, l *life, o *outcome, seed uint64) {
	last, hard := o.disk.Last, o.disk.HardState
	hard.AcceptedEpoch++
	want := *o
	if o.partial > 0 && last.Counter < o.disk.Partial.Zxid.Counter {
		c.receive(p, l, &want)
		last = want.disk.Last
		hard.AcceptedEpoch = max(hard.AcceptedEpoch, last.Epoch+1)
	}
	e := protocol.Entry{Zxid: protocol.Zxid{Epoch: hard.AcceptedEpoch, Counter: last.Counter + 1}, PrevEpoch: last.Epoch, Kind: protocol.KindOpen}
	if last.IsZero() {
		e.Data = opening()
	}
	raw := protocol.AppendEntry(nil, &e)
	c.put(p, l, protocol.Batch{HardState: &hard, Entries: []protocol.Entry{e}, Raw: raw})
	want.disk.HardState, want.disk.Last = hard, e.Zxid

	// The bytes of all entries are not kept: that the new one is behind them shows in
	// what the state is.
	state := tally{digest: want.state, known: c.known}
	state.apply(e.Zxid, raw)
	want.state = state.digest
	c.expect(p, l.mem.Crash(disk.KeepNothing), seed+1, &want, "after a write and a loss of power: ")

	l.worker.Close()
	if err := l.Close(); err != nil {
		c.lost(p, "closing: %v", err)
	}
	c.expect(p, l.mem.Crash(disk.KeepNothing), seed+2, &want, "after it was closed: ")
}

// expect recovers and requires what must be there. The bytes of all entries are not
// known here, see above.
func (c *crasher) expect(p Point, mem *disk.Mem, seed uint64, want *outcome, when string) {
	_, found := c.reopen(p, mem, seed, when)
	w := *want
	w.sum, w.fresh = found.sum, false
	if found.fresh {
		c.lost(p, "%sa new incarnation", when)
	}
	if err := w.same(found, false); err != nil {
		c.lost(p, "%s%v", when, err)
	}
}

// put writes a batch. A disk may be full: then somebody makes room.
func (c *crasher) put(p Point, l *life, b protocol.Batch) {
	err := l.Append(b)
	if errors.Is(err, protocol.ErrNoSpace) {
		l.mem.SetCapacity(0)
		err = l.Append(b)
	}
	if err != nil {
		c.lost(p, "cannot go on: %v", err)
	}
}

// receive ends a receipt that was found, and installs the snapshot.
func (c *crasher) receive(p Point, l *life, want *outcome) {
	l.mem.SetCapacity(0)
	meta := want.disk.Partial
	content := c.known.get(meta.Zxid, meta.Digest).bytes
	size := c.checks.chunkBytes
	for n := int(want.partial) / size; ; n++ {
		q := chunkOf(meta, content, n, size)
		if err := l.worker.StoreChunk(q); err != nil {
			c.lost(p, "receipt after %d bytes of snapshot %v: %v", want.partial, meta.Zxid, err)
		}
		if q.Last {
			break
		}
	}
	base := baseOf(meta)
	hard := want.disk.HardState
	hard.AcceptedEpoch = max(hard.AcceptedEpoch, meta.Zxid.Epoch)
	c.put(p, l, protocol.Batch{HardState: &hard, Base: &base, Latest: &base})
	want.disk.HardState, want.disk.Base, want.disk.Latest, want.disk.Last, want.state = hard, base, base, meta.Zxid, meta.Digest
}

// chunkOf returns a chunk of a snapshot on its way to the disk. There is always a
// last one, even if nothing is left for it.
func chunkOf(meta protocol.SnapshotMeta, content []byte, n, size int) *protocol.StoreChunk {
	from := min(n*size, len(content))
	to := min(from+size, len(content))
	return &protocol.StoreChunk{Meta: meta, N: uint64(n), Data: content[from:to], Last: to == len(content)}
}
