package server_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

func TestOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		srv, err := server.Start(ctx, server.Config{Storage: zab.NewMemoryStorage()})
		require.NoError(t, err)
		require.NoError(t, srv.Ready(ctx))
		s, err := srv.NewSession(ctx, session.Options{})
		require.NoError(t, err)
		path, err := s.Create(ctx, "/a", []byte("x"), tree.Ephemeral)
		require.NoError(t, err)
		require.Equal(t, "/a", path)
		data, stat, err := s.Linearizable().Get(ctx, "/a")
		require.NoError(t, err)
		require.Equal(t, "x", string(data))
		require.Equal(t, s.ID(), stat.EphemeralOwner)
		time.Sleep(time.Minute)
		require.NoError(t, s.Context().Err())
		_, ok, err := s.Exists(t.Context(), "/a")
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, s.Close())
		require.NoError(t, srv.Close())
	})
}
