package spec

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// ownEpoch returns the epoch that a member speaks in as its leader, which it opens
// with the first word of it.
func (s *Spec) ownEpoch(m *member, number uint32) (*epoch, error) {
	if m.leads != nil && m.leads.number == number {
		return m.leads, nil
	}
	if e := s.epochOf(number); e != nil {
		return nil, s.violated(OneLeader, m.id, "of incarnation %x, run %d, leads epoch %d, which %d of %x opened in run %d",
			m.hs.Incarnation, m.run, number, e.leader.id, e.leader.incarnation, e.run)
	}
	return s.open(m, number)
}

// open establishes a leader.
func (s *Spec) open(m *member, number uint32) (*epoch, error) {
	e := &epoch{number: number, leader: m.voter(), run: m.run, prev: m.last, initial: s.changeAt(m.last), asked: map[askedKey]uint64{}}
	if err := s.promiseItself(m, number); err != nil {
		return nil, err
	}
	var err error
	if e.initial == nil {
		err = s.mayFound(m, number)
	} else {
		err = s.mayOpen(m, e)
	}
	if err == nil {
		err = s.complete(e)
	}
	if err != nil {
		return nil, err
	}
	s.stats.Opened++
	i, _ := slices.BinarySearchFunc(s.opened, number, func(o *epoch, n uint32) int { return int(o.number) - int(n) })
	s.opened = slices.Insert(s.opened, i, e)
	s.epochs[number], m.leads = e, e
	return e, nil
}

// promiseItself: a leader has accepted its epoch durably, for itself alone.
func (s *Spec) promiseItself(m *member, number uint32) error {
	if m.hs.AcceptedEpoch != number || m.raised != number || m.given != 0 && m.given != m.id {
		return s.violated(PromiseRaised, m.id, "leads epoch %d; accepted %d, raised to %d in this run, promised to %d",
			number, m.hs.AcceptedEpoch, m.raised, m.given)
	}
	m.given = m.id
	return nil
}

// mayOpen: a leader has the promises of a quorum of voters whose histories are no better
// than its own. Another promise may have come in after it opened the epoch, and before
// it said so; but then it must not have counted it.
func (s *Spec) mayOpen(m *member, e *epoch) error {
	conf := s.inForce(e.initial)
	promised := func(better bool) func(v voter) bool {
		return func(v voter) bool {
			return v == m.voter() || m.promised == e.number && slices.ContainsFunc(m.promises, func(p promise) bool {
				return p.voter == v && (better || !m.last.Less(p.last))
			})
		}
	}
	switch {
	case conf.quorum(promised(false)):
		return nil
	case conf.quorum(promised(true)):
		return s.violated(BestHistory, m.id, "opens epoch %d with history %v and the promises %v, of %v", e.number, m.last, m.promises, conf)
	}
	return s.violated(PromiseQuorum, m.id, "opens epoch %d with the promises %v, of %v", e.number, m.promises, conf)
}

// mayFound: the first epoch takes all founding voters, each of them empty and with
// the same list of them recorded.
func (s *Spec) mayFound(m *member, number uint32) error {
	if len(s.committed) > 0 {
		return s.violated(FoundingOnce, m.id, "founds the ensemble in epoch %d, and %v is committed", number, s.committed.last())
	}
	list := m.hs.Founders
	voters := 0
	for _, x := range s.founding {
		if x.Role != protocol.Voter {
			continue
		}
		voters++
		i := slices.IndexFunc(list, func(f protocol.Founder) bool { return f.ID == x.ID })
		if i < 0 {
			return s.violated(FoundingAll, m.id, "founds the ensemble in epoch %d with %v, without %d", number, list, x.ID)
		}
		if err := s.founderPromised(m, number, list[i]); err != nil {
			return err
		}
	}
	if voters != len(list) {
		return s.violated(FoundingAll, m.id, "founds the ensemble in epoch %d with %v, which are not its voters", number, list)
	}
	return nil
}

func (s *Spec) founderPromised(m *member, number uint32, f protocol.Founder) error {
	if voterOf(f) == m.voter() {
		return nil
	}
	i := slices.IndexFunc(m.promises, func(p promise) bool { return p.voter == voterOf(f) })
	if m.promised != number || i < 0 || !m.promises[i].last.IsZero() {
		return s.violated(FoundingAll, m.id, "founds the ensemble in epoch %d without the promise of an empty %d", number, f.ID)
	}
	p := s.members[f.ID]
	if p != nil && p.voter() == voterOf(f) && !slices.Equal(p.hs.Founders, m.hs.Founders) {
		return s.violated(FoundingAll, m.id, "founds the ensemble in epoch %d with %v, and %d has recorded %v", number, m.hs.Founders, p.id, p.hs.Founders)
	}
	return nil
}

