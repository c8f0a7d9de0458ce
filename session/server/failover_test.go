package server_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// run runs f with an ensemble in fake time, and a context that ends long after
// everything should be done.
func run(t *testing.T, o sessiontest.Options, f func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble)) {
	t.Helper()
	sessiontest.Run(t, o, func(t *testing.T, e *sessiontest.Ensemble) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		f(t, ctx, e)
	})
}

// counters is a load of which it can be told whether each write took effect
// exactly once: each worker makes sequential znodes that say which write they are.
type counters struct {
	t    *testing.T
	wg   sync.WaitGroup
	stop chan struct{}

	mu   sync.Mutex
	done map[string]int // by parent: how many writes were answered
}

func startCounters(t *testing.T, ctx context.Context, e *sessiontest.Ensemble, workers int) *counters {
	c := &counters{t: t, stop: make(chan struct{}), done: map[string]int{}}
	for i := range workers {
		s := e.Session(i%e.Members() + 1)
		path := fmt.Sprintf("/w%d", i)
		_, err := s.Create(ctx, path, nil, tree.Persistent)
		require.NoError(t, err)
		c.wg.Go(func() { c.work(ctx, s, path) })
	}
	return c
}

func (c *counters) work(ctx context.Context, s *session.Session, path string) {
	for n := 1; ; n++ {
		select {
		case <-c.stop:
			return
		default:
		}
		if _, err := s.Create(ctx, path+"/n", []byte(strconv.Itoa(n)), tree.Sequential); err != nil {
			c.t.Errorf("%s: write %d: %v", path, n, err)
			return
		}
		c.mu.Lock()
		c.done[path] = n
		c.mu.Unlock()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-c.stop:
			return
		}
	}
}

// check ends the load, and checks what is there.
func (c *counters) check(ctx context.Context, e *sessiontest.Ensemble) {
	close(c.stop)
	c.wg.Wait()
	e.WaitConverged(ctx)
	view := e.Server(e.Leader(ctx)).View()
	for path, n := range c.done {
		next := 1
		for z := range view.ChildNodes(path) {
			require.Equal(c.t, strconv.Itoa(next), string(z.Data()), path)
			next++
		}
		require.Equal(c.t, n, next-1, path)
		require.Greater(c.t, n, 10)
	}
}

func TestLeaderKilled(t *testing.T) {
	run(t, sessiontest.Options{Tick: 50 * time.Millisecond}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		c := startCounters(t, ctx, e, 6)
		for range 4 {
			time.Sleep(2 * time.Second)
			leader := e.Leader(ctx)
			start := time.Now()
			e.Kill(leader)
			e.Leader(ctx)
			require.Less(t, time.Since(start), time.Second, "two election timeouts")
			time.Sleep(2 * time.Second)
			e.Restart(leader)
			require.NoError(t, e.Server(leader).Ready(ctx))
		}
		c.check(ctx, e)
	})
}

// A leader that cannot hear or be heard loses nothing either, and its sessions go
// elsewhere.
func TestLeaderPaused(t *testing.T) {
	for name, fault := range map[string]func(e *sessiontest.Ensemble, i int) (heal func()){
		"paused": func(e *sessiontest.Ensemble, i int) func() { e.Pause(i); return func() { e.Resume(i) } },
		"isolated": func(e *sessiontest.Ensemble, i int) func() {
			e.Isolate(i)
			return e.Heal
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, sessiontest.Options{Tick: 50 * time.Millisecond}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
				c := startCounters(t, ctx, e, 6)
				for range 3 {
					time.Sleep(2 * time.Second)
					heal := fault(e, e.Leader(ctx))
					time.Sleep(8 * time.Second)
					heal()
				}
				time.Sleep(5 * time.Second)
				c.check(ctx, e)
			})
		})
	}
}

// All members die at once, and come back from what was durable: sessions go on.
func TestAllKilled(t *testing.T) {
	for _, dir := range []bool{false, true} {
		t.Run(fmt.Sprintf("dir=%v", dir), func(t *testing.T) {
			run(t, sessiontest.Options{Dir: dir}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
				s := e.Session(1)
				_, err := s.Create(ctx, "/e", []byte("x"), tree.Ephemeral)
				require.NoError(t, err)
				lease := s.Context()
				for i := range 3 {
					e.Kill(i + 1)
				}
				p, err := s.Submit(ctx, tree.Create{Path: "/e2", Mode: tree.Ephemeral})
				require.NoError(t, err)
				time.Sleep(time.Minute)
				require.ErrorIs(t, context.Cause(lease), session.ErrLease)
				require.ErrorIs(t, s.Context().Err(), context.Canceled)
				require.NoError(t, s.Err())
				for i := range 3 {
					e.Restart(i + 1)
				}
				_, err = p.Wait(ctx)
				require.NoError(t, err)
				_, stat, err := s.Get(ctx, "/e")
				require.NoError(t, err)
				require.Equal(t, s.ID(), stat.EphemeralOwner)
				for s.Context().Err() != nil { // a new lease begins
					time.Sleep(time.Second)
				}
				require.Error(t, lease.Err(), "the old one stays lost")
				e.WaitConverged(ctx)
			})
		})
	}
}

