package zkwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errShort says that a frame ends before what it must hold.
var errShort = errors.New("zkwire: frame is too short")

// decoder reads a frame from its start. After its first error it returns zeroes.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && n > len(d.b) {
		d.err = errShort
	}
	if d.err != nil {
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) int() int32 {
	if b := d.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (d *decoder) long() int64 {
	if b := d.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) bool() bool {
	b := d.take(1)
	if b != nil && b[0] > 1 {
		d.err = fmt.Errorf("zkwire: boolean of value %d", b[0])
	}
	return b != nil && b[0] == 1
}

// length reads the length of a buffer or vector; -1 is null.
func (d *decoder) length() int {
	n := d.int()
	if d.err == nil && n < -1 {
		d.err = fmt.Errorf("zkwire: length of %d", n)
	}
	if d.err != nil {
		return -1
	}
	return int(n)
}

// buffer returns nil for null.
func (d *decoder) buffer() []byte {
	n := d.length()
	if n < 0 {
		return nil
	}
	return append([]byte{}, d.take(n)...)
}

// string returns nil for null.
func (d *decoder) string() *string {
	n := d.length()
	if n < 0 {
		return nil
	}
	s := string(d.take(n))
	return &s
}

// vector calls element for each element, and says whether there was a vector at
// all. Elements have at least one byte, so a false count ends soon.
func (d *decoder) vector(element func()) bool {
	n := d.length()
	for i := 0; i < n && d.err == nil; i++ {
		element()
	}
	return n >= 0
}

func (d *decoder) strings() []string {
	list := []string{}
	if !d.vector(func() {
		s := d.string()
		if s == nil {
			s = new("\x00null")
		}
		list = append(list, *s)
	}) {
		return nil
	}
	return list
}
