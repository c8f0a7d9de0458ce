package wire

import (
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// watcher is a watch of the client's. Clients know them by path and kind alone, the
// host by a number.
type watcher struct {
	id      uint64
	path    string
	kind    watch.Kind
	resumed *replay // while it is being resumed
}

// sameKind says whether two kinds of watches are one to a client: of one path it has one
// of them.
func sameKind(a, b watch.Kind) bool {
	data := func(k watch.Kind) bool { return k == watch.Data || k == watch.Exist }
	return a == b || data(a) && data(b)
}

func oneShot(k watch.Kind) bool { return k != watch.Persistent && k != watch.PersistentRecursive }

// watches are those of a connection that are armed. Whoever asks for one that is there
// gets another, which takes its place when it is armed: between the question and its
// answer the first might fire.
type watches struct {
	last   uint64 // of the reading goroutine
	byID   map[uint64]*watcher
	byPath map[string][]*watcher

	// told is what was told of the entry zxid: by which watches. Of one change a client
	// hears once, however many watches of its see it.
	zxid int64
	told map[happening][]uint64
}

type happening struct {
	typ  watch.Type
	path string
}

// another returns a watch that is not armed yet.
func (t *watches) another(path string, kind watch.Kind) *watcher {
	t.last++
	return &watcher{id: t.last, path: path, kind: kind}
}

func (t *watches) add(w *watcher) {
	if t.byID == nil {
		t.byID, t.byPath = map[uint64]*watcher{}, map[string][]*watcher{}
	}
	t.byID[w.id] = w
	t.byPath[w.path] = append(t.byPath[w.path], w)
}

func (t *watches) remove(w *watcher) {
	delete(t.byID, w.id)
	if list := slices.DeleteFunc(t.byPath[w.path], func(o *watcher) bool { return o == w }); len(list) > 0 {
		t.byPath[w.path] = list
	} else {
		delete(t.byPath, w.path)
	}
}

// news says whether the client has not been told yet of what a watch sees. A watch that
// sees the same again has seen another change.
func (t *watches) news(id uint64, e *watch.Event) bool {
	if e.Zxid != t.zxid {
		t.zxid = e.Zxid
		clear(t.told)
	}
	if len(t.byID) < 2 && len(t.told) == 0 {
		return true
	}
	if t.told == nil {
		t.told = map[happening][]uint64{}
	}
	h := happening{e.Type, e.Path}
	by := t.told[h]
	if len(by) > 0 && !slices.Contains(by, id) {
		t.told[h] = append(by, id)
		return false
	}
	t.told[h] = append(by[:0], id)
	return true
}

// armed takes the answer to a read that was to arm a watch. c.mu is held.
func (c *conn) armed(w *watcher, a *protocol.Answer) {
	switch {
	case a.Read == nil:
		return
	case a.Read.Armed:
	case tree.ValidatePath(w.path) == nil:
		c.end("too many watches")
		return
	default:
		// Nothing can happen where no znode can be, but the watch can be removed.
	}
	c.replaceBy(w)
	c.watches.add(w)
}

// replaceBy removes the watches whose place another one takes.
func (c *conn) replaceBy(w *watcher) {
	for _, o := range slices.Clone(c.watches.byPath[w.path]) {
		if o != w && o.resumed == nil && sameKind(o.kind, w.kind) {
			c.unwatch(o)
		}
	}
}

func (c *conn) unwatch(w *watcher) {
	c.watches.remove(w)
	c.unsaid = append(c.unsaid, &protocol.Unwatch{Watch: w.id})
}

// events passes events on. c.mu is held.
func (c *conn) events(m *protocol.Events) {
	for i := range m.Events {
		e := &m.Events[i].Event
		w := c.watches.byID[m.Events[i].Watch]
		if w == nil {
			continue // it was removed, or another one has taken its place
		}
		switch {
		case e.Type == watch.Gap && w.resumed == nil:
			c.end("events may be missing")
			return
		case w.resumed != nil && !c.replays(w.resumed, e):
		case c.watches.news(w.id, e):
			c.event(e.Zxid, e.Type, e.Path)
		}
		if oneShot(w.kind) {
			c.watches.remove(w)
		}
	}
}

// event sends an event.
func (c *conn) event(zxid int64, typ watch.Type, path string) {
	if !c.s.config.EventZxids {
		zxid = -1
	}
	c.out = appendWatchEvent(c.out, zxid, typ, path)
	c.sent.Add(1)
	c.s.stats.sent.Add(1)
}

// lookForWatches checks or removes watches.
func (c *conn) lookForWatches(q *watchesRequest) errCode {
	code := errNoWatcher
	if q.path == "" && q.op == opCheckWatches {
		return code // a real server finds it to remove it alone
	}
	for _, w := range slices.Clone(c.watches.byPath[q.path]) {
		if !q.covers(w.kind) || w.resumed != nil {
			continue
		}
		code = errOK
		if q.op == opRemoveWatches {
			c.unwatch(w)
		}
	}
	return code
}

// setWatches arms again what a client had on an earlier connection. Each is armed
// together with a look at its znode; if something has happened since zxid that it
// would have fired for, it does.
func (c *conn) setWatches(w awaited, q *setWatchesRequest) {
	lists := []struct {
		paths []string
		kind  watch.Kind
		look  protocol.ReadKind
	}{
		{q.data, watch.Data, protocol.ReadExists},
		{q.exist, watch.Exist, protocol.ReadExists},
		{q.children, watch.Children, protocol.ReadExists},
		{q.persistent, watch.Persistent, protocol.ReadNothing},
		{q.recursive, watch.PersistentRecursive, protocol.ReadNothing},
	}
	if q.op == opSetWatches {
		lists = lists[:3]
	}
	part := w
	part.set = q
	for _, l := range lists {
		if l.paths == nil { // over which a real server stumbles, having done the others
			w.code = errMarshalling
			break
		}
		for _, path := range l.paths {
			c.read(part, protocol.Read{Kind: l.look, Path: path}, true, l.kind)
		}
	}
	c.place(w)
}

// setAnswered takes the answer for one watch of a setWatches. One that fires at once is
// not there afterwards, and leaves alone what else is watched there.
func (c *conn) setAnswered(p *awaited, a *protocol.Answer) {
	w := p.arms
	typ := missed(w.kind, p.set.zxid, a.Read)
	if typ == 0 {
		c.armed(w, a)
		return
	}
	c.event(a.Zxid, typ, w.path)
	if a.Read != nil && a.Read.Armed {
		c.unsaid = append(c.unsaid, &protocol.Unwatch{Watch: w.id})
	}
}

// missed returns what a watch would have fired for since zxid, as far as its znode
// shows it, or 0. No reading is that of a path that no znode can have.
func missed(kind watch.Kind, zxid int64, found *protocol.Reading) watch.Type {
	if found == nil {
		found = &protocol.Reading{}
	}
	switch s := &found.Stat; {
	case !oneShot(kind):
	case kind == watch.Exist && found.Exists:
		return watch.Created
	case kind == watch.Exist:
	case !found.Exists:
		return watch.Deleted
	case kind == watch.Data && s.Mzxid > zxid:
		return watch.DataChanged
	case kind == watch.Children && s.Pzxid > zxid:
		return watch.ChildrenChanged
	}
	return 0
}
