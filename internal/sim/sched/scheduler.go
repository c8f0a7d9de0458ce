package sched

import "math"

// Kind says whether an event counts as progress of the simulated world.
type Kind uint8

const (
	// Idle events are those that happen anyway: ticks and timers that find nothing
	// to do.
	Idle Kind = iota
	// Work events are deliveries, completions, faults and steps of clients.
	Work
)

// Target is what [Scheduler.Post] calls: a way to schedule without a closure, and
// so without an allocation.
type Target interface {
	Fire(arg uint64)
}

// Scheduler is simulated time and what is to happen in it. The zero value is
// ready and at time 0.
type Scheduler struct {
	now   int64
	seq   uint64
	heap  []entry
	slots []slot
	free  []uint32
	stale int // entries in the heap whose event was cancelled

	steps, events uint64

	limit uint64 // of events
	over  func() // nil: none
}

// slot holds an event that is pending. Its sequence number is 0 when it is free,
// and never used twice, so that a Handle can tell its event from a later one.
type slot struct {
	seq    uint64
	owner  *Owner
	fn     func()
	target Target
	arg    uint64
	kind   Kind
	held   bool // by the pause of its owner: it has no entry in the heap
}

// Handle names a scheduled event. Handles can be compared; the zero Handle names
// none.
type Handle struct {
	s    *Scheduler
	seq  uint64
	slot uint32
}

// Now returns the simulated time in nanoseconds.
func (s *Scheduler) Now() int64 { return s.now }

// Events returns how many events of kind Work have run.
func (s *Scheduler) Events() uint64 { return s.events }

// Steps returns how many events of any kind have run.
func (s *Scheduler) Steps() uint64 { return s.steps }

// Limit calls over, which may panic, instead of the event after so many of Work.
func (s *Scheduler) Limit(events uint64, over func()) { s.limit, s.over = events, over }

// Pending returns how many events are scheduled, those of paused owners included.
func (s *Scheduler) Pending() int { return len(s.slots) - len(s.free) }

// At schedules fn for a time, which is now if it has passed. The event belongs to
// owner, or to nobody if that is nil; for an owner that was killed nothing is
// scheduled.
func (s *Scheduler) At(when int64, owner *Owner, kind Kind, fn func()) Handle {
	return s.add(when, owner, kind, fn, nil, 0)
}

// After is At, a delay from now.
func (s *Scheduler) After(delay int64, owner *Owner, kind Kind, fn func()) Handle {
	return s.add(s.later(delay), owner, kind, fn, nil, 0)
}

// Post is At for a target, which is called with arg. It does not allocate.
func (s *Scheduler) Post(when int64, owner *Owner, kind Kind, target Target, arg uint64) Handle {
	return s.add(when, owner, kind, nil, target, arg)
}

// PostAfter is Post, a delay from now.
func (s *Scheduler) PostAfter(delay int64, owner *Owner, kind Kind, target Target, arg uint64) Handle {
	return s.add(s.later(delay), owner, kind, nil, target, arg)
}

// later returns the time after a delay, which may be more than fits.
func (s *Scheduler) later(delay int64) int64 {
	if delay > math.MaxInt64-s.now {
		return math.MaxInt64
	}
	return s.now + delay
}

func (s *Scheduler) add(when int64, owner *Owner, kind Kind, fn func(), target Target, arg uint64) Handle {
	if owner != nil && owner.killed {
		return Handle{}
	}
	s.seq++
	var i uint32
	if n := len(s.free); n > 0 {
		i = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		i = uint32(len(s.slots))
		s.slots = append(s.slots, slot{})
	}
	s.slots[i] = slot{seq: s.seq, owner: owner, fn: fn, target: target, arg: arg, kind: kind}
	s.push(entry{when: max(when, s.now), seq: s.seq, slot: i})
	return Handle{s: s, seq: s.seq, slot: i}
}

// Pending says whether the event is still to happen.
func (h Handle) Pending() bool { return h.s != nil && h.s.slots[h.slot].seq == h.seq }

// Cancel makes the event not happen, and reports whether that was needed.
func (h Handle) Cancel() bool {
	if !h.Pending() {
		return false
	}
	h.s.drop(h.slot)
	h.s.compact()
	return true
}

// drop frees the slot of an event that will not happen.
func (s *Scheduler) drop(i uint32) {
	if !s.slots[i].held {
		s.stale++
	}
	s.release(i)
}

func (s *Scheduler) release(i uint32) {
	s.slots[i] = slot{}
	s.free = append(s.free, i)
}

// Step runs the next event, and reports false if there is none.
func (s *Scheduler) Step() bool { return s.stepUntil(math.MaxInt64) }

// RunUntil runs every event up to a time, that time included and what they
// schedule for it, and makes it now.
func (s *Scheduler) RunUntil(when int64) {
	for s.stepUntil(when) {
	}
	s.now = max(s.now, when)
}

// Next returns the time of the next event, and false if there is none. It may
// belong to an owner that is paused, in which case it will not run then.
func (s *Scheduler) Next() (int64, bool) {
	for len(s.heap) > 0 {
		top := s.heap[0]
		if s.slots[top.slot].seq == top.seq {
			return max(top.when, s.now), true
		}
		s.pop()
		s.stale--
	}
	return 0, false
}

func (s *Scheduler) stepUntil(limit int64) bool {
	for len(s.heap) > 0 && s.heap[0].when <= limit {
		top := s.heap[0]
		s.pop()
		e := &s.slots[top.slot]
		if e.seq != top.seq {
			s.stale--
			continue
		}
		if e.owner != nil && e.owner.paused {
			e.held = true
			e.owner.held = append(e.owner.held, top)
			continue
		}
		// What a pause held back was due before now.
		s.now = max(s.now, top.when)
		s.steps++
		s.events += uint64(e.kind & Work)
		if s.over != nil && s.events > s.limit {
			s.over()
		}
		fn, target, arg := e.fn, e.target, e.arg
		s.release(top.slot)
		if fn != nil {
			fn()
		} else {
			target.Fire(arg)
		}
		return true
	}
	return false
}
