package jute

import (
	"hash/maphash"
	"sync/atomic"
)

// Interner remembers strings that were read, so that one that comes again need not be
// copied. It is bounded, keeps what came last, and may be used from any goroutine.
type Interner struct {
	seed  maphash.Seed
	slots [internSlots]atomic.Pointer[string]
}

// The bounds of what an Interner keeps: a megabyte of text.
const (
	internSlots = 1 << 12
	maxInterned = 256 // bytes of a string
)

// NewInterner returns an Interner that has seen nothing.
func NewInterner() *Interner { return &Interner{seed: maphash.MakeSeed()} }

// decode is decodeUTF8.
func (in *Interner) decode(b []byte) string {
	if len(b) > maxInterned {
		return decodeUTF8(b)
	}
	slot := &in.slots[maphash.Bytes(in.seed, b)%internSlots]
	if s := slot.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := decodeUTF8(b)
	if s == string(b) { // else it would never be found
		slot.Store(&s)
	}
	return s
}

// Interned is Ustring, but shares the string with others that were read with the same
// Interner. A nil one is allowed.
func (r *Reader) Interned(in *Interner) (string, bool) {
	if in == nil {
		return r.Ustring()
	}
	b := r.Buffer()
	if b == nil {
		return "", false
	}
	return in.decode(b), true
}
