package server_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// createMany creates n children of /p, and returns the zxid of the last.
func createMany(t *testing.T, ctx context.Context, s *session.Session, from, n int) (last int64) {
	var all []*session.Pending
	for i := range n {
		p, err := s.Submit(ctx, tree.Create{Path: fmt.Sprintf("/p/%05d", from+i)})
		require.NoError(t, err)
		all = append(all, p)
	}
	for _, p := range all {
		_, err := p.Wait(ctx)
		require.NoError(t, err)
	}
	return s.LastZxid()
}

// follow reads n children of /p from w as a Gap asks for, and returns how many Gaps
// there were.
func follow(t *testing.T, ctx context.Context, s *session.Session, w *watch.Watcher, n int) (gaps int) {
	for i := 0; i < n; {
		ev, err := w.Next(ctx)
		require.NoError(t, err)
		if ev.Type == watch.Gap {
			gaps++
			require.LessOrEqual(t, gaps, 2, "no progress at %d", i)
			w.Close()
			w, err = s.WatchSince(ctx, "/p", watch.PersistentRecursive, ev.Since)
			require.NoError(t, err)
			continue
		}
		require.Equal(t, fmt.Sprintf("/p/%05d", i), ev.Path)
		require.Equal(t, watch.Created, ev.Type)
		i++
	}
	_, ok, err := w.TryNext()
	require.NoError(t, err)
	require.False(t, ok)
	w.Close()
	return gaps
}

// However much a Gap stands for, a watch that takes up at its Since is told all of
// it: more than a queue holds, and more than one message.
func TestResumeAfterGap(t *testing.T) {
	run(t, sessiontest.Options{Members: 1}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, writer := e.Session(1), e.Session(1)
		_, err := writer.Create(ctx, "/p", nil, tree.Persistent)
		require.NoError(t, err)
		begin := writer.LastZxid()
		require.NoError(t, s.Sync(ctx))
		w, err := s.Watch(ctx, "/p", watch.PersistentRecursive)
		require.NoError(t, err)
		const n = protocol.MaxEvents + 1000
		createMany(t, ctx, writer, 0, n)
		require.NoError(t, s.Sync(ctx))
		require.Equal(t, 1, follow(t, ctx, s, w, n), "one overflow, one resume")
		w, err = s.WatchSince(ctx, "/p", watch.PersistentRecursive, begin)
		require.NoError(t, err)
		require.Zero(t, follow(t, ctx, s, w, n))

		// What overflows while the past still waits does not take it along.
		w, err = s.WatchSince(ctx, "/p", watch.PersistentRecursive, begin)
		require.NoError(t, err)
		createMany(t, ctx, writer, n, 3000)
		require.NoError(t, s.Sync(ctx))
		require.Equal(t, 1, follow(t, ctx, s, w, n+3000))
	})
}

// A session that comes back after a long absence is told all it has missed.
func TestResumeAfterMove(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		leader := e.Leader(ctx)
		behind, writer := leader%3+1, e.Session(leader)
		_, err := writer.Create(ctx, "/p", nil, tree.Persistent)
		require.NoError(t, err)
		s := e.SessionWith(behind, session.Options{MaxEvents: 10, Backends: []session.Backend{}})
		require.NoError(t, s.Sync(ctx))
		w, err := s.Watch(ctx, "/p", watch.PersistentRecursive)
		require.NoError(t, err)
		e.Isolate(behind) // where nothing is applied
		createMany(t, ctx, writer, 0, 1500)
		require.NoError(t, s.Move(ctx, e.Server(leader)))
		require.NoError(t, s.Sync(ctx))
		e.Heal()
		require.Zero(t, follow(t, ctx, s, w, 1500))
	})
}

// A zxid that is no past one is never taken for now in silence.
func TestWatchSinceEdges(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		leader := e.Leader(ctx)
		writer := e.Session(leader)
		_, err := writer.Create(ctx, "/p", nil, tree.Persistent)
		require.NoError(t, err)
		createMany(t, ctx, writer, 0, 5)
		s := e.Session(leader%3 + 1)
		w, err := s.WatchSince(ctx, "/p", watch.PersistentRecursive, 0)
		require.NoError(t, err)
		ev, ok, err := w.TryNext()
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, watch.Created, ev.Type)
		require.Equal(t, "/p", ev.Path)

		for _, zxid := range []int64{-1, -1 << 63} {
			_, err = s.WatchSince(ctx, "/p", watch.Persistent, zxid)
			require.ErrorIs(t, err, watch.ErrBadZxid)
			require.True(t, session.NotApplied(err))
		}
		for _, zxid := range []int64{1 << 40, 1<<63 - 1} {
			_, err = s.WatchSince(ctx, "/p", watch.Persistent, zxid)
			require.ErrorIs(t, err, watch.ErrAhead)
			require.True(t, session.NotApplied(err))
		}
		// Ahead of this session, but of nobody else.
		last := createMany(t, ctx, writer, 5, 5)
		w, err = s.WatchSince(ctx, "/p", watch.PersistentRecursive, last)
		require.NoError(t, err)
		createMany(t, ctx, writer, 10, 1)
		ev, err = w.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, "/p/00010", ev.Path)
	})
}
