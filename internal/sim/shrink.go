package sim

import (
	"cmp"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// Shrink makes the tape of a run that failed shorter and calmer for as long as the same
// checker finds something, in at most so many runs. A tape that does not fail is
// returned as it is.
func Shrink(tape *sched.Tape, runs int) *sched.Tape { return shrink(tape, runs, replay) }

func shrink(tape *sched.Tape, runs int, replay func(tape *sched.Tape, events uint64) *Report) *sched.Tape {
	s := &shrinker{replay: replay, runs: runs}
	first := replay(tape, 0)
	if first.Failure == nil {
		return tape
	}
	s.checker, s.best, s.events = first.Failure.Checker, first.Tape, first.Events
	s.cut()
	for again := true; again && s.runs > 0; {
		again = false
		// All streams in large parts before any in small ones.
		for parts := 1; parts <= 1<<16 && s.runs > 0; parts *= 2 {
			for _, name := range s.longest() {
				if s.best.Len(name) >= parts {
					again = s.stream(name, parts) || again
				}
			}
		}
	}
	s.best.Trim()
	return s.best
}

// shrinker has the best tape so far.
type shrinker struct {
	replay  func(tape *sched.Tape, events uint64) *Report
	checker string
	best    *sched.Tape
	events  uint64
	runs    int
}

// cut looks for how early the run can be left to itself: everything is calm behind the
// draws of so many events. What fails for want of progress does so long after it went
// wrong.
func (s *shrinker) cut() {
	for from, to := uint64(0), s.events; to-from > to/16+1 && s.runs > 0; {
		at := from + (to-from)/2
		s.runs-- // of what is kept
		if kept := s.replay(s.best, at).Tape; s.try(func(t *sched.Tape) { *t = *kept }) {
			to = at
		} else {
			from = at
		}
	}
}

// longest lists the streams, the one with the most draws first.
func (s *shrinker) longest() []string {
	names := s.best.Streams()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(s.best.Len(b), s.best.Len(a)) })
	return names
}

// stream calms one stream in so many parts, one after the other.
func (s *shrinker) stream(name string, parts int) (better bool) {
	part := max(1, s.best.Len(name)/parts)
	for from := 0; from < s.best.Len(name) && s.runs > 0; from += part {
		if slices.Max(s.best.Draws(name)[from:min(from+part, s.best.Len(name))]) == 0 {
			continue // is calm
		}
		better = s.try(func(t *sched.Tape) { t.Zero(name, from, min(from+part, t.Len(name))) }) || better
	}
	return better
}

// try runs the best tape with a change, and keeps it if that fails as well and has
// no more to show.
func (s *shrinker) try(change func(*sched.Tape)) bool {
	if s.runs--; s.runs < 0 {
		return false
	}
	t := s.best.Clone()
	change(t)
	r := s.replay(t, s.events) // what is calmer need not end sooner
	if r.Failure == nil || r.Failure.Checker != s.checker {
		return false
	}
	s.best, s.events = r.Tape, r.Events
	return true
}
