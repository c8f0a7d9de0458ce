package tree

// aclList is an ACL as znodes share it: most znodes of an ensemble have one of
// a few. It is written with every znode that has it in a snapshot's own terms,
// never by a number that means something only later (ZOOKEEPER-3306, 4689).
type aclList struct {
	list []ACL
	key  string // the encoded list
	hash uint64
	refs int // znodes in the tree; only the State that made it looks at this
}

func (a *aclList) entries() []ACL {
	if a == nil {
		return nil
	}
	return a.list[:len(a.list):len(a.list)]
}

// isWorld says whether acl says the same as none at all.
func isWorld(acl []ACL) bool { return len(acl) == 1 && acl[0] == World(PermAll) }

// aclTable holds the lists in use.
type aclTable struct {
	lists map[string]*aclList
	buf   []byte
	acl   []ACL
}

// resolve returns the list for an ACL of an operation by a session with the
// identities ids. It is not held until it is retained.
func (t *aclTable) resolve(acl []ACL, ids []ID, x509 bool) (*aclList, Code) {
	if acl == nil {
		return nil, CodeOK
	}
	if validateACL(acl) != nil {
		return nil, CodeInvalidACL
	}
	var code Code
	if t.acl, code = resolveACL(t.acl[:0], acl, ids, x509); code != CodeOK {
		return nil, code
	}
	return t.intern(t.acl), CodeOK
}

// intern returns the list for acl, which it copies.
func (t *aclTable) intern(acl []ACL) *aclList {
	if isWorld(acl) {
		return nil
	}
	t.buf = appendACL(t.buf[:0], acl)
	if have := t.lists[string(t.buf)]; have != nil {
		return have
	}
	return &aclList{list: append([]ACL(nil), acl...), key: string(t.buf), hash: hashACL(t.buf)}
}

// retain counts a znode of the tree that has the list.
func (t *aclTable) retain(a *aclList) {
	if a == nil {
		return
	}
	if a.refs++; a.refs == 1 {
		t.lists[a.key] = a
	}
}

// release takes back a retain.
func (t *aclTable) release(a *aclList) {
	if a == nil {
		return
	}
	if a.refs--; a.refs == 0 {
		delete(t.lists, a.key)
	}
}
