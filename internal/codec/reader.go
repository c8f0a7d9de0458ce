package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed is wrapped by every error of a Reader.
var ErrMalformed = errors.New("codec: malformed bytes")

// Reader takes values from a byte slice, in order. The zero Reader is empty.
// After the first fault every read returns a zero value and Err says what was
// wrong, so that a decoder may read a whole record and check once. A Reader is
// for one goroutine.
type Reader struct {
	buf []byte
	off int
	err error
}

// NewReader returns a Reader of b, which it keeps and aliases.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// Err returns the first fault, or nil.
func (r *Reader) Err() error { return r.err }

// Offset returns how many bytes were taken.
func (r *Reader) Offset() int { return r.off }

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.buf) - r.off }

// Rest returns the bytes that are left, aliasing the input, without taking them.
func (r *Reader) Rest() []byte { return r.buf[r.off:len(r.buf):len(r.buf)] }

// Done returns the first fault, or an error if bytes are left over.
func (r *Reader) Done() error {
	if r.err == nil && r.off != len(r.buf) {
		r.Fail("trailing bytes")
	}
	return r.err
}

// Fail records a fault found by the caller, unless there is one already.
func (r *Reader) Fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d", ErrMalformed, what, r.off, len(r.buf))
	}
	r.off = len(r.buf)
}

func (r *Reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.buf)-r.off {
		r.Fail("value cut short")
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

func (r *Reader) tag() byte {
	if r.err == nil && r.off < len(r.buf) {
		t := r.buf[r.off]
		r.off++
		return t
	}
	r.Fail("value missing")
	return 0xc1 // never used in MessagePack
}

func (r *Reader) bigEndian(n int) uint64 {
	b := r.take(n)
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Uint takes an unsigned integer.
func (r *Reader) Uint() uint64 {
	switch t := r.tag(); {
	case t < 0x80:
		return uint64(t)
	case t >= 0xcc && t <= 0xcf:
		return r.bigEndian(1 << (t - 0xcc))
	}
	r.Fail("not an unsigned integer")
	return 0
}

// Uint32 takes an unsigned integer of at most 32 bits.
func (r *Reader) Uint32() uint32 { return uint32(r.limited(math.MaxUint32)) }

// Uint8 takes an unsigned integer of at most 8 bits.
func (r *Reader) Uint8() uint8 { return uint8(r.limited(math.MaxUint8)) }

func (r *Reader) limited(limit uint64) uint64 {
	v := r.Uint()
	if v > limit {
		r.Fail("integer out of range")
		return 0
	}
	return v
}

// Int takes a signed integer.
func (r *Reader) Int() int64 {
	switch t := r.tag(); {
	case t < 0x80:
		return int64(t)
	case t >= 0xe0:
		return int64(int8(t))
	case t >= 0xcc && t <= 0xcf:
		v := r.bigEndian(1 << (t - 0xcc))
		if v > math.MaxInt64 {
			break
		}
		return int64(v)
	case t == 0xd0:
		return int64(int8(r.bigEndian(1)))
	case t == 0xd1:
		return int64(int16(r.bigEndian(2)))
	case t == 0xd2:
		return int64(int32(r.bigEndian(4)))
	case t == 0xd3:
		return int64(r.bigEndian(8))
	}
	r.Fail("not an integer")
	return 0
}

// Int32 takes a signed integer of at most 32 bits.
func (r *Reader) Int32() int32 {
	v := r.Int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.Fail("integer out of range")
		return 0
	}
	return int32(v)
}

// Bool takes a boolean.
func (r *Reader) Bool() bool {
	switch r.tag() {
	case 0xc2:
		return false
	case 0xc3:
		return true
	}
	r.Fail("not a boolean")
	return false
}

// Bytes takes binary data, or nil. What it returns aliases the input.
func (r *Reader) Bytes() []byte {
	switch t := r.tag(); t {
	case 0xc0:
		return nil
	case 0xc4, 0xc5, 0xc6:
		n := r.bigEndian(1 << (t - 0xc4))
		if n > uint64(r.Len()) {
			break
		}
		return r.take(int(n))
	}
	r.Fail("not binary data")
	return nil
}

// String takes a string, as a copy.
func (r *Reader) String() string { return string(r.StringBytes()) }

// StringBytes takes a string; what it returns aliases the input.
func (r *Reader) StringBytes() []byte {
	switch t := r.tag(); {
	case t >= 0xa0 && t <= 0xbf:
		return r.take(int(t & 0x1f))
	case t >= 0xd9 && t <= 0xdb:
		n := r.bigEndian(1 << (t - 0xd9))
		if n > uint64(r.Len()) {
			break
		}
		return r.take(int(n))
	}
	r.Fail("not a string")
	return nil
}

// Array takes the header of an array and returns its length, which is at most
// limit and at most the number of bytes left, as a value takes one at least.
func (r *Reader) Array(limit int) int {
	var n uint64
	switch t := r.tag(); {
	case t >= 0x90 && t <= 0x9f:
		n = uint64(t & 0x0f)
	case t == 0xdc:
		n = r.bigEndian(2)
	case t == 0xdd:
		n = r.bigEndian(4)
	default:
		r.Fail("not an array")
		return 0
	}
	if n > uint64(limit) || n > uint64(r.Len()) {
		r.Fail("array too long")
		return 0
	}
	return int(n)
}

// Fields takes the header of an array that must have n values.
func (r *Reader) Fields(n int) {
	if got := r.Array(n); got != n {
		r.Fail("wrong number of fields")
	}
}

// Nil takes a nil if one is next, and says whether it was.
func (r *Reader) Nil() bool {
	if r.err == nil && r.off < len(r.buf) && r.buf[r.off] == 0xc0 {
		r.off++
		return true
	}
	return false
}
