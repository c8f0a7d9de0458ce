package zoocfg

import (
	"slices"
	"strconv"
	"strings"
)

// maxWeight is the largest weight that zab/protocol knows.
const maxWeight = 1 << 20

// weigh gives participants their weights. Quorums of ours are majorities of weights,
// Apache's are majorities of groups that each have one: the same if there is one
// group, or if each group is a single server, whose weight then says nothing.
func (r *report) weigh(m Members, groups, weights []entry) {
	group := r.grouped(m, groups)
	for _, s := range m.Servers {
		if _, ok := group[s.ID]; !ok && s.Role == Participant {
			r.bad(slices.Concat(groups, weights)[0], ErrMissing, "server %d is not in a group", s.ID)
		}
	}
	each := len(groups) == m.participants()
	if len(groups) > 1 && !each {
		r.bad(groups[1], ErrUnsupported, "hierarchical quorums: only one group of all, or one for each participant")
	}
	for i, id := range r.numbered(weights) {
		e, s := weights[i], m.Find(id)
		w, err := strconv.ParseInt(e.value, 10, 64)
		switch {
		case err != nil:
			r.bad(e, ErrSyntax, "no whole number")
		case s == nil || s.Role != Participant:
			r.find(e, NoEffect, "there is no such participant")
		case w == 0:
			r.bad(e, ErrUnsupported, "a participant without a vote: make it an observer")
		case w < 0 || w > maxWeight:
			r.bad(e, ErrRange, "not 1 to %d", maxWeight)
		case each:
			r.find(e, NoEffect, "the server is alone in its group")
		default:
			s.Weight = uint32(w)
		}
	}
}

// grouped returns the group that each participant is in.
func (r *report) grouped(m Members, groups []entry) map[uint64]entry {
	group := map[uint64]entry{}
	r.numbered(groups)
	for _, e := range groups {
		ids := split(e.value, ":")
		if len(ids) == 0 {
			r.bad(e, ErrMissing, "an empty group")
		}
		for _, part := range ids {
			id, err := strconv.ParseUint(part, 10, 63)
			s := m.Find(id)
			switch other, twice := group[id]; {
			case err != nil:
				r.bad(e, ErrSyntax, "%.20q is no ID", part)
			case twice:
				r.bad(e, ErrConflict, "server %d is in %s too", id, other.key)
			case s == nil || s.Role != Participant:
				r.bad(e, ErrMissing, "there is no participant %d", id)
			}
			group[id] = e
		}
	}
	return group
}

// numbered returns the N of each group.N or weight.N, 0 where there is none.
func (r *report) numbered(entries []entry) []uint64 {
	var ids []uint64
	for _, e := range entries {
		_, n, _ := strings.Cut(e.key, ".")
		id, err := strconv.ParseUint(n, 10, 63)
		switch i := slices.Index(ids, id); {
		case err != nil:
			r.bad(e, ErrSyntax, "no number behind the dot")
		case i >= 0:
			r.bad(e, ErrConflict, "is %s too", entries[i].key)
		}
		ids = append(ids, id)
	}
	return ids
}
