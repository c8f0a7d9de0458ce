package server_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

func TestMoreReads(t *testing.T) {
	run(t, sessiontest.Options{Members: 1}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, other := e.Session(1), e.Session(1)
		var ops []tree.Op
		for i := range 2500 { // more than two pages
			ops = append(ops, tree.Create{Path: fmt.Sprintf("/p%04d", i), Data: []byte{byte(i)}})
		}
		_, err := s.Multi(ctx, ops...)
		require.NoError(t, err)
		i := 0
		for name, err := range other.Linearizable().ChildrenSeq(ctx, "/") {
			require.NoError(t, err)
			if name != "zookeeper" {
				require.Equal(t, fmt.Sprintf("p%04d", i), name)
				i++
			}
		}
		require.Equal(t, 2500, i)
		for range s.ChildrenSeq(ctx, "/") {
			break
		}
		for _, err := range s.ChildrenSeq(ctx, "/none") {
			require.ErrorIs(t, err, tree.ErrNoNode)
		}
		names, more, err := s.ChildrenPage(ctx, "/", "p2497", 2)
		require.NoError(t, err)
		require.Equal(t, []string{"p2498", "p2499"}, names)
		require.True(t, more)
		names, more, err = s.ChildrenPage(ctx, "/", "p2499", -1)
		require.NoError(t, err)
		require.Equal(t, []string{"zookeeper"}, names)
		require.False(t, more)
		_, _, err = s.ChildrenPage(ctx, "none/", "", 1)
		require.ErrorIs(t, err, tree.ErrBadPath)

		n, err := s.Descendants(ctx, "/")
		require.NoError(t, err)
		require.Equal(t, 2503, n)
		_, err = s.Descendants(ctx, "/none")
		require.ErrorIs(t, err, tree.ErrNoNode)

		got, err := s.GetMany(ctx, "/p0007", "/none", "p/", "/p0008")
		require.NoError(t, err)
		require.Equal(t, []byte{7}, got[0].Data)
		require.NoError(t, got[0].Err)
		require.EqualError(t, got[1].Err, `get "/none": tree: no such znode`)
		require.ErrorIs(t, got[2].Err, tree.ErrBadPath)
		require.Equal(t, got[0].Stat.Czxid, got[3].Stat.Czxid)
		got[3].Data[0] = 99 // it is the caller's
		data, _, err := s.Get(ctx, "/p0008")
		require.NoError(t, err)
		require.Equal(t, []byte{8}, data)
		_, err = s.GetMany(ctx, make([]string, protocol.MaxParts+1)...)
		require.ErrorIs(t, err, tree.ErrTooLarge)

		_, err = other.Create(ctx, "/p0000/e", nil, tree.Ephemeral)
		require.NoError(t, err)
		for prefix, want := range map[string]int{"": 1, "/p0000": 1, "/q": 0} {
			paths, err := other.Ephemerals(ctx, prefix)
			require.NoError(t, err)
			require.Len(t, paths, want)
			paths, err = s.Ephemerals(ctx, prefix)
			require.NoError(t, err)
			require.Empty(t, paths)
		}
		ids, err := s.Identities(ctx)
		require.NoError(t, err)
		require.Empty(t, ids)
		require.NoError(t, s.AddAuth(ctx, "digest", []byte("ann:secret")))
		ids, err = s.Identities(ctx)
		require.NoError(t, err)
		require.Equal(t, []tree.ID{tree.DigestID("ann", "secret")}, ids)

		require.NoError(t, s.Close())
		_, err = s.Identities(ctx)
		require.ErrorIs(t, err, session.ErrClosed)
		_, err = s.Ephemerals(ctx, "")
		require.ErrorIs(t, err, session.ErrClosed)
		_, err = s.GetMany(ctx)
		require.ErrorIs(t, err, session.ErrClosed)
	})
}

// However many children there are, they need not be in memory at once.
func Example_children() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "zabtree")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	srv, err := server.Start(ctx, server.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	s, err := srv.NewSession(ctx, session.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	for _, path := range []string{"/jobs", "/jobs/b", "/jobs/a", "/jobs/c"} {
		if _, err := s.Create(ctx, path, nil, tree.Persistent); err != nil {
			fmt.Println(err)
			return
		}
	}
	for name, err := range s.ChildrenSeq(ctx, "/jobs") {
		fmt.Println(name, err)
	}
	names, more, err := s.ChildrenPage(ctx, "/jobs", "a", 1)
	fmt.Println(names, more, err)
	// Output:
	// a <nil>
	// b <nil>
	// c <nil>
	// [b] true <nil>
}
