package driver

import "github.com/zabtree/zabtree/zab/protocol"

// Bounds of the applier's steps and of its queue.
const (
	maxApplyEntries = 4096
	maxApplyBytes   = 4 << 20
	maxQueuedBytes  = 32 << 20
	maxReadBytes    = 1 << 20
)

// applyPlan decides what the applier does next: apply entries that were given to
// the log, read such as are not in memory any more, or restore a snapshot that
// took the place of some. Entries are applied in the log's order without a gap,
// and only up to what is committed and durable here (ZOOKEEPER-4882); nothing
// that a snapshot will replace is applied once the log was told of it.
//
// It is a step machine, and a part of Applier.
type applyPlan struct {
	applied protocol.Zxid // the last entry that the state machine has, or is being given
	target  uint64        // may be applied up to here
	limit   int           // of bytes

	spans  []applySpan // entries after applied, contiguous, without gaps
	bytes  int
	behind bool // entries after the spans' end were left to the storage

	replacing bool           // the log is being cut off after applied: wait for install
	install   *protocol.Base // restore this before anything else
}

// applySpan is the entries of one write, or what is left of them.
type applySpan []protocol.Entry

func newApplyPlan(applied protocol.Zxid) applyPlan {
	return applyPlan{applied: applied, target: applied.Counter, limit: maxQueuedBytes}
}

// wrote notes a batch that was given to the log writer, in order.
func (p *applyPlan) wrote(b *protocol.Batch) {
	if b.Base != nil && b.Base.Zxid().Counter > p.applied.Counter {
		p.drop()
		p.replacing = true
		p.target = p.applied.Counter
	}
	if b.Truncate != nil {
		p.truncate(b.Truncate.Counter)
	}
	if len(b.Entries) > 0 {
		p.append(b.Entries)
	}
}

func (p *applyPlan) append(es []protocol.Entry) {
	if end, ok := p.end(); ok && end+1 != es[0].Zxid.Counter {
		p.behind = true // the queue was full before
	}
	if len(p.spans) == 0 {
		p.behind = false
	}
	size := entriesBytes(es)
	if p.behind || (p.bytes > 0 && p.bytes+size > p.limit) {
		p.behind = true
		return
	}
	p.spans = append(p.spans, es)
	p.bytes += size
}

// truncate drops the entries after a counter.
func (p *applyPlan) truncate(after uint64) {
	for n := len(p.spans); n > 0; n-- {
		s := p.spans[n-1]
		if last := s[len(s)-1].Zxid.Counter; last <= after {
			return
		}
		if first := s[0].Zxid.Counter; first <= after {
			keep := s[:after-first+1]
			p.bytes -= entriesBytes(s[len(keep):])
			p.spans[n-1] = keep
			return
		}
		p.bytes -= entriesBytes(s)
		p.spans = p.spans[:n-1]
	}
}

func (p *applyPlan) drop() { p.spans, p.bytes, p.behind = nil, 0, false }

// end returns the counter of the last entry in memory.
func (p *applyPlan) end() (uint64, bool) {
	if len(p.spans) == 0 {
		return 0, false
	}
	s := p.spans[len(p.spans)-1]
	return s[len(s)-1].Zxid.Counter, true
}

// commit says how far may be applied, and whether that is news.
func (p *applyPlan) commit(z protocol.Zxid) bool {
	if p.replacing || z.Counter <= p.target {
		return false
	}
	p.target = z.Counter
	return true
}

// installed says that a snapshot is now, durably, what the log begins after.
func (p *applyPlan) installed(b *protocol.Base) {
	p.replacing = false
	p.install = b
	p.target = max(p.target, b.Zxid().Counter)
}

// next returns what to do now, if there is anything. Entries that it returns are
// counted as applied, a snapshot as restored: the applier does each step before
// it asks for another. buf is memory for the entries.
func (p *applyPlan) next(buf []protocol.Entry) (Step, bool) {
	if b := p.install; b != nil {
		p.install = nil
		p.applied = b.Zxid()
		p.skip()
		return Step{Restore: b}, true
	}
	if p.target <= p.applied.Counter {
		return Step{}, false
	}
	p.skip()
	want := p.applied.Counter + 1
	if len(p.spans) > 0 && p.spans[0][0].Zxid.Counter == want {
		return Step{Apply: p.take(buf[:0])}, true
	}
	upTo := p.target
	if len(p.spans) > 0 {
		upTo = min(upTo, p.spans[0][0].Zxid.Counter-1)
	}
	return Step{Read: &LogRead{After: p.applied.Counter, UpTo: upTo, MaxBytes: maxReadBytes}}, true
}

// skip drops what the state machine has already.
func (p *applyPlan) skip() {
	for len(p.spans) > 0 && p.spans[0][0].Zxid.Counter <= p.applied.Counter {
		s := p.spans[0]
		n := min(p.applied.Counter-s[0].Zxid.Counter+1, uint64(len(s)))
		p.shift(int(n))
	}
}

// take moves entries from memory to buf.
func (p *applyPlan) take(buf []protocol.Entry) []protocol.Entry {
	size := 0
	for len(p.spans) > 0 {
		s, n := p.spans[0], 0
		for n < len(s) && s[n].Zxid.Counter <= p.target && len(buf) < maxApplyEntries && (len(buf) == 0 || size < maxApplyBytes) {
			size += len(s[n].Data)
			buf = append(buf, s[n])
			n++
		}
		if n == 0 {
			break
		}
		p.shift(n)
	}
	p.applied = buf[len(buf)-1].Zxid
	return buf
}

// shift drops n entries of the first span.
func (p *applyPlan) shift(n int) {
	s := p.spans[0]
	p.bytes -= entriesBytes(s[:n])
	if n < len(s) {
		p.spans[0] = s[n:]
		return
	}
	p.spans[0] = nil
	if p.spans = p.spans[1:]; len(p.spans) == 0 {
		p.spans = nil
	}
}

// read takes the entries that a read returned, or its failure, and returns those
// to be applied. Without an error and without entries there is nothing to do
// until the plan says so: the log is being replaced.
func (p *applyPlan) read(r *LogRead, es []protocol.Entry, err error) ([]protocol.Entry, error) {
	if p.install != nil || p.replacing || p.applied.Counter != r.After {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n := 0
	for n < len(es) && es[n].Zxid.Counter <= r.UpTo {
		n++
	}
	if n == 0 || es[0].Zxid.Counter != r.After+1 {
		return nil, ErrLogGap
	}
	p.applied = es[n-1].Zxid
	return es[:n], nil
}

func entriesBytes(es []protocol.Entry) int {
	n := 0
	for i := range es {
		n += len(es[i].Data) + 128
	}
	return n
}
