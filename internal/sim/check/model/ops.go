package model

import (
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// Change is what happened to one znode.
type Change struct {
	Kind          tree.ChangeKind
	Path          string
	Before, After *Node
}

func (m *Model) changed(kind tree.ChangeKind, path string, before, after *Node) {
	m.put(path, after)
	m.changes = append(m.changes, Change{kind, path, before, after})
}

// countChild has a parent count a child that was created or deleted.
func (m *Model) countChild(parent string, by int32) {
	up := *m.Now(parent)
	up.Stat.Pzxid = m.zxid
	up.Stat.Cversion++
	up.Stat.NumChildren += by
	if by > 0 {
		up.Creates++
	}
	m.put(parent, &up)
}

func (m *Model) remove(path string) {
	n := m.Now(path)
	m.countChild(Parent(path), -1)
	m.changed(tree.Deleted, path, n, nil)
	m.tally(path, -len(n.Data), -1)
}

// unlike says whether a version is not the one asked for.
func unlike(c tree.Cond, version int32) bool {
	want, exact := c.Wanted()
	return exact && want != version
}

// do executes one operation. If the code is not CodeOK it had no effect.
func (m *Model) do(op tree.Op, x *Session, ids []tree.ID) (tree.Result, tree.Code) {
	switch op := op.(type) {
	case tree.Create:
		return m.create(op, x, ids)
	case tree.Set:
		return m.set(op, ids)
	case tree.Delete:
		return tree.Result{}, m.delete(op, ids)
	case tree.Check:
		n := m.Now(op.Path)
		switch {
		case !ValidPath(op.Path):
			return tree.Result{}, tree.CodeBadPath
		case n == nil:
			return tree.Result{}, tree.CodeNoNode
		case !Permits(n.ACL, ids, tree.PermRead):
			return tree.Result{}, tree.CodeNoAuth
		case unlike(op.If, n.Stat.Version):
			return tree.Result{}, tree.CodeBadVersion
		}
		return tree.Result{}, tree.CodeOK
	case tree.SetACL:
		return m.setACL(op, ids)
	}
	return tree.Result{}, tree.CodeUnknownOp
}

func (m *Model) create(op tree.Create, x *Session, ids []tree.ID) (tree.Result, tree.Code) {
	switch {
	case !validMode(op.Mode, op.TTL):
		return tree.Result{}, tree.CodeBadMode
	case hopeless(op.Path):
		return tree.Result{}, tree.CodeBadPath
	}
	acl, code := m.resolve(op.ACL, ids)
	if code != tree.CodeOK {
		return tree.Result{}, code
	}
	path, parent := op.Path, Parent(op.Path)
	if parent == "" {
		parent = "/" // the root exists, and may have sequential names below it
	}
	up := m.Now(parent)
	if up == nil {
		return tree.Result{}, tree.CodeNoNode
	}
	if !Permits(up.ACL, ids, tree.PermCreate) {
		return tree.Result{}, tree.CodeNoAuth
	}
	if op.Mode&tree.Sequential != 0 {
		path += fmt.Sprintf("%010d", up.Creates)
	}
	if !ValidPath(path) {
		return tree.Result{}, tree.CodeBadPath
	}
	if m.Now(path) != nil {
		return tree.Result{}, tree.CodeNodeExists
	}
	if up.Stat.EphemeralOwner != 0 {
		return tree.Result{}, tree.CodeNoChildrenForEphemerals
	}
	n := &Node{Data: op.Data, ACL: acl, Touched: m.clock, Stat: tree.Stat{
		Czxid: m.zxid, Mzxid: m.zxid, Pzxid: m.zxid, Ctime: m.wall, Mtime: m.wall,
		Container: op.Mode&tree.Container != 0, TTL: op.TTL, DataLength: int32(len(op.Data)),
	}}
	if op.Mode&tree.Ephemeral != 0 {
		n.Stat.EphemeralOwner = x.ID
	}
	if m.overQuota(path, len(op.Data), 1) {
		return tree.Result{}, tree.CodeQuotaExceeded
	}
	m.countChild(parent, +1)
	m.changed(tree.Created, path, nil, n)
	m.recount(path)
	m.tally(path, len(op.Data), 1)
	return tree.Result{Path: path, Stat: n.Stat}, tree.CodeOK
}

func (m *Model) set(op tree.Set, ids []tree.ID) (tree.Result, tree.Code) {
	n := m.Now(op.Path)
	switch {
	case !ValidPath(op.Path):
		return tree.Result{}, tree.CodeBadPath
	case n == nil:
		return tree.Result{}, tree.CodeNoNode
	case !Permits(n.ACL, ids, tree.PermWrite):
		return tree.Result{}, tree.CodeNoAuth
	case m.overQuota(op.Path, len(op.Data)-len(n.Data), 0):
		return tree.Result{}, tree.CodeQuotaExceeded
	case unlike(op.If, n.Stat.Version):
		return tree.Result{}, tree.CodeBadVersion
	}
	defer m.tally(op.Path, len(op.Data)-len(n.Data), 0)
	return m.setData(op.Path, op.Data, next(n.Stat.Version)), tree.CodeOK
}

func (m *Model) setData(path string, data []byte, version int32) tree.Result {
	before := m.Now(path)
	n := *before
	n.Data, n.Touched = data, m.clock
	n.Stat.DataLength, n.Stat.Version = int32(len(data)), version
	n.Stat.Mzxid, n.Stat.Mtime = m.zxid, m.wall
	m.changed(tree.DataSet, path, before, &n)
	return tree.Result{Stat: n.Stat}
}

func (m *Model) delete(op tree.Delete, ids []tree.ID) tree.Code {
	switch {
	case hopeless(op.Path):
		return tree.CodeBadPath
	case reserved(op.Path):
		return tree.CodeReserved
	}
	n, up := m.Now(op.Path), m.Now(Parent(op.Path))
	switch {
	case up == nil:
		return tree.CodeNoNode
	case !Permits(up.ACL, ids, tree.PermDelete):
		return tree.CodeNoAuth
	case n == nil:
		return tree.CodeNoNode
	case unlike(op.If, n.Stat.Version):
		return tree.CodeBadVersion
	case n.Stat.NumChildren != 0:
		return tree.CodeNotEmpty
	}
	m.remove(op.Path)
	return tree.CodeOK
}

func (m *Model) setACL(op tree.SetACL, ids []tree.ID) (tree.Result, tree.Code) {
	if !ValidPath(op.Path) {
		return tree.Result{}, tree.CodeBadPath
	}
	acl, code := m.resolve(op.ACL, ids)
	if code != tree.CodeOK {
		return tree.Result{}, code
	}
	before := m.Now(op.Path)
	switch {
	case before == nil:
		return tree.Result{}, tree.CodeNoNode
	case !Permits(before.ACL, ids, tree.PermAdmin):
		return tree.Result{}, tree.CodeNoAuth
	case unlike(op.If, before.Stat.Aversion):
		return tree.Result{}, tree.CodeBadVersion
	}
	n := *before
	n.ACL = acl
	n.Stat.Aversion = next(n.Stat.Aversion)
	m.changed(tree.ACLSet, op.Path, before, &n)
	return tree.Result{Stat: n.Stat}, tree.CodeOK
}
