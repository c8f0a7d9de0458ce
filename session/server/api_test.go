package server_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab"
)

func TestOperations(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, other := e.Session(1), e.Session(2).Linearizable()
		data := []byte("abc")
		_, err := s.Create(ctx, "/a", data, tree.Persistent)
		require.NoError(t, err)
		data[0] = 'X' // it was copied
		got, stat, err := other.Get(ctx, "/a")
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))
		got[0] = 'Y' // it is the caller's
		got, _, err = other.Get(ctx, "/a")
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))

		stat, err = s.Set(ctx, "/a", nil, tree.Version(stat.Version))
		require.NoError(t, err)
		require.EqualValues(t, 1, stat.Version)
		got, _, err = other.Get(ctx, "/a")
		require.NoError(t, err)
		require.Nil(t, got)
		_, err = s.Set(ctx, "/a", nil, tree.Version(0))
		require.ErrorIs(t, err, tree.ErrBadVersion)
		require.True(t, session.NotApplied(err))
		require.EqualError(t, err, `set "/a": tree: version does not match`)

		results, err := s.Multi(ctx,
			tree.Check{Path: "/a", If: tree.Version(1)},
			tree.Create{Path: "/a/n", Mode: tree.Sequential},
			tree.Create{Path: "/a/n", Mode: tree.Sequential})
		require.NoError(t, err)
		require.Equal(t, "/a/n0000000001", results[2].Path)
		names, stat, err := other.Children(ctx, "/a")
		require.NoError(t, err)
		require.Equal(t, []string{"n0000000000", "n0000000001"}, names)
		require.EqualValues(t, 2, stat.NumChildren)
		results, err = s.Multi(ctx, tree.Delete{Path: "/a/n0000000000"}, tree.Delete{Path: "/a"})
		require.ErrorIs(t, err, tree.ErrNotEmpty)
		require.NoError(t, results[0].Err)
		var te *tree.Error
		require.ErrorAs(t, err, &te)
		require.Equal(t, 1, te.Index)

		require.ErrorIs(t, s.Delete(ctx, "/none", tree.Cond{}), fs.ErrNotExist)
		_, _, err = s.Get(ctx, "/none")
		require.ErrorIs(t, err, tree.ErrNoNode)
		require.True(t, session.NotApplied(err))
		_, _, err = s.Get(ctx, "none")
		require.ErrorIs(t, err, tree.ErrBadPath)
		_, err = s.Create(ctx, "/big", make([]byte, 1<<20), tree.Persistent)
		require.ErrorIs(t, err, tree.ErrTooLarge)
		_, err = s.Do(ctx, nil)
		require.ErrorIs(t, err, tree.ErrUnknownOp)
		_, ok, err := s.Exists(ctx, "/none")
		require.NoError(t, err)
		require.False(t, ok)

		v, err := e.Server(3).Linearizable(ctx)
		require.NoError(t, err)
		require.NotNil(t, v.Lookup("/a/n0000000001"))
		config, _, told, err := other.GetWatch(ctx, "/zookeeper/config", watch.Data)
		require.NoError(t, err)
		if len(config) == 0 { // the leader has not written it yet
			_, err = told.Next(ctx)
			require.NoError(t, err)
			config, _, err = other.Get(ctx, "/zookeeper/config")
			require.NoError(t, err)
		}
		require.True(t, strings.HasPrefix(string(config), "server.1=localhost:2888:3888:participant\nserver.2="), string(config))
	})
}

func TestACL(t *testing.T) {
	run(t, sessiontest.Options{Members: 1}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		ann, bob := e.Session(1), e.Session(1)
		require.ErrorIs(t, ann.AddAuth(ctx, "digest", []byte("nothing")), tree.ErrInvalidACL)
		require.NoError(t, ann.AddAuth(ctx, "digest", []byte("ann:secret")))
		_, err := ann.Do(ctx, tree.Create{Path: "/p", ACL: []tree.ACL{tree.Auth(tree.PermAll)}})
		require.NoError(t, err)
		acl, _, err := ann.GetACL(ctx, "/p")
		require.NoError(t, err)
		require.Equal(t, []tree.ACL{{Perms: tree.PermAll, ID: tree.DigestID("ann", "secret")}}, acl)
		_, _, err = bob.Get(ctx, "/p")
		require.ErrorIs(t, err, fs.ErrPermission)
		_, err = bob.Set(ctx, "/p", nil, tree.Cond{})
		require.ErrorIs(t, err, tree.ErrNoAuth)
		_, err = ann.SetACL(ctx, "/p", []tree.ACL{tree.World(tree.PermRead)}, tree.Version(0))
		require.NoError(t, err)
		_, _, err = bob.Get(ctx, "/p")
		require.NoError(t, err)
	})
}

