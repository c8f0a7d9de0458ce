package zab

import "sort"

// pendingTable knows the proposals of this replica whose outcome is open, and
// decides what becomes of each: it is exact, and never guesses. It is a step
// machine; loop and applier use it, under a mutex.
type pendingTable struct {
	slots []pendingSlot // by request; those that are resolved are zero but for it
	head  int           // all before it are resolved
	live  int
	last  uint64 // the last request that was added

	barrierAt pendingBarrier // the latest; zero if there is none
}

// pendingBarrier says that of the proposals up to a request those are not in the
// log, and never will be, that are not in it up to a counter.
type pendingBarrier struct{ counter, request uint64 }

type pendingSlot struct {
	request uint64
	epoch   uint32
	open    bool
	done    func(Result, error)
}

// resolution is an answer on its way to who waits for it. Answers are given
// without any lock held.
type resolution struct {
	done   func(Result, error)
	result Result
	err    error
}

func (r *resolution) deliver() {
	if r.done != nil {
		r.done(r.result, r.err)
	}
}

// add notes a proposal that was put in the log, or sent to the leader, under an
// epoch. Requests only go up.
func (t *pendingTable) add(request uint64, epoch uint32, done func(Result, error)) {
	if t.head > 64 && t.head*2 > len(t.slots) {
		n := copy(t.slots, t.slots[t.head:])
		clear(t.slots[n:])
		t.slots, t.head = t.slots[:n], 0
	} else if len(t.slots) > 2*t.live+1024 {
		t.compact()
	}
	t.slots = append(t.slots, pendingSlot{request, epoch, true, done})
	t.last = request
	t.live++
}

// compact forgets resolved proposals that are younger than an open one.
func (t *pendingTable) compact() {
	n := 0
	for _, s := range t.slots[t.head:] {
		if s.open {
			t.slots[n] = s
			n++
		}
	}
	clear(t.slots[n:])
	t.slots, t.head = t.slots[:n], 0
}

func (t *pendingTable) find(request uint64) *pendingSlot {
	open := t.slots[t.head:]
	if len(open) == 0 {
		return nil
	}
	// Nearly always they are resolved in order.
	if s := &open[0]; s.request == request {
		return s
	}
	i := sort.Search(len(open), func(i int) bool { return open[i].request >= request })
	if i == len(open) || open[i].request != request || !open[i].open {
		return nil
	}
	return &open[i]
}

// close takes a slot's callback and closes the slot.
func (t *pendingTable) close(s *pendingSlot) func(Result, error) {
	done := s.done
	s.done, s.open = nil, false
	t.live--
	t.advance()
	return done
}

// advance moves the head over what is resolved.
func (t *pendingTable) advance() {
	for t.head < len(t.slots) && !t.slots[t.head].open {
		t.head++
	}
	if t.head == len(t.slots) {
		t.slots, t.head = t.slots[:0], 0
	}
}

// applied resolves the proposal that an entry of this replica's own answers.
func (t *pendingTable) applied(e *Entry, value any, to []resolution) []resolution {
	if s := t.find(e.Request); s != nil {
		to = append(to, resolution{t.close(s), Result{e.Zxid, value}, nil})
	}
	return to
}

// barrier takes what the core knows of all proposals that it was handed before:
// they are in the log up to counter, or not at all, ever. It knows that of those
// that went to a leader before this replica was synchronised anew, as leaders
// take no proposal of another epoch, or of a link that is gone.
//
// It replaces the barrier before, which covers no other proposals and may have
// counted in a history that came to nothing: then another entry stands at that
// counter, and the proposal perhaps behind it.
func (t *pendingTable) barrier(counter uint64) { t.barrierAt = pendingBarrier{counter, t.last} }

// reached resolves what the barrier decides, once everything up to its counter
// has been applied.
func (t *pendingTable) reached(counter uint64, to []resolution) []resolution {
	b := t.barrierAt
	if b.counter == 0 || b.counter > counter {
		return to
	}
	t.barrierAt = pendingBarrier{}
	return t.sweep(func(s *pendingSlot) bool { return s.request <= b.request }, &notApplied{ErrNoLeader}, to)
}

// restored resolves what a snapshot leaves open for ever: whether proposals of
// its epoch or one before are in it cannot be seen.
func (t *pendingTable) restored(epoch uint32, to []resolution) []resolution {
	return t.sweep(func(s *pendingSlot) bool { return s.epoch <= epoch }, ErrUnknownOutcome, to)
}

// refused resolves a proposal that certainly is not in the log.
func (t *pendingTable) refused(request uint64, err error, to []resolution) []resolution {
	if s := t.find(request); s != nil {
		to = append(to, resolution{t.close(s), Result{}, &notApplied{err}})
	}
	return to
}

// stopped resolves everything that is left.
func (t *pendingTable) stopped(to []resolution) []resolution {
	return t.sweep(func(*pendingSlot) bool { return true }, ErrUnknownOutcome, to)
}

// sweep resolves all the open proposals that match.
func (t *pendingTable) sweep(match func(*pendingSlot) bool, err error, to []resolution) []resolution {
	for i := t.head; i < len(t.slots); i++ {
		if s := &t.slots[i]; s.open && match(s) {
			to = append(to, resolution{s.done, Result{}, err})
			s.open, s.done = false, nil
			t.live--
		}
	}
	t.advance()
	return to
}
