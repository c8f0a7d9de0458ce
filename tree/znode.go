package tree

import "strings"

// Znode is one version of a znode. It never changes once it can be reached from
// a View or a Change: a write replaces it. Any number of goroutines may read it.
type Znode struct {
	*place
	data []byte
	acl  *aclList // nil: anyone may do anything
	stat Stat

	// creates is how many children were ever created: what a sequential name is
	// made of. Stat.Cversion counts deletions too.
	creates int32
	// touched is the ensemble's clock when the data was last set, for TTLs; 0
	// for a znode without one.
	touched int64

	dataHash uint64 // of data alone
	hash     uint64 // what the znode adds to the digest
	// token is the State's at the time when the znode was made for a child's
	// sake alone, or for a count. While it is still the State's, neither a View nor a Change
	// knows of the znode, and the State may change it in place.
	token uint64
}

// place is what all versions of a znode have in common, from its creation to
// its deletion. Only newest ever changes, and only the State looks at it.
type place struct {
	path     string
	parent   string // the parent's path, the same string for all siblings; "" for the root
	pathHash uint64
	index    uint32 // of the version in versions
	newest   *Znode
}

// Path returns the znode's path.
func (z *Znode) Path() string { return z.path }

// Data returns the znode's bytes, shared and read-only, with capacity clipped;
// nil and empty are different, as in ZooKeeper.
func (z *Znode) Data() []byte { return z.data[:len(z.data):len(z.data)] }

// Stat returns the znode's Stat.
func (z *Znode) Stat() Stat { return z.stat }

// ACL returns the znode's ACL, shared and read-only; nil means that anyone may
// do anything.
func (z *Znode) ACL() []ACL { return z.acl.entries() }

// Permits says whether the znode's ACL gives a session with the identities ids
// at least one of perms.
func (z *Znode) Permits(ids []ID, perms Perms) bool {
	return z.acl == nil || permits(z.acl.list, ids, perms)
}

// setData replaces the data of a version that nobody has seen.
func (z *Znode) setData(data []byte) {
	z.data, z.dataHash, z.stat.DataLength = data, dataHashOf(data), int32(len(data))
}

// name returns the last component of the path, which is where it sorts among
// its siblings. It is "" for the root, and for a probe whose path is its parent.
func (p *place) name() string {
	at := len(p.parent) + 1
	if len(p.parent) == 1 {
		at = 1
	}
	if at > len(p.path) {
		return ""
	}
	return p.path[at:]
}

// lessPlace orders znodes by parent, then name: the children of a znode stand
// together, and a znode before everything below it.
func lessPlace(a, b *place) bool {
	if c := strings.Compare(a.parent, b.parent); c != 0 {
		return c < 0
	}
	return a.name() < b.name()
}
