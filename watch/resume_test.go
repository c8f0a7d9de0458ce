package watch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
)

// replica is a Table and a History fed with the same changes.
type replica struct {
	table   *Table
	history *History
}

func newReplica(t require.TestingT, config HistoryConfig, zxid int64) *replica {
	table, err := NewTable(Limits{})
	require.NoError(t, err)
	history, err := NewHistory(config, zxid)
	require.NoError(t, err)
	return &replica{table, history}
}

func (r *replica) apply(t require.TestingT, through int64, changes []tree.Change, may Filter) []Delivery {
	require.NoError(t, r.history.Append(r.history.Last(), through, changes))
	return r.table.Dispatch(nil, changes, may)
}

// of returns those of ds that are for watch w and after zxid.
func of(ds []Delivery, w Watch, after int64) (evs []Event) {
	for _, d := range ds {
		if d.Owner == w.Owner && d.Watch == w.ID && d.Event.Zxid > after {
			evs = append(evs, d.Event)
		}
	}
	return evs
}

// TestResumeEqualsContinuous: for every watch and every zxid r of a random
// history, a watch whose connection broke at r and that is registered again on
// another replica at the end is told what the continuous one was, event by
// event, and is left armed if and only if that one is. With a history that is too
// short it is told one Gap, or nothing if nothing was missed.
func TestResumeEqualsContinuous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		denied := func(owner int64, path string) bool { return owner == 3 && path == "/a/b" }
		may := func(owner int64, path string, _ *tree.Znode) bool { return !denied(owner, path) }
		world := newWorld()
		config := HistoryConfig{MaxChanges: rapid.SampledFrom([]int{0, 1, 3, 10}).Draw(t, "kept")}
		here, there := newReplica(t, HistoryConfig{}, 0), newReplica(t, config, 0)

		var told []Delivery
		armed := map[Watch]int64{} // watch -> zxid at which it was registered
		for id := range rapid.IntRange(10, 60).Draw(t, "entries") {
			if rapid.Bool().Draw(t, "register") {
				w := drawWatch(t)
				w.ID = uint64(id)
				require.NoError(t, here.table.Register(w))
				armed[w] = world.zxid
			}
			changes := world.entry(t, rapid.IntRange(0, 4).Draw(t, "size"))
			told = append(told, here.apply(t, world.zxid, changes, may)...)
			there.apply(t, world.zxid, changes, may)
		}

		for w, from := range armed {
			for r := from; r <= world.zxid; r++ {
				want := of(told, w, r)
				if w.Kind.OneShot() && len(want) == 0 && !here.table.Has(w.Owner, w.ID) {
					continue // had fired by then
				}
				resumed := Resumption{Since: r, Watches: []Watch{w}, May: may, Now: world.lookup}
				ds, err := there.table.Resume(nil, there.history, resumed)
				require.NoError(t, err)
				got, still := of(ds, w, 0), there.table.Remove(w.Owner, w.ID)
				what := fmt.Sprintf("%v since %d, kept (%d,%d]", w, r, there.history.Floor(), there.history.Last())
				switch {
				case r >= there.history.Floor():
					require.Equal(t, want, got, what)
					require.Equal(t, here.table.Has(w.Owner, w.ID), still, what)
				case len(got) == 0:
					require.True(t, still, what)
					require.Empty(t, want, "silence: "+what)
				default:
					require.Equal(t, []Event{{Type: Gap, Path: w.Path, Since: r, Zxid: world.zxid}}, got, what)
					require.Equal(t, !w.Kind.OneShot(), still, what)
				}
			}
		}
		require.Zero(t, there.table.Len())
	})
}

// TestResumeTogether: watches of one session that come back together are told in
// the order of the changes across all of them, and go on as one.
func TestResumeTogether(t *testing.T) {
	r := newReplica(t, HistoryConfig{}, 10)
	r.apply(t, 12, []tree.Change{
		{Zxid: 11, Kind: tree.Created, Path: "/a"},
		{Zxid: 12, Kind: tree.Created, Path: "/b"},
		{Zxid: 12, Kind: tree.DataSet, Path: "/a"},
	}, nil)
	ds, err := r.table.Resume(nil, r.history, Resumption{Since: 10, Watches: []Watch{
		{1, 1, "/b", Exist}, {1, 2, "/a", Persistent}, {1, 3, "/b", Persistent}, {1, 4, "/c", Exist},
	}})
	require.NoError(t, err)
	require.Equal(t, `1/2 NodeCreated /a @11
1/1 NodeCreated /b @12
1/3 NodeCreated /b @12
1/2 NodeDataChanged /a @12
`, events(ds))
	require.Equal(t, "1/4 NodeCreated /c @13\n", events(r.apply(t, 13, []tree.Change{
		{Zxid: 13, Kind: tree.Created, Path: "/c"},
	}, nil)))
	require.Equal(t, 2, r.table.Len())
}

