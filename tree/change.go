package tree

// ChangeKind says what happened to a znode.
type ChangeKind uint8

// The kinds of changes. A creation or a deletion changes the children of the
// parent too; that is said by the path and not by a Change of its own.
const (
	Created ChangeKind = iota + 1
	Deleted
	DataSet
	ACLSet
)

// Change is one effect of an applied entry on one znode. Changes are the only
// output of apply besides results: watches, history, resume and caches are fed
// by nothing else. An entry's changes have its zxid and come in the order in
// which they took effect.
type Change struct {
	Zxid   int64
	Kind   ChangeKind
	Path   string
	Before *Znode // nil for Created
	After  *Znode // nil for Deleted
}
