package check

import (
	"container/heap"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// dueItem says from which zxid on a watch has something due.
type dueItem struct {
	zxid int64
	w    *watched
}

type dueHeap []dueItem

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].zxid < h[j].zxid }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueItem)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = dueItem{}
	*h = old[:len(old)-1]
	return x
}

// note puts a watch with something to tell into its client's heap.
func (c *Checker) note(w *watched) {
	if w.armed && w.dueAt == 0 && len(w.queue) > 0 {
		w.dueAt = w.queue[0].zxid
		heap.Push(&w.client.due, dueItem{w.dueAt, w})
	}
}

// owing looks whether a session was told of everything up to a zxid whose state it
// is shown.
func (c *Checker) owing(cl *client, zxid int64) error {
	for len(cl.due) > 0 && cl.due[0].zxid <= zxid {
		w := heap.Pop(&cl.due).(dueItem).w
		w.dueAt = 0
		if w.done || w.removed {
			continue
		}
		for len(w.queue) > 0 && w.queue[0].zxid <= zxid {
			e := &w.queue[0]
			if !c.maybe(e) && e.zxid > w.blind {
				return c.fail(Watches, "client %d (session %d) is shown zxid %d before watch %d (%v of %s) told it of %v %s at zxid %d",
					cl.id, cl.session, zxid, w.id, w.kind, w.path, e.typ, e.path, e.zxid)
			}
			w.queue = w.queue[1:]
		}
		c.note(w)
	}
	return nil
}

// watchAsked takes a watch that a read asks for.
func (c *Checker) watchAsked(cl *client, r *protocol.Read) {
	w := &watched{client: cl, id: r.Watch, path: r.Path, kind: r.WatchKind, resumed: r.Resume}
	cl.watches[r.Watch] = w
	if r.Resume {
		c.watchFrom(w, max(0, r.Since))
	}
}

// watchFrom has a watch expect everything above a zxid.
func (c *Checker) watchFrom(w *watched, zxid int64) {
	if low := c.model.Low(); zxid < low {
		w.blind = low
	}
	w.from = zxid // which may be ahead of all that was applied so far
	for _, ch := range c.log.after(zxid) {
		c.expect(w, &ch, w.client.over)
	}
	c.table.add(w)
}

// watchAnswered takes the answer of the read that was to arm a watch.
func (c *Checker) watchAnswered(cl *client, k *call, a *protocol.Answer) error {
	w := cl.watches[k.read.Watch]
	if w == nil || w.removed {
		return nil
	}
	if a.Read == nil || !a.Read.Armed {
		if a.Read != nil && !a.WatchRefused && !w.done {
			return c.fail(Watches, "client %d: read %d leaves no watch behind, and does not say so", cl.id, k.id)
		}
		c.watchDropped(cl, w.id)
		return nil
	}
	c.stats.Watches++
	w.armed = true
	if w.resumed {
		c.stats.Replays++
		c.note(w)
		return nil
	}
	c.watchFrom(w, a.Zxid)
	return nil
}

// watchDropped forgets a watch that nobody has any more.
func (c *Checker) watchDropped(cl *client, id uint64) {
	if w := cl.watches[id]; w != nil && id != 0 {
		w.removed, w.queue = true, nil
		c.table.drop(w)
	}
}

// Unwatched says that a client removed a watch: it is told nothing of it any more, also
// if the read that is to arm it is not answered yet.
func (c *Checker) Unwatched(id int, watchID uint64) error {
	c.watchDropped(c.client(id), watchID)
	return c.err
}

// Event says that a client was handed an event of a watch. If ringFloor is not
// negative, the member that it came from had every change above it in its history,
// and so no reason for a Gap that begins there or later.
func (c *Checker) Event(id int, watchID uint64, ev *watch.Event, ringFloor int64) error {
	if c.err != nil {
		return c.err
	}
	cl := c.client(id)
	w := cl.watches[watchID]
	switch {
	case w == nil:
		return c.fail(Watches, "client %d is told %v of watch %d, which it has not asked for", id, ev, watchID)
	case w.removed || cl.ended:
		return c.fail(Watches, "client %d is told %v of watch %d, which is not there any more", id, ev, watchID)
	case w.done:
		return c.fail(Watches, "client %d is told %v of watch %d, which is one-shot and has fired", id, ev, watchID)
	case !w.armed && !w.resumed:
		return c.fail(Watches, "client %d is told %v of watch %d, which is not armed yet", id, ev, watchID)
	case ev.Zxid > c.model.Last():
		return c.fail(Watches, "client %d is told %v, nobody has applied more than zxid %d", id, ev, c.model.Last())
	}
	if w.armed { // else it is history
		if ev.Zxid <= cl.seen {
			return c.fail(Watches, "client %d is told %v of watch %d after it was shown zxid %d", id, ev, watchID, cl.seen)
		}
		if ev.Zxid < cl.lastEvent {
			return c.fail(Watches, "client %d is told %v of watch %d after an event of zxid %d", id, ev, watchID, cl.lastEvent)
		}
		cl.lastEvent = ev.Zxid
	}
	c.acked = max(c.acked, ev.Zxid)
	if ev.Type == watch.Gap {
		return c.gap(cl, w, ev, ringFloor)
	}
	c.stats.Events++
	return c.event(cl, w, ev)
}

