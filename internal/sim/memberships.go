package sim

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	zab "github.com/zabtree/zabtree/zab/protocol"
)

// memberships are those whose quorums the ensemble may need: the one that the log says
// is in force, and every change that may yet be, or of which that is not yet said. A
// change that is committed is not enough: whoever comes back from a crash finds it
// pending until it finds a later word of a leader, and needs the former members too.
type memberships struct {
	settled zab.Membership // nil until there is an ensemble
	changes []memberChange
	applied uint64 // the highest counter that was applied anywhere
	claims  []claim
}

// claim is a replica's word that the membership of a version is settled, given with
// everything committed up to a counter.
type claim struct{ version, commit uint64 }

type memberChange struct {
	at   zab.Zxid
	next zab.Membership
}

// proposed takes a change that somebody has, in memory or on disk.
func (s *memberships) proposed(at zab.Zxid, next zab.Membership) {
	if next != nil && at.Counter > s.applied && !slices.ContainsFunc(s.changes, func(c memberChange) bool { return c.at == at }) {
		s.changes = append(s.changes, memberChange{at, next.Clone()})
	}
}

// written takes the changes in what is durable somewhere.
func (s *memberships) written(es []zab.Entry) {
	for i := range es {
		if e := &es[i]; e.Kind == zab.KindMembership && e.Data != nil {
			s.proposed(e.Zxid, membership(e.Data))
		}
	}
}

// committed takes entries that somebody applies.
func (s *memberships) committed(es []zab.Entry) {
	for i := range es {
		e := &es[i]
		if e.Zxid.Counter <= s.applied {
			continue
		}
		s.changes = slices.DeleteFunc(s.changes, func(c memberChange) bool {
			return c.at.Counter == e.Zxid.Counter && c.at != e.Zxid // it came to nothing
		})
		switch {
		case e.Kind == zab.KindOpen && e.Data != nil:
			s.settled = membership(e.Data)
		case e.Kind == zab.KindMembership:
			s.settle(e.Zxid.Counter)
			s.written(es[i : i+1])
		}
		s.applied = e.Zxid.Counter
		if !s.honest() {
			return
		}
	}
}

// claimed takes what a replica says of its configuration. That a base says so is not
// looked at.
func (s *memberships) claimed(now *zab.Status) {
	c := claim{now.Config.Version, now.Commit.Counter}
	if now.Settled && c.version > now.Base.Counter && s.unsettled(c.version) && !slices.Contains(s.claims, c) {
		s.claims = append(s.claims, c)
	}
}

// unsettled says whether a change up to a counter may yet be needed.
func (s *memberships) unsettled(version uint64) bool {
	return slices.ContainsFunc(s.changes, func(c memberChange) bool { return c.at.Counter <= version })
}

// honest says whether all is settled that was claimed to be with what was applied so far.
// Then these claims are forgotten.
func (s *memberships) honest() bool {
	due := func(c claim) bool { return c.commit <= s.applied }
	if slices.ContainsFunc(s.claims, func(c claim) bool { return due(c) && s.unsettled(c.version) }) {
		return false
	}
	s.claims = slices.DeleteFunc(s.claims, due)
	return true
}

// settle takes a leader's word that the changes before an entry are committed.
func (s *memberships) settle(counter uint64) {
	var last uint64
	for _, c := range s.changes {
		if c.at.Counter < counter && c.at.Counter > last {
			s.settled, last = c.next, c.at.Counter
		}
	}
	s.changes = slices.DeleteFunc(s.changes, func(c memberChange) bool { return c.at.Counter < counter })
}

// quorum says whether members are one whatever membership is in force.
func (s *memberships) quorum(in func(id, incarnation uint64) bool) bool {
	ok := func(m zab.Membership) bool { return (&zab.Configuration{Current: m}).Quorum(in) }
	return s.settled != nil && ok(s.settled) &&
		!slices.ContainsFunc(s.changes, func(c memberChange) bool { return !ok(c.next) })
}

// anyQuorum says whether members are a quorum of one of them.
func (s *memberships) anyQuorum(in func(id, incarnation uint64) bool) bool {
	ok := func(m zab.Membership) bool { return (&zab.Configuration{Current: m}).Quorum(in) }
	return ok(s.settled) || slices.ContainsFunc(s.changes, func(c memberChange) bool { return ok(c.next) })
}

// votes says whether a member counts in one of them.
func (s *memberships) votes(id, incarnation uint64) bool {
	voter := func(m zab.Membership) bool { return (&zab.Configuration{Current: m}).IsVoter(id, incarnation) }
	return voter(s.settled) || slices.ContainsFunc(s.changes, func(c memberChange) bool { return voter(c.next) })
}

// membership reads what an entry of the ensemble holds.
func membership(data []byte) zab.Membership {
	m, err := audit.DecodeMembership(data)
	if err != nil {
		panic(err)
	}
	return m
}
