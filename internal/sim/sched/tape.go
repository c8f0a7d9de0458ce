package sched

import (
	"slices"
	"strings"
)

// Tape is what the streams of a run answered: enough to run it again, and to be
// made smaller. Answers are in [0, the range asked for).
type Tape struct {
	Seed   uint64
	tracks []*track // by name
}

// track is what one stream answered.
type track struct {
	name  string
	draws []uint64
}

// NewTape returns a tape with nothing on it.
func NewTape(seed uint64) *Tape { return &Tape{Seed: seed} }

func (t *Tape) find(name string) (int, bool) {
	return slices.BinarySearchFunc(t.tracks, name, func(tr *track, name string) int { return strings.Compare(tr.name, name) })
}

// stream returns the track of a name, and makes it if need be.
func (t *Tape) stream(name string) *track {
	i, ok := t.find(name)
	if !ok {
		t.tracks = slices.Insert(t.tracks, i, &track{name: name})
	}
	return t.tracks[i]
}

// Streams returns the names of the streams, sorted.
func (t *Tape) Streams() []string {
	names := make([]string, len(t.tracks))
	for i, tr := range t.tracks {
		names[i] = tr.name
	}
	return names
}

// Draws returns the answers of a stream. They are shared with the tape: do not
// change them.
func (t *Tape) Draws(name string) []uint64 {
	if i, ok := t.find(name); ok {
		return slices.Clip(t.tracks[i].draws)
	}
	return nil
}

// Set makes draws, of which it keeps a copy, the answers of a stream.
func (t *Tape) Set(name string, draws []uint64) {
	t.stream(name[:min(len(name), MaxName)]).draws = slices.Clone(draws)
}

// Len returns how many answers of a stream there are.
func (t *Tape) Len(name string) int { return len(t.Draws(name)) }

// Total returns how many answers there are.
func (t *Tape) Total() int {
	n := 0
	for _, tr := range t.tracks {
		n += len(tr.draws)
	}
	return n
}

// Clone returns a copy that shares nothing with the tape.
func (t *Tape) Clone() *Tape {
	c := &Tape{Seed: t.Seed, tracks: make([]*track, len(t.tracks))}
	for i, tr := range t.tracks {
		c.tracks[i] = &track{name: tr.name, draws: slices.Clone(tr.draws)}
	}
	return c
}

// Truncate keeps the first n answers of a stream.
func (t *Tape) Truncate(name string, n int) { t.Drop(name, n, t.Len(name)) }

// Zero makes the answers [from, to) of a stream 0: they are given, and disturb
// least.
func (t *Tape) Zero(name string, from, to int) {
	if i, ok := t.find(name); ok {
		from, to = t.tracks[i].clamp(from, to)
		clear(t.tracks[i].draws[from:to])
	}
}

// Trim takes the zeros at the ends of the streams off, and streams without any other
// answers: who replays the tape calmly has the same without them.
func (t *Tape) Trim() {
	for _, tr := range t.tracks {
		n := len(tr.draws)
		for n > 0 && tr.draws[n-1] == 0 {
			n--
		}
		tr.draws = tr.draws[:n]
	}
	t.tracks = slices.DeleteFunc(t.tracks, func(tr *track) bool { return len(tr.draws) == 0 })
}

// Drop takes the answers [from, to) of a stream out: those behind move up.
func (t *Tape) Drop(name string, from, to int) {
	if i, ok := t.find(name); ok {
		from, to = t.tracks[i].clamp(from, to)
		t.tracks[i].draws = slices.Delete(t.tracks[i].draws, from, to)
	}
}

// DropStream takes a whole stream out.
func (t *Tape) DropStream(name string) {
	if i, ok := t.find(name); ok {
		t.tracks = slices.Delete(t.tracks, i, i+1)
	}
}

// clamp brings a range into the bounds of the track.
func (tr *track) clamp(from, to int) (int, int) {
	from = min(max(from, 0), len(tr.draws))
	return from, min(max(to, from), len(tr.draws))
}
