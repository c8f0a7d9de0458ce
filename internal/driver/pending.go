package driver

import (
	"sort"

	"github.com/zabtree/zabtree/zab/protocol"
)

// pendingTable knows the proposals of this replica whose outcome is open, and
// decides what becomes of each: it is exact, and never guesses. It is a step
// machine, and a part of Applier.
type pendingTable[W any] struct {
	slots []pendingSlot[W] // by request; those that are resolved are zero but for it
	head  int              // all before it are resolved
	live  int
	last  uint64 // the last request that was added

	barrierAt pendingBarrier // the latest; zero if there is none
}

// pendingBarrier says that of the proposals up to a request those are not in the
// log, and never will be, that are not in it up to a counter.
type pendingBarrier struct{ counter, request uint64 }

type pendingSlot[W any] struct {
	request uint64
	epoch   uint32
	open    bool
	waiter  W
}

// Outcome is what became of a proposal.
type Outcome uint8

const (
	// Applied: its entry was applied; Value is what the state machine made of it.
	Applied Outcome = iota
	// NotApplied: it is in no log and never will be; Err says why.
	NotApplied
	// Unknown: it may or may not have an effect, now or later.
	Unknown
)

// Resolution is the end of a proposal, on its way to who waits for it. It is
// delivered without any lock held.
type Resolution[W any] struct {
	Waiter  W
	Outcome Outcome
	Zxid    protocol.Zxid
	Value   any
	Err     error
}

// add notes a proposal that was put in the log, or sent to the leader, under an
// epoch. Requests only go up.
func (t *pendingTable[W]) add(request uint64, epoch uint32, waiter W) {
	if t.head > 64 && t.head*2 > len(t.slots) {
		n := copy(t.slots, t.slots[t.head:])
		clear(t.slots[n:])
		t.slots, t.head = t.slots[:n], 0
	} else if len(t.slots) > 2*t.live+1024 {
		t.compact()
	}
	t.slots = append(t.slots, pendingSlot[W]{request, epoch, true, waiter})
	t.last = request
	t.live++
}

// compact forgets resolved proposals that are younger than an open one.
func (t *pendingTable[W]) compact() {
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

func (t *pendingTable[W]) find(request uint64) *pendingSlot[W] {
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

// close takes a slot's waiter and closes the slot.
func (t *pendingTable[W]) close(s *pendingSlot[W]) W {
	var none W
	waiter := s.waiter
	s.waiter, s.open = none, false
	t.live--
	t.advance()
	return waiter
}

// advance moves the head over what is resolved.
func (t *pendingTable[W]) advance() {
	for t.head < len(t.slots) && !t.slots[t.head].open {
		t.head++
	}
	if t.head == len(t.slots) {
		t.slots, t.head = t.slots[:0], 0
	}
}

// applied resolves the proposal that an entry of this replica's own answers.
func (t *pendingTable[W]) applied(e *protocol.Entry, value any, to []Resolution[W]) []Resolution[W] {
	if s := t.find(e.Request); s != nil {
		to = append(to, Resolution[W]{t.close(s), Applied, e.Zxid, value, nil})
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
func (t *pendingTable[W]) barrier(counter uint64) { t.barrierAt = pendingBarrier{counter, t.last} }

// reached resolves what the barrier decides, once everything up to its counter
// has been applied.
func (t *pendingTable[W]) reached(counter uint64, to []Resolution[W]) []Resolution[W] {
	b := t.barrierAt
	if b.counter == 0 || b.counter > counter {
		return to
	}
	t.barrierAt = pendingBarrier{}
	return t.sweep(func(s *pendingSlot[W]) bool { return s.request <= b.request }, NotApplied, protocol.ErrNoLeader, to)
}

// restored resolves what a snapshot leaves open for ever: whether proposals of
// its epoch or one before are in it cannot be seen.
func (t *pendingTable[W]) restored(epoch uint32, to []Resolution[W]) []Resolution[W] {
	return t.sweep(func(s *pendingSlot[W]) bool { return s.epoch <= epoch }, Unknown, nil, to)
}

// refused resolves a proposal that certainly is not in the log.
func (t *pendingTable[W]) refused(request uint64, err error, to []Resolution[W]) []Resolution[W] {
	if s := t.find(request); s != nil {
		to = append(to, Resolution[W]{Waiter: t.close(s), Outcome: NotApplied, Err: err})
	}
	return to
}

// stopped resolves everything that is left.
func (t *pendingTable[W]) stopped(to []Resolution[W]) []Resolution[W] {
	return t.sweep(func(*pendingSlot[W]) bool { return true }, Unknown, nil, to)
}

// sweep resolves all the open proposals that match.
func (t *pendingTable[W]) sweep(match func(*pendingSlot[W]) bool, outcome Outcome, err error, to []Resolution[W]) []Resolution[W] {
	var none W
	for i := t.head; i < len(t.slots); i++ {
		if s := &t.slots[i]; s.open && match(s) {
			to = append(to, Resolution[W]{Waiter: s.waiter, Outcome: outcome, Err: err})
			s.open, s.waiter = false, none
			t.live--
		}
	}
	t.advance()
	return to
}
