package watch_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// ensemble is one real tree with a Table and a History fed from it.
type ensemble struct {
	t       require.TestingT
	state   *tree.State
	table   *watch.Table
	history *watch.History
	next    map[int64]uint64
}

func newEnsemble(t require.TestingT, config watch.HistoryConfig) *ensemble {
	e := &ensemble{t: t, state: tree.New(tree.Settings{}), next: map[int64]uint64{}}
	var err error
	e.table, err = watch.NewTable(watch.Limits{})
	require.NoError(t, err)
	e.history, err = watch.NewHistory(config, e.state.Zxid())
	require.NoError(t, err)
	return e
}

// apply applies one command and returns its zxid, what became of it, and what it
// fired.
func (e *ensemble) apply(c tree.Command) (int64, tree.Code, []watch.Delivery) {
	zxid := e.state.Zxid() + 1
	outcomes, changes, err := e.state.Apply([]tree.Entry{{Zxid: zxid, Wall: zxid, Clock: zxid, Data: c.AppendTo(nil)}})
	require.NoError(e.t, err)
	require.NoError(e.t, e.history.Append(zxid-1, zxid, changes))
	view := e.state.View()
	may := func(owner int64, path string, z *tree.Znode) bool {
		if owner == 0 {
			return true
		}
		if z == nil {
			z = view.Lookup(path)
		}
		return z != nil && z.Permits(nil, tree.PermRead)
	}
	return zxid, outcomes[0].Code, e.table.Dispatch(nil, changes, may)
}

func (e *ensemble) session() int64 {
	id, code, _ := e.apply(tree.CreateSession{Timeout: 1e9, Password: tree.Password{1}})
	require.Equal(e.t, tree.CodeOK, code)
	return id
}

func (e *ensemble) write(session int64, op tree.Op) (tree.Code, []watch.Delivery) {
	e.next[session]++
	n := e.next[session]
	_, code, ds := e.apply(tree.Write{Session: session, Attachment: session, Sequence: n, AnsweredUpTo: n - 1, Op: op})
	return code, ds
}

// TestEventsRebuildTheTree: on a real tree under random operations, multis,
// ephemerals and ends of sessions, whoever applies the events of a recursive
// watch on the root to a copy has the tree, at every zxid; what each event brings
// of before and after is what was and is there; and a znode that proves itself
// intact since r has really fired nothing since r.
func TestEventsRebuildTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newEnsemble(t, watch.HistoryConfig{})
		require.NoError(t, e.table.Register(watch.Watch{Path: "/", Kind: watch.PersistentRecursive}))
		paths := []string{"/a", "/b", "/a/x", "/a/y", "/a/x/z"}
		require.NoError(t, e.table.Register(watch.Watch{ID: 1, Path: "/a", Kind: watch.Persistent}))
		sessions := []int64{e.session()}
		lastOfA := int64(0)
		copied := contents(e.state.View())
		for range rapid.IntRange(1, 40).Draw(t, "entries") {
			var fired []watch.Delivery
			at := rapid.IntRange(0, len(sessions)-1).Draw(t, "session")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				sessions = append(sessions, e.session())
			case 1:
				if at > 0 {
					_, _, fired = e.apply(tree.CloseSession{Session: sessions[at]})
					sessions = append(sessions[:at:at], sessions[at+1:]...)
				}
			case 2, 3:
				ops := make([]tree.Op, rapid.IntRange(1, 4).Draw(t, "ops"))
				for i := range ops {
					ops[i] = drawOp(t, paths)
				}
				_, fired = e.write(sessions[at], tree.Multi{Ops: ops})
			default:
				_, fired = e.write(sessions[at], drawOp(t, paths))
			}
			for _, d := range fired {
				require.Equal(t, e.state.Zxid(), d.Event.Zxid)
				if d.Watch == 1 {
					lastOfA = d.Event.Zxid
					continue
				}
				follow(t, copied, d.Event)
			}
			require.Equal(t, contents(e.state.View()), copied)
			stat, exists := e.state.View().Exists("/a")
			if watch.Persistent.Intact(stat, exists, lastOfA-1) {
				require.Zero(t, lastOfA)
			}
			require.True(t, !exists || watch.Persistent.Intact(stat, exists, lastOfA))
		}
	})
}

func drawOp(t *rapid.T, paths []string) tree.Op {
	path := rapid.SampledFrom(paths).Draw(t, "path")
	data := rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "data")
	switch rapid.IntRange(0, 5).Draw(t, "op") {
	case 0, 1:
		return tree.Create{Path: path, Data: data}
	case 2:
		return tree.Create{Path: path, Data: data, Mode: tree.Ephemeral}
	case 3:
		return tree.Set{Path: path, Data: data}
	case 4:
		return tree.SetACL{Path: path, ACL: []tree.ACL{tree.World(tree.PermAll)}}
	}
	return tree.Delete{Path: path}
}

