package spec

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Sent tells of a frame that leaves a member on a link, in the order of its lane.
func (s *Spec) Sent(id, to uint64, on protocol.LinkID, raw []byte) error {
	m, err := s.running(id)
	if err != nil || len(raw) == 0 {
		return err
	}
	handle := claimOf(audit.Kind(raw[0]))
	if handle == nil {
		return nil
	}
	near, far := s.ends(on, id, to)
	if near == nil {
		return s.violated(Feed, id, "sends to %d on link %d, which is not theirs", to, on)
	}
	f := &s.frame
	if err := audit.Decode(f, raw); err != nil {
		return s.violated(FrameForm, id, "%v", err)
	}
	return handle(s, m, near, far, f)
}

// claim is what a frame that a member sends claims or does.
type claim func(s *Spec, m *member, near, far *linkEnd, f *audit.Frame) error

// claimOf returns what a frame of a kind claims, or nil if it is nothing.
func claimOf(k audit.Kind) claim {
	switch k {
	case audit.Entries:
		return (*Spec).sentEntries
	case audit.Ack:
		return (*Spec).sentAck
	case audit.Ping:
		return (*Spec).sentPing
	case audit.Pong:
		return (*Spec).sentPong
	case audit.Look:
		return (*Spec).sentLook
	case audit.Lead:
		return (*Spec).sentLead
	case audit.Join:
		return (*Spec).sentJoin
	case audit.Sync:
		return (*Spec).sentSync
	case audit.Snap:
		return (*Spec).sentSnap
	case audit.TakeOver, audit.Removed:
		return (*Spec).sentAsLeader
	case audit.ReadAnswer:
		return (*Spec).sentReadAnswer
	}
	return nil
}

// Delivered tells of a frame that a member is about to get.
func (s *Spec) Delivered(from, to uint64, on protocol.LinkID, raw []byte) error {
	m, err := s.running(to)
	if err != nil || len(raw) == 0 {
		return err
	}
	switch audit.Kind(raw[0]) {
	case audit.Join, audit.Ack, audit.Pong, audit.Read, audit.ReadAnswer:
	default:
		return nil
	}
	near, _ := s.ends(on, from, to)
	if near == nil {
		return s.violated(Feed, to, "gets a frame from %d on link %d, which is not theirs", from, on)
	}
	f := &s.frame
	if err := audit.Decode(f, raw); err != nil {
		return s.violated(FrameForm, from, "%v", err)
	}
	if f.Kind == audit.Join {
		s.gotPromise(m, near, f)
		return nil
	}
	if f.Kind == audit.ReadAnswer {
		if f.OK {
			m.answers[f.ID] = f.Zxid
		}
		return nil
	}
	e := m.leads
	if e == nil || e.number != f.Epoch {
		return nil // of another epoch, or to one that does not lead: it means nothing
	}
	switch f.Kind {
	case audit.Ack:
		return s.gotAck(e, near, f)
	case audit.Pong:
		e.pongs = told(e.pongs, near.voter, f.Round)
		if f.Round > e.confirmed && e.committed != 0 {
			s.confirm(e)
		}
	case audit.Read:
		e.asked[askedKey{on, f.ID}] = e.rounds
	}
	return nil
}

// gotPromise counts a promise for a candidate; the promiser is who it was when the
// link came up.
func (s *Spec) gotPromise(m *member, near *linkEnd, f *audit.Frame) {
	near.join, near.joined = f.Last, f.Epoch
	if !f.Promised || f.Epoch < m.promised { // left over from an epoch that came to nothing
		return
	}
	if m.promised != f.Epoch {
		m.promised, m.promises = f.Epoch, nil
	}
	s.stats.Promises++
	m.promises = append(m.promises, promise{near.voter, f.Last})
}

// gotAck counts an acknowledgement.
func (s *Spec) gotAck(e *epoch, near *linkEnd, f *audit.Frame) error {
	if f.Counter > e.end().Counter {
		return s.violated(ProcessConsistency, near.id, "acknowledges %d in epoch %d, whose leader has broadcast up to %v", f.Counter, e.number, e.end())
	}
	s.stats.Acks++
	e.acks = told(e.acks, near.voter, f.Counter)
	if f.Counter > e.committed {
		return s.count(e)
	}
	return nil
}

func (s *Spec) sentLook(m *member, _, _ *linkEnd, f *audit.Frame) error {
	if !f.Looking {
		return nil
	}
	return s.mustBeCommitted(m, f.Commit, "a look's commit")
}

// sentLead: who offers an epoch has accepted it, for itself. Who has no history
// offers a first epoch, with the founders that it has recorded.
func (s *Spec) sentLead(m *member, _, _ *linkEnd, f *audit.Frame) error {
	if err := s.promiseItself(m, f.Epoch); err != nil {
		return err
	}
	if f.Founders == nil && m.last.IsZero() {
		// Only who has founded the ensemble invites others without a list.
		_, err := s.ownEpoch(m, f.Epoch)
		return err
	}
	if f.Founders != nil && !slices.Equal(f.Founders, m.hs.Founders) {
		return s.violated(FoundingAll, m.id, "offers epoch %d with founders %v, has recorded %v", f.Epoch, f.Founders, m.hs.Founders)
	}
	return nil
}

