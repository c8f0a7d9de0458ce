package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
)

func TestDialPlan(t *testing.T) {
	const first, longest = int64(10), int64(80)
	ep := func(id uint64, addr string) transport.Endpoint { return transport.Endpoint{ID: id, Addr: addr} }
	p := DialPlan{Self: 3, First: first, Longest: longest}
	p.Members([]transport.Endpoint{ep(1, "a"), ep(2, "b"), ep(4, "d")}, 0)
	require.Equal(t, []transport.Endpoint{ep(1, "a"), ep(2, "b")}, p.Due(0), "only those with a lower ID")
	at, ok := p.Next()
	require.True(t, ok)
	require.Equal(t, 8*longest, at, "nothing to do while they are being dialed, but the one with a higher ID is not waited for for ever")

	// Failures wait longer and longer, up to a bound.
	now := int64(0)
	for _, wait := range []int64{10, 20, 40, 80, 80} {
		p.Down(1, now)
		at, ok := p.Next()
		require.True(t, ok)
		require.Equal(t, now+wait, at)
		require.Empty(t, p.Due(at-1))
		now = at
		require.Equal(t, []transport.Endpoint{ep(1, "a")}, p.Due(now))
	}
	// A link that breaks at once counts as a failure, one that lasted does not.
	p.Up(1, now)
	p.Down(1, now+1)
	require.Empty(t, p.Due(now+1))
	require.Len(t, p.Due(now+1+longest), 1)
	p.Up(1, now)
	p.Down(1, now+longest)
	require.Len(t, p.Due(now+longest), 1)
	p.Down(1, now+longest)
	at, _ = p.Next()
	require.Equal(t, now+longest+first, at)

	// A new address is tried at once; whoever has gone is not.
	p.Members([]transport.Endpoint{ep(1, "z"), ep(4, "d")}, now+longest)
	require.Equal(t, []transport.Endpoint{ep(1, "z")}, p.Due(now+longest))
	p.Down(2, now)
	require.Equal(t, []transport.Endpoint{ep(4, "d")}, p.Due(now+1000*longest))
	p.Down(4, now)
	require.Empty(t, p.Due(now+8*longest-1))
}
