package explore

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Invariant is the name of what must hold in every state.
type Invariant string

// The invariants. The first group is about the ensemble and needs the ghost, the
// second about one replica.
const (
	// OneLeader: an epoch has one established leader.
	OneLeader Invariant = "one established leader an epoch"
	// Agreement: what replicas know to be committed are prefixes of one sequence.
	Agreement Invariant = "committed prefixes are equal"
	// NothingLost: a leader established in a higher epoch has all that was
	// committed in lower ones.
	NothingLost Invariant = "nothing committed is lost"
	// FreshReads: a read point covers all that was committed when it was asked for.
	FreshReads Invariant = "read points are not stale"
	// FoundedOnce: every established leader's log begins with the same entry.
	FoundedOnce Invariant = "an ensemble is founded once"
	// TrueOutcomes: what was refused is not in the log.
	TrueOutcomes Invariant = "what was refused is not committed"

	// Audit: no frame implies more than its sender's disk holds.
	Audit Invariant = "claims are durable"
	// EpochsGrow: the accepted epoch, on disk and in memory, is at least that of the
	// last entry, and falls only with the disk.
	EpochsGrow Invariant = "accepted epochs never fall"
	// NothingUndone: what a replica knows to be committed stays in its log, and
	// only what is durable is applied.
	NothingUndone Invariant = "what is applied stays"
	// NoHalt: no core finds an invariant of its own broken.
	NoHalt Invariant = "no core halts"
	// NoBadFrames: no core refuses a frame of another.
	NoBadFrames Invariant = "no frame is refused"
	// StorageHolds: a disk can do what it is asked, and be recovered from.
	StorageHolds Invariant = "the storage can be recovered"
)

// violation says which invariant is broken, and how.
type violation struct {
	name   Invariant
	detail string
}

// violate notes the first violation of an event.
func (s *stepper) violate(name Invariant, format string, args ...any) {
	if s.out.violation == nil && !slices.Contains(s.cfg.plant.without, name) {
		s.out.violation = &violation{name, fmt.Sprintf(format, args...)}
	}
}

// audit holds what a frame implies against the disk.
func (s *stepper) audit(f *frame) {
	d, c := &s.n.disk, f.claims
	if c.Accepted > d.hs.AcceptedEpoch {
		s.violate(Audit, "replica %d says %q, but has accepted %d durably", s.n.self+1, protocol.Describe(f.bytes), d.hs.AcceptedEpoch)
	}
	if last := d.last(&s.entries); c.Position && c.Last != last {
		s.violate(Audit, "replica %d says %q, but its disk ends with %v", s.n.self+1, protocol.Describe(f.bytes), last)
	}
	if c.Acked != 0 {
		durable, ok := d.prefix(c.Acked)
		memory, _ := s.n.memory.prefix(c.Acked)
		if !ok || !durable.equal(&memory, &s.entries) {
			s.violate(Audit, "replica %d says %q, but its disk ends with %v", s.n.self+1, protocol.Describe(f.bytes), d.last(&s.entries))
		}
	}
}

// install checks that the state machine only goes forward.
func (s *stepper) install(b *protocol.Base) {
	if b.Zxid().Counter <= s.n.applied {
		s.violate(NothingUndone, "replica %d installs snapshot %v behind %d", s.n.self+1, b.Zxid(), s.n.applied)
	}
	s.n.applied = b.Zxid().Counter
}

// apply checks that what may be applied is durable.
func (s *stepper) apply(upTo uint64) {
	n := s.n
	if upTo < n.applied {
		s.violate(NothingUndone, "replica %d may apply up to %d, after %d", n.self+1, upTo, n.applied)
	}
	durable, ok := n.disk.prefix(upTo)
	memory, _ := n.memory.prefix(upTo)
	if upTo > n.applied && (!ok || !durable.equal(&memory, &s.entries)) {
		s.violate(NothingUndone, "replica %d may apply up to %d, but its disk ends with %v", n.self+1, upTo, n.disk.last(&s.entries))
	}
	n.applied = upTo
}

// conclude checks the node as it is after an event, and says what the event shows
// of the ensemble.
func (s *stepper) conclude(before *node, e event) {
	n := s.n
	if s.out.violation != nil || n.gone {
		return
	}
	n.look(&s.entries)
	started := e.kind() == evCrash || e.kind() == evWipe
	s.checkEpochs(before, started)
	s.checkQueue()
	if !started && n.view.known < before.view.known {
		s.violate(NothingUndone, "replica %d knew %d to be committed, and now only %d", n.self+1, before.view.known, n.view.known)
	}
	known, ok := n.memory.prefix(n.view.known)
	if !ok && n.view.known >= n.memory.base.Zxid().Counter { // else it is being replaced by a snapshot
		s.violate(StorageHolds, "replica %d knows %d to be committed, which is not in its log", n.self+1, n.view.known)
		return
	}
	if ok && n.view.known > 0 && (started || n.view.known != before.view.known) {
		s.fact.known, s.fact.epoch = known, n.view.epoch
	}
	if n.view.established != 0 && n.view.established != before.view.established {
		s.fact.established = n.view.established
		s.fact.log, _ = n.memory.prefix(n.memory.last(&s.entries).Counter)
	}
}

func (s *stepper) checkEpochs(before *node, started bool) {
	n := s.n
	d, st := &n.disk, n.core.Status()
	if last := d.last(&s.entries); d.hs.AcceptedEpoch < last.Epoch {
		s.violate(EpochsGrow, "replica %d has accepted %d durably, and its disk ends with %v", n.self+1, d.hs.AcceptedEpoch, last)
	}
	if st.AcceptedEpoch < st.Last.Epoch {
		s.violate(EpochsGrow, "replica %d has accepted %d, and its log ends with %v", n.self+1, st.AcceptedEpoch, st.Last)
	}
	same := d.hs.Incarnation == before.disk.hs.Incarnation
	if same && d.hs.AcceptedEpoch < before.disk.hs.AcceptedEpoch {
		s.violate(EpochsGrow, "replica %d had accepted %d durably, and now only %d", n.self+1, before.disk.hs.AcceptedEpoch, d.hs.AcceptedEpoch)
	}
	if same && !started && st.AcceptedEpoch < before.core.Status().AcceptedEpoch {
		s.violate(EpochsGrow, "replica %d has accepted less than before", n.self+1)
	}
}

// checkQueue checks that core and explorer mean the same log.
func (s *stepper) checkQueue() {
	if last, m := s.n.core.Status().Last, s.n.memory.last(&s.entries); last != m {
		s.violate(StorageHolds, "replica %d has written up to %v, and means %v", s.n.self+1, m, last)
	}
}
