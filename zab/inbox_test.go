package zab

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// The loop is not woken for what it could only keep, unless that is much, or to be
// answered at once.
func TestMailboxWakesTheLoop(t *testing.T) {
	m := mailbox{bell: make(chan struct{}, 1)}
	rung := func() bool {
		select {
		case <-m.bell:
			return true
		default:
			return false
		}
	}
	small := proposal{Data: make([]byte, 100)}
	require.True(t, m.propose(small))
	require.True(t, rung())

	m.gathering.Store(true)
	require.True(t, m.propose(small))
	require.False(t, rung())
	require.True(t, m.propose(proposal{Err: errors.New("refused")}))
	require.True(t, rung())
	m.post(func(in *inbox) { in.durable = 1 })
	require.True(t, rung(), "only proposals are kept")

	in := m.take(new(inbox))
	require.Len(t, in.proposals, 3)
	n := 0
	for ; !rung(); n++ {
		require.True(t, m.propose(small))
	}
	require.InDelta(t, quietBytes/(len(small.Data)+frameOverhead), n, 1)

	m.take(in)
	require.True(t, m.propose(small))
	require.False(t, rung())
	m.gathering.Store(false)
	require.True(t, m.propose(small))
	require.True(t, rung())
	m.close()
	require.False(t, m.propose(small))
}
