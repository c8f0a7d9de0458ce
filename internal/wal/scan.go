package wal

import (
	"bytes"
	"fmt"
	"io"

	"github.com/zabtree/zabtree/internal/disk"
)

// window reads a file's sectors, mostly in order, through one buffer.
type window struct {
	f       disk.File
	buf     []byte
	first   uint32 // sector at the buffer's beginning
	n       uint32 // sectors in the buffer
	sectors uint32 // in the file
}

const windowSectors = 512

// at returns a sector, which is valid until the next call.
func (w *window) at(i uint32) ([]byte, error) {
	if i < w.first || i >= w.first+w.n {
		if n := int(min(windowSectors, w.sectors)) * sectorSize; len(w.buf) < n {
			w.buf = make([]byte, n)
		}
		w.first, w.n = i, min(windowSectors, w.sectors-i)
		if err := w.fill(); err != nil {
			w.n = 1 // the one sector alone may be readable
			if err := w.fill(); err != nil {
				w.n = 0
				return nil, err
			}
		}
	}
	return w.buf[(i-w.first)*sectorSize:][:sectorSize], nil
}

func (w *window) fill() error {
	b := w.buf[:w.n*sectorSize]
	n, err := w.f.ReadAt(b, int64(w.first)*sectorSize)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// finding is what a place in a segment was found to be.
type finding uint8

const (
	whole  finding = iota // a batch
	unused                // zeros, to the end of the segment
	torn                  // a batch that was never durable, and zeros
	bad                   // anything else
)

// place is a finding with what belongs to it.
type place struct {
	finding
	h     header
	head  []byte // if the batch carries one
	chain uint64 // that ends in the batch
	sum   uint32 // of the first sector

	sector uint32 // bad: where, and why
	reason string
	err    error
	dirty  uint32 // torn: sectors that are not zeros
}

func badAt(sector uint32, err error, format string, args ...any) place {
	return place{finding: bad, sector: sector, reason: fmt.Sprintf(format, args...), err: err}
}

// scanner looks at the sectors of one segment.
type scanner struct {
	window
	seg *segment
}

var zeroSector [sectorSize]byte // never written to

func isZero(sector []byte) bool { return bytes.Equal(sector, zeroSector[:]) }

// find says what is at a sector where the batch with a sequence number should
// begin.
func (s *scanner) find(i uint32, seq uint64) place {
	if i >= s.sectors {
		return place{finding: unused}
	}
	first, err := s.at(i)
	if err != nil {
		return badAt(i, err, "unreadable sector")
	}
	if isZero(first) {
		return s.rest(i, i, s.sectors, seq)
	}
	if !checks(first, seedOf(s.seg.id, seq), i) {
		return badAt(i, nil, "sector is neither zeros nor of batch %d", seq)
	}
	h, err := parseHeader(first)
	if err != nil {
		return badAt(i, err, "cannot use the batch")
	}
	n := sectorsFor(h.size())
	switch {
	case h.seq != seq || h.segment != s.seg.id:
		return badAt(i, nil, "batch %d of segment %x in the place of batch %d", h.seq, h.segment, seq)
	case n > uint64(s.sectors-i):
		return badAt(i, nil, "batch of %d sectors in the last %d", n, s.sectors-i)
	}
	p := place{h: h, sum: le.Uint32(first[dataSize:])}
	return s.batch(i, uint32(n), p, bytes.Clone(first[:dataSize]))
}

// batch verifies the sectors of a batch whose first one checks out.
func (s *scanner) batch(i, n uint32, p place, lead []byte) place {
	// lead collects the part of the payload before the records.
	h := &p.h
	want := uint64(headerSize) + 4*uint64(h.count) + uint64(h.headLen)
	seed := seedOf(s.seg.id, h.seq)
	var body uint64
	for j := i + 1; j < i+n; j++ {
		b, err := s.at(j)
		switch {
		case err != nil:
			return badAt(j, err, "unreadable sector")
		case isZero(b):
			return s.rest(i, i+1, i+n, h.seq)
		case !checks(b, seed, j):
			return badAt(j, nil, "sector is neither zeros nor of batch %d", h.seq)
		}
		body = fold(body, uint64(le.Uint32(b[dataSize:])))
		if uint64(len(lead)) < want {
			lead = append(lead, b[:dataSize]...)
		}
	}
	if body != h.body {
		return badAt(i, nil, "sectors of batch %d do not belong together", h.seq)
	}
	var sum uint64
	for k := range uint64(h.count) {
		sum += uint64(le.Uint32(lead[headerSize+4*k:]))
	}
	if sum != uint64(h.dataLen) {
		return badAt(i, nil, "lengths of records do not add up")
	}
	if h.flags&flagHead != 0 {
		p.head = lead[want-uint64(h.headLen) : want : want]
	}
	p.chain = chainOf(h.chain, body, p.sum)
	return p
}

// rest looks at everything from a batch's beginning, where not all is new, to the
// end of the segment. Sectors from one place to another may be new or zeros, those
// behind must be zeros.
func (s *scanner) rest(begin, from, to uint32, seq uint64) place {
	seed := seedOf(s.seg.id, seq)
	dirty := from - begin // what was found to be new already
	for j := from; j < s.sectors; j++ {
		b, err := s.at(j)
		switch {
		case err != nil:
			return badAt(j, err, "unreadable sector")
		case isZero(b):
		case j >= to:
			return badAt(j, nil, "sector behind the last batch is not zeros")
		case !checks(b, seed, j):
			return badAt(j, nil, "sector is neither zeros nor of batch %d", seq)
		default:
			dirty++
		}
	}
	if dirty == 0 {
		return place{finding: unused}
	}
	return place{finding: torn, dirty: dirty}
}

// load opens a segment and reads its header. A segment that cannot be used comes
// with the reason. It is at byte 0 if nothing but the header is known to be wrong:
// then it can still be looked at for anything but zeros.
func (s *scanner) load(fsys disk.FS, seg *segment, logID uint64) (*Damage, error) {
	damage := func(offset int64, err error, format string, args ...any) *Damage {
		return &Damage{File: seg.path, Offset: offset, Reason: fmt.Sprintf(format, args...), Err: err}
	}
	f, err := fsys.Open(seg.path)
	if err != nil {
		return nil, err
	}
	seg.file, s.seg = f, seg
	if seg.ours, err = marked(f); err != nil {
		seg.ours = false // what is unreadable shows below
	}
	number := seg.number
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	s.window = window{f: f, buf: s.buf, sectors: uint32(min(size/sectorSize, MaxSegmentBytes/sectorSize))}
	if s.sectors == 0 {
		return damage(-1, nil, "file of %d bytes", size), nil
	}
	b, err := s.at(0)
	if err != nil {
		return damage(0, err, "unreadable sector"), nil
	}
	h, err := parseSegmentHeader(b)
	if err != nil {
		return damage(0, err, "cannot use the segment"), nil
	}
	switch {
	case h.log != logID:
		return damage(-1, nil, "segment of log %x in log %x", h.log, logID), nil
	case h.number != number:
		return damage(-1, nil, "segment %d under the name of %d", h.number, number), nil
	case int64(h.sectors)*sectorSize != size:
		return damage(-1, nil, "file of %d bytes that should have %d", size, int64(h.sectors)*sectorSize), nil
	}
	seg.segmentHeader = h
	return nil, nil
}

// zeros says whether there is nothing but zeros behind the header.
func (s *scanner) zeros() bool {
	for i := uint32(1); i < s.sectors; i++ {
		if b, err := s.at(i); err != nil || !isZero(b) {
			return false
		}
	}
	return true
}
