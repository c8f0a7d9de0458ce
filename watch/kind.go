package watch

import (
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// Kind is what a watch waits for. The matrix is ZooKeeper's; a cell is the event
// that a change of the watched znode, or of what the column says, fires:
//
//	                    created  data set     deleted  child created/deleted  below, all
//	Data, Exist         Created  DataChanged  Deleted  -                      -
//	Children            -        -            Deleted  ChildrenChanged        -
//	Persistent          Created  DataChanged  Deleted  ChildrenChanged        -
//	PersistentRecursive Created  DataChanged  Deleted  -                      Created, DataChanged, Deleted
//
// Setting an ACL fires nothing. The first three are one-shot: the first event
// removes the watch. A recursive watch is never told ChildrenChanged, as the
// child's own event says more (ZOOKEEPER-4475).
//
// Data and Exist differ only in when they are armed, which is the business of
// whoever registers them: ZooKeeper leaves a Data watch only on a znode that was
// there to be read, and an Exist watch also on one that is absent.
type Kind uint8

// The kinds of watches.
const (
	Data                Kind = iota + 1 // one-shot, left by reading a znode's data
	Exist                               // one-shot, left by asking whether a znode exists
	Children                            // one-shot, left by listing children
	Persistent                          // the znode's data and children, for good
	PersistentRecursive                 // the znode and all below it, for good
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Data:
		return "data"
	case Exist:
		return "exist"
	case Children:
		return "children"
	case Persistent:
		return "persistent"
	case PersistentRecursive:
		return "persistent-recursive"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// OneShot says whether the first event removes the watch.
func (k Kind) OneShot() bool { return k <= Children }

func (k Kind) valid() bool { return k >= Data && k <= PersistentRecursive }

// Intact says whether the state of a znode proves that a watch of kind k on it
// would have been told nothing since the entry since. It is how a history that
// is gone need not mean a Gap: the znode's own zxids are a history of length
// one. A znode that is absent proves nothing, as it may have come and gone.
func (k Kind) Intact(stat tree.Stat, exists bool, since int64) bool {
	if !exists || stat.Czxid > since {
		return false
	}
	data, children := stat.Mzxid <= since, stat.Pzxid <= since
	switch k {
	case Data, Exist:
		return data
	case Children:
		return children
	case Persistent:
		return data && children
	}
	return false
}

// eventOf returns what change c is to a watch of the znode itself, and the znode
// whose ACL decides who may be told; a zero Event if it fires nothing.
func eventOf(c *tree.Change) (ev Event, decides *tree.Znode) {
	ev = Event{Path: c.Path, Zxid: c.Zxid, Before: c.Before, After: c.After}
	switch c.Kind {
	case tree.Created:
		ev.Type = Created
	case tree.DataSet:
		ev.Type = DataChanged
	case tree.Deleted:
		ev.Type = Deleted
		return ev, c.Before
	default:
		return Event{}, nil
	}
	return ev, c.After
}
