package sched

import (
	"fmt"
	"io"
	"math/bits"
)

// Mark is a kind of thing that a trace notes. Their numbers are up to the users of
// the trace; each part of the world has its own range.
type Mark uint16

// maxArgs is how many values of a note the timeline keeps. All are hashed.
const maxArgs = 6

// Trace hashes what happened, and remembers the last of it for people to read. The
// zero value only hashes.
type Trace struct {
	hash    uint64
	notes   uint64 // so far
	lines   []line // a ring: note n is at n % len
	formats map[Mark]string
}

// line is a line of the timeline that nobody has formatted yet.
type line struct {
	when   int64
	mark   Mark
	n      uint8
	args   [maxArgs]uint64
	format string // of Remark
	others []any
}

// NewTrace returns a trace that remembers the last lines notes.
func NewTrace(lines int) *Trace {
	return &Trace{lines: make([]line, max(lines, 0)), formats: map[Mark]string{}}
}

// Define says how notes of a kind are shown: a format for their values, which are
// uint64.
func (t *Trace) Define(mark Mark, format string) {
	if t.formats == nil {
		t.formats = map[Mark]string{}
	}
	t.formats[mark] = format
}

// Note adds what happened at a time to the hash and the timeline. It does not
// allocate. A nil Trace ignores it.
func (t *Trace) Note(when int64, mark Mark, args ...uint64) {
	if t == nil {
		return
	}
	h := mix(t.hash, uint64(mark)|uint64(len(args))<<16)
	h = mix(h, uint64(when))
	for _, a := range args {
		h = mix(h, a)
	}
	t.hash = h
	if l := t.next(); l != nil {
		*l = line{when: when, mark: mark, n: uint8(min(len(args), maxArgs))}
		copy(l.args[:], args)
	}
}

// Remark adds a line to the timeline that is not part of the hash, formatted when
// somebody reads it: args must not change until then. A nil Trace ignores it.
func (t *Trace) Remark(when int64, format string, args ...any) {
	if t == nil {
		return
	}
	if l := t.next(); l != nil {
		*l = line{when: when, format: format, others: args}
	}
}

// next returns the place of the next line, or nil if none are kept.
func (t *Trace) next() *line {
	if len(t.lines) == 0 {
		return nil
	}
	l := &t.lines[t.notes%uint64(len(t.lines))]
	t.notes++
	return l
}

// mix adds a value to a hash. It is a bijection of either for a fixed other.
func mix(h, v uint64) uint64 {
	h ^= v * 0xc2b2ae3d27d4eb4f
	return bits.RotateLeft64(h, 29)*0x9e3779b185ebca87 + 0x165667b19e3779f9
}

// Hash returns the hash over all notes so far.
func (t *Trace) Hash() uint64 { return t.hash }

// Lines returns the timeline, oldest first.
func (t *Trace) Lines() []string {
	n := min(t.notes, uint64(len(t.lines)))
	lines := make([]string, 0, n)
	for i := t.notes - n; i < t.notes; i++ {
		lines = append(lines, t.text(&t.lines[i%uint64(len(t.lines))]))
	}
	return lines
}

// WriteTo writes the timeline, a line each.
func (t *Trace) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, l := range t.Lines() {
		n, err := fmt.Fprintln(w, l)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (t *Trace) text(l *line) string {
	at := fmt.Sprintf("%12d.%06d ms  ", l.when/1_000_000, l.when%1_000_000)
	if l.format != "" {
		return at + fmt.Sprintf(l.format, l.others...)
	}
	args := make([]any, l.n)
	for i := range args {
		args[i] = l.args[i]
	}
	format, ok := t.formats[l.mark]
	if !ok {
		return at + fmt.Sprintf("mark %d %v", l.mark, args)
	}
	return at + fmt.Sprintf(format, args...)
}