// TestResumeFromTheBeginning: a zxid below 0 is no way around the history's end,
// and its Gap can be encoded.
func TestResumeFromTheBeginning(t *testing.T) {
	r := newReplica(t, HistoryConfig{}, 0)
	r.apply(t, 1, []tree.Change{{Zxid: 1, Kind: tree.Created, Path: "/a"}}, nil)
	ds, err := r.table.Resume(nil, r.history, Resumption{Since: -5, Watches: []Watch{{1, 1, "/a", Exist}}})
	require.NoError(t, err)
	require.Equal(t, "1/1 NodeCreated /a @1\n", events(ds))

	require.NoError(t, r.history.Gap(3))
	ds, err = r.table.Resume(nil, r.history, Resumption{Since: -5, Watches: []Watch{{1, 1, "/a", Exist}}})
	require.NoError(t, err)
	require.Equal(t, "1/1 Gap /a (0,3]\n", events(ds))
	_, _, err = DecodeEvent(AppendEvent(nil, ds[0].Event))
	require.NoError(t, err)
}

// TestResumeRefusesWhole: a resumption that cannot be done leaves nothing behind.
func TestResumeRefusesWhole(t *testing.T) {
	r := newReplica(t, HistoryConfig{MaxChanges: 1}, 0)
	require.NoError(t, r.table.Register(Watch{1, 1, "/a", Persistent}))
	r.apply(t, 5, []tree.Change{{Zxid: 5, Kind: tree.Created, Path: "/a"}}, nil)
	good := Watch{1, 2, "/a", Data}
	for _, c := range []struct {
		since int64
		bad   Watch
		err   error
	}{
		{6, Watch{1, 3, "/a", Data}, ErrAhead},
		{4, Watch{1, 1, "/a", Data}, ErrWatchExists},
		{4, Watch{1, 2, "/a", Data}, ErrWatchExists},
		{4, Watch{1, 3, "a", Data}, tree.ErrBadPath},
		{4, Watch{1, 3, "/a", 0}, ErrBadKind},
	} {
		ds, err := r.table.Resume(nil, r.history, Resumption{Since: c.since, Watches: []Watch{good, c.bad}})
		require.ErrorIs(t, err, c.err)
		require.Empty(t, ds)
		require.Equal(t, 1, r.table.Len())
	}

	small, err := NewTable(Limits{PerOwner: 2, Total: 3})
	require.NoError(t, err)
	ws := []Watch{{1, 1, "/", Data}, {1, 2, "/", Data}, {1, 3, "/", Data}, {2, 1, "/", Data}, {3, 1, "/", Data}}
	_, err = small.Resume(nil, r.history, Resumption{Since: 5, Watches: ws[:3]})
	require.ErrorIs(t, err, ErrTooMany)
	_, err = small.Resume(nil, r.history, Resumption{Since: 5, Watches: append(ws[:2:2], ws[3:]...)})
	require.ErrorIs(t, err, ErrTooMany)
	require.NoError(t, small.Register(ws[0]))
	_, err = small.Resume(nil, r.history, Resumption{Since: 5, Watches: ws[1:3]})
	require.ErrorIs(t, err, ErrTooMany)
	require.Equal(t, 1, small.Len())
}

// TestSnapshotGaps: a state replaced under live watches is a Gap for each that
// is not proven intact, in order of registration.
func TestSnapshotGaps(t *testing.T) {
	table := tableOf(t,
		Watch{1, 1, "/same", Data},
		Watch{2, 1, "/set", Data},
		Watch{1, 2, "/same", PersistentRecursive},
		Watch{1, 3, "/set", Children},
		Watch{1, 4, "/gone", Persistent},
	)
	now := func(path string) (tree.Stat, bool) {
		switch path {
		case "/same":
			return tree.Stat{Czxid: 1, Mzxid: 2, Pzxid: 3}, true
		case "/set":
			return tree.Stat{Czxid: 1, Mzxid: 7, Pzxid: 3}, true
		}
		return tree.Stat{}, false
	}
	require.Equal(t, "2/1 Gap /set (4,9]\n1/2 Gap /same (4,9]\n1/4 Gap /gone (4,9]\n", events(table.Gap(nil, 4, 9, now)))
	require.False(t, table.Has(2, 1))
	require.Equal(t, 4, table.Len())
	require.Len(t, table.Gap(nil, 4, 9, nil), 4)
	require.Equal(t, 2, table.Len())
}
