package tree

// znode takes a znode, and a list of permissions that stands before it.
func (r *snapshotReader) znode() error {
	kind, err := r.next()
	if err == nil && kind == recordACL {
		if err = r.acl(); err == nil {
			kind, err = r.next()
		}
	}
	if err != nil {
		return err
	}
	if kind != recordZnode {
		return malformed("record of kind %d where a znode must be", kind)
	}
	path, acl := r.rec.String(), r.rec.Uint()
	z := &Znode{place: &place{path: path}, stat: decodeStat(&r.rec), creates: r.rec.Int32(), touched: r.rec.Int()}
	z.data = copyData(r.rec.Bytes())
	if err := r.done(); err != nil {
		return err
	}
	if acl > uint64(len(r.acls)) {
		return malformed("%q has the ACL %d of %d", path, acl, len(r.acls))
	}
	if acl > 0 {
		z.acl = r.acls[acl-1]
	}
	if err := r.place(z); err != nil {
		return err
	}
	z.dataHash = dataHashOf(z.data)
	z.place = r.s.newPlace(z.path, z.parent)
	r.last = z.place
	z.hash = z.rehash()
	r.s.swap(nil, z)
	return nil
}

// acl takes a list of permissions, as apply would have written it.
func (r *snapshotReader) acl() error {
	acl := decodeACL(&r.rec)
	if err := r.done(); err != nil {
		return err
	}
	if acl == nil || validateACL(acl) != nil || isWorld(acl) {
		return malformed("invalid ACL")
	}
	for i := range acl {
		if acl[i].ID.Scheme == "auth" {
			return malformed("ACL with an identity that was not resolved")
		}
	}
	r.acls = append(r.acls, r.s.acls.intern(acl))
	return nil
}

// place checks that the znode may stand where it does, and gives it the path of
// its parent.
func (r *snapshotReader) place(z *Znode) error {
	if fault := pathFault(z.path); fault != "" {
		return malformed("path %q %s", z.path, fault)
	}
	z.parent = parentOf(z.path)
	if r.last == nil {
		if z.path != "/" {
			return malformed("%q comes before the root", z.path)
		}
	} else {
		up := r.s.index[z.parent]
		switch {
		case !lessPlace(r.last, z.place):
			return malformed("%q comes after %q", z.path, r.last.path)
		case up == nil:
			return malformed("%q has no parent", z.path)
		case up.newest.stat.EphemeralOwner != 0:
			return malformed("%q is below an ephemeral znode", z.path)
		}
		z.parent = up.path // the same string for all siblings
		if r.last.parent != z.parent {
			if err := r.endSiblings(); err != nil {
				return err
			}
		}
		r.siblings++
	}
	return r.stat(z)
}

// endSiblings checks the number of children of the parent of the last znode.
func (r *snapshotReader) endSiblings() error {
	if r.last != nil && r.last.path != "/" {
		if up := r.s.index[r.last.parent].newest; up.stat.NumChildren != r.siblings {
			return malformed("%q claims %d children and has %d", up.path, up.stat.NumChildren, r.siblings)
		}
	}
	r.siblings = 0
	return nil
}

func (r *snapshotReader) stat(z *Znode) error {
	s := &z.stat
	kinds := 0
	for _, is := range []bool{s.EphemeralOwner != 0, s.Container, s.TTL != 0} {
		if is {
			kinds++
		}
	}
	r.children += int64(s.NumChildren)
	switch zxid := r.s.zxid; {
	case s.NumChildren < 0 || s.DataLength != int32(len(z.data)):
		return malformed("%q has %d bytes and claims %d, and %d children", z.path, len(z.data), s.DataLength, s.NumChildren)
	case s.Czxid < 0 || s.Czxid > s.Mzxid || s.Czxid > s.Pzxid || s.Mzxid > zxid || s.Pzxid > zxid:
		return malformed("%q has the zxids %d, %d and %d", z.path, s.Czxid, s.Mzxid, s.Pzxid)
	case kinds > 1 || s.TTL != 0 && (s.TTL < MinTTL || s.TTL > MaxTTL) || s.TTL == 0 && z.touched != 0:
		return malformed("%q is of two kinds, or of a wrong TTL", z.path)
	case s.EphemeralOwner != 0 && r.s.byID[s.EphemeralOwner] == nil:
		return malformed("%q belongs to session %d, which does not exist", z.path, s.EphemeralOwner)
	}
	return nil
}
