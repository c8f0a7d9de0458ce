package tree

// tombstone is what stays of a session for a while after its end, so that
// somebody who did not get the answer to its last write can still have it.
type tombstone struct {
	final *session
	zxid  int64 // of its end
	clock int64 // at its end
	hash  uint64
}

// Tombstones are found by session, and go in the order in which they came.
type tombItem struct {
	id int64
	t  *tombstone
}

type tombOrder struct{ zxid, id int64 }

func lessTomb(a, b tombItem) bool { return a.id < b.id }

func lessTombOrder(a, b tombOrder) bool {
	return a.zxid < b.zxid || a.zxid == b.zxid && a.id < b.id
}

// cost is what a tombstone counts towards Settings.TombstoneBytes.
func (t *tombstone) cost() int { return t.final.bytes }

func (s *State) bury(x *session) {
	s.raise(&tombstone{final: x, zxid: s.zxid, clock: s.clock})
}

// raise puts up a tombstone.
func (s *State) raise(t *tombstone) {
	t.hash = t.rehash()
	s.sum += t.hash
	s.tombBytes += t.cost()
	s.tombs.put(tombItem{t.final.id, t})
	s.tombOrder.put(tombOrder{t.zxid, t.final.id})
}

// purge drops the tombstones whose time is up by the ensemble's clock, and the
// oldest of those that are too many.
func (s *State) purge() {
	for s.tombOrder.live.Len() > 0 {
		first, _ := s.tombOrder.live.Min()
		item, _ := s.tombs.live.Get(tombItem{id: first.id})
		t := item.t
		if s.clock-t.clock < int64(s.settings.TombstoneTime) &&
			s.tombOrder.live.Len() <= s.settings.Tombstones &&
			s.tombBytes <= s.settings.TombstoneBytes {
			return
		}
		s.sum -= t.hash
		s.tombBytes -= t.cost()
		s.tombs.remove(tombItem{id: first.id})
		s.tombOrder.remove(first)
	}
}
