package wire

import (
	"time"

	"github.com/zabtree/zabtree/tree"
)

// The flags of a create.
const (
	flagPersistent              int32 = 0
	flagEphemeral               int32 = 1
	flagPersistentSequential    int32 = 2
	flagEphemeralSequential     int32 = 3
	flagContainer               int32 = 4
	flagPersistentTTL           int32 = 5
	flagPersistentSequentialTTL int32 = 6
)

// operation returns what a write is to the tree: a create, delete, setData,
// setACL or check. It is refused with what a real server refuses it with for its
// flags or its TTL, or errUnimplemented if it is no write; everything else is for
// tree.Validate and the tree to say. Data aliases the request's.
func operation(q request) (tree.Op, errCode) {
	switch q := q.(type) {
	case *createRequest:
		mode, ttl, code := createMode(q)
		if code != errOK {
			return nil, code
		}
		return tree.Create{Path: q.path, Data: q.data, Mode: mode, TTL: ttl, ACL: treeACL(q.acl)}, errOK
	case *deleteRequest:
		return tree.Delete{Path: q.path, If: tree.Version(q.version)}, errOK
	case *setDataRequest:
		return tree.Set{Path: q.path, Data: q.data, If: tree.Version(q.version)}, errOK
	case *setACLRequest:
		return tree.SetACL{Path: q.path, ACL: treeACL(q.acl), If: tree.Version(q.version)}, errOK
	case *checkRequest:
		return tree.Check{Path: q.path, If: tree.Version(q.version)}, errOK
	}
	return nil, errUnimplemented
}

// multiOperation returns what a multi is to the tree, or the first of its
// operations that operation refuses.
func multiOperation(q *multiRequest) (op tree.Multi, index int, code errCode) {
	ops := make([]tree.Op, 0, len(q.ops))
	for i := range q.ops {
		op, code := operation(q.ops[i].body)
		if code != errOK {
			return tree.Multi{}, i, code
		}
		ops = append(ops, op)
	}
	return tree.Multi{Ops: ops}, 0, errOK
}

// createMode goes by the flags, whatever the opcode, but a TTL is for createTTL
// alone, and for nothing else. No client in use sends flags that contradict its
// opcode, and a real server is of two minds about them: within a multi it goes by
// the flags, outside of one by the opcode (so that a create with the flag of a
// container makes a plain znode, and createContainer a container whatever the
// flags). createTTL with other flags and a negative TTL passes its checks and is
// the last thing that it does: it stops, and stops again whenever it reads its log.
func createMode(q *createRequest) (tree.Mode, time.Duration, errCode) {
	timed := q.flags == flagPersistentTTL || q.flags == flagPersistentSequentialTTL
	if timed != (q.op == opCreateTTL) {
		return 0, 0, errBadArguments
	}
	var ttl time.Duration
	if timed {
		if q.ttl < 1 || q.ttl > int64(tree.MaxTTL/time.Millisecond) {
			return 0, 0, errBadArguments
		}
		ttl = time.Duration(q.ttl) * time.Millisecond
	}
	switch q.flags {
	case flagPersistent, flagPersistentTTL:
		return tree.Persistent, ttl, errOK
	case flagEphemeral:
		return tree.Ephemeral, 0, errOK
	case flagPersistentSequential, flagPersistentSequentialTTL:
		return tree.Sequential, ttl, errOK
	case flagEphemeralSequential:
		return tree.EphemeralSequential, 0, errOK
	case flagContainer:
		return tree.Container, 0, errOK
	}
	return 0, 0, errBadArguments
}

// treeACL returns an ACL for the tree, never a nil one: a null ACL is refused like
// an empty one. Bits of perms that mean nothing are dropped; a real server keeps
// and shows them.
func treeACL(acl []wireACL) []tree.ACL {
	t := make([]tree.ACL, len(acl))
	for i, a := range acl {
		t[i] = tree.ACL{Perms: tree.Perms(a.perms) & tree.PermAll, ID: tree.ID{Scheme: a.scheme, ID: a.id}}
	}
	return t
}
