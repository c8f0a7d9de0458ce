package sessiontest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/tree"
)

// What is left over is found, and what belongs to others is not.
func TestLeaksAreFound(t *testing.T) {
	e := &Ensemble{t: t, label: "sessiontest leak"}
	stop := make(chan struct{})
	e.labelled(func() { go func() { <-stop }() })
	go func() { <-stop }()
	require.Contains(t, e.goroutines(), "TestLeaksAreFound")
	require.Equal(t, 1, strings.Count(e.goroutines(), e.label))
	close(stop)
	e.checkLeaks() // waits for goroutines that are about to end
}

func TestTimeline(t *testing.T) {
	Run(t, Options{Members: 3}, func(t *testing.T, e *Ensemble) {
		leader := e.Leader(t.Context())
		time.Sleep(time.Minute)
		e.Kill(leader)
		e.Leader(t.Context())
		synctest.Wait()
		text := e.timeline.String()
		require.Contains(t, text, "1m0s  member "+string(rune('0'+leader))+"  killed")
		require.Equal(t, 2, strings.Count(text, "leads epoch"), text)
	})
}

// While a member is paused nothing passes between it and anybody else, and then
// all of it does, in order.
func TestPause(t *testing.T) {
	Run(t, Options{}, func(t *testing.T, e *Ensemble) {
		ctx := t.Context()
		leader := e.Leader(ctx)
		i := leader%3 + 1
		s := e.SessionWith(i, session.Options{Timeout: time.Hour, Backends: []session.Backend{}})
		e.Pause(i)
		var pending []*session.Pending
		for range 50 {
			p, err := s.Submit(ctx, tree.Create{Path: "/n", Mode: tree.Sequential})
			require.NoError(t, err)
			pending = append(pending, p)
		}
		time.Sleep(time.Minute)
		require.Nil(t, e.Server(leader).View().Lookup("/n0000000000"))
		e.Resume(i)
		last := int64(0)
		for _, p := range pending {
			r, err := p.Wait(ctx)
			require.NoError(t, err)
			require.Greater(t, r.Stat.Czxid, last)
			last = r.Stat.Czxid
		}
		e.WaitConverged(ctx)
	})
}

func TestPartition(t *testing.T) {
	Run(t, Options{Members: 5}, func(t *testing.T, e *Ensemble) {
		ctx := t.Context()
		leader := e.Leader(ctx)
		with := leader%5 + 1
		var rest []int
		for i := 1; i <= 5; i++ {
			if i != leader && i != with {
				rest = append(rest, i)
			}
		}
		s := e.Session(rest[0])
		e.Partition([]int{leader, with}, rest)
		_, err := s.Create(ctx, "/a", nil, tree.Persistent)
		require.NoError(t, err)
		require.Contains(t, rest, e.Leader(ctx))
		require.Nil(t, e.Server(with).View().Lookup("/a"))
		e.Heal()
		e.WaitConverged(ctx)
	})
}

func TestOptions(t *testing.T) {
	seen := 0
	e := Start(t, Options{Members: 2, Dir: true, Config: func(c *server.Config) {
		seen++
		require.NotEmpty(t, c.Dir)
		c.MaxDataBytes = 10
	}})
	require.Equal(t, 2, seen)
	require.Equal(t, 2, e.Members())
	s := e.Session(2)
	_, err := s.Create(t.Context(), "/a", make([]byte, 11), tree.Persistent)
	require.ErrorIs(t, err, tree.ErrTooLarge)
	_, err = s.Create(t.Context(), "/a", make([]byte, 10), tree.Persistent)
	require.NoError(t, err)
	e.Kill(1)
	require.Nil(t, e.Server(1))
	e.Kill(1)
	e.Restart(1)
	require.NoError(t, e.Server(1).Ready(t.Context()))
	e.WaitConverged(t.Context())
	require.NotNil(t, e.Network())
}