// event takes an event that is no Gap: it must be the next that the watch expects.
func (c *Checker) event(cl *client, w *watched, ev *watch.Event) error {
	if ev.Zxid <= w.blind {
		c.fired(w)
		return nil
	}
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue = w.queue[1:]
		if e.typ == ev.Type && e.path == ev.Path && e.zxid == ev.Zxid {
			if e.acl != nil && !model.Permits(e.acl, c.model.IdentitiesAt(cl.session, c.model.Last()), tree.PermRead) {
				return c.fail(Watches, "client %d is told %v of watch %d, which it may not read", cl.id, ev, w.id)
			}
			c.fired(w)
			return nil
		}
		if !c.maybe(&e) && e.zxid > w.blind {
			return c.fail(Watches, "client %d is told %v of watch %d (%v of %s) instead of %v %s at zxid %d",
				cl.id, ev, w.id, w.kind, w.path, e.typ, e.path, e.zxid)
		}
	}
	if w.kind == watch.Children && c.model.Guarded(w.path) { // its queue may have ended too early
		c.fired(w)
		return nil
	}
	return c.fail(Watches, "client %d is told %v of watch %d (%v of %s), and there is nothing to tell",
		cl.id, ev, w.id, w.kind, w.path)
}

// oneShot says whether the first event uses a watch up; the product's own word for it is
// not taken.
func oneShot(k watch.Kind) bool { return k == watch.Data || k == watch.Exist || k == watch.Children }

// fired takes note that a watch has told something.
func (c *Checker) fired(w *watched) {
	if oneShot(w.kind) {
		w.done, w.queue = true, nil
		c.table.drop(w)
	}
}

// gap takes a Gap: nothing may be missing before it, and there must be a reason
// for it.
func (c *Checker) gap(cl *client, w *watched, ev *watch.Event, ringFloor int64) error {
	c.stats.Gaps++
	switch {
	case ev.Since >= ev.Zxid || ev.Path != w.path:
		return c.fail(Watches, "client %d is told %v of watch %d of %s, which is no gap of it", cl.id, ev, w.id, w.path)
	case ringFloor >= 0 && ev.Since >= ringFloor:
		return c.fail(Watches, "client %d is told %v of watch %d, and the history reaches back to %d", cl.id, ev, w.id, ringFloor)
	case ev.Zxid >= c.model.Low() && intact(w.kind, c.model.At(w.path, ev.Zxid), ev.Since):
		return c.fail(Watches, "client %d is told %v of watch %d, and the znode shows that nothing happened to it", cl.id, ev, w.id)
	}
	for len(w.queue) > 0 && w.queue[0].zxid <= ev.Zxid {
		e := &w.queue[0]
		if e.zxid <= ev.Since && !c.maybe(e) && e.zxid > w.blind {
			return c.fail(Watches, "client %d is told %v of watch %d (%v of %s), and never was of %v %s at zxid %d",
				cl.id, ev, w.id, w.kind, w.path, e.typ, e.path, e.zxid)
		}
		w.queue = w.queue[1:]
	}
	c.fired(w)
	return nil
}

// intact says whether a znode by its own zxids shows that a watch of it had nothing
// to tell since.
func intact(kind watch.Kind, n *model.Node, since int64) bool {
	if n == nil || n.Stat.Czxid > since {
		return false
	}
	data, children := n.Stat.Mzxid <= since, n.Stat.Pzxid <= since
	switch kind {
	case watch.Data, watch.Exist:
		return data
	case watch.Children:
		return children
	case watch.Persistent:
		return data && children
	}
	return false
}
