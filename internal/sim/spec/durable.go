package spec

import (
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Durable tells of a batch that a member's disk has now, in order. Between Down and
// Started it is one that was under way when the member went down.
func (s *Spec) Durable(id uint64, b *protocol.Batch) error {
	if s.err != nil {
		return s.err
	}
	m := s.members[id]
	if m == nil {
		return s.violated(Feed, id, "writes before it was started")
	}
	if b.HardState != nil {
		if err := s.accept(m, b.HardState); err != nil {
			return err
		}
	}
	if b.Base != nil {
		if err := s.rebase(m, b.Base); err != nil {
			return err
		}
	}
	if b.Latest != nil {
		if err := s.mustBeBase(m, b.Latest); err != nil {
			return err
		}
		m.latest = b.Latest.Snapshot
	}
	if b.Truncate != nil {
		if err := s.truncate(m, *b.Truncate); err != nil {
			return err
		}
	}
	if len(b.Entries) > 0 || len(b.Raw) > 0 {
		return s.append(m, b)
	}
	return nil
}

// accept makes an epoch the accepted one.
func (s *Spec) accept(m *member, h *protocol.HardState) error {
	switch was := &m.hs; {
	case h.Incarnation != was.Incarnation || was.Founders != nil && !slices.Equal(h.Founders, was.Founders):
		return s.violated(StateKept, m.id, "hard state %+v becomes %+v", *was, *h)
	case h.AcceptedEpoch < was.AcceptedEpoch:
		return s.violated(PromiseKept, m.id, "accepted epoch falls from %d to %d", was.AcceptedEpoch, h.AcceptedEpoch)
	case h.AcceptedEpoch > was.AcceptedEpoch:
		m.raised, m.given = h.AcceptedEpoch, 0
	}
	m.hs = *h
	return nil
}

// rebase makes the log begin after a snapshot. A log that does not hold the base's
// last entry is dropped.
func (s *Spec) rebase(m *member, b *protocol.Base) error {
	s.stats.Bases++
	if err := s.mustBeBase(m, b); err != nil {
		return err
	}
	z := b.Zxid()
	if z.Counter < m.base.Counter {
		return s.violated(CommittedKept, m.id, "the base goes back from %v to %v", m.base, z)
	}
	if !s.contains(m.last, z) {
		if err := s.mayDrop(m, s.common(m.last, z)); err != nil {
			return err
		}
		m.last = z
	}
	m.base = z
	return nil
}

// mustBeBase: what a base or a snapshot stands for is committed, and its configuration
// is that of its place in the log; the change that made it may still be called pending.
func (s *Spec) mustBeBase(m *member, b *protocol.Base) error {
	z := b.Zxid()
	if err := s.mustBeCommitted(m, z, "a snapshot"); err != nil || z.IsZero() {
		return err
	}
	at, c := s.changeAt(z), &b.Config
	if c.Pending != nil {
		if c.PendingAt != at.zxid || !slices.Equal(c.Pending, at.next) || at.prev == nil {
			return s.violated(BaseConfig, m.id, "base %v has %v pending at %v, not %v at %v", z, c.Pending, c.PendingAt, at.next, at.zxid)
		}
		at = at.prev
	}
	if c.Version != at.zxid.Counter || !slices.Equal(c.Current, at.next) {
		return s.violated(BaseConfig, m.id, "base %v has %v of version %d, not %v of %v", z, c.Current, c.Version, at.next, at.zxid)
	}
	return nil
}

// truncate cuts a log.
func (s *Spec) truncate(m *member, z protocol.Zxid) error {
	s.stats.Truncations++
	if !s.contains(m.last, z) || z.Counter < m.base.Counter {
		return s.violated(Contiguous, m.id, "cut after %v, which is not in the log %v to %v", z, m.base, m.last)
	}
	if err := s.mayDrop(m, z); err != nil {
		return err
	}
	m.last = z
	return nil
}

// mayDrop: what is behind z in a log may be dropped if it is not committed, as far as
// the epoch that the member is in can know. A late leader of a lower epoch may lack
// what a higher one has committed, and so may those who follow it.
func (s *Spec) mayDrop(m *member, z protocol.Zxid) error {
	if z.Less(s.common(m.last, m.applied)) {
		return s.violated(CommittedKept, m.id, "cut after %v, and has applied %v", z, m.applied)
	}
	for _, e := range s.opened {
		if e.number > m.hs.AcceptedEpoch || e.committed == 0 {
			continue
		}
		if kept := s.common(m.last, protocol.Zxid{Epoch: e.number, Counter: e.committed}); z.Less(kept) {
			return s.violated(CommittedKept, m.id, "cut after %v, but %v is committed in epoch %d", z, kept, e.number)
		}
	}
	return nil
}

// append puts entries at the end of a log.
func (s *Spec) append(m *member, b *protocol.Batch) error {
	raw := b.Raw
	for i := range b.Entries {
		e, n, err := protocol.DecodeEntry(raw)
		if err != nil {
			return s.violated(FrameForm, m.id, "entry %v of a batch: %v", b.Entries[i].Zxid, err)
		}
		raw = raw[n:]
		h := hash(&e)
		if e.Zxid != b.Entries[i].Zxid || h != hash(&b.Entries[i]) {
			return s.violated(FrameForm, m.id, "a batch with %v has %v in its bytes", b.Entries[i].Zxid, e.Zxid)
		}
		if err := s.appendOne(m, &e, h); err != nil {
			return err
		}
	}
	if len(raw) > 0 {
		return s.violated(FrameForm, m.id, "a batch has %d bytes too many", len(raw))
	}
	return s.appended(m)
}

func (s *Spec) appendOne(m *member, e *protocol.Entry, h uint64) error {
	if e.Prev() != m.last || e.Zxid.Counter == 0 {
		return s.violated(Contiguous, m.id, "entry %v after %v does not follow %v", e.Zxid, e.Prev(), m.last)
	}
	if err := s.broadcast(m, e, h); err != nil {
		return err
	}
	m.last = e.Zxid
	return nil
}

// appended: what was put into a log is from the leader of the accepted epoch.
func (s *Spec) appended(m *member) error {
	e := s.epochOf(m.hs.AcceptedEpoch)
	if e == nil || !s.contains(e.end(), m.last) {
		return s.violated(PromiseKept, m.id, "appends %v, which is not from the leader of the accepted epoch %d", m.last, m.hs.AcceptedEpoch)
	}
	if e.leader == m.voter() && e.run == m.run {
		return s.count(e)
	}
	return nil
}
