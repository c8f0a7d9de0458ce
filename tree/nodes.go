package tree

import "math"

// slot is where the newest version of a znode is.
type slot struct{ z *Znode }

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

// swap replaces a version of a znode by another in the tree, its indexes and
// the digest: before is nil for a creation, after for a deletion. Everything
// that ever happens to a znode goes through here, also what a multi takes back;
// only childChanged changes one in place.
func (s *State) swap(at *slot, before, after *Znode) {
	if s.recording {
		s.undo = append(s.undo, change{before, after})
	}
	if before != nil {
		checkShared(before)
		s.sum -= before.hash
		s.acls.release(before.acl)
	}
	if after == nil {
		s.nodes.remove(before)
		delete(s.index, before.path)
		if owner := before.stat.EphemeralOwner; owner != 0 {
			s.ephemerals.remove(ephemeralKey{owner, before.path})
		}
		s.moveDue(before.path, before, nil)
		return
	}
	s.sum += after.hash
	s.acls.retain(after.acl)
	s.nodes.put(after)
	if before == nil {
		s.index[after.path] = &slot{after}
		if owner := after.stat.EphemeralOwner; owner != 0 {
			s.ephemerals.put(ephemeralKey{owner, after.path})
		}
	} else {
		at.z = after
	}
	if after.stat.TTL != 0 || after.stat.Container {
		s.moveDue(after.path, before, after)
	}
}

func (s *State) moveDue(path string, before, after *Znode) {
	var from, to int64
	var was, is bool
	if before != nil {
		from, was = before.due()
	}
	if after != nil {
		to, is = after.due()
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
func (s *State) childChanged(at *slot, by int32) {
	z := at.z
	if z.token != s.token {
		c := *z
		c.token = s.token
		c.countChild(by, s.zxid)
		s.swap(at, z, &c)
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
func (s *State) deleteNode(at *slot) {
	z := at.z
	s.swap(at, z, nil)
	s.childChanged(s.index[z.parent], -1)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: Deleted, Path: z.path, Before: z})
}

// change is one swap, for a multi to take back.
type change struct{ before, after *Znode }

// rollback takes back what was recorded.
func (s *State) rollback() {
	s.recording = false
	for i := len(s.undo) - 1; i >= 0; i-- {
		u := s.undo[i]
		var at *slot
		if u.before != nil && u.after != nil {
			at = s.index[u.after.path]
		}
		s.swap(at, u.after, u.before)
	}
}
