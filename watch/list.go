package watch

// A watch is in three lists, so that all its removals cost the same however many
// watches there are.
const (
	byPath  = iota // the watches of one class on one path
	byOwner        // the watches of one owner
	byAge          // all watches
	numLists
)

// registration is a watch in a Table.
type registration struct {
	Watch
	home  *list // its byPath list
	links [numLists]link
}

type link struct{ prev, next *registration }

// list is a doubly linked list in order of registration. Its links are in the
// registrations.
type list struct{ head, tail *registration }

func (l *list) empty() bool { return l.head == nil }

func (l *list) push(by int, r *registration) {
	r.links[by] = link{prev: l.tail}
	if l.tail == nil {
		l.head = r
	} else {
		l.tail.links[by].next = r
	}
	l.tail = r
}

func (l *list) remove(by int, r *registration) {
	k := r.links[by]
	if k.prev == nil {
		l.head = k.next
	} else {
		k.prev.links[by].next = k.next
	}
	if k.next == nil {
		l.tail = k.prev
	} else {
		k.next.links[by].prev = k.prev
	}
	r.links[by] = link{}
}