// A session that moves takes along its ephemerals, its watches and its order.
func TestMove(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, writer := e.Session(1), e.Session(3)
		_, err := s.Create(ctx, "/e", nil, tree.Ephemeral)
		require.NoError(t, err)
		w, err := s.Watch(ctx, "/", watch.PersistentRecursive)
		require.NoError(t, err)
		const each = 20
		var pending []*session.Pending
		var paths []string
		for round := range 6 {
			for i := range each {
				path := fmt.Sprintf("/%d-%02d", round, i)
				paths = append(paths, path)
				p, err := s.Submit(ctx, tree.Create{Path: path})
				require.NoError(t, err)
				pending = append(pending, p)
			}
			_, err := writer.Create(ctx, fmt.Sprintf("/other%d", round), nil, tree.Persistent)
			require.NoError(t, err)
			to := (round+1)%3 + 1
			require.NoError(t, s.Move(ctx, e.Backend(to)))
			st, _ := e.Server(to).Status()
			require.GreaterOrEqual(t, st.Sessions, 1)
		}
		last := int64(0)
		for _, p := range pending {
			r, err := p.Wait(ctx)
			require.NoError(t, err)
			require.Greater(t, r.Stat.Czxid, last, "in the order submitted")
			last = r.Stat.Czxid
		}
		require.NoError(t, s.Sync(ctx))
		seen := map[string]int{}
		var own []string
		zxid := int64(0)
		for {
			ev, ok, err := w.TryNext()
			require.NoError(t, err)
			if !ok {
				break
			}
			if ev.Path == "/zookeeper/config" {
				continue
			}
			require.Equal(t, watch.Created, ev.Type)
			require.Greater(t, ev.Zxid, zxid)
			zxid = ev.Zxid
			seen[ev.Path]++
			if ev.Path[2] == '-' {
				own = append(own, ev.Path)
			}
		}
		require.Equal(t, paths, own)
		require.Len(t, seen, len(paths)+6)
		for path, n := range seen {
			require.Equal(t, 1, n, path)
		}
		_, ok, err := s.Exists(ctx, "/e")
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, s.Context().Err())
		e.Kill(1)
		e.Kill(2)
		e.Restart(1)
		e.Restart(2)
		require.NoError(t, s.Close())
		_, ok, err = writer.Linearizable().Exists(ctx, "/e")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

// A member that is shut down sends its sessions on, and ends those that have
// nowhere to go.
func TestShutdown(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		leader := e.Leader(ctx)
		moves := e.Session(leader)
		stays, err := e.Server(leader).NewSession(ctx, session.Options{})
		require.NoError(t, err)
		for i, s := range []*session.Session{moves, stays} {
			_, err := s.Create(ctx, fmt.Sprintf("/e%d", i), nil, tree.Ephemeral)
			require.NoError(t, err)
		}
		start := time.Now()
		require.NoError(t, e.Server(leader).Shutdown(ctx))
		require.Less(t, time.Since(start), 10*time.Second)
		<-stays.Done()
		require.ErrorIs(t, stays.Err(), session.ErrClosed)
		_, ok, err := moves.Linearizable().Exists(ctx, "/e0")
		require.NoError(t, err)
		require.True(t, ok)
		_, ok, err = moves.Exists(ctx, "/e1")
		require.NoError(t, err)
		require.False(t, ok, "it was ended, not left to expire")
		_, err = e.Server(leader).NewSession(ctx, session.Options{})
		require.ErrorIs(t, err, session.ErrUnreachable)
	})
}

// A member that was away for longer than the log reaches back is given a
// snapshot; the session that it hosts, and its watches, get over it.
func TestSnapshotInstalled(t *testing.T) {
	o := sessiontest.Options{Config: func(c *server.Config) { c.SnapshotEntries = 50 }}
	run(t, o, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		leader := e.Leader(ctx)
		behind, other := leader%3+1, (leader+1)%3+1
		writer := e.Session(other)
		s := e.SessionWith(behind, session.Options{Timeout: time.Hour, Backends: []session.Backend{}})
		for _, path := range []string{"/quiet", "/loud"} {
			_, err := writer.Create(ctx, path, nil, tree.Persistent)
			require.NoError(t, err)
		}
		require.NoError(t, s.Sync(ctx))
		quiet, err := s.Watch(ctx, "/quiet", watch.Persistent)
		require.NoError(t, err)
		loud, err := s.Watch(ctx, "/loud", watch.Persistent)
		require.NoError(t, err)
		e.Isolate(behind)
		time.Sleep(time.Minute) // until the others have given it up
		for range 400 {
			_, err := writer.Set(ctx, "/loud", nil, tree.Cond{})
			require.NoError(t, err)
		}
		for _, i := range []int{leader, other} {
			_, err := e.Server(i).Replica().Snapshot(ctx)
			require.NoError(t, err)
		}
		for range 400 {
			_, err := writer.Set(ctx, "/loud", nil, tree.Cond{})
			require.NoError(t, err)
		}
		e.Heal()
		e.WaitConverged(ctx)
		require.NoError(t, s.Sync(ctx))
		ev, ok, err := loud.TryNext()
		require.NoError(t, err)
		require.True(t, ok)
		for ok && ev.Type != watch.Gap {
			ev, ok, err = loud.TryNext()
			require.NoError(t, err)
		}
		require.Equal(t, watch.Gap, ev.Type)
		_, ok, err = quiet.TryNext()
		require.NoError(t, err)
		require.False(t, ok, "its znode proves that nothing happened")
		_, err = writer.Set(ctx, "/quiet", nil, tree.Cond{})
		require.NoError(t, err)
		ev, err = quiet.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, watch.DataChanged, ev.Type)
	})
}
