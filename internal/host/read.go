package host

import (
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// addRead takes a read into the session's order, or makes it if it need not wait for
// anything.
func (h *Host) addRead(s *session, r *protocol.Read) bool {
	if len(r.Parts) > protocol.MaxParts {
		return false
	}
	if len(s.items) == 0 && !r.Linearizable {
		if !s.number(r.ID) {
			return false
		}
		h.say(s.link, h.evaluate(s, r))
		return true
	}
	it := &item{kind: itemRead, id: r.ID, read: r}
	if !s.add(it) {
		return false
	}
	if r.Linearizable {
		h.reads.join(it)
	}
	h.process(s)
	return true
}

// canRead says whether a read at the front of the order may be made from the
// state as it is.
func (h *Host) canRead(it *item) bool {
	return !it.read.Linearizable || it.pointed && it.point <= h.view.Zxid()
}

// evaluate makes a read from the state as it is.
func (h *Host) evaluate(s *session, r *protocol.Read) *protocol.Answer {
	both := &struct { // one allocation
		answer protocol.Answer
		found  protocol.Reading
	}{}
	a := &both.answer
	a.ID, a.Zxid, a.Read = r.ID, h.at, &both.found
	if a.Code = r.Look(h.view, s.id, s.identities, a.Read); a.Code != tree.CodeOK {
		a.Read = nil
		return a
	}
	if r.Watch != 0 {
		a.Read.Armed = h.arm(s, r)
		a.WatchRefused = !a.Read.Armed
	}
	return a
}

func (h *Host) permits(session int64, z *tree.Znode, need tree.Perms) bool {
	if z.Permits(nil, need) {
		return true
	}
	s := h.sessions[session]
	return s != nil && z.Permits(s.identities, need)
}

// may is the filter of events: whoever may not read a znode is not told of it,
// at the time of the change (ZOOKEEPER-4799).
func (h *Host) may(owner int64, path string, z *tree.Znode) bool {
	if z != nil {
		return h.permits(owner, z, tree.PermRead)
	}
	if z = h.then(path); z == nil {
		return true // it is gone by now, and anybody could read it
	}
	return h.permits(owner, z, tree.PermRead)
}

func (h *Host) stat(path string) (tree.Stat, bool) { return h.view.Exists(path) }

// arm registers the watch of a read.
func (h *Host) arm(s *session, r *protocol.Read) bool {
	w := watch.Watch{Owner: s.id, ID: r.Watch, Path: r.Path, Kind: r.WatchKind}
	if !r.Resume {
		return h.table.Register(w) == nil
	}
	return h.resume(s, r.Since, []watch.Watch{w})
}

// rearm registers the watches that a session has brought along.
func (h *Host) rearm(s *session, j *join) bool {
	ws := make([]watch.Watch, len(j.watches))
	for i, w := range j.watches {
		ws[i] = watch.Watch{Owner: s.id, ID: w.ID, Path: w.Path, Kind: w.Kind}
	}
	return h.resume(s, j.attach.LastSeen, ws)
}

// resume registers watches as of a zxid, and sends what they have missed.
func (h *Host) resume(s *session, since int64, ws []watch.Watch) bool {
	var err error
	h.fired, err = h.table.Resume(h.fired[:0], h.history, watch.Resumption{
		Since: since, Watches: ws, May: h.may, Now: h.stat,
	})
	if err != nil {
		return false
	}
	h.deliver(h.fired)
	return true
}

// deliver sends events, which are of one entry, or all for one session.
func (h *Host) deliver(ds []watch.Delivery) {
	for i := range ds {
		d := &ds[i]
		s := h.sessions[d.Owner]
		if s == nil || s.link.closing {
			continue
		}
		l := s.link
		if m := l.events; m != nil && len(m.Events) < protocol.MaxEvents {
			m.Zxid = d.Event.Zxid
			m.Events = append(m.Events, protocol.Event{Watch: d.Watch, Event: d.Event})
			continue
		} else if m != nil {
			m.More = true
		}
		m := &protocol.Events{
			Zxid: d.Event.Zxid, Events: []protocol.Event{{Watch: d.Watch, Event: d.Event}},
		}
		h.say(l, m)
		l.events = m
	}
	for i := range ds {
		if s := h.sessions[ds[i].Owner]; s != nil {
			s.link.events = nil
		}
	}
}
