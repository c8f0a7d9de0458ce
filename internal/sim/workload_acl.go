package sim

import (
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/tree"
)

// users are those that clients prove to be now and then.
var users = []string{"user", "other"}

const password = "password"

// guarded picks one of the paths whose znodes have ACLs.
func (k *workload) guarded() string {
	return sched.Pick(k.c.rnd, []string{"/guarded", "/guarded/a", "/guarded/b"})
}

// acl draws who may do what. The users may set it anew: nothing is locked for ever.
func (k *workload) acl() []tree.ACL {
	r := k.c.rnd
	all := func(user string) tree.ACL { return tree.ACL{Perms: tree.PermAll, ID: tree.DigestID(user, password)} }
	switch r.IntN(8) {
	case 0:
		return nil
	case 1:
		return []tree.ACL{tree.World(tree.PermAll &^ tree.PermDelete)}
	case 2:
		return []tree.ACL{tree.World(tree.PermAll &^ tree.PermRead)}
	case 3:
		return []tree.ACL{tree.World(tree.PermAll &^ tree.PermWrite)}
	case 4:
		return []tree.ACL{tree.World(tree.PermAdmin | tree.PermWrite | tree.PermDelete), all("other")}
	case 5:
		return []tree.ACL{all(sched.Pick(r, users)), tree.World(tree.PermRead | tree.PermAdmin)}
	case 6:
		return []tree.ACL{tree.Auth(tree.PermAll), tree.World(tree.PermRead | tree.PermWrite | tree.PermAdmin)}
	}
	return []tree.ACL{tree.World(tree.PermAll)}
}

// guardedOp is a write where there are ACLs.
func (k *workload) guardedOp() tree.Op {
	path := k.guarded()
	switch r := k.c.rnd; r.IntN(8) {
	case 0, 1:
		return tree.Create{Path: path, Data: k.data(), ACL: k.acl()}
	case 2, 3:
		return tree.SetACL{Path: path, ACL: k.acl()}
	case 4, 5:
		return tree.Delete{Path: path}
	}
	return tree.Set{Path: path, Data: k.data(), If: k.cond()}
}
