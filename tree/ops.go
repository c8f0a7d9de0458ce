package tree

import "bytes"

// apply executes one operation of a session and returns the znode after it, nil
// for delete and check. If the code is not CodeOK nothing happened.
func (s *State) apply(op *flatOp, x *session) (*Znode, Code) {
	switch op.kind {
	case opCreate:
		return s.create(op, x)
	case opSet:
		return s.set(op, x)
	case opDelete:
		return nil, s.delete(op, x)
	case opCheck:
		at := s.index[string(op.path)]
		switch {
		case at == nil:
			return nil, CodeNoNode
		case !at.newest.Permits(x.identities, PermRead):
			return nil, CodeNoAuth
		case !op.cond.holds(at.newest.stat.Version):
			return nil, CodeBadVersion
		}
		return nil, CodeOK
	case opSetACL:
		return s.setACL(op, x)
	}
	return nil, CodeUnknownOp
}

func (s *State) create(op *flatOp, x *session) (*Znode, Code) {
	if code := op.fault(); code != CodeOK {
		return nil, code
	}
	acl, code := s.acls.resolve(op.acl, x.identities, s.settings.X509)
	if code != CodeOK {
		return nil, code
	}
	path := op.path
	up := s.parentPlace(path)
	if up == nil {
		return nil, CodeNoNode
	}
	if !up.newest.Permits(x.identities, PermCreate) {
		return nil, CodeNoAuth
	}
	if op.mode&Sequential != 0 {
		s.name = appendSequence(append(s.name[:0], path...), up.newest.creates)
		path = s.name
	}
	if s.index[string(path)] != nil {
		return nil, CodeNodeExists
	}
	if up.newest.stat.EphemeralOwner != 0 {
		return nil, CodeNoChildrenForEphemerals
	}
	z := s.newNode(op, string(path), up.path, acl)
	if op.mode&Ephemeral != 0 {
		z.stat.EphemeralOwner = x.id
	}
	z.hash = z.rehash()
	s.childChanged(up, +1)
	s.swap(nil, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: Created, Path: z.path, After: z})
	return z, CodeOK
}

// fault checks once more, as part of the rules, the form of what is about to
// become part of the state. Nothing here knows of a limit.
func (op *flatOp) fault() Code {
	err := opFault(op.kind, op.path, op.mode, op.ttl, op.acl)
	code, _ := CodeOf(err)
	return code
}

func (s *State) newNode(op *flatOp, path, parent string, acl *aclList) *Znode {
	z := &Znode{
		place: s.newPlace(path, parent), acl: acl,
		data: copyData(op.data), dataHash: dataHashOf(op.data),
		stat: Stat{
			Czxid: s.zxid, Mzxid: s.zxid, Pzxid: s.zxid, Ctime: s.wall, Mtime: s.wall,
			Container: op.mode&Container != 0, TTL: op.ttl, DataLength: int32(len(op.data)),
		},
	}
	if op.ttl != 0 {
		z.touched = s.clock
	}
	return z
}

func (s *State) set(op *flatOp, x *session) (*Znode, Code) {
	at := s.index[string(op.path)]
	if at == nil {
		return nil, CodeNoNode
	}
	old := at.newest
	switch {
	case !old.Permits(x.identities, PermWrite):
		return nil, CodeNoAuth
	case !op.cond.holds(old.stat.Version):
		return nil, CodeBadVersion
	}
	return s.setData(old, op.data, nextVersion(old.stat.Version)), CodeOK
}

func (s *State) setData(old *Znode, data []byte, version int32) *Znode {
	z := new(Znode)
	*z = *old
	z.token = 0
	z.data, z.dataHash = copyData(data), dataHashOf(data)
	z.stat.DataLength = int32(len(data))
	z.stat.Version = version
	z.stat.Mzxid, z.stat.Mtime = s.zxid, s.wall
	if z.stat.TTL != 0 {
		z.touched = s.clock
	}
	z.hash = z.rehash()
	s.swap(old, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: DataSet, Path: z.path, Before: old, After: z})
	return z
}

func (s *State) delete(op *flatOp, x *session) Code {
	if code := op.fault(); code != CodeOK {
		return code
	}
	up := s.parentPlace(op.path)
	if up == nil {
		return CodeNoNode
	}
	if !up.newest.Permits(x.identities, PermDelete) {
		return CodeNoAuth
	}
	at := s.index[string(op.path)]
	switch {
	case at == nil:
		return CodeNoNode
	case !op.cond.holds(at.newest.stat.Version):
		return CodeBadVersion
	case at.newest.stat.NumChildren != 0:
		return CodeNotEmpty
	}
	s.deleteNode(at.newest)
	return CodeOK
}

func (s *State) setACL(op *flatOp, x *session) (*Znode, Code) {
	if code := op.fault(); code != CodeOK {
		return nil, code
	}
	acl, code := s.acls.resolve(op.acl, x.identities, s.settings.X509)
	if code != CodeOK {
		return nil, code
	}
	at := s.index[string(op.path)]
	if at == nil {
		return nil, CodeNoNode
	}
	old := at.newest
	switch {
	case !old.Permits(x.identities, PermAdmin):
		return nil, CodeNoAuth
	case !op.cond.holds(old.stat.Aversion):
		return nil, CodeBadVersion
	}
	z := new(Znode)
	*z = *old
	z.token = 0
	z.acl = acl
	z.stat.Aversion = nextVersion(old.stat.Aversion)
	z.hash = z.rehash()
	s.swap(old, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: ACLSet, Path: z.path, Before: old, After: z})
	return z, CodeOK
}

// nextVersion counts a version on, past -1, which means any (ZOOKEEPER-4743).
func nextVersion(v int32) int32 {
	if v++; v == -1 {
		return 0
	}
	return v
}

// parentPlace returns where the parent of a path is, nil if there is none.
func (s *State) parentPlace(path []byte) *place {
	at := bytes.LastIndexByte(path, '/')
	switch {
	case at < 0:
		return nil
	case at == 0:
		return s.index["/"]
	}
	return s.index[string(path[:at])]
}

func copyData(data []byte) []byte {
	if data == nil {
		return nil
	}
	c := make([]byte, len(data))
	copy(c, data)
	return c
}
