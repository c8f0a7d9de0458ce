package sched

import "slices"

// entry is the place of an event in the heap.
type entry struct {
	when int64
	seq  uint64
	slot uint32
}

func (e entry) before(o entry) bool {
	return e.when < o.when || e.when == o.when && e.seq < o.seq
}

// The heap has four children a node: half as deep as one with two, and the
// children lie side by side in memory.
const arity = 4

func (s *Scheduler) push(e entry) {
	s.heap = append(s.heap, e)
	h, i := s.heap, len(s.heap)-1
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

// pop removes the first entry.
func (s *Scheduler) pop() {
	n := len(s.heap) - 1
	last := s.heap[n]
	s.heap = s.heap[:n]
	if n > 0 {
		s.sink(0, last)
	}
}

// sink puts e where i is or below.
func (s *Scheduler) sink(i int, e entry) {
	h := s.heap
	for {
		first := arity*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for c := first + 1; c < min(first+arity, len(h)); c++ {
			if h[c].before(h[least]) {
				least = c
			}
		}
		if !h[least].before(e) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}

// Below this many stale entries the heap is left as it is.
const compactFrom = 64

// compact removes stale entries once they are most of the heap: timers that are
// set far ahead and always cancelled, as time-outs are, must not pile up.
func (s *Scheduler) compact() {
	if s.stale < compactFrom || s.stale <= len(s.heap)/2 {
		return
	}
	s.heap = slices.DeleteFunc(s.heap, func(e entry) bool { return s.slots[e.slot].seq != e.seq })
	s.stale = 0
	for i := (len(s.heap) - 2) / arity; i >= 0 && len(s.heap) > 1; i-- {
		s.sink(i, s.heap[i])
	}
}
