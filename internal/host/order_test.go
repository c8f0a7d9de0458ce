package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// What is wrong with an operation in itself is decided in its place like everything
// else, and the link goes on.
func TestIllFormedOperations(t *testing.T) {
	w := calmWorld(t, 1)
	l := w.raw(t)
	l.open()
	require.NoError(t, l.write(tree.Create{Path: "/a"})[0].Err)
	for _, c := range []struct {
		op   tree.Op
		want error
	}{
		{tree.Create{Path: "a"}, tree.ErrBadPath},
		{tree.Create{Path: "/no/../b", Mode: 77}, tree.ErrBadMode},
		{tree.Create{Path: "/no/../b"}, tree.ErrNoNode},
		{tree.Create{Path: "/a/..", ACL: []tree.ACL{}}, tree.ErrInvalidACL},
		{tree.Create{Path: "/a/.."}, tree.ErrBadPath},
		{tree.Set{Path: "/a/"}, tree.ErrBadPath},
		{tree.SetACL{Path: "/no", ACL: []tree.ACL{}}, tree.ErrInvalidACL},
		{tree.Delete{Path: "/a/"}, tree.ErrNoNode},
		{tree.Delete{Path: "/zookeeper/quota"}, tree.ErrReserved},
		{tree.Check{Path: ""}, tree.ErrBadPath},
	} {
		require.ErrorIs(t, l.write(c.op)[0].Err, c.want, "%+v", c.op)
	}

	// In a multi: nothing before it took effect, nothing after it was tried.
	results := l.write(tree.Multi{Ops: []tree.Op{
		tree.Create{Path: "/b"}, tree.Create{Path: "/b/x"}, tree.Create{Path: "/b//y"}, tree.Delete{Path: "/"}, tree.Check{Path: "/a"},
	}})
	var codes []tree.Code
	for _, r := range results {
		code, _ := tree.CodeOf(r.Err)
		codes = append(codes, code)
	}
	require.Equal(t, []tree.Code{0, 0, tree.CodeNoNode, tree.CodeRuntimeInconsistency, tree.CodeRuntimeInconsistency}, codes)
	require.Nil(t, w.reps[0].state.View().Lookup("/b"))
	require.NoError(t, l.write(tree.Check{Path: "/a"})[0].Err)
}

// A read of a path that no znode can have finds none. A watch on it is refused.
func TestIllFormedReads(t *testing.T) {
	w := calmWorld(t, 1)
	l := w.raw(t)
	l.open()
	for _, path := range []string{"", "a", "/a/", "//", "/a//b", "/zookeeper/", "/\x01", "/\xff", "/x\x00"} {
		for _, kind := range []protocol.ReadKind{protocol.ReadData, protocol.ReadChildren, protocol.ReadACL} {
			a := l.read(protocol.Read{Kind: kind, Path: path, Watch: 9, WatchKind: watch.Data})
			require.Equal(t, tree.CodeNoNode, a.Code, "%q", path)
			require.Nil(t, a.Read)
		}
		a := l.read(protocol.Read{Kind: protocol.ReadExists, Path: path, Watch: 9, WatchKind: watch.Exist})
		if path == "/x\x00" {
			require.Equal(t, tree.CodeBadPath, a.Code)
			continue
		}
		require.Equal(t, tree.CodeOK, a.Code, "%q", path)
		require.False(t, a.Read.Exists || a.Read.Armed)
		require.True(t, a.WatchRefused)
		require.Equal(t, tree.CodeOK, l.read(protocol.Read{Path: path}).Code, "a sync has no path to speak of")
	}
	require.Zero(t, w.reps[0].host.Watches())
}
