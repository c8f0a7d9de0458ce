package watch

import "github.com/zabtree/zabtree/tree"

// Delivery is an event on its way to the owner of a watch.
type Delivery struct {
	Owner int64
	Watch uint64 // the watch's id
	Event Event
}

// Filter says at the moment of delivery whether owner may be told of a change at
// path. Asking only when the watch is set leaks the paths below it
// (ZOOKEEPER-4799, CVE-2024-23944). The znode z is the one whose ACL counts: the
// deleted one for Deleted, else the znode after the change. For ChildrenChanged
// z is nil, as a change does not hold the parent; the filter finds it by path.
// A nil Filter lets everything pass.
//
// An event that is filtered has not happened for that owner: a one-shot watch
// stays armed. (ZooKeeper removes it, and the client waits in vain.)
type Filter func(owner int64, path string, z *tree.Znode) bool

// Dispatch appends to dst what changes fire, and removes the one-shot watches
// that fired. Changes come in the order applied, each once; the same changes go
// to the replica's [History].
//
// Deliveries keep the order of the changes. For one change the znode's own
// watches come first, by kind (Data and Exist, Children, Persistent), then
// recursive ones from the znode up to the root, then those of the parent
// (Children, Persistent); within each, in order of registration. A watch is told
// of a change at most once.
//
// The cost of a change is two look-ups by path, one more for each ancestor if
// there is any recursive watch at all, and the deliveries; watches elsewhere
// cost nothing. With room in dst nothing is allocated.
func (t *Table) Dispatch(dst []Delivery, changes []tree.Change, may Filter) []Delivery {
	if len(t.watches) == 0 {
		return dst
	}
	for i := range changes {
		ev, decides := eventOf(&changes[i])
		if ev.Type == 0 {
			continue
		}
		f := firing{ev: ev, decides: decides, may: may, dst: dst}
		t.fireSelf(&f)
		if len(t.recursive) > 0 {
			t.fireAbove(&f)
		}
		if ev.Type != DataChanged {
			t.fireParent(&f)
		}
		dst = f.dst
	}
	return dst
}

// firing is one event being delivered.
type firing struct {
	ev      Event
	decides *tree.Znode
	may     Filter
	dst     []Delivery
}

func (t *Table) fireSelf(f *firing) {
	p := t.places[f.ev.Path]
	if p == nil {
		return
	}
	t.fire(f, &p.data)
	if f.ev.Type == Deleted {
		t.fire(f, &p.children)
	}
	t.fire(f, &p.persistent)
}

func (t *Table) fireAbove(f *firing) {
	for path := f.ev.Path; path != ""; path = parentOf(path) {
		if l := t.recursive[path]; l != nil {
			t.fire(f, l)
		}
	}
}

func (t *Table) fireParent(f *firing) {
	parent := parentOf(f.ev.Path)
	p := t.places[parent]
	if p == nil {
		return
	}
	f.ev = Event{Type: ChildrenChanged, Path: parent, Zxid: f.ev.Zxid}
	f.decides = nil
	t.fire(f, &p.children)
	t.fire(f, &p.persistent)
}

func (t *Table) fire(f *firing, l *list) {
	for r := l.head; r != nil; {
		next := r.links[byPath].next
		if f.may == nil || f.may(r.Owner, f.ev.Path, f.decides) {
			f.dst = append(f.dst, Delivery{Owner: r.Owner, Watch: r.ID, Event: f.ev})
			if r.Kind.OneShot() {
				t.drop(r)
			}
		}
		r = next
	}
}
