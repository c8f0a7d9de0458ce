package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// founders are three members as an ensemble of processes has them.
func founders() zab.Membership {
	var m zab.Membership
	for id := range uint64(3) {
		host := fmt.Sprintf("m%d.example", id+1)
		m = append(m, zab.Member{ID: id + 1, Addr: host + ":2888", ElectionAddr: host + ":3888", ClientAddr: host + ":2181"})
	}
	return m
}

// line is what is shown of such a member.
func line(id int, role string) string {
	return fmt.Sprintf("server.%d=m%d.example:2888:3888:%s;m%d.example:2181", id, id, role, id)
}

// changing runs f with three members whose membership may be changed.
func changing(t *testing.T, f func(t *testing.T, e *changeable)) {
	sessiontest.Run(t, sessiontest.Options{Config: func(c *server.Config) { c.Members = founders() }},
		func(t *testing.T, e *sessiontest.Ensemble) {
			c := &changeable{Ensemble: e, t: t, ctx: t.Context()}
			c.synchronised()
			f(t, c)
		})
}

type changeable struct {
	*sessiontest.Ensemble
	t   *testing.T
	ctx context.Context
}

// synchronised waits until every member follows the leader, as that sees it.
func (e *changeable) synchronised() {
	for i := range e.Members() {
		if srv := e.Server(i + 1); srv != nil {
			require.NoError(e.t, srv.Ready(e.ctx))
		}
	}
	e.WaitConverged(e.ctx)
	time.Sleep(time.Minute)
}

// follower returns a member that does not lead.
func (e *changeable) follower() int { return e.Leader(e.ctx)%3 + 1 }

// join starts a member that was not there.
func (e *changeable) join(id uint64) *server.Server {
	srv, err := server.Start(e.ctx, server.Config{
		ID: id, Name: "sessiontest", Members: founders(), Transport: e.Network().Endpoint(id),
		Storage: zab.NewMemoryStorage(), Tick: 500 * time.Millisecond,
	})
	require.NoError(e.t, err)
	e.t.Cleanup(func() { require.NoError(e.t, srv.Close()) })
	return srv
}

// change changes by a member, whoever it is, and returns what is shown afterwards.
func (e *changeable) change(i int, joining, leaving string) (string, error) {
	text, stat, err := e.Server(i).Reconfig(e.ctx, joining, leaving, nil, -1, true)
	if err != nil {
		require.Nil(e.t, text)
		require.Zero(e.t, stat)
		return "", err
	}
	data, shown, err := e.Server(i).View().Get("/zookeeper/config")
	require.NoError(e.t, err)
	require.Equal(e.t, string(data), string(text))
	require.Equal(e.t, shown, stat)
	return string(text), nil
}

func (e *changeable) status(i int) server.Status {
	st, _ := e.Server(i).Status()
	return st
}

func requireCode(t *testing.T, code int32, err error) {
	t.Helper()
	var refused *server.ReconfigError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.ZooKeeperCode(), "%v", err)
}

// requireShown compares what is shown but for the version.
func requireShown(t *testing.T, text string, lines ...string) {
	t.Helper()
	list := strings.Split(text, "\n")
	require.Equal(t, lines, list[:len(list)-1])
	require.True(t, strings.HasPrefix(list[len(list)-1], "version="))
}

func TestReconfigJoinsAndLeaves(t *testing.T) {
	for _, by := range []string{"leader", "follower"} {
		t.Run(by, func(t *testing.T) {
			changing(t, func(t *testing.T, e *changeable) {
				i := e.Leader(e.ctx)
				if by == "follower" {
					i = e.follower()
				}
				fourth := e.join(4)
				text, err := e.change(i, line(4, "participant"), "")
				require.NoError(t, err)
				requireShown(t, text, line(1, "participant"), line(2, "participant"), line(3, "participant"), line(4, "participant"))
				require.NoError(t, fourth.Ready(e.ctx))
				for mode, changed := fourth.Mode(); mode != "follower"; mode, changed = fourth.Mode() {
					<-changed // or the bubble has come to rest
				}

				text, err = e.change(i, line(4, "observer"), "")
				require.NoError(t, err)
				requireShown(t, text, line(1, "participant"), line(2, "participant"), line(3, "participant"), line(4, "observer"))
				text, err = e.change(i, line(4, "participant")+","+strings.ReplaceAll(line(i, "participant"), "2181", "2182"), "")
				require.NoError(t, err)
				require.Contains(t, text, "\n"+line(4, "participant"))
				require.Contains(t, text, fmt.Sprintf(";m%d.example:2182\n", i))

				text, err = e.change(i, "", "4,77")
				require.NoError(t, err)
				require.NotContains(t, text, "server.4")
				<-fourth.Done()
				require.ErrorIs(t, fourth.Err(), zab.ErrNotMember)
			})
		})
	}
}

