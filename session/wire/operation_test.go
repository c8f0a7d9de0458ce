package wire

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
)

func TestOperationOf(t *testing.T) {
	acl := []wireACL{{perms: 31, scheme: "world", id: "anyone"}, {perms: 1 << 8, scheme: "digest", id: "u:p"}, {perms: -1, scheme: "auth"}}
	want := []tree.ACL{tree.World(tree.PermAll), {Perms: 0, ID: tree.ID{Scheme: "digest", ID: "u:p"}}, tree.Auth(tree.PermAll)}
	data := []byte("d")
	for _, c := range []struct {
		q    request
		want tree.Op
	}{
		{&createRequest{op: opCreate, path: "/a", data: data, acl: acl}, tree.Create{Path: "/a", Data: data, ACL: want}},
		{&createRequest{op: opCreate2, path: "/a", acl: acl, flags: 1}, tree.Create{Path: "/a", Mode: tree.Ephemeral, ACL: want}},
		{&createRequest{op: opCreate, path: "/a", acl: acl, flags: 2}, tree.Create{Path: "/a", Mode: tree.Sequential, ACL: want}},
		{&createRequest{op: opCreate, path: "/a", acl: acl, flags: 3}, tree.Create{Path: "/a", Mode: tree.EphemeralSequential, ACL: want}},
		{&createRequest{op: opCreateContainer, path: "/a", acl: acl, flags: 4}, tree.Create{Path: "/a", Mode: tree.Container, ACL: want}},
		{&createRequest{op: opCreateTTL, path: "/a", acl: acl, flags: 5, ttl: 7}, tree.Create{Path: "/a", TTL: 7 * time.Millisecond, ACL: want}},
		{&createRequest{op: opCreateTTL, path: "/a", acl: acl, flags: 6, ttl: 1<<40 - 1}, tree.Create{Path: "/a", Mode: tree.Sequential, TTL: tree.MaxTTL, ACL: want}},
		{&createRequest{op: opCreate, path: "/a"}, tree.Create{Path: "/a", ACL: []tree.ACL{}}},
		{&createRequest{op: opCreate, path: "/a", acl: []wireACL{}}, tree.Create{Path: "/a", ACL: []tree.ACL{}}},
		{&deleteRequest{path: "/a", version: 3}, tree.Delete{Path: "/a", If: tree.Version(3)}},
		{&deleteRequest{path: "/a", version: -1}, tree.Delete{Path: "/a"}},
		{&setDataRequest{path: "/a", data: data, version: 0}, tree.Set{Path: "/a", Data: data, If: tree.Version(0)}},
		{&setDataRequest{path: "/a", version: -1}, tree.Set{Path: "/a"}},
		{&setACLRequest{path: "/a", acl: acl, version: -2}, tree.SetACL{Path: "/a", ACL: want, If: tree.Version(-2)}},
		{&setACLRequest{path: "/a", version: -1}, tree.SetACL{Path: "/a", ACL: []tree.ACL{}}},
		{&checkRequest{path: "/a", version: 4}, tree.Check{Path: "/a", If: tree.Version(4)}},
	} {
		got, code := operation(c.q)
		require.Equal(t, errOK, code)
		require.Equal(t, c.want, got)
	}
	require.ErrorIs(t, tree.Validate(tree.Create{Path: "/a", ACL: treeACL(nil)}, tree.Limits{}), tree.ErrInvalidACL)
}

func TestOperationRefuses(t *testing.T) {
	for _, flags := range []int32{-1, 7, 8, 256, 257, math.MaxInt32, math.MinInt32} {
		for _, op := range []opcode{opCreate, opCreate2, opCreateContainer, opCreateTTL} {
			_, code := operation(&createRequest{op: op, path: "/a", flags: flags, ttl: 5})
			require.Equal(t, errBadArguments, code, "flags %d of %d", flags, op)
		}
	}
	for _, ttl := range []int64{0, -1, 1 << 40, 1 << 62, math.MaxInt64, math.MinInt64} {
		_, code := operation(&createRequest{op: opCreateTTL, path: "/a", flags: 5, ttl: ttl})
		require.Equal(t, errBadArguments, code, "TTL %d", ttl)
	}
	for _, c := range []createRequest{
		{op: opCreate, flags: 5, ttl: 5}, {op: opCreate2, flags: 6, ttl: 5}, {op: opCreateContainer, flags: 5, ttl: 5},
		{op: opCreateTTL, flags: 0, ttl: 5}, {op: opCreateTTL, flags: 0, ttl: -1}, {op: opCreateTTL, flags: 4, ttl: -1},
	} {
		_, code := operation(&c)
		require.Equal(t, errBadArguments, code, "%+v", c)
	}
	for path, want := range map[string]errCode{"/a": errMarshalling, "/a/./b": errOK} { // the latter is for the tree to refuse
		_, code := operation(&setACLRequest{path: path, acl: []wireACL{{perms: 1, scheme: "world", noID: true}}})
		require.Equal(t, want, code, path)
	}
	for _, q := range []request{&existsRequest{}, &multiRequest{}, &pingRequest{}, nil} {
		op, code := operation(q)
		require.Nil(t, op)
		require.Equal(t, errUnimplemented, code)
	}
	q := &multiRequest{op: opMulti, ops: []multiOp{{opCheck, &checkRequest{}}, {opCreate, &createRequest{op: opCreate, flags: 9}}, {opCheck, &checkRequest{}}}}
	op, index, code := multiOperation(q)
	require.Equal(t, tree.Multi{Ops: []tree.Op{tree.Check{If: tree.Version(0)}, alwaysFails}}, op)
	require.Equal(t, 1, index)
	require.Equal(t, errBadArguments, code)
	op, _, code = multiOperation(&multiRequest{op: opMulti})
	require.Equal(t, errOK, code)
	require.Empty(t, op.Ops)
	require.NoError(t, tree.Validate(op, tree.Limits{}))
}
