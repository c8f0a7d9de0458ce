package check

import (
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/watch"
)

// asked returns the read that asked for the watch of an event.
func (h *chart) asked(f *fedEvent) (int, *fedSubmitted) {
	return next(h, 0, func(_ int, s *fedSubmitted) bool { return s.client == f.client && s.what.Read.Watch == f.watch })
}

// armed returns where the watch of an event was armed, if before i.
func (h *chart) armed(i int, f *fedEvent) int {
	j, _ := next(h, 0, func(_ int, r *fedResolved) bool {
		return r.client == f.client && r.what.Read.Watch == f.watch && r.what.Answer != nil
	})
	if j > i {
		return -1
	}
	return j
}

// plain says whether an event is sure to come: that of a watch that was armed in
// the ordinary way, on a znode that everybody may read.
func (h *chart) plain(i int, f *fedEvent) bool {
	j, s := h.asked(f)
	return j >= 0 && h.armed(i, f) >= 0 && !s.what.Read.Resume && f.event.Type != watch.Gap && public(f.event.Path) &&
		h.lasts(i, f.client) && !h.removed(f)
}

func public(path string) bool { return path != "/" && path[:2] != "/s" || inSlice(path) }

// lasts says whether the client is shown something more after i.
func (h *chart) lasts(i, client int) bool {
	j, _ := next(h, i+1, func(_ int, f *fedResolved) bool {
		return f.client == client && f.what.Answer != nil && f.what.Answer.Zxid > 0
	})
	return j >= 0
}

func (h *chart) withEvent(i int, f *fedEvent, change func(e *fedEvent)) []fed {
	if i < 0 {
		return nil
	}
	e := *f
	change(&e)
	return h.with(i, &e)
}

func (h *chart) kind(f *fedEvent) watch.Kind {
	_, s := h.asked(f)
	return s.what.Read.WatchKind
}

