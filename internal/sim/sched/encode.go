package sched

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The file of a tape is
//
//	"ZTAP" version seed(8, big-endian) streams { len(name) name len(draws) draw... }...
//
// where everything without a size is an unsigned varint in its shortest form.
// Streams are in ascending order of their names. So a tape has one encoding only.
const (
	tapeMagic   = "ZTAP"
	tapeVersion = 1
)

// Bounds of a tape. Draws are bounded by the bytes there are: each has one at
// least.
const (
	MaxName    = 255
	MaxStreams = 1 << 16
)

// ErrTape is what every error of DecodeTape is.
var ErrTape = errors.New("sched: not a tape")

// Append appends the tape's encoding to dst.
func (t *Tape) Append(dst []byte) []byte {
	dst = append(dst, tapeMagic...)
	dst = append(dst, tapeVersion)
	dst = binary.BigEndian.AppendUint64(dst, t.Seed)
	dst = binary.AppendUvarint(dst, uint64(len(t.tracks)))
	for _, tr := range t.tracks {
		dst = binary.AppendUvarint(dst, uint64(len(tr.name)))
		dst = append(dst, tr.name...)
		dst = binary.AppendUvarint(dst, uint64(len(tr.draws)))
		for _, d := range tr.draws {
			dst = binary.AppendUvarint(dst, d)
		}
	}
	return dst
}

// DecodeTape reads what Append wrote. Any other bytes are an error that is
// ErrTape. It allocates at most a small multiple of len(b) and keeps none of b.
func DecodeTape(b []byte) (*Tape, error) {
	d := tapeDecoder{rest: b, size: len(b)}
	t := d.tape()
	if d.err != nil {
		return nil, d.err
	}
	return t, nil
}

// tapeDecoder reads a tape; after the first error everything is zero.
type tapeDecoder struct {
	rest []byte
	size int
	err  error
}

func (d *tapeDecoder) tape() *Tape {
	if string(d.take(len(tapeMagic))) != tapeMagic {
		d.fail("no magic")
	}
	if v := d.take(1); d.err == nil && v[0] != tapeVersion {
		d.fail("version %d", v[0])
	}
	t := &Tape{}
	if s := d.take(8); d.err == nil {
		t.Seed = binary.BigEndian.Uint64(s)
	}
	for range d.count(MaxStreams, 2) {
		tr := &track{name: string(d.take(d.count(MaxName, 1)))}
		if n := len(t.tracks); n > 0 && tr.name <= t.tracks[n-1].name {
			d.fail("streams out of order")
		}
		tr.draws = make([]uint64, d.count(len(d.rest), 1))
		for i := range tr.draws {
			tr.draws[i] = d.uvarint()
		}
		if d.err != nil {
			return nil
		}
		t.tracks = append(t.tracks, tr)
	}
	if len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	return t
}

// count reads how many things follow, at most limit, of at least size bytes each.
func (d *tapeDecoder) count(limit, size int) int {
	n := d.uvarint()
	if n > uint64(limit) || n*uint64(size) > uint64(len(d.rest)) {
		d.fail("%d things announced", n)
		return 0
	}
	return int(n)
}

func (d *tapeDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.fail("a bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *tapeDecoder) take(n int) []byte {
	if n > len(d.rest) {
		d.fail("ends too early")
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *tapeDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: at byte %d: %s", ErrTape, d.size-len(d.rest), fmt.Sprintf(format, args...))
	}
	d.rest = nil
}
