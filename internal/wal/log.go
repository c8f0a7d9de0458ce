package wal

import (
	"errors"
	"fmt"
	"sync"

	"github.com/zabtree/zabtree/internal/disk"
)

// Limits and the default of Options.SegmentBytes.
const (
	DefaultSegmentBytes = 16 << 20
	MinSegmentBytes     = 2 << 10
	MaxSegmentBytes     = 1 << 30
)

// Options are fixed for the life of a Log.
type Options struct {
	// SegmentBytes is the size of a segment, a multiple of 512; 0 is
	// DefaultSegmentBytes. A batch that is larger gets a segment of its own size.
	// It may differ from one Open to the next.
	SegmentBytes int
	// ID is the identity of the log: segments of another are damage.
	ID uint64
	// NewID returns a new random number, for the identity of a segment. If it is nil
	// identities are derived from ID and from the log's position.
	NewID func() uint64
}

// Validate returns every reason why o cannot be used, joined.
func (o *Options) Validate() error {
	if n := o.SegmentBytes; n != 0 && (n < MinSegmentBytes || n > MaxSegmentBytes || n%sectorSize != 0) {
		return fmt.Errorf("wal: SegmentBytes is %d: want a multiple of %d from %d to %d, or 0 for %d",
			n, sectorSize, MinSegmentBytes, MaxSegmentBytes, DefaultSegmentBytes)
	}
	return nil
}

func (o *Options) sectors() uint32 {
	if o.SegmentBytes == 0 {
		return DefaultSegmentBytes / sectorSize
	}
	return uint32(o.SegmentBytes / sectorSize)
}

// Batch is one durable step. Its zero value changes nothing, durably.
type Batch struct {
	// Head replaces the head, if it is not nil.
	Head []byte
	// Truncate cuts off every record after TruncateAfter, which must be within the
	// log, or the same as Start.
	Truncate      bool
	TruncateAfter uint64
	// Restart says that the log begins after Start: records up to it are dropped. If
	// Start is beyond the end of the log, after truncation, the log is empty and the
	// next record is Start+1. The beginning goes back only together with
	// TruncateAfter = Start, which empties the log.
	Restart bool
	Start   uint64

	// First is the index of the first record: one more than the end of the log after
	// truncation and restart. It is ignored if there are none.
	First uint64
	// Lengths are the lengths of the records, in bytes, and Data their bytes in as
	// many pieces as is convenient. Nothing of it is kept.
	Lengths []uint32
	Data    [][]byte

	// Essential batches may use the reserve. Others need a whole segment of it to
	// be left behind them. While nothing is in reserve any more, batches with records
	// leave an eighth of the last segment to those without, of which some free space.
	Essential bool
	// Repair lets a damaged log go on: what is after the end that Open reported, or
	// this batch truncates to, is given up. In a sound log it has no effect.
	Repair bool
}

// Log is a write-ahead log. See the package's documentation for what may be
// called beside what.
type Log struct {
	fsys disk.FS
	dir  string
	opts Options

	// preparing holds a token while segments are made or removed.
	preparing chan struct{}

	// For Append and Close alone.
	enc    encoder
	head   []byte // the newest, nil if there was none
	sealed bool   // the last batch is a seal

	mu     sync.Mutex
	pos    position
	segs   []*segment // with batches, in order; the last one is written to
	spares []*segment // prepared, in order
	doomed []*segment // to be removed
	next   uint64     // number of the next segment
	repair uint64     // in a damaged log: the sequence number to go on with
	ends   uint32     // in a damaged log: the sector in which its last batch begins
	damage *Damage
	low    bool // the last attempt to prepare found no space
	err    error
	closed bool
}

// position is where the log ends, and what it holds.
type position struct {
	seq     uint64 // of the last batch
	chain   uint64 // that ends in it
	segment uint64 // number of the segment that it is in; 0 if there is no batch
	end     uint32 // sector behind it
	start   uint64 // the log begins after this index
	last    uint64 // and ends with this one
}

// Start returns the index after which the log begins.
func (l *Log) Start() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos.start
}

// Last returns the index of the last record, or Start if there is none.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos.last
}

// LowSpace says that the last attempt to prepare a segment found no space, so that
// at most the reserve is left.
func (l *Log) LowSpace() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.low
}