func contents(v *tree.View) map[string]string {
	m := map[string]string{}
	for path := range v.Walk("/") {
		data, stat, _ := v.Get(path)
		m[path] = fmt.Sprintf("%q %d", data, stat.Mzxid)
	}
	return m
}

func follow(t *rapid.T, copied map[string]string, ev watch.Event) {
	text := func(z *tree.Znode) string { return fmt.Sprintf("%q %d", z.Data(), z.Stat().Mzxid) }
	have, exists := copied[ev.Path]
	require.Equal(t, ev.Type != watch.Created, exists, ev)
	if exists {
		require.Equal(t, have, text(ev.Before), ev)
	}
	if ev.Type == watch.Deleted {
		require.Nil(t, ev.After)
		delete(copied, ev.Path)
		return
	}
	copied[ev.Path] = text(ev.After)
}

// TestSecretsStayUntold: a session without READ on a znode is told nothing of it
// through a recursive watch above it, while it is created, set and deleted
// (CVE-2024-23944).
func TestSecretsStayUntold(t *testing.T) {
	e := newEnsemble(t, watch.HistoryConfig{})
	s := e.session()
	require.NoError(t, e.table.Register(watch.Watch{Owner: 9, Path: "/", Kind: watch.PersistentRecursive}))
	require.NoError(t, e.table.Register(watch.Watch{Owner: 9, ID: 1, Path: "/secret", Kind: watch.Persistent}))
	hidden := []tree.ACL{tree.World(tree.PermAll &^ tree.PermRead)}
	told := map[string]int{}
	for _, op := range []tree.Op{
		tree.Create{Path: "/secret", ACL: hidden},
		tree.Create{Path: "/open"},
		tree.Set{Path: "/secret"},
		tree.Create{Path: "/secret/child", ACL: hidden},
		tree.Delete{Path: "/secret/child"},
		tree.Set{Path: "/open"},
		tree.Delete{Path: "/secret"},
	} {
		code, fired := e.write(s, op)
		require.Equal(t, tree.CodeOK, code)
		for _, d := range fired {
			told[d.Event.Path]++
		}
	}
	require.Equal(t, map[string]int{"/open": 2}, told)
}

// TestStreamCountsData: an event that waits counts with the data on both sides of the
// change.
func TestStreamCountsData(t *testing.T) {
	e := newEnsemble(t, watch.HistoryConfig{})
	s := e.session()
	require.NoError(t, e.table.Register(watch.Watch{Owner: s, Path: "/a", Kind: watch.Persistent}))
	for _, op := range []tree.Op{tree.Create{Path: "/a", Data: make([]byte, 100)}, tree.Set{Path: "/a"}} {
		_, fired := e.write(s, op)
		require.Len(t, fired, 1)
		for _, room := range []int64{103, 104} {
			stream, _, err := watch.NewStream(watch.StreamConfig{Path: "/a", MaxBytes: room})
			require.NoError(t, err)
			require.True(t, stream.Push(fired[0].Event))
			require.Equal(t, room == 104, stream.Push(watch.Event{Type: watch.Deleted, Path: "/a"}), "%v, room for %d", fired[0].Event, room)
		}
	}
}

// TestHistoryCountsWhatItKeeps: data and ACLs that were replaced are counted,
// those that are in the tree are not.
func TestHistoryCountsWhatItKeeps(t *testing.T) {
	e := newEnsemble(t, watch.HistoryConfig{})
	s := e.session()
	step := func(op tree.Op) int64 {
		before := e.history.Bytes()
		code, _ := e.write(s, op)
		require.Equal(t, tree.CodeOK, code)
		return e.history.Bytes() - before
	}
	large := bytes.Repeat([]byte("x"), 100_000)
	acl := []tree.ACL{tree.World(tree.PermAll)}
	for i := range 100 {
		user := fmt.Sprint(i, strings.Repeat("u", 100))
		acl = append(acl, tree.ACL{Perms: tree.PermRead, ID: tree.DigestID(user, "p")})
	}
	none := step(tree.Create{Path: "/a", Data: large})
	require.Less(t, none, int64(2000))
	require.Greater(t, step(tree.Set{Path: "/a", Data: []byte("small")}), int64(100_000))
	require.Less(t, step(tree.SetACL{Path: "/a", ACL: acl}), int64(2000))
	require.Greater(t, step(tree.SetACL{Path: "/a", ACL: acl[:1]}), int64(10_000))
}