func TestWatches(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, writer := e.Session(1), e.Session(2)
		next := func(w *watch.Watcher) string {
			ev, err := w.Next(ctx)
			require.NoError(t, err)
			return ev.Type.String() + " " + ev.Path
		}
		_, ok, exist, err := s.ExistsWatch(ctx, "/a", watch.Exist)
		require.NoError(t, err)
		require.False(t, ok)
		_, _, _, err = s.GetWatch(ctx, "/a", watch.Data)
		require.ErrorIs(t, err, tree.ErrNoNode)
		_, err = writer.Create(ctx, "/a", []byte("1"), tree.Persistent)
		require.NoError(t, err)
		require.Equal(t, "NodeCreated /a", next(exist))
		_, err = exist.Next(ctx)
		require.ErrorIs(t, err, io.EOF)

		require.NoError(t, s.Sync(ctx))
		data, stat, w, err := s.GetWatch(ctx, "/a", watch.Persistent)
		require.NoError(t, err)
		require.Equal(t, "1", string(data))
		names, _, children, err := s.ChildrenWatch(ctx, "/a", watch.Children)
		require.NoError(t, err)
		require.Empty(t, names)
		_, err = writer.Create(ctx, "/a/b", nil, tree.Persistent)
		require.NoError(t, err)
		_, err = writer.Set(ctx, "/a", nil, tree.Cond{})
		require.NoError(t, err)
		require.Equal(t, "NodeChildrenChanged /a", next(children))
		require.Equal(t, "NodeChildrenChanged /a", next(w))
		require.Equal(t, "NodeDataChanged /a", next(w))
		w.Close()
		_, err = w.Next(ctx)
		require.ErrorIs(t, err, watch.ErrClosed)

		// As of the past: what has happened since comes first.
		since, err := s.WatchSince(ctx, "/a", watch.PersistentRecursive, stat.Czxid)
		require.NoError(t, err)
		require.Equal(t, "NodeCreated /a/b", next(since))
		require.Equal(t, "NodeDataChanged /a", next(since))

		_, err = s.Watch(ctx, "/a", 77)
		require.ErrorIs(t, err, watch.ErrBadKind)
		_, err = s.Watch(ctx, "a", watch.Data)
		require.ErrorIs(t, err, tree.ErrBadPath)

		synctest.Wait()
		st, _ := e.Server(1).Status()
		require.Equal(t, 1, st.Watches, "those that were closed or have fired are gone")
		require.NoError(t, s.Close())
		_, err = since.Next(ctx)
		require.ErrorIs(t, err, session.ErrClosed)
		_, err = s.Watch(ctx, "/a", watch.Data)
		require.ErrorIs(t, err, session.ErrClosed)
		synctest.Wait()
		st, _ = e.Server(1).Status()
		require.Zero(t, st.Watches)
	})
}

// A watch that is not read from collapses to a Gap, from which another can take
// up.
func TestWatchOverflow(t *testing.T) {
	run(t, sessiontest.Options{Members: 1}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s := e.SessionWith(1, session.Options{MaxEvents: 10})
		writer := e.Session(1)
		_, err := writer.Create(ctx, "/a", nil, tree.Persistent)
		require.NoError(t, err)
		w, err := s.Watch(ctx, "/a", watch.Persistent)
		require.NoError(t, err)
		for range 25 {
			_, err := writer.Set(ctx, "/a", nil, tree.Cond{})
			require.NoError(t, err)
		}
		require.NoError(t, s.Sync(ctx))
		ev, err := w.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, watch.Gap, ev.Type)
		again, err := e.SessionWith(1, session.Options{MaxEvents: 100}).WatchSince(ctx, "/a", watch.Persistent, ev.Since)
		require.NoError(t, err)
		for range 25 {
			ev, ok, err := again.TryNext()
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, watch.DataChanged, ev.Type)
		}
	})
}