// sentJoin: a promise is given once, after it raised the accepted epoch.
func (s *Spec) sentJoin(m *member, _, far *linkEnd, f *audit.Frame) error {
	if m.hs.AcceptedEpoch != f.Epoch {
		return s.violated(PromiseRaised, m.id, "joins epoch %d with accepted epoch %d", f.Epoch, m.hs.AcceptedEpoch)
	}
	if f.Last != m.last {
		return s.violated(PositionDurable, m.id, "joins with %v, its log ends at %v", f.Last, m.last)
	}
	if !f.Promised {
		return nil
	}
	if m.raised != f.Epoch || m.given != 0 {
		return s.violated(PromiseRaised, m.id, "promises epoch %d to %d; raised to %d in this run, promised to %d", f.Epoch, far.id, m.raised, m.given)
	}
	m.given = far.id
	return nil
}

// sentSync begins a stream after the last common entry.
func (s *Spec) sentSync(m *member, near, far *linkEnd, f *audit.Frame) error {
	e, err := s.ownEpoch(m, f.Epoch)
	if err != nil {
		return err
	}
	if far.joined != f.Epoch {
		return s.violated(StreamOrder, m.id, "synchronises %d, which has not joined epoch %d on this link", far.id, f.Epoch)
	}
	if z := s.common(far.join, e.end()); z != f.Common {
		return s.violated(LastCommon, m.id, "synchronises %d from %v; %v and %v have %v in common", far.id, f.Common, far.join, e.end(), z)
	}
	near.stream = stream{f.Epoch, f.Common}
	return nil
}

// sentSnap begins a stream, or begins it again, after a snapshot.
func (s *Spec) sentSnap(m *member, near, far *linkEnd, f *audit.Frame) error {
	e, err := s.ownEpoch(m, f.Epoch)
	if err != nil {
		return err
	}
	if far.joined != f.Epoch {
		return s.violated(StreamOrder, m.id, "sends a snapshot to %d, which has not joined epoch %d on this link", far.id, f.Epoch)
	}
	z := f.Snapshot.Zxid()
	if !s.contains(e.end(), z) {
		return s.violated(ProcessConsistency, m.id, "sends the snapshot %v, which is not in its history %v", z, e.end())
	}
	near.stream = stream{f.Epoch, z}
	return s.mustBeBase(m, f.Snapshot)
}

func (s *Spec) sentAsLeader(m *member, _, _ *linkEnd, f *audit.Frame) error {
	_, err := s.ownEpoch(m, f.Epoch)
	return err
}

// sentEntries: a leader sends its log, in one contiguous stream, and says what is
// committed of it.
func (s *Spec) sentEntries(m *member, near, _ *linkEnd, f *audit.Frame) error {
	o, err := s.ownEpoch(m, f.Epoch)
	if err != nil {
		return err
	}
	if near.stream.epoch != f.Epoch {
		return s.violated(StreamOrder, m.id, "sends entries of epoch %d before the stream has begun", f.Epoch)
	}
	if err := s.mustBeCommitted(m, f.Commit, "a leader's commit"); err != nil {
		return err
	}
	if !s.contains(o.end(), f.Commit) {
		return s.violated(CommitQuorum, m.id, "tells commit %v, which is not in its history %v", f.Commit, o.end())
	}
	for raw := f.Data; len(raw) > 0; {
		e, n, err := protocol.DecodeEntry(raw)
		if err != nil {
			return s.violated(FrameForm, m.id, "%v", err)
		}
		raw = raw[n:]
		if err := s.sentEntry(m, o, near, &e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) sentEntry(m *member, o *epoch, near *linkEnd, e *protocol.Entry) error {
	prev := near.stream.prev
	if e.Prev() != prev {
		return s.violated(StreamOrder, m.id, "sends %v after %v on a stream that has come to %v", e.Zxid, e.Prev(), prev)
	}
	if err := s.broadcast(m, e, hash(e)); err != nil {
		return err
	}
	if e.Zxid.Epoch != prev.Epoch && !s.contains(o.end(), e.Zxid) {
		return s.violated(ProcessConsistency, m.id, "sends %v, which is not in its history %v", e.Zxid, o.end())
	}
	near.stream.prev = e.Zxid
	return nil
}

// sentAck: who acknowledges a leader's log has a prefix of it, durably, and has
// promised no later epoch.
func (s *Spec) sentAck(m *member, _, far *linkEnd, f *audit.Frame) error {
	if m.hs.AcceptedEpoch != f.Epoch {
		return s.violated(PromiseKept, m.id, "acknowledges %d in epoch %d with accepted epoch %d", f.Counter, f.Epoch, m.hs.AcceptedEpoch)
	}
	e := s.epochOf(f.Epoch)
	if e == nil || e.leader != far.voter {
		return s.violated(ProcessConsistency, m.id, "acknowledges %d to %d, which does not lead epoch %d", f.Counter, far.id, f.Epoch)
	}
	if z := s.common(m.last, e.end()); z.Counter < f.Counter {
		return s.violated(ProcessConsistency, m.id, "acknowledges %d in epoch %d; its log %v has only %v in common with the leader's", f.Counter, f.Epoch, m.last, z)
	}
	return nil
}
