package host

import (
	"slices"

	"github.com/zabtree/zabtree/tree"
)

// stretch is what is applied in one go while the host looks at its changes one after
// the other. The view is that at its end: what a znode was like at a change is found in
// the changes behind it, each of which has the znode as it was before.
type stretch struct {
	changes []tree.Change
	at      int // the change that is looked at
	indexed bool
	turns   map[string][]int // where the ACL of a path may have become another
}

// index finds the changes of ACLs. There are hardly ever any, and then it keeps nothing.
func (s *stretch) index() {
	s.indexed = true
	guarded := slices.ContainsFunc(s.changes, func(c tree.Change) bool {
		return c.Kind == tree.ACLSet || c.Before != nil && c.Before.ACL() != nil || c.After != nil && c.After.ACL() != nil
	})
	if !guarded {
		return
	}
	s.turns = map[string][]int{}
	for i := range s.changes {
		if c := &s.changes[i]; c.Kind == tree.ACLSet || c.Kind == tree.Deleted {
			s.turns[c.Path] = append(s.turns[c.Path], i)
		}
	}
}

// fire sends the events of n changes from the first on, which are those of one entry.
func (h *Host) fire(first, n int) {
	h.fired = h.fired[:0]
	for i := first; i < first+n; i++ { // one at a time, as the filter depends on it
		h.stretch.at = i
		h.fired = h.table.Dispatch(h.fired, h.stretch.changes[i:i+1], h.may)
	}
	h.deliver(h.fired)
}

// then returns the znode at path with the ACL that it had after the change that is
// looked at, nil if it is gone and anybody might have read it.
func (h *Host) then(path string) *tree.Znode {
	s := &h.stretch
	if !s.indexed {
		s.index()
	}
	turns := s.turns[path]
	if i, _ := slices.BinarySearch(turns, s.at+1); i < len(turns) {
		return s.changes[turns[i]].Before
	}
	return h.view.Lookup(path)
}