// Who stops waiting learns whether the write was on its way, and no more.
func TestCancelled(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s := e.SessionWith(1, session.Options{Timeout: time.Hour, Backends: []session.Backend{}, MaxPending: 2})
		_, err := s.Create(ctx, "/n", nil, tree.Persistent)
		require.NoError(t, err)
		e.Isolate(1)
		time.Sleep(time.Minute)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = s.Set(short, "/n", []byte("1"), tree.Cond{})
		require.ErrorIs(t, err, session.ErrUnknownOutcome)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, session.NotApplied(err))
		_, err = s.Set(short, "/n", []byte("2"), tree.Cond{})
		require.True(t, session.NotApplied(err), "it was not even sent")
		_, _, err = s.Linearizable().Get(short, "/n")
		require.True(t, session.NotApplied(err))

		// Futures: two are on their way, and for the third there is no room.
		p1, err := s.Submit(ctx, tree.Set{Path: "/n", Data: []byte("3")})
		require.NoError(t, err)
		_, err = s.Submit(ctx, tree.Set{Path: "/n", Data: []byte("4")})
		require.NoError(t, err)
		short, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = s.Submit(short, tree.Set{Path: "/n", Data: []byte("5")})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, session.NotApplied(err))
		_, err = p1.Wait(short)
		require.ErrorIs(t, err, session.ErrUnknownOutcome)
		e.Heal()
		r, err := p1.Wait(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, r.Stat.Version, "the write that nobody waited for took effect, once")
		<-p1.Done()
		data, stat, err := s.Get(ctx, "/n")
		require.NoError(t, err)
		require.Equal(t, "4", string(data))
		require.EqualValues(t, 3, stat.Version)
	})
}

// A read on a member that is cut off is answered, unless it has to wait for a
// write of its session or asks to be linearizable.
func TestLocalReadsGoOn(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s := e.SessionWith(1, session.Options{Timeout: time.Hour, Backends: []session.Backend{}})
		_, err := s.Create(ctx, "/n", []byte("x"), tree.Persistent)
		require.NoError(t, err)
		e.Isolate(1)
		time.Sleep(time.Minute)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.Error(t, s.Sync(short))
		data, _, err := s.Get(ctx, "/n")
		require.NoError(t, err)
		require.Equal(t, "x", string(data))
	})
}

func TestExpireByOperator(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s, other := e.Session(1), e.Session(2)
		_, err := s.Create(ctx, "/e", nil, tree.Ephemeral)
		require.NoError(t, err)
		lease := s.Context()
		e.Expire(s)
		require.ErrorIs(t, s.Err(), session.ErrExpired)
		require.ErrorIs(t, context.Cause(lease), session.ErrExpired)
		_, err = s.Create(ctx, "/e2", nil, tree.Persistent)
		require.ErrorIs(t, err, session.ErrExpired)
		_, err = s.Watch(ctx, "/e", watch.Data)
		require.ErrorIs(t, err, session.ErrExpired)
		require.NoError(t, s.Close())
		_, ok, err := other.Linearizable().Exists(ctx, "/e")
		require.NoError(t, err)
		require.False(t, ok)
		require.ErrorIs(t, e.Server(1).ExpireSession(ctx, s.ID()), session.ErrExpired)
	})
}

func TestOpenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := session.Open(t.Context(), nil, session.Options{})
		require.ErrorIs(t, err, session.ErrOptions)
		srv, err := server.Start(t.Context(), server.Config{
			ID: 1, Members: zab.Membership{{ID: 1}, {ID: 2}}, Storage: zab.NewMemoryStorage(), Transport: lonely{},
		})
		require.NoError(t, err)
		_, err = srv.NewSession(t.Context(), session.Options{Timeout: time.Nanosecond, MaxPending: -1, MaxEvents: -1, MaxEventBytes: -1,
			Backends: []session.Backend{nil}})
		for _, field := range []string{"Timeout", "MaxPending", "MaxEvents", "MaxEventBytes", "Backends[0]"} {
			require.ErrorContains(t, err, field)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = srv.NewSession(ctx, session.Options{}) // there is no quorum
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, session.NotApplied(err))
		require.NoError(t, srv.Close())
		require.NoError(t, srv.Close())
		require.ErrorIs(t, srv.Err(), zab.ErrClosed)
		_, err = srv.NewSession(t.Context(), session.Options{})
		require.ErrorIs(t, err, session.ErrUnreachable)
	})
}

