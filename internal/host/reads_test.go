package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// TestMoreReads: pages of children, descendants, the session's own ephemerals and
// identities.
func TestMoreReads(t *testing.T) {
	w := calmWorld(t, 1)
	l := w.raw(t)
	l.open(tree.ID{Scheme: "ip", ID: "10.0.0.1"})
	other := w.raw(t)
	other.open()
	other.write(tree.Create{Path: "/z", Mode: tree.Ephemeral})
	hidden := []tree.ACL{{Perms: tree.PermAll, ID: tree.DigestID("ann", "")}}
	for _, op := range []tree.Op{
		tree.Create{Path: "/p"}, tree.Create{Path: "/p/b", Mode: tree.Ephemeral}, tree.Create{Path: "/p/a"},
		tree.Create{Path: "/p/c"}, tree.Create{Path: "/p/c/d", Mode: tree.Ephemeral}, tree.Create{Path: "/hidden", ACL: hidden},
	} {
		require.NoError(t, l.write(op)[0].Err)
	}

	page := func(after string, limit int) ([]string, bool) {
		a := l.read(protocol.Read{Kind: protocol.ReadChildren, Path: "/p", After: after, Limit: limit})
		require.EqualValues(t, 3, a.Read.Stat.NumChildren)
		return a.Read.Names, a.Read.More
	}
	for _, c := range []struct {
		after string
		limit int
		names []string
		more  bool
	}{
		{"", 0, []string{"a", "b", "c"}, false}, {"", 2, []string{"a", "b"}, true}, {"b", 2, []string{"c"}, false}, {"", 3, []string{"a", "b", "c"}, false},
		{"c", 1, []string{}, false}, {"aa", -1, []string{"b", "c"}, false},
	} {
		names, more := page(c.after, c.limit)
		require.Equal(t, c.names, names)
		require.Equal(t, c.more, more)
	}

	require.EqualValues(t, 4, l.read(protocol.Read{Kind: protocol.ReadDescendants, Path: "/p"}).Read.Count)
	require.EqualValues(t, 6+1+3, l.read(protocol.Read{Kind: protocol.ReadDescendants, Path: "/"}).Read.Count)
	require.Equal(t, tree.CodeNoNode, l.read(protocol.Read{Kind: protocol.ReadDescendants, Path: "/none"}).Code)
	require.Equal(t, tree.CodeNoAuth, l.read(protocol.Read{Kind: protocol.ReadDescendants, Path: "/hidden"}).Code)
	require.Equal(t, tree.CodeNoAuth, l.read(protocol.Read{Kind: protocol.ReadChildren, Path: "/hidden", Limit: 1}).Code)

	for prefix, want := range map[string][]string{
		"": {"/p/b", "/p/c/d"}, "/": {"/p/b", "/p/c/d"}, "/p/c": {"/p/c/d"}, "/p/b": {"/p/b"}, "/z": {}, "p": {},
	} {
		require.Equal(t, want, l.read(protocol.Read{Kind: protocol.ReadEphemerals, Path: prefix}).Read.Names, prefix)
	}
	require.Equal(t, []tree.ID{{Scheme: "ip", ID: "10.0.0.1"}}, l.read(protocol.Read{Kind: protocol.ReadIdentities}).Read.Identities)
	require.Equal(t, tree.CodeUnknownOp, l.read(protocol.Read{Kind: 99, Path: "/p"}).Code)
}

// TestReadMany: each part is answered on its own, all of one state.
func TestReadMany(t *testing.T) {
	w := calmWorld(t, 1)
	l := w.raw(t)
	l.open()
	l.write(tree.Create{Path: "/p", Data: []byte("x")})
	l.write(tree.Create{Path: "/p/a"})
	l.write(tree.Create{Path: "/hidden", ACL: []tree.ACL{{Perms: tree.PermAll, ID: tree.DigestID("ann", "")}}})
	a := l.read(protocol.Read{Kind: protocol.ReadMany, Parts: []protocol.Part{
		{Kind: protocol.ReadData, Path: "/p"}, {Kind: protocol.ReadChildren, Path: "/p"}, {Kind: protocol.ReadData, Path: "/none"},
		{Kind: protocol.ReadData, Path: "/hidden"}, {Kind: protocol.ReadExists, Path: "/none"}, {Kind: protocol.ReadACL, Path: "/p/a"},
		{Kind: protocol.ReadMany}, {Kind: protocol.ReadEphemerals}, {Kind: protocol.ReadChildren, Path: "p/"},
	}})
	require.Equal(t, tree.CodeOK, a.Code)
	var codes []tree.Code
	for _, p := range a.Read.Parts {
		codes = append(codes, p.Code)
		require.Equal(t, p.Code == tree.CodeOK, p.Read != nil)
	}
	require.Equal(t, []tree.Code{0, 0, tree.CodeNoNode, tree.CodeNoAuth, 0, 0, tree.CodeUnknownOp, tree.CodeUnknownOp, tree.CodeNoNode}, codes)
	parts := a.Read.Parts
	require.Equal(t, []byte("x"), parts[0].Read.Data)
	require.EqualValues(t, 1, parts[0].Read.Stat.NumChildren)
	require.Equal(t, []string{"a"}, parts[1].Read.Names)
	require.Equal(t, parts[0].Read.Stat, parts[1].Read.Stat)
	require.False(t, parts[4].Read.Exists)
	require.Equal(t, []tree.ACL{tree.World(tree.PermAll)}, parts[5].Read.ACL)
	require.Empty(t, l.read(protocol.Read{Kind: protocol.ReadMany}).Read.Parts)

	again := protocol.Part{Kind: protocol.ReadChildren, Path: "/p"}
	parts = l.read(protocol.Read{Kind: protocol.ReadMany, Parts: []protocol.Part{again, {Kind: protocol.ReadData, Path: "/p"}, again}}).Read.Parts
	require.Same(t, parts[0].Read, parts[2].Read, "it takes no more memory to ask often")
	require.Equal(t, []byte("x"), parts[1].Read.Data)
}