// Whole lists: what was shown changes nothing but the version.
func TestReconfigOfAll(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		i := e.follower()
		srv := e.Server(i)
		before := e.status(i).Config
		shown, _, err := srv.View().Get("/zookeeper/config")
		require.NoError(t, err)
		list := string(shown)
		text, _, err := srv.Reconfig(e.ctx, "", "", &list, int64(before.Version), true)
		require.NoError(t, err)
		require.Equal(t, before.Current, e.status(i).Config.Current)
		require.Greater(t, e.status(i).Config.Version, before.Version)
		require.Equal(t, list[:strings.Index(list, "version=")]+fmt.Sprintf("version=%x", e.status(i).Config.Version), string(text))

		_, _, err = srv.Reconfig(e.ctx, "", "", &list, int64(before.Version), true)
		requireCode(t, -103, err)
		e.join(5)
		list = strings.Join([]string{line(1, "participant"), line(2, "participant"), line(3, "participant"), line(5, "participant"), "group.1=1:2:3:5", "weight.5=2"}, ",")
		text, _, err = srv.Reconfig(e.ctx, "", "", &list, int64(e.status(i).Config.Version), true)
		require.NoError(t, err)
		require.Contains(t, string(text), "weight.5=2\n")
	})
}

func TestReconfigRefuses(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		i := e.follower()
		srv := e.Server(i)
		before := e.status(i).Config
		empty := ""
		none := ""
		for id := range 3 {
			none += fmt.Sprint(",", id+1)
		}
		for _, c := range []struct {
			joining, leaving string
			members          *string
			version          int64
			permitted        bool
			code             int32
		}{
			{version: -1, code: -102},
			{version: int64(before.Version), code: -102},
			{version: int64(before.Version) + 1, code: -103},
			{version: 0, permitted: true, code: -103},
			{joining: "nonsense", version: 0, code: -103},
			{joining: "nonsense", version: -1, code: -8},
			{joining: "server.x=a:1:2;3", version: -1, permitted: true, code: -5},
			{leaving: none, version: -1, permitted: true, code: -8},
			{members: &empty, version: -1, permitted: true, code: -8},
			{joining: line(4, "participant"), leaving: none, version: -1, permitted: true, code: -8},
			{joining: strings.Replace(line(4, "participant"), "m4", "m1", 1), version: -1, permitted: true, code: -8},
		} {
			_, _, err := srv.Reconfig(e.ctx, c.joining, c.leaving, c.members, c.version, c.permitted)
			requireCode(t, c.code, err)
		}
		synctest.Wait()
		require.Equal(t, before, e.status(i).Config)
		_, _, err := srv.Reconfig(e.ctx, "", "", nil, -1, false)
		require.ErrorIs(t, err, tree.ErrNoAuth)
	})
}

func TestReconfigOfOneAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := server.Start(t.Context(), server.Config{Storage: zab.NewMemoryStorage()})
		require.NoError(t, err)
		require.NoError(t, srv.Ready(t.Context()))
		_, _, err = srv.Reconfig(t.Context(), "server.2=b:1:2;3", "", nil, -1, true)
		requireCode(t, -6, err)
		require.NoError(t, srv.Close())
		_, _, err = srv.Reconfig(t.Context(), "", "", nil, -1, true)
		require.Error(t, err)
	})
}

// A member that does not come is not left behind as an observer, and while it is waited
// for nobody else changes anything.
func TestReconfigWaitsForWhoJoins(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		i := e.follower()
		before := e.status(i).Config
		ended := make(chan error, 1)
		begin := time.Now()
		go func() {
			_, _, err := e.Server(i).Reconfig(e.ctx, line(4, "participant"), "", nil, -1, true)
			ended <- err
		}()
		synctest.Wait()
		for e.status(i).Config.Current.Find(4) == nil {
			time.Sleep(time.Second)
		}
		require.Equal(t, zab.Observer, e.status(i).Config.Current.Find(4).Role)
		_, err := e.change(i, "", "3")
		requireCode(t, -14, err)
		requireCode(t, -13, <-ended)
		require.Less(t, time.Since(begin), time.Minute)
		require.Equal(t, before.Current, e.status(i).Config.Current)

		// Had it come, it would have been all right.
		go func() {
			_, _, err := e.Server(i).Reconfig(e.ctx, line(4, "participant"), "", nil, -1, true)
			ended <- err
		}()
		time.Sleep(20 * time.Second)
		e.join(4)
		require.NoError(t, <-ended)
		require.Equal(t, zab.Voter, e.status(i).Config.Current.Find(4).Role)
	})
}

