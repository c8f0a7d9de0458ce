package tree

import (
	"iter"
	"strings"
	"sync"

	"github.com/google/btree"
)

// View is the whole replicated state at one zxid. It never changes, costs
// nothing to hold but the memory of what was replaced since, and any number of
// goroutines may use it. ACLs are not enforced here, but by those who read for a
// session: see [View.Permit].
type View struct {
	meta
	digest       uint64
	order        *btree.BTreeG[*place]
	znodes       frozen[Znode]
	ephemerals   *btree.BTreeG[ephemeralKey]
	due          *btree.BTreeG[dueKey]
	sessionOrder *btree.BTreeG[sessionItem]
	sessions     frozen[session]
	tombs        *btree.BTreeG[tombItem]
	probes       *sync.Pool
}

// Zxid returns the zxid of the last entry applied; 0 if there is none.
func (v *View) Zxid() int64 { return v.zxid }

// Clock returns the ensemble's clock at that entry, in nanoseconds.
func (v *View) Clock() int64 { return v.clock }

// Digest returns a 64-bit sum over everything replicated. Replicas that have
// applied the same entries have the same digest. It finds faults; it is no
// protection against someone who looks for two states with one digest.
func (v *View) Digest() uint64 { return v.digest }

// ComputeDigest computes Digest anew from everything there is, in time
// proportional to that.
func (v *View) ComputeDigest() uint64 {
	sum := v.meta.hash()
	v.order.Ascend(func(p *place) bool {
		fresh := *v.znodes.at(p.index)
		fresh.place = &place{path: p.path, pathHash: hashPath(p.path)}
		fresh.dataHash = dataHashOf(fresh.data)
		if fresh.acl != nil {
			fresh.acl = &aclList{hash: hashACL(appendACL(nil, fresh.acl.list))}
		}
		sum += fresh.rehash()
		return true
	})
	v.sessionOrder.Ascend(func(item sessionItem) bool {
		x := v.sessions.at(item.index)
		sum += x.rehash()
		x.eachRecord(func(sequence uint64, data []byte) {
			sum += recordHash(item.id, sequence, data)
		})
		return true
	})
	v.tombs.Ascend(func(item tombItem) bool {
		final := *item.t.final
		final.records = nil
		item.t.final.eachRecord(func(sequence uint64, data []byte) {
			final.records = append(final.records, storedRecord{hash: recordHash(item.id, sequence, data)})
		})
		sum += (&tombstone{final: &final, zxid: item.t.zxid, clock: item.t.clock}).rehash()
		return true
	})
	return sum
}

// ApplyVersion returns the version of the rules of apply in force.
func (v *View) ApplyVersion() uint32 { return v.applyVersion }

// Settings returns the replicated settings in force.
func (v *View) Settings() Settings { return v.settings }

// Len returns the number of znodes, the four that always exist included.
func (v *View) Len() int { return v.order.Len() }

// Lookup returns the znode at path, nil if there is none.
func (v *View) Lookup(path string) *Znode {
	if path == "" || path[0] != '/' || path[len(path)-1] == '/' && len(path) > 1 {
		return nil
	}
	probe := v.probes.Get().(*place)
	probe.path, probe.parent = path, parentOf(path)
	p, ok := v.order.Get(probe)
	*probe = place{}
	v.probes.Put(probe)
	if !ok {
		return nil
	}
	return v.znodes.at(p.index)
}

func (v *View) find(op, path string) (*Znode, error) {
	z := v.Lookup(path)
	if z == nil {
		return nil, &Error{Op: op, Path: path, Err: ErrNoNode}
	}
	return z, nil
}

// Get returns the data, shared and read-only with its capacity clipped, and the
// Stat of the znode at path, or an Error with ErrNoNode.
func (v *View) Get(path string) ([]byte, Stat, error) {
	z, err := v.find("get", path)
	if err != nil {
		return nil, Stat{}, err
	}
	return z.Data(), z.stat, nil
}

// Exists returns the Stat of the znode at path, and whether there is one.
func (v *View) Exists(path string) (Stat, bool) {
	z := v.Lookup(path)
	if z == nil {
		return Stat{}, false
	}
	return z.stat, true
}

// Children returns the names of the znode's children in ascending order of
// their bytes. It is empty if there is no such znode.
func (v *View) Children(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		v.places(path, func(p *place) bool { return yield(p.name()) })
	}
}