func voterOf(f protocol.Founder) voter { return voter{f.ID, f.Incarnation} }

// complete: a leader has everything that was committed in lower epochs.
func (s *Spec) complete(e *epoch) error {
	for _, o := range s.opened {
		if o.number >= e.number || o.committed == 0 {
			continue
		}
		if z := (protocol.Zxid{Epoch: o.number, Counter: o.committed}); !s.contains(e.prev, z) {
			return s.violated(Completeness, e.leader.id, "opens epoch %d with history %v, and %v is committed in epoch %d", e.number, e.prev, z, o.number)
		}
	}
	return nil
}

// broadcast: an entry that is seen anywhere was broadcast by the leader of its epoch,
// once and in one order; by whom it is seen first, it is broadcast by.
func (s *Spec) broadcast(m *member, e *protocol.Entry, h uint64) error {
	if was, ok := s.hashAt(e.Zxid); ok {
		if was != h {
			return s.violated(Integrity, m.id, "has another %v than was broadcast", e.Zxid)
		}
		return nil
	}
	if m.raised != e.Zxid.Epoch || m.given != 0 && m.given != m.id {
		return s.violated(Integrity, m.id, "has %v, which nobody broadcast", e.Zxid)
	}
	o, err := s.ownEpoch(m, e.Zxid.Epoch)
	if err != nil {
		return err
	}
	return s.propose(m, o, e, h)
}

// propose appends to what a leader has broadcast.
func (s *Spec) propose(m *member, o *epoch, e *protocol.Entry, h uint64) error {
	end := o.end()
	if e.Zxid.Counter != end.Counter+1 || e.Prev() != end {
		return s.violated(LocalPrimaryOrder, m.id, "broadcasts %v after %v, which does not follow %v", e.Zxid, e.Prev(), end)
	}
	opens := len(o.proposals) == 0
	switch {
	case opens != (e.Kind == protocol.KindOpen):
		return s.violated(PrimaryIntegrity, m.id, "broadcasts %v of kind %d; the opening entry is %v", e.Zxid, e.Kind, o.opening())
	case !opens && o.committed == 0:
		return s.violated(PrimaryIntegrity, m.id, "broadcasts %v before its opening entry %v is committed", e.Zxid, o.opening())
	}
	var err error
	switch {
	case opens:
		err = s.mayName(m, o, e)
	case e.Kind == protocol.KindMembership:
		err = s.mayChange(m, o, e)
	case e.Kind != protocol.KindCommand:
		err = s.violated(FrameForm, m.id, "broadcasts %v of kind %d", e.Zxid, e.Kind)
	}
	if err == nil {
		o.proposals = append(o.proposals, h)
	}
	return err
}

// mayName: the opening entry of a first epoch names the founders, that of another
// nobody.
func (s *Spec) mayName(m *member, o *epoch, e *protocol.Entry) error {
	if (o.initial == nil) != (e.Data != nil) {
		return s.violated(FoundingOnce, m.id, "opens epoch %d after %v with a membership of %d bytes", o.number, o.prev, len(e.Data))
	}
	if e.Data == nil {
		return nil
	}
	next, err := audit.DecodeMembership(e.Data)
	if err != nil {
		return s.violated(FrameForm, m.id, "membership of %v: %v", e.Zxid, err)
	}
	if len(next) != len(s.founding) {
		return s.violated(FoundingAll, m.id, "founds the ensemble as %v, not as %v", next, s.founding)
	}
	for i, x := range s.founding {
		y := next[i]
		if j := slices.IndexFunc(m.hs.Founders, func(f protocol.Founder) bool { return f.ID == x.ID }); j >= 0 {
			x.Incarnation = m.hs.Founders[j].Incarnation
		} else {
			x.Incarnation = 0
		}
		if x != y {
			return s.violated(FoundingAll, m.id, "founds the ensemble with %+v, not with %+v", y, x)
		}
	}
	o.changes = append(o.changes, &change{zxid: e.Zxid, next: next})
	return nil
}
