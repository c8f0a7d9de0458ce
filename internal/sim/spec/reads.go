package spec

import (
	"math"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// readKey names a read by the member that it was asked of.
type readKey struct{ member, id uint64 }

// readAsked is what was true when a read point was asked for.
type readAsked struct {
	known uint64 // told or applied as committed by anybody
	// epoch is the one that the member led, if it did, and round the confirmation
	// that it had begun last.
	epoch *epoch
	round uint64
}

// askedKey names a read that a follower passed on.
type askedKey struct {
	link protocol.LinkID
	id   uint64
}

// ReadAsked tells that a member is about to be asked for a read point. The number is
// the member's own, used once.
func (s *Spec) ReadAsked(id, read uint64) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	r := readAsked{known: s.known, epoch: m.leads}
	if m.leads != nil {
		r.round = m.leads.rounds
	}
	s.reads[readKey{id, read}] = r
	return nil
}

// ReadFailed tells that a member has answered that there is no read point.
func (s *Spec) ReadFailed(id, read uint64) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	delete(s.reads, readKey{id, read})
	delete(m.answers, read)
	return nil
}

// ReadAnswered tells a read point that a member has answered.
func (s *Spec) ReadAnswered(id, read uint64, z protocol.Zxid) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	r, ok := s.reads[readKey{id, read}]
	if !ok {
		return s.violated(Feed, id, "answers read %d, which was not asked", read)
	}
	delete(s.reads, readKey{id, read})
	s.stats.Reads++
	if z.Counter < r.known {
		return s.violated(StaleRead, id, "read %d at %v, %d was committed when it was asked", read, z, r.known)
	}
	if told, ok := m.answers[read]; ok {
		delete(m.answers, read)
		if told != z {
			return s.violated(ReadConfirmed, id, "read %d at %v, the leader answered %v", read, z, told)
		}
		return nil
	}
	if r.epoch == nil || m.leads != r.epoch {
		return s.violated(ReadConfirmed, id, "answers read %d without having led since it was asked, nor an answer from a leader", read)
	}
	return s.confirmed(m, r.round, z)
}

// confirmed: a quorum has confirmed the leader in a round begun after a request.
func (s *Spec) confirmed(m *member, round uint64, z protocol.Zxid) error {
	e := m.leads
	if z.Counter < e.opening().Counter {
		return s.violated(StaleRead, m.id, "a read point at %v, before the opening entry %v", z, e.opening())
	}
	if err := s.mustBeCommitted(m, z, "a read point"); err != nil {
		return err
	}
	if s.confirm(e) <= round {
		return s.violated(ReadConfirmed, m.id, "a read point at %v asked in round %d of epoch %d, confirmed by %v of %v", z, round, e.number, e.pongs, s.inForce(e.change()))
	}
	return nil
}

// confirm returns the last round that was ever confirmed by a quorum of what was in
// force then; any round, if the leader is a quorum by itself now. A leader answers
// when the confirmation arrives, and may append a change of membership before the
// answer is seen: so it is counted when it arrives, too.
func (s *Spec) confirm(e *epoch) uint64 {
	const every = math.MaxUint64
	number := func(v voter) uint64 {
		if v == e.leader {
			return every
		}
		return toldBy(e.pongs, v)
	}
	conf := s.inForce(e.change())
	n := reached(conf.current, number)
	if conf.pending != nil {
		n = min(n, reached(conf.pending, number))
	}
	if n == every {
		return every
	}
	e.confirmed = max(e.confirmed, n)
	return e.confirmed
}

func (s *Spec) sentReadAnswer(m *member, near, far *linkEnd, f *audit.Frame) error {
	if !f.OK {
		return nil
	}
	e, err := s.ownEpoch(m, f.Epoch)
	if err != nil {
		return err
	}
	k := askedKey{near.on, f.ID}
	if round, ok := e.asked[k]; ok {
		delete(e.asked, k)
		return s.confirmed(m, round, f.Zxid)
	}
	return s.violated(ReadConfirmed, m.id, "answers read %d, which %d has not asked", f.ID, far.id)
}

// sentPing: a round of confirmation begins with the first ping of its number.
func (s *Spec) sentPing(m *member, _, _ *linkEnd, f *audit.Frame) error {
	if e := m.leads; e != nil && e.number == f.Epoch {
		e.rounds = max(e.rounds, f.Round)
	}
	return nil
}

// sentPong: who confirms an epoch has promised no later one.
func (s *Spec) sentPong(m *member, _, _ *linkEnd, f *audit.Frame) error {
	if m.hs.AcceptedEpoch > f.Epoch {
		return s.violated(PromiseKept, m.id, "confirms epoch %d with accepted epoch %d", f.Epoch, m.hs.AcceptedEpoch)
	}
	return nil
}
