package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
)

// modelTable is the trigger matrix written a second time, watch by watch and
// without any index.
type modelTable struct {
	watches []Watch // in order of registration
	denied  func(owner int64, path string) bool
}

// told returns what watch w is told of c, and where in the order of deliveries.
func told(w Watch, c tree.Change) (ev Event, rank int) {
	inside := w.Path == "/" || c.Path == w.Path || strings.HasPrefix(c.Path, w.Path+"/")
	below, _ := strings.CutPrefix(c.Path, strings.TrimSuffix(w.Path, "/")+"/")
	child := inside && c.Path != w.Path && !strings.Contains(below, "/")
	typ := map[tree.ChangeKind]Type{tree.Created: Created, tree.Deleted: Deleted, tree.DataSet: DataChanged}[c.Kind]
	own := Event{Type: typ, Path: c.Path, Zxid: c.Zxid, Before: c.Before, After: c.After}
	ofChild := Event{Type: ChildrenChanged, Path: w.Path, Zxid: c.Zxid}
	switch {
	case typ == 0:
	case w.Kind == PersistentRecursive && inside:
		return own, 100 + len(c.Path) - len(w.Path)
	case (w.Kind == Data || w.Kind == Exist) && c.Path == w.Path:
		return own, 1
	case w.Kind == Children && c.Path == w.Path && typ == Deleted:
		return own, 2
	case w.Kind == Persistent && c.Path == w.Path:
		return own, 3
	case typ != DataChanged && child && w.Kind == Children:
		return ofChild, 10_001
	case typ != DataChanged && child && w.Kind == Persistent:
		return ofChild, 10_002
	}
	return Event{}, 0
}

func (m *modelTable) dispatch(changes []tree.Change) (out []Delivery) {
	for _, c := range changes {
		type ranked struct {
			rank int
			d    Delivery
		}
		var fired []ranked
		m.watches = slices.DeleteFunc(m.watches, func(w Watch) bool {
			ev, rank := told(w, c)
			if rank == 0 || m.denied(w.Owner, ev.Path) {
				return false
			}
			fired = append(fired, ranked{rank, Delivery{w.Owner, w.ID, ev}})
			return w.Kind == Data || w.Kind == Exist || w.Kind == Children
		})
		slices.SortStableFunc(fired, func(a, b ranked) int { return a.rank - b.rank })
		for _, f := range fired {
			out = append(out, f.d)
		}
	}
	return out
}

// world is a small tree that makes histories that can be: parents before
// children, nothing deleted that has some.
type world struct {
	zxid  int64
	stats map[string]tree.Stat
	nodes map[string]*tree.Znode
}

func newWorld() *world {
	return &world{stats: map[string]tree.Stat{"/": {}}, nodes: map[string]*tree.Znode{"/": {}}}
}

var worldPaths = []string{"/a", "/ab", "/b", "/a/b", "/a/bb", "/a/b/c", "/a/b/c/d", "/b/a"}

// entry makes the changes of one entry; want is how many it tries to have.
func (w *world) entry(t *rapid.T, want int) (changes []tree.Change) {
	w.zxid++
	for range want {
		path := rapid.SampledFrom(worldPaths).Draw(t, "path")
		kind := tree.ChangeKind(rapid.IntRange(int(tree.Created), int(tree.ACLSet)).Draw(t, "change"))
		if c, ok := w.change(kind, path); ok {
			changes = append(changes, c)
		}
	}
	return changes
}

func (w *world) change(kind tree.ChangeKind, path string) (tree.Change, bool) {
	stat, exists := w.stats[path]
	parent := path[:max(1, strings.LastIndexByte(path, '/'))]
	above, parentExists := w.stats[parent]
	if kind == tree.Created && (exists || !parentExists) || kind != tree.Created && !exists {
		return tree.Change{}, false
	}
	c := tree.Change{Zxid: w.zxid, Kind: kind, Path: path, Before: w.nodes[path]}
	switch kind {
	case tree.Created:
		stat = tree.Stat{Czxid: w.zxid, Mzxid: w.zxid, Pzxid: w.zxid}
	case tree.DataSet:
		stat.Mzxid = w.zxid
	case tree.Deleted:
		for p := range w.stats {
			if strings.HasPrefix(p, path+"/") {
				return tree.Change{}, false
			}
		}
		delete(w.stats, path)
		delete(w.nodes, path)
	}
	if kind == tree.Created || kind == tree.Deleted {
		above.Pzxid = w.zxid
		w.stats[parent] = above
	}
	if kind != tree.Deleted {
		c.After = new(tree.Znode)
		w.stats[path], w.nodes[path] = stat, c.After
	}
	return c, true
}