// What may go wrong with watches.
var watchDoctors = []doctor{
	{"a lost event", Watches, func(h *chart) []fed {
		i, _ := find(h, 0, h.plain)
		return h.without(i)
	}},
	{"a lost event of a recursive watch", Watches, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedEvent) bool { return h.plain(i, f) && h.kind(f) == watch.PersistentRecursive })
		return h.without(i)
	}},
	{"a lost event of a watch that was resumed", Watches, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedEvent) bool {
			j, s := h.asked(f)
			return j >= 0 && s.what.Read.Resume && f.event.Type != watch.Gap && public(f.event.Path) && h.lasts(i, f.client) &&
				h.answers(s) && !h.removed(f)
		})
		return h.without(i)
	}},
	{"a doubled event", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEvent) bool {
			return f.event.Type != watch.Gap && public(f.event.Path) && !h.removed(f)
		})
		return h.insert(i, f)
	}},
	{"an event after its answer", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		j, _ := next(h, i, func(_ int, l *fedLastSeen) bool { return l.client == f.client && l.zxid >= f.event.Zxid })
		if j < 0 {
			return nil
		}
		return h.move(i, j+1)
	}},
	{"an event of another znode", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		return h.withEvent(i, f, func(e *fedEvent) { e.event.Path += "x" })
	}},
	{"an event of another kind", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		return h.withEvent(i, f, func(e *fedEvent) { e.event.Type = 1 + e.event.Type%4 })
	}},
	{"an event of another zxid", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		return h.withEvent(i, f, func(e *fedEvent) { e.event.Zxid-- })
	}},
	{"events in another order", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEvent) bool {
			g, ok := h.fed[i+1].(*fedEvent)
			return ok && h.plain(i, f) && g.watch == f.watch && g.client == f.client && g.event.Path != f.event.Path
		})
		if f == nil {
			return nil
		}
		return h.move(i, i+2)
	}},
	{"an event of a watch that nobody asked for", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		return h.withEvent(i, f, func(e *fedEvent) { e.watch += 1000 })
	}},
	{"an event before its watch is armed", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		if i < 0 {
			return nil
		}
		return h.move(i, h.armed(i, f))
	}},
	{"an event of a watch that was removed", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		if i < 0 {
			return nil
		}
		return h.insert(i, &fedUnwatched{f.client, f.watch})
	}},
	{"an event of a watch that was removed before it was armed", Watches, func(h *chart) []fed {
		_, f := find(h, 0, h.plain)
		if f == nil {
			return nil
		}
		asked, _ := h.asked(f)
		return h.insert(asked+1, &fedUnwatched{f.client, f.watch})
	}},
	{"an event of nothing", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEvent) bool {
			return h.plain(i, f) && h.kind(f) == watch.Persistent && f.event.Type == watch.DataChanged
		})
		if i < 0 {
			return nil
		}
		e := *f
		e.event.Type = watch.Created
		return h.insert(i, &e)
	}},
	{"a Gap for what the history has", Watches, func(h *chart) []fed {
		i, f := find(h, 0, h.plain)
		_, s := h.asked(&fedEvent{client: clientOrNone(f), watch: watchOrNone(f)})
		return h.withEvent(i, f, func(e *fedEvent) {
			e.event = watch.Event{Type: watch.Gap, Path: s.what.Read.Path, Since: f.event.Zxid - 1, Zxid: f.event.Zxid}
			e.floor = f.event.Zxid - 1
		})
	}},
	{"a Gap that hides an event before it", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEvent) bool {
			return h.plain(i, f) && h.kind(f) == watch.PersistentRecursive && h.applied[i] > f.event.Zxid
		})
		_, s := h.asked(&fedEvent{client: clientOrNone(f), watch: watchOrNone(f)})
		return h.withEvent(i, f, func(e *fedEvent) {
			e.event = watch.Event{Type: watch.Gap, Path: s.what.Read.Path, Since: f.event.Zxid, Zxid: f.event.Zxid + 1}
			e.floor = -1
		})
	}},
	{"a Gap of nothing", Watches, func(h *chart) []fed {
		// Right before an event of a Data watch nothing has happened to the znode.
		i, f := find(h, 0, func(i int, f *fedEvent) bool {
			return h.plain(i, f) && h.kind(f) == watch.Data && f.event.Type != watch.Created && h.seen[i] < f.event.Zxid-1
		})
		return h.withEvent(i, f, func(e *fedEvent) {
			e.event = watch.Event{Type: watch.Gap, Path: f.event.Path, Since: f.event.Zxid - 2, Zxid: f.event.Zxid - 1}
			e.floor = -1
		})
	}},
	{"a Gap of another znode", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEvent) bool { return f.event.Type == watch.Gap && !h.removed(f) })
		return h.withEvent(i, f, func(e *fedEvent) { e.event.Path += "x" })
	}},
	{"a lost Gap", Watches, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedEvent) bool {
			_, s := h.asked(f)
			return f.event.Type == watch.Gap && h.kind(f) == watch.PersistentRecursive && h.lasts(i, f.client) && public(f.event.Path) &&
				h.answers(s) && h.happened(i, f) && !h.removed(f)
		})
		return h.without(i)
	}},
	{"a watch that was not armed, and not refused", Watches, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return f.what.Read.Watch != 0 && !f.what.Read.Resume && f.what.Answer != nil && f.what.Answer.Read != nil && f.what.Answer.Read.Armed &&
				!h.removed(&fedEvent{client: f.client, watch: f.what.Read.Watch})
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Read.Armed = false })
	}},
}

func clientOrNone(f *fedEvent) int {
	if f == nil {
		return -1
	}
	return f.client
}

func watchOrNone(f *fedEvent) uint64 {
	if f == nil {
		return 0
	}
	return f.watch
}

// answers says whether a call is answered in the end, and its watch armed.
func (h *chart) answers(s *fedSubmitted) bool {
	i, _ := next(h, 0, func(_ int, r *fedResolved) bool {
		return r.client == s.client && r.call == s.call && r.what.Answer != nil && r.what.Answer.Read != nil && r.what.Answer.Read.Armed
	})
	return i >= 0
}

// happened says whether something did happen below the path of a Gap, in its range.
func (h *chart) happened(i int, f *fedEvent) bool {
	j, _ := next(h, 0, func(_ int, a *fedApplied) bool {
		if a.Entry.Zxid <= f.event.Since || a.Entry.Zxid > f.event.Zxid {
			return false
		}
		for _, ch := range a.Changes {
			if ch.Kind != 4 && ch.Path == f.event.Path {
				return true
			}
		}
		return false
	})
	return j >= 0
}

// removed says whether the client removes the watch of an event some time.
func (h *chart) removed(f *fedEvent) bool {
	i, _ := next(h, 0, func(_ int, u *fedUnwatched) bool { return u.client == f.client && u.watch == f.watch })
	return i >= 0
}
