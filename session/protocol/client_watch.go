package protocol

import (
	"slices"

	"github.com/zabtree/zabtree/watch"
)

// clientWatch is a watch of the session. Until the read that arms it is answered
// it is pending: it is not brought along in an Attach, as the read is sent again.
type clientWatch struct {
	path    string
	kind    watch.Kind
	pending bool
	fired   bool  // one-shot, and still pending
	since   int64 // pending: the zxid asked for, or one that it has seen since
}

// NewWatch returns an id for the watch of a Read.
func (c *Client) NewWatch() uint64 {
	c.nextWatch++
	return c.nextWatch
}

// Unwatch removes a watch: nothing is handed out for it any more. A read that is to
// arm it is answered all the same.
func (c *Client) Unwatch(id uint64, now int64) {
	c.now = now
	w := c.watches[id]
	if w == nil || w.pending {
		for i := range c.calls.len() {
			if call := c.calls.at(i); call.watch() == id {
				call.unwatched = true
			}
		}
	}
	if w == nil {
		return
	}
	delete(c.watches, id)
	switch {
	case c.state == linkAttached && !w.fired:
		c.send(&Unwatch{Watch: id})
	case c.state == linkJoining && !w.pending:
		c.removed = append(c.removed, id)
	}
}

// armed returns the watches to bring along, in order.
func (c *Client) armed() []Watch {
	var ws []Watch
	for id, w := range c.watches {
		if !w.pending {
			ws = append(ws, Watch{ID: id, Path: w.path, Kind: w.kind})
		}
	}
	slices.SortFunc(ws, func(a, b Watch) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return ws
}

// prepareWatch makes events for a read's watch welcome before its answer, and
// leaves out what came of an earlier attempt.
func (c *Client) prepareWatch(r *Read) {
	if r.Watch == 0 {
		return
	}
	w := c.watches[r.Watch]
	if w == nil {
		w = &clientWatch{path: r.Path, kind: r.WatchKind, pending: true, since: r.Since}
		c.watches[r.Watch] = w
	}
	r.Since = w.since
	if w.fired {
		r.Watch = 0
	}
}

// settleWatch takes the answer to a read with a watch.
func (c *Client) settleWatch(call *Call, a *Answer) {
	w := c.watches[call.Read.Watch]
	if call.write() || call.Auth != nil || call.Read.Watch == 0 || w == nil {
		return
	}
	w.pending = false
	if w.fired || a.Read == nil || !a.Read.Armed {
		delete(c.watches, call.Read.Watch)
		if !w.fired {
			c.emit(Effect{Kind: EffectEndWatch, Watch: call.Read.Watch})
		}
	}
}

// dropPendingWatch forgets the watch of a read that is not going to be answered.
func (c *Client) dropPendingWatch(call *Call) {
	if id := call.Read.Watch; id != 0 && c.watches[id] != nil {
		if c.state == linkAttached && call.everSent {
			c.send(&Unwatch{Watch: id})
		}
		delete(c.watches, id)
	}
}

// events takes what happened to the session's watches. The parts of one whole
// are kept until it is there, so that what a broken link cuts off is not seen in
// part, and asking for all after lastSeen repeats nothing.
func (c *Client) events(m *Events) bool {
	if m.More {
		c.arriving = append(c.arriving, m.Events...)
		return true
	}
	all := m.Events
	if len(c.arriving) > 0 {
		all = append(c.arriving, m.Events...)
		c.arriving = nil
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Event.Zxid == all[0].Event.Zxid {
			n++
		}
		c.entryEvents(all[:n])
		all = all[n:]
	}
	c.seen(m.Zxid)
	return true
}

// entryEvents hands on the events of one entry, watch by watch.
func (c *Client) entryEvents(evs []Event) {
	done := make([]bool, len(evs))
	for i := range evs {
		id := evs[i].Watch
		w := c.watches[id]
		if done[i] || w == nil || w.fired {
			continue
		}
		var own []watch.Event
		for j := i; j < len(evs); j++ {
			if evs[j].Watch == id && !done[j] {
				own, done[j] = append(own, evs[j].Event), true
			}
		}
		if w.kind.OneShot() {
			own = own[:1]
		}
		// An armed watch is registered again by each link, a pending one by its read,
		// whose answer comes right behind what is replayed.
		replay := uint64(0)
		if c.state == linkJoining || w.pending {
			replay = c.link
		}
		c.emit(Effect{Kind: EffectEvents, Watch: id, Events: own, Replay: replay})
		w.since = max(w.since, evs[i].Event.Zxid)
		switch {
		case !w.kind.OneShot():
		case w.pending:
			w.fired = true
			c.emit(Effect{Kind: EffectEndWatch, Watch: id})
		default:
			delete(c.watches, id)
			c.emit(Effect{Kind: EffectEndWatch, Watch: id})
		}
	}
}
