package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

// A quota is made as ZooKeeper's command line makes one, and holds for every session.
func TestQuota(t *testing.T) {
	run(t, sessiontest.Options{Members: 1}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s := e.Session(1)
		_, err := s.Multi(ctx,
			tree.Create{Path: "/a", Data: []byte("12345")},
			tree.Create{Path: "/zookeeper/quota/a"},
			tree.Create{Path: "/zookeeper/quota/a/zookeeper_limits", Data: []byte("count=-1,bytes=-1=;countHardLimit=2")},
			tree.Create{Path: "/zookeeper/quota/a/zookeeper_stats", Data: []byte("count=0,bytes=0")})
		require.NoError(t, err)
		other := e.Session(1)
		_, err = other.Create(ctx, "/a/b", []byte("6"), tree.Ephemeral)
		require.NoError(t, err)
		_, err = other.Create(ctx, "/a/c", nil, tree.Persistent)
		require.ErrorIs(t, err, tree.ErrQuotaExceeded)
		require.True(t, session.NotApplied(err))
		stats, _, err := s.Get(ctx, "/zookeeper/quota/a/zookeeper_stats")
		require.NoError(t, err)
		require.Equal(t, "count=2,bytes=6", string(stats))
		require.NoError(t, other.Close())
		stats, _, err = s.Get(ctx, "/zookeeper/quota/a/zookeeper_stats")
		require.NoError(t, err)
		require.Equal(t, "count=1,bytes=5", string(stats))
	})
}