// A session whose only member is closed is over, as far as can be told here.
func TestBackendGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := server.Start(t.Context(), server.Config{Storage: zab.NewMemoryStorage()})
		require.NoError(t, err)
		s, err := srv.NewSession(t.Context(), session.Options{})
		require.NoError(t, err)
		lease := s.Context()
		require.NoError(t, srv.Close())
		<-s.Done()
		require.ErrorIs(t, s.Err(), session.ErrUnreachable)
		require.ErrorIs(t, context.Cause(lease), session.ErrUnreachable)
		require.NoError(t, s.Close())
	})
}

func TestCloseUnconfirmed(t *testing.T) {
	run(t, sessiontest.Options{}, func(t *testing.T, ctx context.Context, e *sessiontest.Ensemble) {
		s := e.Session(1)
		for i := range 3 {
			e.Kill(i + 1)
		}
		start := time.Now()
		require.ErrorIs(t, s.Close(), session.ErrCloseUnconfirmed)
		require.Equal(t, s.Timeout(), time.Since(start))
	})
}

func TestConfig(t *testing.T) {
	var zero server.Config
	require.ErrorContains(t, zero.Validate(), "Config.Dir: is empty")
	both := server.Config{Dir: "x", Storage: zab.NewMemoryStorage()}
	require.ErrorContains(t, both.Validate(), "Config.Dir: is set")
	fine := server.Config{Dir: "x"}
	require.NoError(t, fine.Validate())
	bad := server.Config{
		Dir: "x", ID: 4, Members: zab.Membership{{ID: 1}, {ID: 1}},
		Tick: time.Nanosecond, HeartbeatTicks: -1, MaxDataBytes: -1, MaxMultiOps: -1, MaxOpBytes: 1 << 30,
		MinSessionTimeout: time.Hour, MaxSessionTimeout: time.Minute, ReapInterval: -1,
		Settings: tree.Settings{Tombstones: -1}, Watches: watch.Limits{Total: -1}, History: watch.HistoryConfig{MaxChanges: -1},
	}
	err := bad.Validate()
	for _, field := range []string{
		"Transport: is nil", "transport/tcp", "Members", "Tick", "HeartbeatTicks", "MaxDataBytes: is -1", "MaxMultiOps",
		"MaxOpBytes", "MinSessionTimeout", "ReapInterval", "Settings.Tombstones", "Limits.Total", "HistoryConfig.MaxChanges",
	} {
		require.ErrorContains(t, err, field)
	}
	require.Equal(t, 1, strings.Count(err.Error(), "Transport"), err.Error())
	_, err = server.Start(t.Context(), bad)
	require.Error(t, err)
	require.NoDirExists(t, "x")
}

// What a server takes over is closed also when it cannot be started.
func TestStartFails(t *testing.T) {
	storage := &closing{Storage: zab.NewMemoryStorage()}
	_, err := server.Start(t.Context(), server.Config{Storage: storage, Tick: time.Nanosecond})
	require.Error(t, err)
	require.True(t, storage.closed)

	dir := t.TempDir()
	srv, err := server.Start(t.Context(), server.Config{Dir: dir})
	require.NoError(t, err)
	_, err = server.Start(t.Context(), server.Config{Dir: dir})
	require.ErrorIs(t, err, zab.ErrInUse)
	require.NoError(t, srv.Close())
	_, err = server.Start(t.Context(), server.Config{Dir: dir, ID: 2})
	require.ErrorIs(t, err, zab.ErrForeign)
}

type closing struct {
	zab.Storage
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return errors.Join(c.Storage.Close())
}
