package check

import (
	"cmp"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// watched is a watch, with what its session is still to be told.
type watched struct {
	client *client
	id     uint64
	path   string
	kind   watch.Kind

	armed   bool // the read that armed it was answered
	resumed bool // as of a zxid in the past: events may come before that answer
	listed  bool // in the table
	done    bool // one-shot, and fired
	removed bool
	from    int64 // events are due for what is above
	blind   int64 // what is expected up to this zxid is not known

	queue []expected
	dueAt int64 // the zxid that it is in the client's heap with, 0 if it is not
}

// expected is an event that is to come.
type expected struct {
	typ  watch.Type
	path string
	zxid int64
	// optional: whether it comes depends on when the host looks. If acl is not nil,
	// that is because the session may not have been permitted to know.
	optional bool
	acl      []tree.ACL
}

func (w *watched) over() bool { return w.done || w.removed || w.client.over }

// watchTable finds the watches that a change fires.
type watchTable struct {
	exact     map[string][]*watched // by path, all kinds but recursive
	recursive map[string][]*watched
}

func newWatchTable() watchTable {
	return watchTable{exact: map[string][]*watched{}, recursive: map[string][]*watched{}}
}

func (t *watchTable) home(w *watched) map[string][]*watched {
	if w.kind == watch.PersistentRecursive {
		return t.recursive
	}
	return t.exact
}

func (t *watchTable) add(w *watched) {
	w.listed = true
	home := t.home(w)
	home[w.path] = append(home[w.path], w)
}

func (t *watchTable) drop(w *watched) {
	if !w.listed {
		return
	}
	w.listed = false
	home := t.home(w)
	left := slices.DeleteFunc(home[w.path], func(o *watched) bool { return o == w })
	if len(left) == 0 {
		delete(home, w.path)
	} else {
		home[w.path] = left
	}
}

// logged is a change as watches need it.
type logged struct {
	zxid int64
	typ  watch.Type
	path string
	acl  []tree.ACL // of the znode that decides who may know; nil: anyone
}

// changeLog holds the changes of the window, for watches that turn out to have
// been armed at an earlier state.
type changeLog struct {
	changes []logged
	head    int
}

func (l *changeLog) push(ch logged) { l.changes = append(l.changes, ch) }

// forget drops what lies at or before the zxid.
func (l *changeLog) forget(zxid int64) {
	for l.head < len(l.changes) && l.changes[l.head].zxid <= zxid {
		l.head++
	}
	if l.head > 1024 && l.head > len(l.changes)/2 {
		l.changes = slices.Delete(l.changes, 0, l.head)
		l.head = 0
	}
}

// after returns the changes above the zxid.
func (l *changeLog) after(zxid int64) []logged {
	all := l.changes[l.head:]
	i, _ := slices.BinarySearchFunc(all, zxid+1, func(ch logged, z int64) int { return cmp.Compare(ch.zxid, z) })
	return all[i:]
}

// eventFor returns what a change is to a watch, by ZooKeeper's matrix; 0 for
// nothing.
func eventFor(w *watched, ch *logged) (watch.Type, string) {
	if ch.path == w.path {
		switch {
		case w.kind != watch.Children, ch.typ == watch.Deleted:
			return ch.typ, ch.path
		}
		return 0, ""
	}
	switch w.kind {
	case watch.PersistentRecursive:
		if w.path == "/" || len(ch.path) > len(w.path) && ch.path[:len(w.path)] == w.path && ch.path[len(w.path)] == '/' {
			return ch.typ, ch.path
		}
	case watch.Children, watch.Persistent:
		if ch.typ != watch.DataChanged && model.Parent(ch.path) == w.path {
			return watch.ChildrenChanged, w.path
		}
	}
	return 0, ""
}

// watchChanges tells the watches what an entry changes that is applied for the
// first time.
func (c *Checker) watchChanges(p *model.Prediction, zxid int64) {
	for i := range p.Changes {
		ch, ok := loggedOf(&p.Changes[i], zxid)
		if !ok {
			continue
		}
		c.log.push(ch)
		c.fire(&ch, p.Ended)
	}
	c.log.forget(c.model.Low())
	for _, id := range p.Ended {
		if cl := c.bySession[id]; cl != nil {
			cl.over = true
		}
	}
}

func loggedOf(ch *model.Change, zxid int64) (logged, bool) {
	l := logged{zxid: zxid, path: ch.Path}
	decides := ch.After
	switch ch.Kind {
	case tree.Created:
		l.typ = watch.Created
	case tree.DataSet:
		l.typ = watch.DataChanged
	case tree.Deleted:
		l.typ, decides = watch.Deleted, ch.Before
	default:
		return l, false
	}
	l.acl = decides.ACL
	return l, true
}

func (c *Checker) fire(ch *logged, ended []int64) {
	c.fireList(c.table.exact[ch.path], ch, ended)
	up := model.Parent(ch.path)
	if up != "" && ch.typ != watch.DataChanged {
		c.fireList(c.table.exact[up], ch, ended)
	}
	if len(c.table.recursive) == 0 {
		return
	}
	for path := ch.path; path != ""; path = model.Parent(path) {
		c.fireList(c.table.recursive[path], ch, ended)
	}
}

func (c *Checker) fireList(ws []*watched, ch *logged, ended []int64) {
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		if w.over() {
			c.table.drop(w) // shifts the rest of ws down
			ws = ws[:len(ws)-1]
			i--
			continue
		}
		c.expect(w, ch, len(ended) > 0 && slices.Contains(ended, w.client.session))
	}
}

// expect has a watch expect what a change means to it.
func (c *Checker) expect(w *watched, ch *logged, optional bool) {
	typ, path := eventFor(w, ch)
	if typ == 0 || ch.zxid <= w.from || oneShot(w.kind) && c.certain(w) {
		return
	}
	e := expected{typ: typ, path: path, zxid: ch.zxid, optional: optional}
	if typ != watch.ChildrenChanged && !model.Permits(ch.acl, nil, tree.PermRead) &&
		!model.Permits(ch.acl, c.model.IdentitiesAt(w.client.session, ch.zxid), tree.PermRead) {
		e.optional, e.acl = true, ch.acl
	}
	w.queue = append(w.queue, e)
	c.note(w)
}

// certain says whether a watch is to be told something for sure.
func (c *Checker) certain(w *watched) bool {
	return slices.ContainsFunc(w.queue, func(e expected) bool { return !c.maybe(&e) })
}

// maybe says whether an event may be left out. Whether children of a guarded znode
// may be told of depends on its ACL at the time when the host looks.
func (c *Checker) maybe(e *expected) bool {
	return e.optional || e.typ == watch.ChildrenChanged && c.model.Guarded(e.path)
}

// sweep drops the watches that are done for.
func (c *Checker) sweep(cl *client) {
	for _, w := range cl.watches {
		if w.over() {
			c.table.drop(w)
		}
	}
}
