package tree

// aclList is an ACL as znodes share it. Only the State that made it looks at
// refs.
type aclList struct {
	list []ACL
	key  string // the encoded list
	hash uint64
	refs int
}

var worldACL = []ACL{World(PermAll)}

func (a *aclList) entries() []ACL {
	if a == nil {
		return nil
	}
	return a.list[:len(a.list):len(a.list)]
}
