package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of a Reader.
var ErrMalformed = errors.New("jute: malformed bytes")

// Reader takes values from one frame, in order. The zero Reader is empty. After
// the first fault every read returns a zero value and Err says what was wrong, so
// that a decoder may read a whole record and check once. A Reader is for one
// goroutine.
type Reader struct {
	buf []byte
	off int
	err error
}

// NewReader returns a Reader of frame, which it keeps and aliases.
func NewReader(frame []byte) Reader { return Reader{buf: frame} }

// Err returns the first fault, or nil.
func (r *Reader) Err() error { return r.err }

// Offset returns how many bytes were taken.
func (r *Reader) Offset() int { return r.off }

// Len returns how many bytes are left.
func (r *Reader) Len() int { return len(r.buf) - r.off }

// Rest returns the bytes that are left, aliasing the frame, without taking them.
func (r *Reader) Rest() []byte { return r.buf[r.off:len(r.buf):len(r.buf)] }

// Fail records a fault found by the caller, unless there is one already.
func (r *Reader) Fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d", ErrMalformed, what, r.off, len(r.buf))
	}
	r.off = len(r.buf)
}

func (r *Reader) take(n int) []byte {
	if r.err != nil || n > len(r.buf)-r.off {
		r.Fail("value cut short")
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

// Int takes an int.
func (r *Reader) Int() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// Long takes a long.
func (r *Reader) Long() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// Bool takes a boolean.
func (r *Reader) Bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// Buffer takes a buffer, nil if it is null. What it returns aliases the frame.
func (r *Reader) Buffer() []byte {
	n := r.Int()
	switch {
	case r.err != nil || n == -1:
		return nil
	case n < 0:
		r.Fail("negative length")
		return nil
	}
	return r.take(int(n))
}

// Ustring takes a string as a copy, and says whether there was one: it is false
// for null, and after a fault. What is not UTF-8 in it becomes U+FFFD as the
// package comment says.
func (r *Reader) Ustring() (string, bool) {
	b := r.Buffer()
	if b == nil {
		return "", false
	}
	return decodeUTF8(b), true
}

// Vector takes the count of a vector, and says whether there was one: it is
// false for null, and after a fault. An element takes at least size bytes, so
// that a count for which too little is left is a fault.
func (r *Reader) Vector(size int) (int, bool) {
	n := r.Int()
	switch {
	case r.err != nil || n == -1:
		return 0, false
	case n < 0:
		return 0, true
	case int64(n) > int64(r.Len()/max(size, 1)):
		r.Fail("vector too long")
		return 0, false
	}
	return int(n), true
}

// Strings takes a vector of strings, nil if it is null. A string that is null
// becomes an empty one.
func (r *Reader) Strings() []string {
	n, ok := r.Vector(4)
	if !ok {
		return nil
	}
	v := make([]string, 0, n)
	for range n {
		s, _ := r.Ustring()
		if r.err != nil {
			return nil
		}
		v = append(v, s)
	}
	return v
}
