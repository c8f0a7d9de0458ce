package host

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// A read arms a watch as of any zxid that there was, be it 0, and of no other.
func TestReadResumes(t *testing.T) {
	w := calmWorld(t, 1)
	writer, c := w.addClient(0), w.addClient(0)
	w.settle()
	for i := range 3 {
		writer.do(tree.Create{Path: fmt.Sprintf("/%d", i)})
		w.settle()
	}
	var p tree.Password
	copy(p[:], "client 1")
	h := w.reps[0].host
	l := &wire{id: 100, rep: w.reps[0], client: c}
	w.links[l.id] = l
	h.Connect(l.id)
	h.Request(l.id, &protocol.Attach{Session: c.m.Session(), Password: p, LastSeen: int64(len(w.log))})
	w.collect(w.reps[0])
	w.propose(0)
	w.apply(w.reps[0], 1)
	require.IsType(t, &protocol.Attached{}, l.down[0])
	now := int64(len(w.log))

	id := uint64(0)
	resume := func(since int64) (got []watch.Event, a *protocol.Answer) {
		l.down = nil
		id++
		h.Request(l.id, &protocol.Read{
			ID: id, Path: "/", Watch: id, WatchKind: watch.PersistentRecursive, Resume: true, Since: since,
		})
		w.collect(w.reps[0])
		for _, m := range l.down {
			switch m := m.(type) {
			case *protocol.Events:
				require.Nil(t, a, "events come first")
				for _, ev := range m.Events {
					ev.Event.Before, ev.Event.After = nil, nil
					got = append(got, ev.Event)
				}
			case *protocol.Answer:
				a = m
			}
		}
		require.NotNil(t, a)
		return got, a
	}
	for since := int64(0); since <= now; since++ {
		got, a := resume(since)
		require.Equal(t, w.eventsBetween(since, now), got, "since %d", since)
		require.True(t, a.Read.Armed)
	}
	got, a := resume(now + 1)
	require.Empty(t, got)
	require.True(t, a.WatchRefused)
	require.Equal(t, now, a.Zxid)
	require.NoError(t, h.history.Gap(now))
	got, a = resume(0)
	require.Equal(t, []watch.Event{{Type: watch.Gap, Path: "/", Since: 0, Zxid: now}}, got)
	require.True(t, a.Read.Armed)
}
