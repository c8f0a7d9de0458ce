package watch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
)

// TestTriggerMatrix says for every kind of watch on /w and every change near it
// what the watch is told, and whether it is still armed after.
func TestTriggerMatrix(t *testing.T) {
	changes := []struct {
		name   string
		change tree.Change
	}{
		{"create self", tree.Change{Kind: tree.Created, Path: "/w"}},
		{"set self", tree.Change{Kind: tree.DataSet, Path: "/w"}},
		{"set ACL of self", tree.Change{Kind: tree.ACLSet, Path: "/w"}},
		{"delete self", tree.Change{Kind: tree.Deleted, Path: "/w"}},
		{"create child", tree.Change{Kind: tree.Created, Path: "/w/c"}},
		{"set child", tree.Change{Kind: tree.DataSet, Path: "/w/c"}},
		{"delete child", tree.Change{Kind: tree.Deleted, Path: "/w/c"}},
		{"create grandchild", tree.Change{Kind: tree.Created, Path: "/w/c/g"}},
		{"delete grandchild", tree.Change{Kind: tree.Deleted, Path: "/w/c/g"}},
		{"create sibling", tree.Change{Kind: tree.Created, Path: "/ww"}},
		{"set parent", tree.Change{Kind: tree.DataSet, Path: "/"}},
	}
	const (
		none     = "-"
		created  = "NodeCreated /w"
		set      = "NodeDataChanged /w"
		deleted  = "NodeDeleted /w"
		children = "NodeChildrenChanged /w"
	)
	want := map[Kind][]string{
		Data:       {created, set, none, deleted, none, none, none, none, none, none, none},
		Exist:      {created, set, none, deleted, none, none, none, none, none, none, none},
		Children:   {none, none, none, deleted, children, none, children, none, none, none, none},
		Persistent: {created, set, none, deleted, children, none, children, none, none, none, none},
		PersistentRecursive: {created, set, none, deleted, "NodeCreated /w/c", "NodeDataChanged /w/c", "NodeDeleted /w/c",
			"NodeCreated /w/c/g", "NodeDeleted /w/c/g", none, none},
	}
	for kind, row := range want {
		require.Len(t, row, len(changes))
		for i, c := range changes {
			t.Run(kind.String()+"/"+c.name, func(t *testing.T) {
				table := tableOf(t, Watch{Owner: 7, ID: 9, Path: "/w", Kind: kind})
				c.change.Zxid = 5
				if c.change.Kind != tree.Created {
					c.change.Before = new(tree.Znode)
				}
				if c.change.Kind != tree.Deleted {
					c.change.After = new(tree.Znode)
				}
				got := table.Dispatch(nil, []tree.Change{c.change}, nil)
				if row[i] == none {
					require.Empty(t, got)
					require.True(t, table.Has(7, 9))
					return
				}
				require.Len(t, got, 1)
				require.Equal(t, int64(7), got[0].Owner)
				require.Equal(t, uint64(9), got[0].Watch)
				ev := got[0].Event
				require.Equal(t, row[i]+" @5", ev.String())
				if ev.Type == ChildrenChanged {
					require.Nil(t, ev.Before)
					require.Nil(t, ev.After)
				} else {
					require.Same(t, c.change.Before, ev.Before)
					require.Same(t, c.change.After, ev.After)
				}
				require.Equal(t, !kind.OneShot(), table.Has(7, 9))
			})
		}
	}
}

func tableOf(t testing.TB, watches ...Watch) *Table {
	t.Helper()
	table, err := NewTable(Limits{})
	require.NoError(t, err)
	for _, w := range watches {
		require.NoError(t, table.Register(w))
	}
	return table
}

// events returns deliveries as "owner/id event", one per line.
func events(ds []Delivery) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(string(rune('0'+d.Owner)) + "/" + string(rune('0'+d.Watch)) + " " + d.Event.String() + "\n")
	}
	return b.String()
}

// TestLifeOfAZnode follows all kinds of watches, several of them on one path,
// through an exists watch on an absent znode up to its deletion.
func TestLifeOfAZnode(t *testing.T) {
	table := tableOf(t,
		Watch{1, 1, "/w", Exist},
		Watch{1, 2, "/w", Persistent},
		Watch{1, 3, "/", PersistentRecursive},
		Watch{1, 4, "/w", PersistentRecursive},
		Watch{1, 5, "/", Children},
		Watch{2, 1, "/w", Exist},
	)
	dispatch := func(zxid int64, kind tree.ChangeKind, paths ...string) string {
		var cs []tree.Change
		for _, p := range paths {
			cs = append(cs, tree.Change{Zxid: zxid, Kind: kind, Path: p})
		}
		return events(table.Dispatch(nil, cs, nil))
	}
	require.Equal(t, `1/1 NodeCreated /w @1
2/1 NodeCreated /w @1
1/2 NodeCreated /w @1
1/4 NodeCreated /w @1
1/3 NodeCreated /w @1
1/5 NodeChildrenChanged / @1
`, dispatch(1, tree.Created, "/w"))

	require.NoError(t, table.Register(Watch{2, 1, "/w", Children}))
	require.NoError(t, table.Register(Watch{2, 2, "/w", Data}))
	require.Equal(t, `1/4 NodeCreated /w/a @2
1/3 NodeCreated /w/a @2
2/1 NodeChildrenChanged /w @2
1/2 NodeChildrenChanged /w @2
1/4 NodeCreated /w/b @2
1/3 NodeCreated /w/b @2
1/2 NodeChildrenChanged /w @2
`, dispatch(2, tree.Created, "/w/a", "/w/b"))

	require.NoError(t, table.Register(Watch{2, 1, "/w", Children}))
	require.Equal(t, `2/2 NodeDeleted /w @3
2/1 NodeDeleted /w @3
1/2 NodeDeleted /w @3
1/4 NodeDeleted /w @3
1/3 NodeDeleted /w @3
`, dispatch(3, tree.Deleted, "/w"))
	require.Equal(t, 3, table.Len())
}

