package driver

import (
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// maxJoinBytes is how much is written to the log in one step if it is more than
// one write of the protocol.
const maxJoinBytes = 4 << 20

// keepJoined is for how many entries there is memory that is used again.
const keepJoined = 4096

// WritePlan decides what the log writer does next: which writes are joined to
// one durable step, and which of them may pass one that found no space. It is a
// step machine; the log writer owns it.
type WritePlan struct {
	waiting []protocol.Write
	passed  []uint64         // sequence numbers among waiting that are durable already
	joined  []protocol.Entry // of the batch that is being written; memory that is used again
}

// Add takes writes that the core wants, in order.
func (p *WritePlan) Add(ws []protocol.Write) { p.waiting = append(p.waiting, ws...) }

// Next returns the batch to be written now, made of the first n writes; n is 0
// if there is nothing to do. The entries of consecutive writes that have nothing
// but entries are joined: one fsync for all of them. The memory of joined entries
// is lent until they are written.
func (p *WritePlan) Next() (batch protocol.Batch, n int) {
	if len(p.waiting) == 0 {
		return protocol.Batch{}, 0
	}
	batch = p.waiting[0].Batch
	if !entriesOnly(&batch) {
		return batch, 1
	}
	size, count := len(batch.Raw), len(batch.Entries)
	for n = 1; n < len(p.waiting); n++ {
		b := &p.waiting[n].Batch
		if !entriesOnly(b) || size+len(b.Raw) > maxJoinBytes {
			break
		}
		size, count = size+len(b.Raw), count+len(b.Entries)
	}
	if n == 1 {
		return batch, 1
	}
	batch = protocol.Batch{Entries: slices.Grow(p.joined[:0], count), Raw: make([]byte, 0, size)}
	for i := range p.waiting[:n] {
		b := &p.waiting[i].Batch
		batch.Entries = append(batch.Entries, b.Entries...)
		batch.Raw = append(batch.Raw, b.Raw...)
	}
	p.joined = batch.Entries
	return batch, n
}

// Wrote says that the first n writes are durable and returns the number of the
// last write that is durable with all before it.
func (p *WritePlan) Wrote(n int) uint64 {
	seq := p.waiting[n-1].Seq
	p.drop(n)
	clear(p.joined)
	if cap(p.joined) > keepJoined {
		p.joined = nil
	}
	for len(p.passed) > 0 && len(p.waiting) > 0 && p.waiting[0].Seq == p.passed[0] {
		seq = p.passed[0]
		p.passed = p.passed[1:]
		p.drop(1)
	}
	return seq
}

func (p *WritePlan) drop(n int) {
	clear(p.waiting[:n])
	p.waiting = p.waiting[n:]
	if len(p.waiting) == 0 {
		p.waiting = nil
	}
}

// Pass returns the first write that may be written before the ones in front of
// it, which found no space: one that only moves the log's beginning, and so
// frees some, with nothing but entries before it. The snapshots that it names
// hold only what is durable already.
func (p *WritePlan) Pass() (batch protocol.Batch, at int, ok bool) {
	for i := range p.waiting {
		w := &p.waiting[i]
		switch {
		case len(p.passed) > 0 && w.Seq <= p.passed[len(p.passed)-1]:
		case compactionOnly(&w.Batch):
			return w.Batch, i, i > 0
		case !entriesOnly(&w.Batch):
			return protocol.Batch{}, 0, false
		}
	}
	return protocol.Batch{}, 0, false
}

// DidPass says that the write that Pass returned is durable.
func (p *WritePlan) DidPass(at int) { p.passed = append(p.passed, p.waiting[at].Seq) }

func entriesOnly(b *protocol.Batch) bool {
	return b.HardState == nil && b.Base == nil && b.Latest == nil && b.Truncate == nil
}

func compactionOnly(b *protocol.Batch) bool {
	return b.HardState == nil && b.Latest != nil && b.Truncate == nil && len(b.Entries) == 0
}

// ReadBarrier says after which writes the log holds what is asked for. Entries
// that are being written count as there; those that a queued write takes away do
// not.
type ReadBarrier struct {
	Cut uint64 // the last write that took something away
	All uint64 // the last write
}

// issued notes a write that was given to the log writer.
func (b *ReadBarrier) issued(w *protocol.Write) {
	b.All = w.Seq
	if w.Batch.Truncate != nil || w.Batch.Base != nil {
		b.Cut = w.Seq
	}
}
