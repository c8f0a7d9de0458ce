package sessiontest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

func TestKillLeader(t *testing.T) {
	sessiontest.Run(t, sessiontest.Options{}, func(t *testing.T, e *sessiontest.Ensemble) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s := e.Session(1)
		_, err := s.Create(ctx, "/a", []byte("1"), tree.Ephemeral)
		require.NoError(t, err)
		leader := e.Leader(ctx)
		e.Kill(leader)
		_, err = s.Set(ctx, "/a", []byte("2"), tree.Version(0))
		require.NoError(t, err)
		data, stat, err := s.Linearizable().Get(ctx, "/a")
		require.NoError(t, err)
		require.Equal(t, "2", string(data))
		require.Equal(t, s.ID(), stat.EphemeralOwner)
		e.Restart(leader)
		require.NoError(t, e.Server(leader).Ready(ctx))
		e.WaitConverged(ctx)
	})
}

func TestRealTime(t *testing.T) {
	e := sessiontest.Start(t, sessiontest.Options{})
	s := e.Session(1)
	start := time.Now()
	_, err := s.Create(t.Context(), "/a", nil, tree.Persistent)
	require.NoError(t, err)
	t.Log(time.Since(start))
	require.NoError(t, s.Close())
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		e := sessiontest.Start(b, sessiontest.Options{})
		s := e.Session(1)
		if _, err := s.Create(b.Context(), "/a", nil, tree.Persistent); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		for i := range 3 {
			e.Kill(i + 1)
		}
		b.StartTimer()
	}
}
