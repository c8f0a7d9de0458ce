package host

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// told returns what has come for the watches of a link since, in order.
func (l *raw) told() (all []string) {
	l.t.Helper()
	for _, m := range l.send() {
		for _, e := range m.(*protocol.Events).Events {
			all = append(all, fmt.Sprintf("%d %v %s", e.Watch, e.Event.Type, e.Event.Path))
		}
	}
	return all
}

// watch arms a watch by a read of a kind.
func (l *raw) watch(id uint64, read protocol.ReadKind, path string, kind watch.Kind) {
	l.t.Helper()
	a := l.read(protocol.Read{Kind: read, Path: path, Watch: id, WatchKind: kind})
	require.Equal(l.t, tree.CodeOK, a.Code)
	require.True(l.t, a.Read.Armed)
}

// Watches of all kinds of one session on one path: each is told once of each change
// that it waits for, and each is removed alone.
func TestMixedWatches(t *testing.T) {
	w := calmWorld(t, 1)
	writer, l := w.raw(t), w.raw(t)
	writer.open()
	l.open()
	ok := func(op tree.Op) {
		t.Helper()
		require.NoError(t, writer.write(op)[0].Err)
	}
	ok(tree.Create{Path: "/p"})
	mix := func() {
		l.watch(1, protocol.ReadData, "/p", watch.Data)
		l.watch(2, protocol.ReadExists, "/p", watch.Exist)
		l.watch(3, protocol.ReadChildren, "/p", watch.Children)
		l.watch(4, protocol.ReadNothing, "/p", watch.Persistent)
		l.watch(5, protocol.ReadNothing, "/p", watch.PersistentRecursive)
		l.watch(6, protocol.ReadNothing, "/", watch.PersistentRecursive)
	}
	mix()
	ok(tree.SetACL{Path: "/p"})
	require.Empty(t, l.told())
	ok(tree.Set{Path: "/p"})
	require.Equal(t, []string{"1 NodeDataChanged /p", "2 NodeDataChanged /p", "4 NodeDataChanged /p", "5 NodeDataChanged /p", "6 NodeDataChanged /p"}, l.told())
	ok(tree.Create{Path: "/p/c"})
	require.Equal(t, []string{"5 NodeCreated /p/c", "6 NodeCreated /p/c", "3 NodeChildrenChanged /p", "4 NodeChildrenChanged /p"}, l.told())
	ok(tree.Delete{Path: "/p/c"})
	require.Equal(t, []string{"5 NodeDeleted /p/c", "6 NodeDeleted /p/c", "4 NodeChildrenChanged /p"}, l.told(), "the one-shots are gone")

	// A multi fires for each of its operations, all at one zxid.
	ok(tree.Multi{Ops: []tree.Op{tree.Set{Path: "/p"}, tree.Set{Path: "/p"}, tree.Check{Path: "/p"}}})
	require.Equal(t, []string{
		"4 NodeDataChanged /p", "5 NodeDataChanged /p", "6 NodeDataChanged /p",
		"4 NodeDataChanged /p", "5 NodeDataChanged /p", "6 NodeDataChanged /p",
	}, l.told())

	l.send(&protocol.Unwatch{Watch: 4}, &protocol.Unwatch{Watch: 5}, &protocol.Unwatch{Watch: 6})
	mix()
	l.send(&protocol.Unwatch{Watch: 2}, &protocol.Unwatch{Watch: 5})
	ok(tree.Delete{Path: "/p"})
	require.Equal(t, []string{"1 NodeDeleted /p", "3 NodeDeleted /p", "4 NodeDeleted /p", "6 NodeDeleted /p"}, l.told())
	ok(tree.Create{Path: "/p"})
	require.Equal(t, []string{"4 NodeCreated /p", "6 NodeCreated /p"}, l.told())
	l.send(&protocol.Unwatch{Watch: 4}, &protocol.Unwatch{Watch: 6})
	ok(tree.Delete{Path: "/p"})
	require.Empty(t, l.told())
	require.Zero(t, w.reps[0].host.Watches())

	// exists leaves a watch where there is nothing, and nothing else does.
	require.Equal(t, tree.CodeNoNode, l.read(protocol.Read{Kind: protocol.ReadData, Path: "/p", Watch: 9, WatchKind: watch.Data}).Code)
	require.Equal(t, tree.CodeNoNode, l.read(protocol.Read{Kind: protocol.ReadChildren, Path: "/p", Watch: 9, WatchKind: watch.Children}).Code)
	l.watch(9, protocol.ReadExists, "/p", watch.Exist)
	ok(tree.Create{Path: "/p"})
	require.Equal(t, []string{"9 NodeCreated /p"}, l.told())
}

