package check

import (
	"slices"

	"github.com/zabtree/zabtree/tree"
)

// What may go wrong between replicas, and in what they make of the log.
var replicaDoctors = []doctor{
	{"another digest on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return f.Digest != 0 && !h.first(i) && h.digestKnown(i) })
		return h.withApplied(i, f, func(a *fedApplied) { a.Digest++ })
	}},
	{"another entry on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return !h.first(i) })
		return h.withApplied(i, f, func(a *fedApplied) { a.Entry.Wall++ })
	}},
	{"another epoch on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return !h.first(i) })
		return h.withApplied(i, f, func(a *fedApplied) { a.Epoch++ })
	}},
	{"other bytes on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return !h.first(i) && len(f.Entry.Data) > 3 })
		return h.withApplied(i, f, func(a *fedApplied) {
			a.Entry.Data = slices.Clone(a.Entry.Data)
			a.Entry.Data[len(a.Entry.Data)-1] ^= 1
		})
	}},
	{"another outcome on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return !h.first(i) })
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome.Next++ })
	}},
	{"a change less on one member", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return !h.first(i) && len(f.Changes) > 0 })
		return h.withApplied(i, f, func(a *fedApplied) { a.Changes = a.Changes[1:] })
	}},
	{"an entry left out", Digest, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedApplied) bool { return h.appliesOn(i, f) })
		return h.without(i)
	}},
	{"an entry applied twice", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return true })
		return h.insert(i, f)
	}},
	{"a change less", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool {
			return h.first(i) && len(f.Changes) > 0 && f.Changes[0].Kind == tree.DataSet
		})
		return h.withApplied(i, f, func(a *fedApplied) { a.Changes = a.Changes[1:] })
	}},
	{"a change to the wrong state", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool {
			return h.first(i) && len(f.Changes) > 0 && f.Changes[0].Kind == tree.DataSet
		})
		return h.withApplied(i, f, func(a *fedApplied) {
			a.Changes = slices.Clone(a.Changes)
			a.Changes[0].After = a.Changes[0].Before
		})
	}},
	{"a snapshot with another digest", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedRestored) bool { return f.zxid > 0 && h.knownDigest(i, f.zxid) })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedRestored{f.member, f.zxid, f.digest + 1})
	}},
	{"a snapshot under another label", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedRestored) bool { return f.zxid > 1 && h.knownDigest(i, f.zxid-1) })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedRestored{f.member, f.zxid - 1, f.digest})
	}},
	{"a state that goes back", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return f.Entry.Zxid > 5 })
		if i < 0 {
			return nil
		}
		return h.insert(i, &fedRestored{f.Member, 1, 0})
	}},
	{"a member without a state", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return true })
		if i < 0 {
			return nil
		}
		return h.insert(i, &fedRestarted{f.Member})
	}},
	{"another state than the log's", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedView) bool { return f.view.Zxid() > 0 })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedView{f.member, stateLike(f.view)})
	}},
	{"an acknowledged write is lost", AckedDurability, func(h *chart) []fed {
		j, old := find(h, 0, func(i int, f *fedView) bool { return f.view.Zxid() > 0 && f.view.Zxid() < h.seen[len(h.seen)-1]+20 })
		i, f := next(h, j, func(i int, f *fedFinal) bool { return f.member == old.member && f.view.Zxid() > old.view.Zxid()+5 })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedFinal{f.member, old.view})
	}},
	{"another state at the end", Digest, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedFinal) bool { return true })
		if i < 0 {
			return nil
		}
		return h.with(i, &fedFinal{f.member, stateLike(f.view)})
	}},
}

func (h *chart) withApplied(i int, f *fedApplied, change func(a *fedApplied)) []fed {
	if i < 0 {
		return nil
	}
	a := *f
	change(&a)
	return h.with(i, &a)
}

// digestKnown says whether somebody else has told the digest of the entry that is
// applied at i.
func (h *chart) digestKnown(i int) bool { return h.knownDigest(i, h.fed[i].(*fedApplied).Entry.Zxid) }

func (h *chart) knownDigest(i int, zxid int64) bool {
	return slices.ContainsFunc(h.fed[:i], func(f fed) bool {
		a, ok := f.(*fedApplied)
		return ok && a.Entry.Zxid == zxid && a.Digest != 0
	})
}

// appliesOn says whether the entry is not the first of its kind, and its member
// applies the next.
func (h *chart) appliesOn(i int, f *fedApplied) bool {
	if h.first(i) {
		return false
	}
	j, _ := next(h, i+1, func(_ int, g *fedApplied) bool { return g.Member == f.Member })
	return j >= 0 && h.fed[j].(*fedApplied).Entry.Zxid == f.Entry.Zxid+1
}

// stateLike returns a view at the same zxid of another state.
func stateLike(v *tree.View) *tree.View {
	s := tree.New(tree.Settings{Unanswered: 41})
	c := tree.CreateSession{Timeout: 1e9}
	if _, _, err := s.Apply([]tree.Entry{{Zxid: v.Zxid(), Data: c.AppendTo(nil)}}); err != nil {
		return nil
	}
	return s.View()
}
