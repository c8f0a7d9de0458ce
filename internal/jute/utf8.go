package jute

import (
	"strings"
	"unicode/utf8"
)

// Text is b as Java decodes it.
func Text(b []byte) string { return decodeUTF8(b) }

// decodeUTF8 copies b into a string, with U+FFFD for what is malformed.
func decodeUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	size := 0
	for rest := b; len(rest) > 0; {
		r, n := decodeRune(rest)
		size += utf8.RuneLen(r)
		rest = rest[n:]
	}
	var s strings.Builder
	s.Grow(size)
	for len(b) > 0 {
		r, n := decodeRune(b)
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}

// decodeRune returns the next character, or U+FFFD, and how many bytes it stands
// for.
func decodeRune(b []byte) (rune, int) {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n == 1 {
		n = malformed(b)
	}
	return r, n
}

// malformed returns how many bytes of b, which does not begin with a character,
// Java's decoder replaces at once.
func malformed(b []byte) int {
	first := b[0]
	var need int                        // bytes that first promises
	low, high := byte(0x80), byte(0xbf) // what the second may be
	switch {
	case first >= 0xe0 && first <= 0xef:
		need = 3
		if first == 0xe0 {
			low = 0xa0
		}
	case first >= 0xf0 && first <= 0xf4:
		need = 4
		if first == 0xf0 {
			low = 0x90
		} else if first == 0xf4 {
			high = 0x8f
		}
	default: // a continuation, an overlong or impossible first byte, or two bytes cut short
		return 1
	}
	if len(b) < 2 || b[1] < low || b[1] > high {
		return 1
	}
	n := 2
	for n < need && n < len(b) && b[n]&0xc0 == 0x80 {
		n++
	}
	return n // all three for a surrogate
}