// Whoever may not read a znode at the time of a change is not told of it: by the ACL
// after the change, by the old one for a deletion, by the parent's for its children,
// however much is applied in one go.
func TestEventsByACL(t *testing.T) {
	hidden := []tree.ACL{{Perms: tree.PermRead, ID: tree.DigestID("ann", "")}, tree.World(tree.PermAll &^ tree.PermRead)}
	open := []tree.ACL{tree.World(tree.PermAll)}
	steps := []tree.Op{
		tree.Create{Path: "/s/h", ACL: hidden}, tree.Set{Path: "/s/h", Data: []byte("x")}, // not told
		tree.Create{Path: "/s/h/c", ACL: open}, // the child is, its parent's children are not
		tree.SetACL{Path: "/s/h", ACL: open}, tree.Set{Path: "/s/h"}, tree.Create{Path: "/s/h/d"},
		tree.SetACL{Path: "/s/h", ACL: hidden}, tree.Delete{Path: "/s/h/d"}, tree.Delete{Path: "/s/h/c"},
		tree.Delete{Path: "/s/h"},
		tree.Create{Path: "/s/o"}, tree.Delete{Path: "/s/o"},
	}
	want := []string{
		"4 NodeChildrenChanged /s",
		"1 NodeCreated /s/h/c",
		"2 NodeDataChanged /s/h", "1 NodeDataChanged /s/h",
		"1 NodeCreated /s/h/d", "3 NodeChildrenChanged /s/h", "2 NodeChildrenChanged /s/h",
		"1 NodeDeleted /s/h/d",
		"1 NodeDeleted /s/h/c",
		"4 NodeChildrenChanged /s",
		"1 NodeCreated /s/o", "4 NodeChildrenChanged /s",
		"1 NodeDeleted /s/o", "4 NodeChildrenChanged /s",
	}
	for _, batch := range []int{1, 2, 3, 5, 100} {
		w := calmWorld(t, 1)
		writer, l := w.raw(t), w.raw(t)
		writer.open()
		l.open()
		require.NoError(t, writer.write(tree.Create{Path: "/s"})[0].Err)
		l.watch(1, protocol.ReadNothing, "/s/h", watch.PersistentRecursive)
		l.watch(5, protocol.ReadNothing, "/s/o", watch.PersistentRecursive)
		l.watch(2, protocol.ReadNothing, "/s/h", watch.Persistent)
		l.watch(4, protocol.ReadNothing, "/s", watch.Persistent)
		require.NoError(t, writer.write(tree.Create{Path: "/s/h"})[0].Err)
		l.told()
		l.watch(3, protocol.ReadChildren, "/s/h", watch.Children)
		require.NoError(t, writer.write(tree.Multi{Ops: []tree.Op{tree.SetACL{Path: "/s/h", ACL: hidden}, tree.Delete{Path: "/s/h"}}})[0].Err)
		l.told()
		var requests []protocol.Request
		for _, op := range steps {
			writer.id++
			writer.n++
			requests = append(requests, &protocol.Write{ID: writer.id, Sequence: writer.n, Op: op})
		}
		for len(requests) > 0 {
			n := min(batch, len(requests))
			for _, m := range writer.send(requests[:n]...) {
				if a, ok := m.(*protocol.Answer); ok {
					results, err := tree.DecodeRecord(a.Record)
					require.NoError(t, err)
					require.NoError(t, results[0].Err)
				}
			}
			requests = requests[n:]
		}
		got := l.told()
		for i := range got {
			if got[i][0] == '5' {
				got[i] = "1" + got[i][1:]
			}
		}
		require.Equal(t, want, got, "%d at once", batch)
	}
}
