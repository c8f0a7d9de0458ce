package wire

import (
	"strings"
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

// flagModes is what the flags say of a znode, but for its TTL.
var flagModes = map[int32]tree.Mode{
	flagPersistent:              tree.Persistent,
	flagEphemeral:               tree.Ephemeral,
	flagPersistentSequential:    tree.Sequential,
	flagEphemeralSequential:     tree.EphemeralSequential,
	flagContainer:               tree.Container,
	flagPersistentTTL:           tree.Persistent,
	flagPersistentSequentialTTL: tree.Sequential,
}

// operation returns what a write is to the tree: a create, delete, setData,
// setACL or check. It is refused with what a real server refuses it with for its
// flags or its TTL, or errUnimplemented if it is no write; everything else is for
// tree.Validate and the tree to say. Data aliases the request's.
func operation(q request) (tree.Op, errCode) { return operationOf(q, false) }

func operationOf(q request, within bool) (tree.Op, errCode) {
	switch q := q.(type) {
	case *createRequest:
		mode, ttl, code := createMode(q, within)
		if code == errOK && q.none {
			code = errMarshalling
		}
		if code == errOK && !hopeless(q.path) {
			code = nullsIn(q.acl)
		}
		if code != errOK {
			return nil, code
		}
		return tree.Create{Path: q.path, Data: q.data, Mode: mode, TTL: ttl, ACL: treeACL(q.acl)}, errOK
	case *deleteRequest:
		return tree.Delete{Path: q.path, If: tree.Version(q.version)}, errOK
	case *setDataRequest:
		return tree.Set{Path: q.path, Data: q.data, If: tree.Version(q.version)}, errOK
	case *setACLRequest:
		if tree.ValidatePath(q.path) == nil { // else it is refused for that first
			if code := nullsIn(q.acl); code != errOK {
				return nil, code
			}
		}
		return tree.SetACL{Path: q.path, ACL: treeACL(q.acl), If: tree.Version(q.version)}, errOK
	case *checkRequest:
		return tree.Check{Path: q.path, If: tree.Version(q.version)}, errOK
	}
	return nil, errUnimplemented
}

// multiOperation returns what a multi is to the tree. If operation refuses one, what
// is before it has its say first, and what is behind it none: the multi ends there
// with an operation that always fails, and code is what to tell of it.
func multiOperation(q *multiRequest) (op tree.Multi, index int, code errCode) {
	ops := make([]tree.Op, 0, len(q.ops))
	for i := range q.ops {
		op, code := operationOf(q.ops[i].body, true)
		if code != errOK {
			return tree.Multi{Ops: append(ops, alwaysFails)}, i, code
		}
		ops = append(ops, op)
	}
	return tree.Multi{Ops: ops}, 0, errOK
}

var alwaysFails tree.Op = tree.Delete{Path: "/"}

// nullsIn returns what nulls in an ACL are refused with: a real server stumbles over
// them where it compares entries of the same permissions, to leave out what is there
// twice, and where it looks at an id that is null. What is wrong before that is for
// the tree to say.
func nullsIn(acl []wireACL) errCode {
	for i := range acl {
		for j := range i {
			a, b := &acl[i], &acl[j]
			if a.perms != b.perms {
				continue
			}
			if a.noScheme || a.scheme == b.scheme && !b.noScheme && a.noID {
				return errMarshalling
			}
			if *a == *b {
				break
			}
		}
	}
	for i := range acl {
		switch a := &acl[i]; a.scheme {
		case "auth":
		case "world", "digest", "ip":
			if a.noID {
				return errMarshalling
			}
			if tree.Validate(tree.SetACL{Path: "/", ACL: treeACL(acl[i : i+1])}, tree.Limits{}) != nil {
				return errOK
			}
		default:
			return errOK
		}
	}
	return errOK
}

// hopeless says whether a create of a path is refused for it before anything else is
// looked at.
func hopeless(path string) bool {
	return !strings.Contains(path, "/") || strings.Contains(path, "\x00")
}

// createMode returns what kind of znode a create makes. No client in use sends flags
// that contradict its opcode, and a real server is of two minds about them: within a
// multi it goes by the flags, outside of one by the opcode. createTTL with other flags
// and a negative TTL passes its checks and is the last thing that it does: it stops,
// and stops again whenever it reads its log.
func createMode(q *createRequest, within bool) (tree.Mode, time.Duration, errCode) {
	timed := q.flags == flagPersistentTTL || q.flags == flagPersistentSequentialTTL
	switch {
	case timed == (q.op == opCreateTTL):
	case timed && within:
		return 0, 0, errMarshalling
	case !within:
		return 0, 0, errBadArguments
	}
	var ttl time.Duration
	if timed {
		if q.ttl < 1 || q.ttl > int64(tree.MaxTTL/time.Millisecond) {
			return 0, 0, errBadArguments
		}
		ttl = time.Duration(q.ttl) * time.Millisecond
	}
	mode, ok := flagModes[q.flags]
	switch {
	case !ok:
		return 0, 0, errBadArguments
	case within:
	case q.op == opCreateContainer:
		mode = tree.Container | mode&tree.Sequential
	case mode == tree.Container:
		mode = tree.Persistent
	}
	return mode, ttl, errOK
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
