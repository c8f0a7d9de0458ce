package watch

import (
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// Type says what an event tells. The first four have ZooKeeper's numbers, whose
// 5 to 7 (a watch was removed) are left free.
type Type uint8

// The types of events.
const (
	// Created: the znode at Path came to be.
	Created Type = 1
	// Deleted: the znode at Path was deleted.
	Deleted Type = 2
	// DataChanged: the data of the znode at Path was set, to the same bytes
	// perhaps.
	DataChanged Type = 3
	// ChildrenChanged: a child of the znode at Path was created or deleted.
	ChildrenChanged Type = 4
	// Gap: events in (Since, Zxid] may be missing. It is what an overflow, a
	// history that does not reach back, and an installed snapshot lead to.
	Gap Type = 8
)

// String returns ZooKeeper's name of t.
func (t Type) String() string {
	switch t {
	case Created:
		return "NodeCreated"
	case Deleted:
		return "NodeDeleted"
	case DataChanged:
		return "NodeDataChanged"
	case ChildrenChanged:
		return "NodeChildrenChanged"
	case Gap:
		return "Gap"
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

func (t Type) valid() bool { return t >= Created && t <= ChildrenChanged || t == Gap }

// Event is one thing that happened to a watched path.
type Event struct {
	Type Type

	// Path is the znode that changed; for ChildrenChanged the parent, for Gap the
	// path of the watch.
	Path string

	// Zxid is the entry that made the change; for Gap the last entry whose events
	// may be missing.
	Zxid int64

	// Since is set for Gap only: all events up to and including Since were handed
	// out before, so a watch registered again at Since is given everything that
	// this Gap stands for, if the history still has it. To go on without those
	// events, read the tree at Zxid or later.
	Since int64

	// Before and After are the znode at Path on both sides of the change, shared
	// and read-only: Before is nil for Created, After for Deleted, both for
	// ChildrenChanged and Gap. They do not cross AppendEvent.
	Before, After *tree.Znode
}

// String returns ev as in a log line.
func (ev Event) String() string {
	if ev.Type == Gap {
		return fmt.Sprintf("%v %s (%d,%d]", ev.Type, ev.Path, ev.Since, ev.Zxid)
	}
	return fmt.Sprintf("%v %s @%d", ev.Type, ev.Path, ev.Zxid)
}
