package protocol

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
)

// A member without addresses that are only shown is encoded as before there were any, and
// has one encoding only.
func TestMembershipWithAndWithoutShownAddresses(t *testing.T) {
	member := func(fields int, addrs ...string) []byte {
		b := codec.AppendArray(codec.AppendArray(nil, 1), fields)
		b = codec.AppendUint(codec.AppendUint(codec.AppendUint(codec.AppendUint(b, 1), 7), 0), 2)
		for _, addr := range addrs {
			b = codec.AppendString(b, addr)
		}
		return b
	}
	for _, c := range []struct {
		encoded []byte
		want    Member
	}{
		{member(5, "a:1"), Member{Addr: "a:1"}},
		{member(7, "a:1", "a:2", ""), Member{Addr: "a:1", ElectionAddr: "a:2"}},
		{member(7, "", "", "c:3"), Member{ClientAddr: "c:3"}},
	} {
		c.want.ID, c.want.Incarnation, c.want.Weight = 1, 7, 2
		require.Equal(t, c.encoded, appendMembership(nil, Membership{c.want}))
		r := codec.NewReader(c.encoded)
		require.Equal(t, Membership{c.want}, readMembership(&r))
		require.NoError(t, r.Err())
	}
	for _, encoded := range [][]byte{member(7, "a:1", "", ""), member(6, "a:1", "a:2"), member(4)} {
		r := codec.NewReader(encoded)
		readMembership(&r)
		require.Error(t, r.Err(), "%x", encoded)
	}
}