// ChildrenAfter is Children from the first name after a given one on.
func (v *View) ChildrenAfter(path, after string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if path == "" {
			return
		}
		prefix := path
		if path != "/" {
			prefix += "/"
		}
		v.order.AscendGreaterOrEqual(&place{path: prefix + after, parent: path}, func(p *place) bool {
			name := p.name()
			return p.parent == path && (name == after || yield(name))
		})
	}
}

// Descendants returns how many znodes there are below path, however deep, in time
// proportional to their number. It is 0 if there is no such znode.
func (v *View) Descendants(path string) int {
	z := v.Lookup(path)
	switch {
	case z == nil:
		return 0
	case path == "/":
		return v.Len() - 1
	}
	n, prefix := int(z.stat.NumChildren), path+"/"
	v.order.AscendGreaterOrEqual(&place{path: prefix, parent: prefix}, func(p *place) bool {
		below := strings.HasPrefix(p.parent, prefix)
		if below {
			n++
		}
		return below
	})
	return n
}

// ChildNodes is Children with the znodes themselves.
func (v *View) ChildNodes(path string) iter.Seq[*Znode] {
	return func(yield func(*Znode) bool) {
		v.places(path, func(p *place) bool { return yield(v.znodes.at(p.index)) })
	}
}

func (v *View) places(parent string, yield func(*place) bool) {
	if parent == "" { // the root's parent, so to speak
		return
	}
	v.order.AscendGreaterOrEqual(&place{path: parent, parent: parent}, func(p *place) bool {
		return p.parent == parent && yield(p)
	})
}

// Walk returns the znode at root and all below it: parents before children,
// siblings in ascending order. It is empty if there is no such znode.
func (v *View) Walk(root string) iter.Seq2[string, Stat] {
	return func(yield func(string, Stat) bool) {
		for z := range v.WalkNodes(root) {
			if !yield(z.path, z.stat) {
				return
			}
		}
	}
}

// WalkNodes is Walk with the znodes themselves.
func (v *View) WalkNodes(root string) iter.Seq[*Znode] {
	return func(yield func(*Znode) bool) {
		top := v.Lookup(root)
		if top == nil {
			return
		}
		// What is still to be visited, the next one last; no deeper than the
		// widest directories on one path, and safe against a deep tree.
		todo := []*Znode{top}
		for len(todo) > 0 {
			z := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !yield(z) {
				return
			}
			if z.stat.NumChildren == 0 {
				continue
			}
			first := len(todo)
			for child := range v.ChildNodes(z.path) {
				todo = append(todo, child)
			}
			for i, j := first, len(todo)-1; i < j; i, j = i+1, j-1 {
				todo[i], todo[j] = todo[j], todo[i]
			}
		}
	}
}

// GetACL returns the ACL, shared and read-only, and the Stat of the znode at
// path, or an Error with ErrNoNode. World(PermAll) stands for no ACL.
func (v *View) GetACL(path string) ([]ACL, Stat, error) {
	z, err := v.find("getACL", path)
	if err != nil {
		return nil, Stat{}, err
	}
	if z.acl == nil {
		return []ACL{World(PermAll)}, z.stat, nil
	}
	return z.ACL(), z.stat, nil
}

// Permit returns nil if the znode at path gives the session at least one of
// perms, else an Error with ErrNoNode or ErrNoAuth. A session that does not
// exist has no identities.
func (v *View) Permit(session int64, path string, perms Perms) error {
	z, err := v.find("permit", path)
	if err != nil {
		return err
	}
	if z.acl == nil {
		return nil
	}
	var ids []ID
	if x := v.session(session); x != nil {
		ids = x.identities
	}
	if !z.Permits(ids, perms) {
		return &Error{Op: "permit", Path: path, Err: ErrNoAuth}
	}
	return nil
}

// Expired returns the container and TTL znodes that are due at the clock, the
// longest due first, as the commands that delete them. Finding them takes time
// proportional to their number. They may be applied late or twice: each names
// the znode's Czxid and Mzxid. One that names a TTL znode takes effect only in
// an entry whose clock is not before the given one.
func (v *View) Expired(clock int64) iter.Seq[DeleteNode] {
	return func(yield func(DeleteNode) bool) {
		v.due.Ascend(func(k dueKey) bool {
			if k.clock > clock {
				return false
			}
			z := v.Lookup(k.path)
			return yield(DeleteNode{Path: k.path, Czxid: z.stat.Czxid, Mzxid: z.stat.Mzxid})
		})
	}
}
