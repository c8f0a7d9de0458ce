package watch

import (
	"errors"
	"fmt"
	"iter"
)

// Watch is one registration.
type Watch struct {
	Owner int64  // who is told: a session's id
	ID    uint64 // chosen by the owner, unique among its watches
	Path  string
	Kind  Kind
}

// Limits bound a Table. Zero fields mean the defaults.
type Limits struct {
	PerOwner int // watches of one owner; default 1<<17
	Total    int // watches of all owners; default 1<<22 (about 1 GiB)
}

// Validate returns everything that is wrong with l, joined.
func (l Limits) Validate() error {
	var errs []error
	if l.PerOwner < 0 {
		errs = append(errs, fmt.Errorf("watch: Limits.PerOwner is %d, less than 0", l.PerOwner))
	}
	if l.Total < 0 {
		errs = append(errs, fmt.Errorf("watch: Limits.Total is %d, less than 0", l.Total))
	}
	return errors.Join(errs...)
}

func (l Limits) withDefaults() Limits {
	if l.PerOwner == 0 {
		l.PerOwner = 1 << 17
	}
	if l.Total == 0 {
		l.Total = 1 << 22
	}
	return l
}

// Table holds the watches of one replica. It is a step machine for one
// goroutine: see the package comment.
type Table struct {
	limits    Limits
	watches   map[handle]*registration
	owners    map[int64]*holdings
	places    map[string]*place
	recursive map[string]*list // apart, so that a walk up the ancestors asks a small map
	all       list
}

type handle struct {
	owner int64
	id    uint64
}

// holdings are the watches of one owner.
type holdings struct {
	list
	n int
}

// place is a path with watches that are not recursive, in the classes that the
// trigger matrix treats alike, so that a change looks only at those it fires.
type place struct{ data, children, persistent list }

func (p *place) empty() bool {
	return p.data.empty() && p.children.empty() && p.persistent.empty()
}

func (p *place) class(k Kind) *list {
	switch k {
	case Children:
		return &p.children
	case Persistent:
		return &p.persistent
	}
	return &p.data
}

// NewTable returns an empty Table, or what is wrong with limits.
func NewTable(limits Limits) (*Table, error) {
	if err := limits.Validate(); err != nil {
		return nil, err
	}
	return newTable(limits.withDefaults()), nil
}

func newTable(limits Limits) *Table {
	return &Table{
		limits:    limits,
		watches:   map[handle]*registration{},
		owners:    map[int64]*holdings{},
		places:    map[string]*place{},
		recursive: map[string]*list{},
	}
}

// Register arms w for the changes dispatched from now on. Several watches of one
// owner, of any kinds, may be on one path; each is a watch of its own and is told
// on its own. The error is tree.ErrBadPath, ErrBadKind, ErrWatchExists or ErrTooMany,
// and then nothing was changed.
func (t *Table) Register(w Watch) error {
	if err := t.admit(w); err != nil {
		return err
	}
	t.add(w)
	return nil
}

func (t *Table) admit(w Watch) error {
	switch {
	case !w.Kind.valid():
		return fmt.Errorf("%w: %v", ErrBadKind, w.Kind)
	case t.watches[handle{w.Owner, w.ID}] != nil:
		return fmt.Errorf("%w: %d of owner %d", ErrWatchExists, w.ID, w.Owner)
	}
	if err := checkPath(w.Path); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return t.room(w.Owner, 1)
}

// room says whether n more watches of owner are within the limits.
func (t *Table) room(owner int64, n int) error {
	if have := t.Owned(owner); have+n > t.limits.PerOwner {
		return fmt.Errorf("%w: owner %d has %d of %d", ErrTooMany, owner, have, t.limits.PerOwner)
	}
	if have := t.Len(); have+n > t.limits.Total {
		return fmt.Errorf("%w: %d of %d in all", ErrTooMany, have, t.limits.Total)
	}
	return nil
}

func (t *Table) add(w Watch) {
	r := &registration{Watch: w, home: t.homeOf(w)}
	r.home.push(byPath, r)
	h := t.owners[w.Owner]
	if h == nil {
		h = &holdings{}
		t.owners[w.Owner] = h
	}
	h.push(byOwner, r)
	h.n++
	t.all.push(byAge, r)
	t.watches[handle{w.Owner, w.ID}] = r
}

// homeOf returns the list for watches like w, made if need be.
func (t *Table) homeOf(w Watch) *list {
	if w.Kind == PersistentRecursive {
		l := t.recursive[w.Path]
		if l == nil {
			l = &list{}
			t.recursive[w.Path] = l
		}
		return l
	}
	p := t.places[w.Path]
	if p == nil {
		p = &place{}
		t.places[w.Path] = p
	}
	return p.class(w.Kind)
}

// Remove removes the watch that owner registered as id and no other, and says
// whether there was one.
func (t *Table) Remove(owner int64, id uint64) bool {
	r := t.watches[handle{owner, id}]
	if r != nil {
		t.drop(r)
	}
	return r != nil
}

// RemoveOwner removes all watches of owner and returns how many there were.
func (t *Table) RemoveOwner(owner int64) int {
	h := t.owners[owner]
	if h == nil {
		return 0
	}
	n := h.n
	for r := h.head; r != nil; r = h.head {
		t.drop(r)
	}
	return n
}

func (t *Table) drop(r *registration) {
	delete(t.watches, handle{r.Owner, r.ID})
	t.all.remove(byAge, r)

	h := t.owners[r.Owner]
	h.remove(byOwner, r)
	if h.n--; h.n == 0 {
		delete(t.owners, r.Owner)
	}

	r.home.remove(byPath, r)
	if !r.home.empty() {
		return
	}
	if r.Kind == PersistentRecursive {
		delete(t.recursive, r.Path)
	} else if t.places[r.Path].empty() {
		delete(t.places, r.Path)
	}
}

// Limits returns the limits in force.
func (t *Table) Limits() Limits { return t.limits }

// Len returns how many watches there are.
func (t *Table) Len() int { return len(t.watches) }

// Owned returns how many watches owner has.
func (t *Table) Owned(owner int64) int {
	if h := t.owners[owner]; h != nil {
		return h.n
	}
	return 0
}

// Has says whether owner has a watch of that id.
func (t *Table) Has(owner int64, id uint64) bool {
	return t.watches[handle{owner, id}] != nil
}

// OwnedBy returns the watches of owner in the order in which they were
// registered. The table must not change while the sequence is read.
func (t *Table) OwnedBy(owner int64) iter.Seq[Watch] {
	return func(yield func(Watch) bool) {
		if h := t.owners[owner]; h != nil {
			walk(&h.list, byOwner, yield)
		}
	}
}

// All returns all watches in the order in which they were registered. The table
// must not change while the sequence is read.
func (t *Table) All() iter.Seq[Watch] {
	return func(yield func(Watch) bool) { walk(&t.all, byAge, yield) }
}

func walk(l *list, by int, yield func(Watch) bool) {
	for r := l.head; r != nil; r = r.links[by].next {
		if !yield(r.Watch) {
			return
		}
	}
}
