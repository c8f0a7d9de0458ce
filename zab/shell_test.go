package zab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

func TestStatusViewServesOnceApplied(t *testing.T) {
	var v statusView
	require.True(t, v.protocol(protocol.Status{ID: 1, Phase: protocol.Synchronising, Leader: 2, Epoch: 3}))
	require.False(t, v.protocol(protocol.Status{ID: 1, Phase: protocol.Synchronising, Leader: 2, Epoch: 3, Last: protocol.Zxid{Epoch: 3, Counter: 9}}))
	v.applied(protocol.Zxid{Epoch: 2, Counter: 5})
	serving := protocol.Status{ID: 1, Phase: protocol.Broadcasting, Leader: 2, Epoch: 3, Serving: true, ServeAt: protocol.Zxid{Epoch: 3, Counter: 7}}
	require.True(t, v.protocol(serving))
	require.False(t, v.now.Serving)
	require.False(t, v.applied(protocol.Zxid{Epoch: 3, Counter: 6}))
	require.True(t, v.applied(protocol.Zxid{Epoch: 3, Counter: 7}))
	require.True(t, v.now.Serving)
	require.False(t, v.applied(protocol.Zxid{Epoch: 3, Counter: 8}))
	require.True(t, v.protocol(protocol.Status{ID: 1}))
	require.False(t, v.now.Serving)
}

func TestRefusalsAreLoggedNowAndThen(t *testing.T) {
	var l refusalLog
	now := time.Unix(1000, 0)
	_, ok := l.note(refusalKey{driver.RefusedHello, 0}, now)
	require.True(t, ok)
	for range 5 {
		_, ok = l.note(refusalKey{driver.RefusedHello, 0}, now.Add(time.Second))
		require.False(t, ok)
	}
	_, ok = l.note(refusalKey{driver.RefusedStranger, 0}, now.Add(time.Second))
	require.True(t, ok, "another reason")
	for peer := range uint64(2) {
		_, ok = l.note(refusalKey{driver.RefusedDial, peer + 1}, now)
		require.True(t, ok, "another member")
		_, ok = l.note(refusalKey{driver.RefusedDial, peer + 1}, now)
		require.False(t, ok)
	}
	held, ok := l.note(refusalKey{driver.RefusedHello, 0}, now.Add(refusalEvery))
	require.True(t, ok)
	require.Equal(t, 5, held)
}
