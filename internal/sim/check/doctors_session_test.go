package check

import (
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

func (h *chart) ends(i int, f *fedApplied) bool { return h.first(i) && len(f.Outcome.Ended) > 0 }

func commandOf(f *fedApplied) tree.Command {
	c, _ := tree.DecodeCommand(f.Entry.Data)
	return c
}

// expires says whether the entry expires a session for the first time.
func (h *chart) expires(i int, f *fedApplied) bool {
	_, ok := commandOf(f).(tree.ExpireSessions)
	return ok && h.ends(i, f)
}

// clientOf returns whose session it is.
func (h *chart) clientOf(session int64) int {
	for _, f := range h.fed {
		if a, ok := f.(*fedAttached); ok && a.session == session {
			return a.client
		}
	}
	return -1
}

// What may go wrong with sessions and their ephemerals.
var sessionDoctors = []doctor{
	{"an ephemeral stays", Ephemerals, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.ends(i, f) && len(f.Changes) > 0 })
		return h.withApplied(i, f, func(a *fedApplied) { a.Changes = a.Changes[1:] })
	}},
	{"a session does not end", Ephemerals, func(h *chart) []fed {
		i, f := find(h, 0, h.ends)
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome.Ended = nil })
	}},
	{"another session ends too", Ephemerals, func(h *chart) []fed {
		i, f := find(h, 0, h.ends)
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome.Ended = append([]int64{2}, a.Outcome.Ended...) })
	}},
	{"a write after the end", Ephemerals, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool {
			_, ok := commandOf(f).(tree.Write)
			return ok && h.first(i) && f.Outcome.Code == tree.CodeSessionExpired
		})
		_, other := next(h, 0, func(i int, f *fedApplied) bool { return f.Outcome.Record() != nil && !f.Outcome.Repeated })
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome = other.Outcome })
	}},
	{"an ephemeral of nobody", Ephemerals, func(h *chart) []fed {
		// A session that ended has created it once: its creation comes again.
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.ends(i, f) && len(f.Changes) > 0 })
		if i < 0 {
			return nil
		}
		gone := f.Changes[0].Before
		j, g := next(h, i+1, func(i int, f *fedApplied) bool { return h.first(i) })
		return h.withApplied(j, g, func(a *fedApplied) {
			a.Changes = append([]tree.Change{{Zxid: a.Entry.Zxid, Kind: tree.Created, Path: gone.Path(), After: gone}}, a.Changes...)
		})
	}},
	{"expired while its lease runs", Expiry, func(h *chart) []fed {
		i, f := find(h, 0, h.expires)
		if i < 0 {
			return nil
		}
		client := h.clientOf(f.Outcome.Ended[0])
		if client < 0 {
			return nil
		}
		return h.insert(i, &fedLease{client, f.Now + 1, f.Now - 1})
	}},
	{"a lease of an expired session", Expiry, func(h *chart) []fed {
		i, f := find(h, 0, h.expires)
		if i < 0 || h.clientOf(f.Outcome.Ended[0]) < 0 {
			return nil
		}
		return h.insert(i+1, &fedLease{h.clientOf(f.Outcome.Ended[0]), f.Now + 1, f.Now})
	}},
	{"told to have expired, and alive", Expiry, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedAttached) bool { return true })
		if i < 0 {
			return nil
		}
		return h.insert(i+1, &fedEnded{f.client, protocol.FaultExpired})
	}},
	{"told to have expired, with a lease", Expiry, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedEnded) bool { return f.fault == protocol.FaultExpired })
		if i < 0 {
			return nil
		}
		return h.insert(i, &fedLease{f.client, 0, 0})
	}},
	{"never expired", Expiry, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedAttached) bool {
			j, _ := next(h, i, func(_ int, e *fedEnded) bool { return e.client == f.client })
			k, _ := next(h, i, func(_ int, e *fedSilent) bool { return e.client == f.client })
			return j < 0 && k < 0
		})
		if i < 0 {
			return nil
		}
		return h.insert(i+1, &fedSilent{f.client, 0})
	}},
	{"never told of the end", Expiry, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedEnded) bool {
			j, _ := next(h, 0, func(_ int, s *fedSilent) bool { return s.client == f.client })
			return f.fault == protocol.FaultExpired && j < 0
		})
		return h.without(i)
	}},
	{"attached to the session of another", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedAttached) bool { return i > 100 })
		if i < 0 {
			return nil
		}
		return h.insert(i+1, &fedAttached{f.client + 100, f.session, f.zxid, f.now})
	}},
	{"attached to two sessions", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedAttached) bool { return h.seen[i] > 0 })
		j, g := next(h, i, func(_ int, g *fedAttached) bool { return g.session != f.session })
		if j < 0 {
			return nil
		}
		return h.with(j, &fedAttached{f.client, g.session, g.zxid, g.now})
	}},
	{"attached to what is behind", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedAttached) bool { return h.seen[i] > 0 })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedAttached{f.client, f.session, h.seen[i] - 1, f.now})
	}},
	{"seen goes back", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedLastSeen) bool { return h.seen[i] > 0 })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedLastSeen{f.client, h.seen[i] - 1})
	}},
}