// Two members that are asked at the same time: whoever is later is refused, or changes
// what the other has made of it.
func TestReconfigByTwo(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		lead := e.Leader(e.ctx)
		a, b := lead%3+1, (lead+1)%3+1
		ended := make(chan error, 1)
		go func() {
			_, _, err := e.Server(a).Reconfig(e.ctx, line(4, "participant"), "", nil, -1, true)
			ended <- err
		}()
		synctest.Wait()
		for e.status(b).Config.Current.Find(4) == nil {
			time.Sleep(time.Second)
		}
		_, err := e.change(b, line(5, "observer"), "")
		require.NoError(t, err)
		requireCode(t, -14, <-ended)
		m := e.status(a).Config.Current
		require.Nil(t, m.Find(4))
		require.NotNil(t, m.Find(5))
	})
}

// Without a quorum of the new voters nothing is changed.
func TestReconfigWithoutNewQuorum(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		lead := e.Leader(e.ctx)
		gone, other := lead%3+1, (lead+1)%3+1
		e.Kill(gone)
		time.Sleep(time.Minute)
		before := e.status(other).Config
		_, err := e.change(other, "", fmt.Sprint(other))
		requireCode(t, -13, err)
		require.Equal(t, before, e.status(other).Config)
		_, err = e.change(other, "", fmt.Sprint(gone))
		require.NoError(t, err)
	})
}

// A leader that leaves, or is to observe, hands over; whoever is asked.
func TestReconfigWithoutItsLeader(t *testing.T) {
	for _, by := range []string{"leader", "follower"} {
		t.Run(by, func(t *testing.T) {
			changing(t, func(t *testing.T, e *changeable) {
				lead := e.Leader(e.ctx)
				i := lead
				if by == "follower" {
					i = e.follower()
				}
				text, err := e.change(i, line(lead, "observer"), "")
				require.NoError(t, err)
				require.Contains(t, text, line(lead, "observer"))
				require.NotEqual(t, lead, e.Leader(e.ctx))
				time.Sleep(time.Minute)
				text, err = e.change(e.Leader(e.ctx), line(lead, "participant"), "")
				require.NoError(t, err)
				require.Contains(t, text, line(lead, "participant"))
			})
		})
	}
}

// A leader may die on the way.
func TestReconfigSurvivesALeader(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		lead := e.Leader(e.ctx)
		i := e.follower()
		ended := make(chan error, 1)
		go func() {
			_, _, err := e.Server(i).Reconfig(e.ctx, line(4, "participant"), "", nil, -1, true)
			ended <- err
		}()
		time.Sleep(5 * time.Second)
		e.Kill(lead)
		fourth := e.join(4)
		require.NoError(t, <-ended)
		require.NoError(t, fourth.Ready(e.ctx))
		require.Equal(t, zab.Voter, e.status(i).Config.Current.Find(4).Role)
		e.Restart(lead)
		require.NoError(t, e.Server(lead).Ready(e.ctx))
	})
}

// The wait ends with its context, and with the member.
func TestReconfigEnds(t *testing.T) {
	changing(t, func(t *testing.T, e *changeable) {
		i := e.follower()
		ctx, cancel := context.WithCancel(e.ctx)
		ended := make(chan error, 1)
		ask := func() {
			_, _, err := e.Server(i).Reconfig(ctx, line(4, "participant"), "", nil, -1, true)
			ended <- err
		}
		go ask()
		time.Sleep(5 * time.Second)
		cancel()
		err := <-ended
		require.ErrorIs(t, err, context.Canceled)
		var refused *server.ReconfigError
		require.False(t, errors.As(err, &refused), "it may have changed something, and has")

		ctx = e.ctx
		go ask()
		time.Sleep(5 * time.Second)
		e.Kill(i)
		require.Error(t, <-ended)
	})
}

// Who is asked to remove itself may not hear any more what became of it, but it is done,
// and the wait ends.
func TestReconfigOfWhoIsAsked(t *testing.T) {
	for _, by := range []string{"leader", "follower"} {
		t.Run(by, func(t *testing.T) {
			changing(t, func(t *testing.T, e *changeable) {
				fourth, lead := e.join(4), e.Leader(e.ctx)
				_, err := e.change(lead, line(4, "participant"), "")
				require.NoError(t, err)
				if by == "leader" {
					require.NoError(t, e.Server(lead).Replica().Handover(e.ctx, 4))
				}
				require.NoError(t, fourth.Ready(e.ctx))
				begin := time.Now()
				_, _, err = fourth.Reconfig(e.ctx, "", "4", nil, -1, true)
				var refused *server.ReconfigError
				require.False(t, errors.As(err, &refused), "%v", err)
				t.Log(err)
				<-fourth.Done()
				require.Less(t, time.Since(begin), 10*time.Second)
				e.synchronised()
				require.Nil(t, e.status(1).Config.Current.Find(4))
			})
		})
	}
}
