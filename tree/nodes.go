package tree

import "math"

type ephemeralKey struct {
	owner int64
	path  string
}

func lessEphemeral(a, b ephemeralKey) bool {
	return a.owner < b.owner || a.owner == b.owner && a.path < b.path
}

// dueKey says from which time of the ensemble's clock on a container or TTL
// znode may be deleted.
type dueKey struct {
	clock int64
	path  string
}

func lessDue(a, b dueKey) bool {
	return a.clock < b.clock || a.clock == b.clock && a.path < b.path
}

// due returns when the znode may be deleted if nothing happens to it: a
// container at once after it lost its last child, a childless TTL znode when it
// was not set for its TTL.
func (z *Znode) due() (clock int64, ok bool) {
	s := &z.stat
	switch {
	case s.NumChildren != 0:
		return 0, false
	case s.Container:
		return math.MinInt64, z.creates != 0
	case s.TTL != 0:
		if z.touched > math.MaxInt64-int64(s.TTL) {
			return math.MaxInt64, true
		}
		return z.touched + int64(s.TTL), true
	}
	return 0, false
}

// newPlace makes the place of a znode that is about to be created.
func (s *State) newPlace(path, parent string) *place {
	return &place{path: path, parent: parent, pathHash: hashPath(path), index: s.znodes.reserve()}
}

// swap replaces a version of a znode by another in the tree, its indexes and
// the digest: before is nil for a creation, after for a deletion. Everything
// that ever happens to a znode goes through here, also what a multi takes back;
// only childChanged and setTrack change one in place.
func (s *State) swap(before, after *Znode) {
	if s.recording {
		s.undo = append(s.undo, change{before, after})
	}
	if before != nil {
		checkShared(before)
		s.sum -= before.hash
		s.acls.release(before.acl)
	}
	if after != nil {
		s.sum += after.hash
		s.acls.retain(after.acl)
		s.znodes.set(after.index, after)
		after.newest = after
	}
	switch {
	case before == nil:
		s.index[after.path] = after.place
		s.order.put(after.place)
		s.noteLimits(after.path, true)
		if owner := after.stat.EphemeralOwner; owner != 0 {
			s.ephemerals.put(ephemeralKey{owner, after.path})
		}
		s.moveDue(nil, after)
	case after == nil:
		delete(s.index, before.path)
		s.order.remove(before.place)
		s.noteLimits(before.path, false)
		s.znodes.set(before.index, nil)
		if !s.recording { // else it may come back: see multi
			s.znodes.release(before.index)
		}
		if owner := before.stat.EphemeralOwner; owner != 0 {
			s.ephemerals.remove(ephemeralKey{owner, before.path})
		}
		s.moveDue(before, nil)
	case after.stat.TTL != 0 || after.stat.Container:
		s.moveDue(before, after)
	}
}

func (s *State) moveDue(before, after *Znode) {
	var from, to int64
	var was, is bool
	path := ""
	if before != nil {
		from, was = before.due()
		path = before.path
	}
	if after != nil {
		to, is = after.due()
		path = after.path
	}
	s.setDue(path, from, was, to, is)
}

func (s *State) setDue(path string, from int64, was bool, to int64, is bool) {
	if was == is && from == to {
		return
	}
	if was {
		s.due.remove(dueKey{from, path})
	}
	if is {
		s.due.put(dueKey{to, path})
	}
}

// childChanged counts the creation (+1) or deletion (-1) of a child.
func (s *State) childChanged(up *place, by int32) {
	z := up.newest
	if z.token != s.token {
		c := *z
		c.token = s.token
		c.countChild(by, s.zxid)
		s.swap(z, &c)
		return
	}
	// Nobody has seen this version: change it in place.
	from, was := z.due()
	s.sum -= z.hash
	z.countChild(by, s.zxid)
	s.sum += z.hash
	to, is := z.due()
	s.setDue(z.path, from, was, to, is)
}

func (z *Znode) countChild(by int32, zxid int64) {
	z.stat.Pzxid = zxid
	z.stat.Cversion++
	z.stat.NumChildren += by
	if by > 0 {
		z.creates++
	}
	z.hash = z.rehash()
}

// deleteNode deletes a znode that has no children.
func (s *State) deleteNode(z *Znode) {
	s.swap(z, nil)
	s.childChanged(s.index[z.parent], -1)
	if len(s.quotas) != 0 {
		s.tally([]byte(z.path), -int64(len(z.data)), -1)
	}
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: Deleted, Path: z.path, Before: z})
}

// change is one swap, for a multi to take back.
type change struct{ before, after *Znode }

// rollback takes back what was recorded.
func (s *State) rollback() {
	s.recording = false
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.swap(s.undo[i].after, s.undo[i].before)
	}
}

// commit keeps what was recorded.
func (s *State) commit() {
	s.recording = false
	for _, u := range s.undo {
		if u.after == nil {
			s.znodes.release(u.before.index)
		}
	}
}
