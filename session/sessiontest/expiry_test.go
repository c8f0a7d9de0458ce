package sessiontest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

// A session whose host is cut off expires after its 30 minutes, and knows before
// anybody else can see it.
func expiry(t *testing.T, e *sessiontest.Ensemble) {
	ctx := t.Context()
	other := e.Session(2)
	s := e.SessionWith(1, session.Options{Timeout: 30 * time.Minute, Backends: []session.Backend{}})
	_, err := s.Create(ctx, "/lock", nil, tree.Ephemeral)
	require.NoError(t, err)
	require.NoError(t, other.Sync(ctx))
	lease := s.Context()
	e.Isolate(1)
	_, _, w, err := other.ExistsWatch(ctx, "/lock", 1)
	require.NoError(t, err)
	start := time.Now()
	<-lease.Done()
	lost := time.Since(start)
	_, err = w.Next(ctx)
	require.NoError(t, err)
	seen := time.Since(start)
	require.Less(t, lost, seen)
	require.Greater(t, lost, 20*time.Minute)
	require.Less(t, seen, 31*time.Minute)
	e.Heal()
	<-s.Done()
	require.ErrorIs(t, s.Err(), session.ErrExpired)
}

func TestExpiry(t *testing.T) {
	sessiontest.Run(t, sessiontest.Options{}, expiry)
}

func TestExpiryAtProductionTimes(t *testing.T) {
	sessiontest.Run(t, sessiontest.Options{Tick: 50 * time.Millisecond}, expiry)
}
