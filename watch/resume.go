package watch

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// Lookup returns the Stat of the znode at path in the state that all changes so
// far led to, and whether there is one.
type Lookup func(path string) (stat tree.Stat, exists bool)

// Resumption is what it takes to register watches again.
type Resumption struct {
	// Since is the zxid up to which the owner has received everything; 0 or less
	// is the beginning of time.
	Since int64
	// Watches are registered in this order.
	Watches []Watch
	// May filters what is delivered, as in Dispatch. It may be nil.
	May Filter
	// Now, if given, is asked when the history is gone: a watch whose znode
	// proves that nothing happened to it (see Kind.Intact) needs no Gap. Else a
	// thousand sessions that come back after a long time would all be woken for
	// nothing.
	Now Lookup
}

// Resume registers watches that were armed elsewhere or before, and appends to
// dst what they would have been told of the changes in (Since, now] had they
// been here: for a one-shot watch the first event, with which it is done; for a
// persistent one all of them; in the order of the changes across all watches.
// (ZooKeeper compares zxids of znodes instead, and so reports a znode that was
// deleted and made again as changed, misses one that came and went, and loses
// whatever a persistent watch missed.)
//
// If h does not reach back to Since, each watch is delivered one Gap, after which
// a one-shot watch is done and a persistent one armed.
//
// History h must have been given exactly the changes that were dispatched to t.
// On an error nothing was changed: it is ErrAhead if Since is beyond what h has
// seen, or one of Register's. The cost is that of dispatching the changes in
// (Since, now] once, however many watches there are.
func (t *Table) Resume(dst []Delivery, h *History, r Resumption) ([]Delivery, error) {
	r.Since = max(r.Since, 0)
	older, newer, err := h.spans(r.Since)
	if err != nil && !errors.Is(err, ErrGone) {
		return dst, err
	}
	aside, errAside := t.aside(r.Watches)
	if errAside != nil {
		return dst, errAside
	}
	if err != nil {
		dst = aside.Gap(dst, r.Since, h.Last(), r.Now)
	} else {
		dst = aside.Dispatch(dst, older, r.May)
		dst = aside.Dispatch(dst, newer, r.May)
	}
	for w := range aside.All() {
		t.add(w)
	}
	return dst, nil
}

// aside returns a table of ws alone, after checking that t can take all of them.
func (t *Table) aside(ws []Watch) (*Table, error) {
	a := newTable(t.limits)
	for _, w := range ws {
		if err := t.admit(w); err != nil {
			return nil, err
		}
		if err := a.Register(w); err != nil {
			return nil, err
		}
		if err := t.room(w.Owner, a.Owned(w.Owner)); err != nil {
			return nil, err
		}
	}
	if t.Len()+a.Len() > t.limits.Total {
		return nil, fmt.Errorf("%w: %d and %d more of %d in all", ErrTooMany, t.Len(), a.Len(), t.limits.Total)
	}
	return a, nil
}

// Gap appends a Gap event over (since, zxid] for every watch, as when a replica
// replaced its state by a snapshot while it hosted sessions; one-shot watches
// are removed by it. Watches that now proves intact stay as they are; now may be
// nil. The order is that of registration.
func (t *Table) Gap(dst []Delivery, since, zxid int64, now Lookup) []Delivery {
	for r := t.all.head; r != nil; {
		next := r.links[byAge].next
		if now == nil || !r.intact(now, since) {
			ev := Event{Type: Gap, Path: r.Path, Zxid: zxid, Since: since}
			dst = append(dst, Delivery{Owner: r.Owner, Watch: r.ID, Event: ev})
			if r.Kind.OneShot() {
				t.drop(r)
			}
		}
		r = next
	}
	return dst
}

func (r *registration) intact(now Lookup, since int64) bool {
	stat, exists := now(r.Path)
	return r.Kind.Intact(stat, exists, since)
}
