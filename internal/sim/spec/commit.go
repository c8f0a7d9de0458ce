package spec

import (
	"github.com/zabtree/zabtree/zab/protocol"
)

// count commits what a quorum has: of everything in force, in the leader's own epoch,
// from its opening entry on, the leader itself by what its disk has.
func (s *Spec) count(e *epoch) error {
	opening := e.opening().Counter
	for {
		c := e.change()
		if c == nil {
			return nil // nothing proposed yet
		}
		conf := s.inForce(c)
		number := func(v voter) uint64 { return s.durableAt(e, v) }
		n := reached(conf.current, number)
		if conf.pending != nil {
			n = min(n, reached(conf.pending, number))
		}
		if n < opening || n <= e.committed {
			return nil
		}
		if err := s.commit(e, n); err != nil {
			return err
		}
		// A change among what was committed may let more be.
	}
}

// durableAt is up to which counter a voter has the log of an epoch's leader durably.
func (s *Spec) durableAt(e *epoch, v voter) uint64 {
	if v != e.leader {
		return toldBy(e.acks, v)
	}
	m := s.members[v.id]
	if m.run == e.run && m.hs.Incarnation == v.incarnation && m.last.Epoch == e.number {
		return m.last.Counter
	}
	return 0
}

// commit commits a leader's log up to a counter.
func (s *Spec) commit(e *epoch, n uint64) error {
	e.committed = n
	z := protocol.Zxid{Epoch: e.number, Counter: n}
	s.stats.Committed++
	if err := s.higherHave(e, z); err != nil {
		return err
	}
	last := s.committed.last()
	if n <= last.Counter {
		if !s.committed.holds(z) {
			return s.violated(PrefixConsistency, e.leader.id, "commits %v where the history up to %v is committed", z, last)
		}
		return nil
	}
	if !s.contains(z, last) {
		return s.violated(PrefixConsistency, e.leader.id, "commits %v, whose history does not hold %v, which is committed", z, last)
	}
	s.committed = s.extend(s.committed, z)
	return nil
}

// higherHave: leaders of higher epochs that are established already have what is
// committed late in this one.
func (s *Spec) higherHave(e *epoch, z protocol.Zxid) error {
	for i := len(s.opened) - 1; i >= 0 && s.opened[i].number > e.number; i-- {
		if o := s.opened[i]; !s.contains(o.prev, z) {
			return s.violated(Completeness, o.leader.id, "opened epoch %d with history %v, and %v is committed in epoch %d", o.number, o.prev, z, e.number)
		}
	}
	return nil
}

// extend makes z the end of a history that its own one holds.
func (s *Spec) extend(h history, z protocol.Zxid) history {
	if n := len(h); n > 0 && h[n-1].Epoch >= z.Epoch {
		h[n-1].Last = z.Counter
		return h
	}
	if prev := s.epochOf(z.Epoch).prev; !prev.IsZero() {
		h = s.extend(h, prev)
	}
	return append(h, protocol.EpochEnd{Epoch: z.Epoch, Last: z.Counter})
}

// mustBeCommitted checks what is said to be committed, and remembers that it was said.
func (s *Spec) mustBeCommitted(m *member, z protocol.Zxid, as string) error {
	if s.committed.holds(z) {
		s.known = max(s.known, z.Counter)
		return nil
	}
	if z.Counter <= s.committed.last().Counter {
		return s.violated(PrefixConsistency, m.id, "%s at %v, where the history up to %v is committed", as, z, s.committed.last())
	}
	return s.violated(CommitQuorum, m.id, "%s at %v, only %v is committed", as, z, s.committed.last())
}