// Err returns the failure that ended the log, or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// fail makes err the end of the log: after a failed write or sync nobody knows
// what the disk holds.
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = fmt.Errorf("wal: log has failed: %w", err)
	}
	return l.err
}

func (l *Log) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	return l.err
}

// Append makes a batch durable before it returns. After ErrInvalid, ErrLowSpace
// and a refusal of a damaged log (ErrDamaged: see Batch.Repair) nothing has
// happened; any other error is final: nothing is known of the batch, and every later
// Append returns the same.
func (l *Log) Append(b Batch) error {
	if err := l.usable(); err != nil {
		return err
	}
	l.mu.Lock()
	pos, damage := l.pos, l.damage
	l.mu.Unlock()
	if damage != nil && !b.Repair {
		return damage
	}
	h, err := plan(&pos, &b)
	if err != nil {
		return err
	}
	return l.write(&h, &b, damage != nil)
}

// plan checks a batch against the log and returns its header as far as the batch
// decides it.
func plan(pos *position, b *Batch) (header, error) {
	invalid := func(format string, args ...any) (header, error) {
		return header{}, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
	h := header{start: pos.start, after: pos.last, chain: pos.chain, prevSegment: pos.segment, prevEnd: pos.end, seq: pos.seq + 1}
	if b.Restart {
		h.start = b.Start
	}
	if b.Truncate {
		if (b.TruncateAfter > pos.last || b.TruncateAfter < pos.start) && b.TruncateAfter != h.start {
			return invalid("truncation after %d of a log that has (%d, %d]", b.TruncateAfter, pos.start, pos.last)
		}
		h.after = b.TruncateAfter
	}
	h.after = max(h.after, h.start)
	switch {
	case h.start < pos.start && h.after != h.start:
		return invalid("the log begins after %d, not %d", pos.start, h.start)
	case len(b.Lengths) > 0 && b.First != h.after+1:
		return invalid("record %d cannot follow %d", b.First, h.after)
	}
	var want, have uint64
	for _, n := range b.Lengths {
		want += uint64(n)
	}
	for _, p := range b.Data {
		have += uint64(len(p))
	}
	size := headerSize + 4*uint64(len(b.Lengths)) + uint64(len(b.Head)) + have
	switch {
	case want != have:
		return invalid("%d bytes of records whose lengths add up to %d", have, want)
	case size > maxBatch/2: // a head that is carried along must fit as well
		return invalid("%d bytes, at most %d", size, maxBatch/2)
	}
	h.count, h.dataLen = uint32(len(b.Lengths)), uint32(have)
	if h.last() < h.after {
		return invalid("indexes beyond 64 bits")
	}
	if b.Head != nil {
		h.flags, h.headLen = flagHead, uint32(len(b.Head))
	}
	return h, nil
}

// write carries a planned batch out.
func (l *Log) write(h *header, b *Batch, repair bool) error {
	seg := l.active(h, repair)
	head := b.Head
	sector := h.prevEnd
	if seg != nil && !b.Essential {
		// What is left of this segment may be all of the reserve.
		if err := l.reserve(); err != nil {
			return err
		}
	}
	if seg == nil {
		if head == nil && l.head != nil {
			head = l.head
			h.flags, h.headLen = h.flags|flagHead, uint32(len(head))
		}
		h.flags |= flagFirst
		sector = 1
		var err error
		if seg, err = l.ensure(1+sectorsFor(h.size())+1, b.Essential); err != nil {
			return err
		}
		if repair {
			if err := l.settleEnd(); err != nil {
				return l.fail(err)
			}
			h.flags |= flagRepair
			h.seq = l.repair
		}
	}
	h.segment = seg.id
	chain := l.enc.encode(h, sector, head, b)
	if _, err := seg.file.WriteAt(l.enc.buf, int64(sector)*sectorSize); err != nil {
		return l.fail(err)
	}
	if err := seg.file.Sync(); err != nil {
		return l.fail(err)
	}
	if b.Head != nil {
		l.head = append(l.head[:0:cap(l.head)], b.Head...)
		if l.head == nil {
			l.head = []byte{}
		}
	}
	l.sealed = h.flags&flagSeal != 0
	l.commit(seg, h, sector, chain)
	return nil
}

// settleEnd makes durable what a repair follows, as Open does with a sound log.
func (l *Log) settleEnd() error {
	if len(l.segs) == 0 {
		return nil
	}
	seg := l.segs[len(l.segs)-1]
	return errors.Join(seg.rewrite(l.ends, l.pos.end), seg.file.Sync())
}

// active returns the segment that is being written to if the batch fits there. A
// sector is always left for a seal, and more if it is the last of the reserve.
func (l *Log) active(h *header, repair bool) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segs) == 0 || repair {
		return nil
	}
	seg := l.segs[len(l.segs)-1]
	need := uint64(h.prevEnd) + sectorsFor(h.size())
	if h.flags&flagSeal == 0 {
		need++
	}
	if h.count > 0 && len(l.spares) == 0 {
		need += uint64(seg.sectors / 8)
	}
	if need > uint64(seg.sectors) {
		return nil
	}
	return seg
}

