package tree

import "time"

// Op is an operation on the tree: [Create], [Set], [Delete], [Check], [SetACL]
// or a [Multi] of them. The same value is a call, a member of a multi and, once
// encoded, a record of the log. Operations are not changed by this package and
// their bytes are copied when they are encoded.
type Op interface {
	opKind() opKind
}

type opKind uint8

// The numbers are part of the encoded formats.
const (
	opCreate opKind = 1 + iota
	opSet
	opDelete
	opCheck
	opSetACL
	opMulti
)

// Mode says what kind of znode to create; it is a set of flags.
type Mode uint8

// The modes. Sequential goes with every other one, Ephemeral and Container do not go
// together; a
// TTL goes with Persistent and with Sequential.
const (
	Persistent Mode = 0
	Ephemeral  Mode = 1 // deleted when the session that created it ends
	Sequential Mode = 2 // a counter of the parent is appended to the name: %010d
	Container  Mode = 4 // deleted some time after its last child is

	EphemeralSequential = Ephemeral | Sequential
)

// The range of a TTL: ZooKeeper's 1 to 2^40-1 milliseconds, about 34 years.
const (
	MinTTL = time.Millisecond
	MaxTTL = (1<<40 - 1) * time.Millisecond
)

// Cond is a condition on a version. The zero Cond holds for any version.
type Cond struct {
	version int32
	exact   bool
}

// Version returns the condition that the version is v. As in ZooKeeper, -1 is
// any version; no version of a znode that was ever set is -1.
func Version(v int32) Cond {
	if v == -1 {
		return Cond{}
	}
	return Cond{version: v, exact: true}
}

// Wanted returns the version asked for, and false if any will do.
func (c Cond) Wanted() (int32, bool) { return c.version, c.exact }

func (c Cond) holds(version int32) bool { return !c.exact || c.version == version }

// Create makes a znode. Its parent must exist, permit CREATE and not be
// ephemeral. With Sequential the parent's count of creations is appended to the
// name; the result has the path.
//
// Refused with, in this order: ErrBadMode, ErrBadPath (no slash, or a zero byte),
// ErrInvalidACL, ErrNoNode (no parent), ErrNoAuth, ErrBadPath (the name, with its
// number), ErrNodeExists, ErrNoChildrenForEphemerals, ErrQuotaExceeded.
type Create struct {
	Path string
	Data []byte // nil and empty are different
	Mode Mode
	TTL  time.Duration // 0: none; else MinTTL to MaxTTL
	ACL  []ACL         // nil: anyone may do anything; empty is ErrInvalidACL
}

// Set replaces a znode's data; the znode must permit WRITE.
//
// Refused with, in this order: ErrBadPath, ErrNoNode, ErrNoAuth, ErrQuotaExceeded,
// ErrBadVersion.
type Set struct {
	Path string
	Data []byte
	If   Cond // on Stat.Version
}

// Delete deletes a znode without children; its parent must permit DELETE.
//
// Refused with, in this order: ErrBadPath (no slash, or a zero byte), ErrReserved,
// ErrNoNode (no parent), ErrNoAuth, ErrNoNode (also for any other path that no znode
// can have), ErrBadVersion, ErrNotEmpty.
type Delete struct {
	Path string
	If   Cond // on Stat.Version
}

// Check fails unless the znode exists, permits READ and has the version asked
// for; it changes nothing. It is a write all the same, with its place in the
// log (ZOOKEEPER-3472, 2623), and makes sense mostly within a Multi.
//
// Refused with, in this order: ErrBadPath, ErrNoNode, ErrNoAuth, ErrBadVersion.
type Check struct {
	Path string
	If   Cond // on Stat.Version
}

// SetACL replaces a znode's ACL; the znode must permit ADMIN. It changes
// neither Mzxid nor Mtime.
//
// Refused with, in this order: ErrBadPath, ErrInvalidACL, ErrNoNode, ErrNoAuth,
// ErrBadVersion.
type SetACL struct {
	Path string
	ACL  []ACL // as in Create
	If   Cond  // on Stat.Aversion
}

// MaxOps is the greatest number of operations in a [Multi], whatever [Limits]
// say: a few bytes may say that a multi failed, and become as many results.
const MaxOps = 1 << 16

// Multi is several operations, applied as one: all or none, under one zxid, a
// later one seeing what the earlier ones did. It holds no other Multi.
type Multi struct {
	Ops []Op
}

func (Create) opKind() opKind { return opCreate }
func (Set) opKind() opKind    { return opSet }
func (Delete) opKind() opKind { return opDelete }
func (Check) opKind() opKind  { return opCheck }
func (SetACL) opKind() opKind { return opSetACL }
func (Multi) opKind() opKind  { return opMulti }

func (k opKind) String() string {
	switch k {
	case opCreate:
		return "create"
	case opSet:
		return "set"
	case opDelete:
		return "delete"
	case opCheck:
		return "check"
	case opSetACL:
		return "setACL"
	case opMulti:
		return "multi"
	}
	return "unknown operation"
}

// OpName returns what an [Error] calls op: "create", "set", "delete", "check",
// "setACL" or "multi".
func OpName(op Op) string {
	if op == nil {
		return opKind(0).String()
	}
	return op.opKind().String()
}

// OpPath returns the path of op, empty for a Multi.
func OpPath(op Op) string {
	switch op := op.(type) {
	case Create:
		return op.Path
	case Set:
		return op.Path
	case Delete:
		return op.Path
	case Check:
		return op.Path
	case SetACL:
		return op.Path
	}
	return ""
}
