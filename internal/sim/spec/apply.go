package spec

import "github.com/zabtree/zabtree/zab/protocol"

// Applied tells that a member's state machine has applied an entry.
func (s *Spec) Applied(id uint64, e *protocol.Entry) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	if err := s.inOrder(m, e); err != nil {
		return err
	}
	z := e.Zxid
	if !s.committed.holds(z) {
		if z.Counter <= s.committed.last().Counter {
			return s.violated(Agreement, id, "delivers %v, where the history up to %v is committed", z, s.committed.last())
		}
		return s.violated(CommitQuorum, id, "delivers %v, only %v is committed", z, s.committed.last())
	}
	if h, ok := s.hashAt(z); !ok || h != hash(e) {
		return s.violated(Integrity, id, "delivers another %v than was broadcast", z)
	}
	if z.Counter > m.last.Counter || z.Epoch != m.last.Epoch && !s.contains(m.last, z) {
		return s.violated(ApplyDurable, id, "delivers %v, its durable log ends at %v", z, m.last)
	}
	s.stats.Applied++
	m.applied = z
	s.known = max(s.known, z.Counter)
	return nil
}

// inOrder: each entry is delivered right after the one that it follows.
func (s *Spec) inOrder(m *member, e *protocol.Entry) error {
	z, was := e.Zxid, m.applied
	switch {
	case e.Prev() == was && z.Counter != 0 && z.Epoch >= was.Epoch:
		return nil
	case z.Epoch < was.Epoch:
		return s.violated(GlobalPrimaryOrder, m.id, "delivers %v after %v", z, was)
	case z.Epoch == was.Epoch:
		return s.violated(LocalPrimaryOrder, m.id, "delivers %v after %v", z, was)
	}
	return s.violated(TotalOrder, m.id, "delivers %v, which follows %v, after %v", z, e.Prev(), was)
}

// Installed tells that a member's state machine was restored from a snapshot that has
// become the base of its log.
func (s *Spec) Installed(id uint64, b *protocol.Base) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	z := b.Zxid()
	if err := s.mustBeCommitted(m, z, "an installed snapshot"); err != nil {
		return err
	}
	if z.Counter <= m.applied.Counter {
		return s.violated(TotalOrder, id, "installs a snapshot at %v after it has applied %v", z, m.applied)
	}
	if z != m.base && m.latest.Zxid != z {
		return s.violated(ApplyDurable, id, "installs a snapshot at %v, the log begins after %v", z, m.base)
	}
	m.applied = z
	return nil
}