// commit enters a durable batch into the index.
func (l *Log) commit(seg *segment, h *header, sector uint32, chain uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.flags&flagFirst != 0 {
		// Spares before this one are passed over; after a repair, so is all that
		// follows the usable part.
		for len(l.spares) > 0 && l.spares[0].number <= seg.number {
			if l.spares[0] != seg {
				l.doomed = append(l.doomed, l.spares[0])
			}
			l.spares = l.spares[1:]
		}
		l.segs = append(l.segs, seg)
		l.damage = nil
	}
	apply(&l.pos, l.segs, h, sector, chain)
}

// apply moves pos over a batch that lies in the last of segs, and adjusts the
// index.
func apply(pos *position, segs []*segment, h *header, sector uint32, chain uint64) {
	seg := segs[len(segs)-1]
	if h.after < pos.last {
		truncate(segs, h.after)
	}
	if h.start != pos.start {
		forget(segs, h.start)
	}
	if h.count > 0 {
		seg.refs = append(seg.refs, ref{
			seq: h.seq, first: h.after + 1, sector: sector, count: h.count,
			data: headerSize + 4*h.count + h.headLen, bytes: h.dataLen,
		})
	}
	*pos = position{
		seq: h.seq, chain: chain, segment: seg.number, end: sector + uint32(sectorsFor(h.size())),
		start: h.start, last: h.last(),
	}
}

// truncate takes the records after an index out of the index.
func truncate(segs []*segment, after uint64) {
	for i := len(segs) - 1; i >= 0; i-- {
		refs := segs[i].refs
		for len(refs) > 0 && refs[len(refs)-1].first > after {
			refs = refs[:len(refs)-1]
		}
		segs[i].refs = refs
		if n := len(refs); n > 0 {
			if r := &refs[n-1]; r.last() > after {
				r.count = uint32(after - r.first + 1)
			}
			return
		}
	}
}

// forget takes batches whose records are all at or before start out of the index.
func forget(segs []*segment, start uint64) {
	for _, seg := range segs {
		n := 0
		for n < len(seg.refs) && seg.refs[n].last() <= start {
			n++
		}
		if n == len(seg.refs) {
			seg.refs = nil
			continue
		}
		seg.refs = seg.refs[n:]
		return
	}
}

// Close writes a seal, so that damage to the last batch can be told from a crash,
// and closes all files. It waits for a preparation that is under way. It is
// idempotent; later calls return what the first did not repeat: nil.
func (l *Log) Close() error {
	l.preparing <- struct{}{}
	defer func() { <-l.preparing }()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	seal := l.err == nil && l.damage == nil && len(l.segs) > 0 && !l.sealed
	pos := l.pos
	l.mu.Unlock()

	var errs []error
	if seal {
		b := Batch{Essential: true}
		h, err := plan(&pos, &b)
		h.flags = flagSeal
		if err == nil && l.active(&h, false) != nil {
			err = l.write(&h, &b, false)
		}
		errs = append(errs, err)
	}
	l.mu.Lock()
	l.closed = true
	all := append(append(append([]*segment(nil), l.segs...), l.spares...), l.doomed...)
	l.segs, l.spares, l.doomed = nil, nil, nil
	l.mu.Unlock()
	for _, s := range all {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}
