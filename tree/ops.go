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
		at, code := s.find(op.path)
		switch {
		case at == nil:
			return nil, code
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

// find returns where a path is, and, if it is nowhere, with what a set, check or setACL
// of it is refused: those of a path that no znode can have have a code of their own.
func (s *State) find(path []byte) (*place, Code) {
	at := s.index[string(path)]
	switch {
	case at != nil:
		return at, CodeOK
	case pathFault(path) != "":
		return nil, CodeBadPath
	}
	return nil, CodeNoNode
}

// hopeless says whether a create or delete of the path is refused before anything else is
// looked at.
func hopeless(path []byte) bool {
	return bytes.IndexByte(path, '/') < 0 || bytes.IndexByte(path, 0) >= 0
}

// The order in which reasons for a refusal are looked at is ZooKeeper's
// (PrepRequestProcessor, 3.8). Nothing here knows of a limit of admission.

func (s *State) create(op *flatOp, x *session) (*Znode, Code) {
	switch {
	case !validMode(op.mode, op.ttl):
		return nil, CodeBadMode
	case hopeless(op.path):
		return nil, CodeBadPath
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
	if pathFault(path) != "" {
		return nil, CodeBadPath
	}
	if s.index[string(path)] != nil {
		return nil, CodeNodeExists
	}
	if up.newest.stat.EphemeralOwner != 0 {
		return nil, CodeNoChildrenForEphemerals
	}
	if s.overQuota(path, int64(len(op.data)), 1) {
		return nil, CodeQuotaExceeded
	}
	z := s.newNode(op, string(path), up.path, acl)
	if op.mode&Ephemeral != 0 {
		z.stat.EphemeralOwner = x.id
	}
	z.hash = z.rehash()
	s.childChanged(up, +1)
	s.swap(nil, z)
	s.changes = append(s.changes, Change{Zxid: s.zxid, Kind: Created, Path: z.path, After: z})
	s.recount(z)
	s.tally(path, int64(len(op.data)), 1)
	return z, CodeOK
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
	at, code := s.find(op.path)
	if at == nil {
		return nil, code
	}
	old := at.newest
	switch {
	case !old.Permits(x.identities, PermWrite):
		return nil, CodeNoAuth
	case s.overQuota(op.path, int64(len(op.data)-len(old.data)), 0):
		return nil, CodeQuotaExceeded
	case !op.cond.holds(old.stat.Version):
		return nil, CodeBadVersion
	}
	z := s.setData(old, op.data, nextVersion(old.stat.Version))
	s.tally(op.path, int64(len(z.data)-len(old.data)), 0)
	return z, CodeOK
}

func (s *State) setData(old *Znode, data []byte, version int32) *Znode {
	z := new(Znode)
	*z = *old
	z.token = 0
	z.setData(copyData(data))
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
	switch {
	case hopeless(op.path):
		return CodeBadPath
	case reserved(op.path):
		return CodeReserved
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
	at, missing := s.find(op.path)
	if missing == CodeBadPath {
		return nil, missing
	}
	acl, code := s.acls.resolve(op.acl, x.identities, s.settings.X509)
	if code != CodeOK {
		return nil, code
	}
	if at == nil {
		return nil, missing
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
