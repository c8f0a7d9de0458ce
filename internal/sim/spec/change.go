package spec

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// forces are the memberships that a quorum is required in: the current one and, if a
// change is appended and not committed, the pending one.
type forces struct{ current, pending protocol.Membership }

func (f forces) String() string {
	name := func(m protocol.Membership) string {
		s := ""
		for _, x := range m {
			s += fmt.Sprintf(" %d/%x(%v,%d)", x.ID, x.Incarnation, x.Role, x.Weight)
		}
		return s
	}
	if f.pending == nil {
		return "[" + name(f.current) + " ]"
	}
	return "[" + name(f.current) + " ] and [" + name(f.pending) + " ]"
}

// inForce returns what is in force with c as the last change in a history. What the
// whole ensemble has committed is current even if the holder of that history does not
// know it yet: to ask for both is more than is needed, and never wrong.
func (s *Spec) inForce(c *change) forces {
	if c.prev == nil || s.committed.holds(c.zxid) {
		return forces{current: c.next}
	}
	return forces{current: c.prev.next, pending: c.next}
}

// votes is what a member brings to a quorum.
func votes(x *protocol.Member) uint64 {
	if x.Role != protocol.Voter {
		return 0
	}
	return uint64(max(1, x.Weight))
}

// quorum says whether the voters that has names are a quorum of everything in force.
func (f forces) quorum(has func(voter) bool) bool {
	return majority(f.current, has) && (f.pending == nil || majority(f.pending, has))
}

func majority(m protocol.Membership, has func(voter) bool) bool {
	var all, have uint64
	for i := range m {
		x := &m[i]
		w := votes(x)
		all += w
		if w > 0 && x.Incarnation != 0 && has(voter{x.ID, x.Incarnation}) {
			have += w
		}
	}
	return 2*have > all
}

// isVoter says whether v is a voter of m.
func isVoter(m protocol.Membership, v voter) bool {
	for i := range m {
		if x := &m[i]; x.ID == v.id {
			return x.Role == protocol.Voter && x.Incarnation == v.incarnation && v.incarnation != 0
		}
	}
	return false
}

// reached returns the highest number that a quorum of m has, each at least that.
func reached(m protocol.Membership, number func(voter) uint64) uint64 {
	best := uint64(0)
	for i := range m {
		x := &m[i]
		if votes(x) == 0 || x.Incarnation == 0 {
			continue
		}
		n := number(voter{x.ID, x.Incarnation})
		if n > best && majority(m, func(v voter) bool { return number(v) >= n }) {
			best = n
		}
	}
	return best
}

// mayChange: a change of membership follows a committed one, keeps the leader and a
// voter of before, and makes voters only of those that are synchronised. Without a
// membership the entry says that the change before it is committed.
func (s *Spec) mayChange(m *member, o *epoch, e *protocol.Entry) error {
	last := o.change()
	if !s.committed.holds(last.zxid) {
		return s.violated(OneChange, m.id, "broadcasts the change %v while %v is pending", e.Zxid, last.zxid)
	}
	if e.Data == nil {
		return nil
	}
	next, err := audit.DecodeMembership(e.Data)
	if err == nil {
		err = next.Validate()
	}
	if err != nil {
		return s.violated(ChangeForm, m.id, "change %v: %v", e.Zxid, err)
	}
	if !isVoter(next, m.voter()) && isVoter(last.next, m.voter()) {
		return s.violated(ChangeForm, m.id, "change %v leaves out the leader", e.Zxid)
	}
	kept := false
	for _, x := range next {
		v := voter{x.ID, x.Incarnation}
		switch {
		case votes(&x) == 0:
		case isVoter(last.next, v):
			kept = true
		case v != m.voter() && toldBy(o.acks, v) < o.opening().Counter:
			return s.violated(Promotion, m.id, "change %v makes a voter of %d of incarnation %x, which has acknowledged nothing in epoch %d",
				e.Zxid, v.id, v.incarnation, o.number)
		}
	}
	if !kept {
		return s.violated(ChangeForm, m.id, "change %v keeps no voter", e.Zxid)
	}
	o.changes = append(o.changes, &change{zxid: e.Zxid, next: next, prev: last})
	s.stats.Changes++
	return nil
}