func (w *world) lookup(path string) (tree.Stat, bool) {
	s, ok := w.stats[path]
	return s, ok
}

func drawWatch(t *rapid.T) Watch {
	return Watch{
		Owner: rapid.Int64Range(1, 4).Draw(t, "owner"),
		ID:    rapid.Uint64Range(0, 9).Draw(t, "id"),
		Path:  rapid.SampledFrom(append([]string{"/"}, worldPaths...)).Draw(t, "watched"),
		Kind:  Kind(rapid.IntRange(int(Data), int(PersistentRecursive)).Draw(t, "kind")),
	}
}

// TestTableAgainstModel runs random registrations, removals, ends of owners and
// changes on a Table and on the naive model, and compares all deliveries and all
// that is left armed.
func TestTableAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, err := NewTable(Limits{})
		require.NoError(t, err)
		denied := func(owner int64, path string) bool { return owner == 3 && strings.HasPrefix(path, "/a/b") }
		model := modelTable{denied: denied}
		world := newWorld()
		dispatch := func(t *rapid.T, want int) {
			changes := world.entry(t, want)
			got := table.Dispatch(nil, changes, filterOf(t, changes, denied))
			require.Equal(t, model.dispatch(changes), got)
		}
		t.Repeat(map[string]func(*rapid.T){
			"register": func(t *rapid.T) {
				w := drawWatch(t)
				same := func(have Watch) bool { return have.Owner == w.Owner && have.ID == w.ID }
				if err := table.Register(w); slices.ContainsFunc(model.watches, same) {
					require.ErrorIs(t, err, ErrWatchExists)
					return
				}
				model.watches = append(model.watches, w)
			},
			"remove": func(t *rapid.T) {
				w := drawWatch(t)
				n := len(model.watches)
				model.watches = slices.DeleteFunc(model.watches, func(have Watch) bool {
					return have.Owner == w.Owner && have.ID == w.ID
				})
				require.Equal(t, n != len(model.watches), table.Remove(w.Owner, w.ID))
			},
			"remove owner": func(t *rapid.T) {
				owner := rapid.Int64Range(1, 4).Draw(t, "owner")
				n := len(model.watches)
				model.watches = slices.DeleteFunc(model.watches, func(w Watch) bool { return w.Owner == owner })
				require.Equal(t, n-len(model.watches), table.RemoveOwner(owner))
			},
			"change":      func(t *rapid.T) { dispatch(t, 1) },
			"change more": func(t *rapid.T) { dispatch(t, 1) },
			"multi":       func(t *rapid.T) { dispatch(t, 4) },
			"":            func(t *rapid.T) { requireSame(t, table, model.watches) },
		})
	})
}

// filterOf returns the Filter that denies what denied does, and checks that it is
// asked with the znode whose ACL counts.
func filterOf(t *rapid.T, changes []tree.Change, denied func(int64, string) bool) Filter {
	return func(owner int64, path string, z *tree.Znode) bool {
		known := slices.ContainsFunc(changes, func(c tree.Change) bool {
			if z == nil {
				return c.Kind != tree.DataSet && c.Path[:max(1, strings.LastIndexByte(c.Path, '/'))] == path
			}
			return c.Path == path && (c.Kind == tree.Deleted && c.Before == z || c.Kind != tree.Deleted && c.After == z)
		})
		require.True(t, known, "filter asked about %s with %p", path, z)
		return !denied(owner, path)
	}
}

func requireSame(t *rapid.T, table *Table, watches []Watch) {
	require.Equal(t, len(watches), table.Len())
	require.True(t, slices.Equal(watches, slices.Collect(table.All())))
	rest := len(watches)
	for owner := range int64(6) {
		var owned []Watch
		for _, w := range watches {
			if w.Owner == owner {
				owned = append(owned, w)
				require.True(t, table.Has(w.Owner, w.ID))
			}
		}
		require.Equal(t, owned, slices.Collect(table.OwnedBy(owner)))
		require.Equal(t, len(owned), table.Owned(owner))
		rest -= len(owned)
	}
	require.Zero(t, rest)
	if len(watches) == 0 { // nothing is kept for what is gone
		require.Zero(t, len(table.owners)+len(table.places)+len(table.recursive),
			fmt.Sprint(table.owners, table.places, table.recursive))
	}
}
