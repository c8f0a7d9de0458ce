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
		case !at.z.Permits(x.identities, PermRead):
			return nil, CodeNoAuth
		case !op.cond.holds(at.z.stat.Version):
			return nil, CodeBadVersion
		}
		return nil, CodeOK
	case opSetACL:
		return s.setACL(op, x)
	}
	return nil, CodeUnknownOp
}

func (s *State) create(op *flatOp, x *session) (*Znode, Code) {
	path := op.path
	if op.mode&Sequential != 0 { // the name is valid with any number or with none
		s.name = append(append(s.name[:0], path...), '1')
		path = s.name
	}
	if pathFault(path) != "" {
		return nil, CodeBadPath
	}
	if !validMode(op.mode, op.ttl) {
		return nil, CodeBadMode
	}
	if op.acl != nil && validateACL(op.acl) != nil {
		return nil, CodeInvalidACL
	}
	acl, code := s.acls.resolve(op.acl, x.identities)
	if code != CodeOK {
		return nil, code
	}
	up := s.parentSlot(path)
	if up == nil {
		return nil, CodeNoNode
	}
	if !up.z.Permits(x.identities, PermCreate) {
		return nil, CodeNoAuth
	}
	if op.mode&Sequential != 0 {
		s.name = appendSequence(s.name[:len(s.name)-1], up.z.creates)
		path = s.name
	}
	if s.index[string(path)] != nil {
		return nil, CodeNodeExists
	}
	if up.z.stat.EphemeralOwner != 0 {
		return nil, CodeNoChildrenForEphemerals
	}
	z := s.newNode(op, string(path), up.z.path, acl)
	if op.mode&Ephemeral != 0 {
		z.stat.EphemeralOwner = x.id
	}
	z.hash = z.rehash()
	s.childChanged(up, +1)
	s.swap(nil, nil, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: Created, Path: z.path, After: z})
	return z, CodeOK
}

func (s *State) newNode(op *flatOp, path, parent string, acl *aclList) *Znode {
	z := &Znode{
		path: path, parent: parent, acl: acl,
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
	old := at.z
	switch {
	case !old.Permits(x.identities, PermWrite):
		return nil, CodeNoAuth
	case !op.cond.holds(old.stat.Version):
		return nil, CodeBadVersion
	}
	return s.setData(at, op.data, nextVersion(old.stat.Version)), CodeOK
}

func (s *State) setData(at *slot, data []byte, version int32) *Znode {
	old := at.z
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
	s.swap(at, old, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: DataSet, Path: z.path, Before: old, After: z})
	return z
}

func (s *State) delete(op *flatOp, x *session) Code {
	if reserved(op.path) {
		return CodeReserved
	}
	up := s.parentSlot(op.path)
	if up == nil {
		return CodeNoNode
	}
	if !up.z.Permits(x.identities, PermDelete) {
		return CodeNoAuth
	}
	at := s.index[string(op.path)]
	switch {
	case at == nil:
		return CodeNoNode
	case !op.cond.holds(at.z.stat.Version):
		return CodeBadVersion
	case at.z.stat.NumChildren != 0:
		return CodeNotEmpty
	}
	s.deleteNode(at)
	return CodeOK
}

func (s *State) setACL(op *flatOp, x *session) (*Znode, Code) {
	if validateACL(op.acl) != nil {
		return nil, CodeInvalidACL
	}
	acl, code := s.acls.resolve(op.acl, x.identities)
	if code != CodeOK {
		return nil, code
	}
	at := s.index[string(op.path)]
	if at == nil {
		return nil, CodeNoNode
	}
	old := at.z
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
	s.swap(at, old, z)
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

// parentSlot returns where the parent of a path is, nil if there is none.
func (s *State) parentSlot(path []byte) *slot {
	at := bytes.LastIndexByte(path, '/')
	switch {
	case at < 0 || len(path) == 1:
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
