package wal

import (
	"fmt"
	"io"
	"slices"
)

// Records are consecutive records. A Records may be used for one Read after the
// other, and keeps its buffers.
type Records struct {
	First   uint64   // index of the first
	Lengths []uint32 // in bytes
	Data    []byte   // all of them, one behind the other

	scratch []byte
}

// wholeBatch is the payload up to which a batch is read at once.
const wholeBatch = 32 << 10

// Read reads the records after an index: at least one, and no more than fit in
// maxBytes unless the first alone is larger. If the log does not hold the first
// one, the error is ErrNotFound; a Damage if it cannot be read as it was written.
// Records that a batch cuts off meanwhile may still be read. On error r holds
// nothing.
func (l *Log) Read(r *Records, after uint64, maxBytes int) error {
	r.First, r.Lengths, r.Data = after+1, r.Lengths[:0], r.Data[:0]
	for next := after + 1; ; {
		seg, at, err := l.locate(next)
		if err != nil {
			if len(r.Lengths) > 0 {
				return nil // the end of the log
			}
			return err
		}
		n := len(r.Lengths)
		err = r.take(seg, &at, next, maxBytes)
		l.release(seg)
		if err != nil {
			r.Lengths, r.Data = r.Lengths[:0], r.Data[:0]
			if l.isClosed() {
				return ErrClosed // which may be why it failed
			}
			return err
		}
		got := uint64(len(r.Lengths) - n)
		next += got
		if next <= at.last() || len(r.Data) >= maxBytes {
			return nil
		}
	}
}

// locate returns the batch that holds a record, and keeps its segment from being
// removed until release.
func (l *Log) locate(index uint64) (*segment, ref, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ref{}, ErrClosed
	}
	if index <= l.pos.start || index > l.pos.last {
		return nil, ref{}, fmt.Errorf("%w: %d is not in (%d, %d]", ErrNotFound, index, l.pos.start, l.pos.last)
	}
	for i := len(l.segs) - 1; i >= 0; i-- {
		seg := l.segs[i]
		if len(seg.refs) == 0 || seg.refs[0].first > index {
			continue
		}
		j, ok := slices.BinarySearchFunc(seg.refs, index, func(r ref, index uint64) int {
			switch {
			case r.last() < index:
				return -1
			case r.first > index:
				return 1
			}
			return 0
		})
		if !ok {
			break
		}
		seg.users++
		return seg, seg.refs[j], nil
	}
	return nil, ref{}, fmt.Errorf("%w: %d is not in the index", ErrNotFound, index)
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *Log) release(seg *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seg.users--
}

// take appends the records of a batch from an index on.
func (r *Records) take(seg *segment, at *ref, from uint64, maxBytes int) error {
	skip := uint32(from - at.first)
	table := headerSize + 4*uint64(at.count) // the lengths of what is still in the log
	end := uint64(at.data) + uint64(at.bytes)
	loaded := table
	if end <= wholeBatch {
		loaded = end
	}
	p, err := r.load(seg, at, 0, loaded)
	if err != nil {
		return err
	}
	var begin uint64
	for i := range skip {
		begin += uint64(le.Uint32(p[headerSize+4*i:]))
	}
	stop := begin
	for i := skip; i < at.count; i++ {
		n := le.Uint32(p[headerSize+4*i:])
		if len(r.Lengths) > 0 && uint64(len(r.Data))+stop-begin+uint64(n) > uint64(maxBytes) {
			break
		}
		r.Lengths = append(r.Lengths, n)
		stop += uint64(n)
	}
	if stop > uint64(at.bytes) {
		return &Damage{File: seg.path, Offset: int64(at.sector) * sectorSize, Reason: "lengths of records do not add up"}
	}
	begin, stop = begin+uint64(at.data), stop+uint64(at.data)
	if loaded < end {
		if p, err = r.load(seg, at, begin, stop); err != nil {
			return err
		}
		begin, stop = 0, stop-begin
	}
	r.Data = append(r.Data, p[begin:stop]...)
	return nil
}

// load returns a part of a batch's payload, verified. It is valid until the next
// call.
func (r *Records) load(seg *segment, at *ref, from, to uint64) ([]byte, error) {
	first := from / dataSize
	n := int(sectorsFor(to) - first)
	if from >= to {
		return nil, nil
	}
	r.scratch = slices.Grow(r.scratch[:0], n*sectorSize)[:n*sectorSize]
	sector := at.sector + uint32(first)
	offset := int64(sector) * sectorSize
	if got, err := seg.file.ReadAt(r.scratch, offset); got < len(r.scratch) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, &Damage{File: seg.path, Offset: offset + int64(got), Reason: "unreadable", Err: err}
	}
	seed := seedOf(seg.id, at.seq)
	out := r.scratch[:0]
	for i := range n {
		s := r.scratch[i*sectorSize : (i+1)*sectorSize]
		if !checks(s, seed, sector+uint32(i)) {
			return nil, &Damage{File: seg.path, Offset: offset + int64(i)*sectorSize, Reason: "sector has a wrong checksum"}
		}
		out = append(out, s[:dataSize]...) // never ahead of what it copies
	}
	return out[from-first*dataSize : to-first*dataSize], nil
}