// TestRemoveIsExact is ZOOKEEPER-4466, 4471, 4472 and 4625: watches of several
// kinds of one owner on one path, each removed on its own.
func TestRemoveIsExact(t *testing.T) {
	kinds := []Kind{Data, Exist, Children, Persistent, PersistentRecursive, Data, Persistent, PersistentRecursive}
	for gone := range kinds {
		table := tableOf(t)
		for id, k := range kinds {
			require.NoError(t, table.Register(Watch{1, uint64(id), "/w", k}))
			require.NoError(t, table.Register(Watch{2, uint64(id), "/w", k}))
		}
		require.True(t, table.Remove(1, uint64(gone)))
		require.False(t, table.Remove(1, uint64(gone)))
		require.False(t, table.Remove(3, uint64(gone)))
		told := map[int64]map[uint64]int{1: {}, 2: {}}
		for _, d := range table.Dispatch(nil, []tree.Change{{Zxid: 1, Kind: tree.Deleted, Path: "/w"}}, nil) {
			told[d.Owner][d.Watch]++
		}
		for id := range kinds {
			require.Equal(t, 1, told[2][uint64(id)])
			if id != gone {
				require.Equal(t, 1, told[1][uint64(id)])
			}
		}
		require.Len(t, told[1], len(kinds)-1)
	}
}

// TestFilteredOneShotStaysArmed: an event that the owner may not see does not use
// up its watch.
func TestFilteredOneShotStaysArmed(t *testing.T) {
	secret, open := new(tree.Znode), new(tree.Znode)
	may := func(_ int64, _ string, z *tree.Znode) bool { return z != secret }
	table := tableOf(t, Watch{1, 1, "/w", Exist})
	require.Empty(t, table.Dispatch(nil, []tree.Change{
		{Zxid: 1, Kind: tree.Created, Path: "/w", After: secret},
		{Zxid: 2, Kind: tree.Deleted, Path: "/w", Before: secret},
	}, may))
	require.Equal(t, "1/1 NodeCreated /w @3\n", events(table.Dispatch(nil, []tree.Change{
		{Zxid: 3, Kind: tree.Created, Path: "/w", After: open},
	}, may)))
}

func TestRegisterRefuses(t *testing.T) {
	table := tableOf(t)
	long := "/" + strings.Repeat("x", MaxPath)
	for _, path := range []string{"", "w", "//", "/w/", "/a//b", "/a\x00b", "a/b", long} {
		require.ErrorIs(t, table.Register(Watch{Path: path, Kind: Data}), tree.ErrBadPath, "%.20q", path)
	}
	for _, k := range []Kind{0, 6, 255} {
		require.ErrorIs(t, table.Register(Watch{Path: "/", Kind: k}), ErrBadKind)
	}
	require.Zero(t, table.Len())

	_, err := NewTable(Limits{PerOwner: -1, Total: -2})
	require.ErrorContains(t, err, "PerOwner")
	require.ErrorContains(t, err, "Total")

	table, err = NewTable(Limits{})
	require.NoError(t, err)
	require.Equal(t, Limits{PerOwner: 1 << 17, Total: 1 << 22}, table.Limits())

	table, err = NewTable(Limits{PerOwner: 2, Total: 3})
	require.NoError(t, err)
	require.NoError(t, table.Register(Watch{1, 1, "/", Data}))
	require.NoError(t, table.Register(Watch{1, 2, "/", Data}))
	require.ErrorIs(t, table.Register(Watch{1, 3, "/", Data}), ErrTooMany)
	require.NoError(t, table.Register(Watch{2, 1, "/", Data}))
	require.ErrorIs(t, table.Register(Watch{2, 2, "/", Data}), ErrTooMany)
	require.Equal(t, 2, table.RemoveOwner(1))
	require.NoError(t, table.Register(Watch{2, 2, "/", Data}))
}

func TestIntact(t *testing.T) {
	stat := tree.Stat{Czxid: 3, Mzxid: 5, Pzxid: 8}
	first := map[Kind]int64{Data: 5, Exist: 5, Children: 8, Persistent: 8, PersistentRecursive: 100}
	for kind, from := range first {
		for since := range int64(12) {
			require.Equal(t, since >= from, kind.Intact(stat, true, since), "%v since %d", kind, since)
			require.False(t, kind.Intact(stat, false, since))
		}
	}
	require.False(t, Data.Intact(tree.Stat{Czxid: 9, Mzxid: 2}, true, 4), "made since")
}
