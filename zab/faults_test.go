package zab

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

func (e *ensemble) fatal(id uint64, op string) *FatalError {
	e.t.Helper()
	<-e.replicas[id].Done()
	var fatal *FatalError
	require.ErrorAs(e.t, e.replicas[id].Err(), &fatal)
	require.Equal(e.t, op, fatal.Op)
	s, _ := e.replicas[id].Status()
	require.False(e.t, s.Serving)
	require.Zero(e.t, s.Leader)
	_, err := e.replicas[id].Propose(e.t.Context(), nil)
	require.ErrorIs(e.t, err, ErrClosed)
	require.True(e.t, NotApplied(err))
	return fatal
}

func TestFailedAppendIsFinal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		d := e.disks[lead]
		d.mu.Lock()
		d.appendErr = errors.New("input/output error")
		appends := d.appends
		d.mu.Unlock()
		_, err := e.replicas[lead].Propose(t.Context(), []byte("x"))
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.False(t, NotApplied(err))
		require.ErrorContains(t, e.fatal(lead, "log"), "input/output error")
		require.Equal(t, appends, d.appends)
		e.stop(lead)
		e.propose(lead%3+1, "y")
		d.appendErr = nil
		e.start(lead)
		e.ready(lead)
		require.Contains(t, e.same(), "y")
	})
}

func TestNoSpaceIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		full := lead%3 + 1
		d := e.disks[full]
		set := func(err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.appendErr, d.low = err, err != nil
		}
		set(fmt.Errorf("disk: %w", ErrNoSpace))
		e.propose(lead, "without it")
		time.Sleep(10 * time.Second)
		s, _ := e.replicas[full].Status()
		require.True(t, s.LowSpace)
		require.NotContains(t, e.machines[full].list(), "without it", "not durable here, so not applied")
		set(nil)
		time.Sleep(2 * time.Second)
		require.Contains(t, e.machines[full].list(), "without it")
		require.NoError(t, e.replicas[full].Err())
		s, _ = e.replicas[full].Status()
		require.False(t, s.LowSpace)
	})
}

func TestLeaderLowOnSpaceRefusesWhatAddsData(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		for _, d := range e.disks {
			d.mu.Lock()
			d.low = true
			d.mu.Unlock()
		}
		e.propose(lead, "this one makes it known")
		time.Sleep(time.Second)
		_, err := e.replicas[lead].Propose(t.Context(), []byte("x"))
		require.ErrorIs(t, err, ErrLowSpace)
		require.True(t, NotApplied(err))
		got := make(chan error, 1)
		e.replicas[lead].SubmitEssential([]byte("delete"), func(_ Result, err error) { got <- err })
		require.NoError(t, <-got)
		// A follower's proposals are refused too, by the leader.
		other := lead%3 + 1
		_, err = e.replicas[other].Propose(t.Context(), []byte("x"))
		require.ErrorIs(t, err, ErrLowSpace)
		require.True(t, NotApplied(err))
		e.replicas[other].SubmitEssential([]byte("delete"), func(_ Result, err error) { got <- err })
		require.NoError(t, <-got)
		e.disks[lead].mu.Lock()
		e.disks[lead].low = false
		e.disks[lead].mu.Unlock()
		time.Sleep(3 * time.Second)
		e.propose(lead, "y")
	})
}

func TestStateMachineFaults(t *testing.T) {
	for _, c := range []struct{ name, want string }{{"halt", "told to"}, {"panic", "panic: told to"}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				e := newEnsemble(t, 3)
				e.startAll()
				e.ready(1, 2, 3)
				lead := e.leader()
				bad := lead%3 + 1
				m := e.machines[bad]
				m.mu.Lock()
				if c.name == "halt" {
					m.halt = "bad"
				} else {
					m.panics = "bad"
				}
				m.mu.Unlock()
				e.propose(lead, "bad")
				require.ErrorContains(t, e.fatal(bad, "apply"), c.want)
				e.propose(lead, "goes on")
			})
		})
	}
}

func TestPanicOfACallbackIsAFault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.adjust = func(c *Config) { c.OnMessage = func(uint64, []byte) { panic("mine") } }
		e.startAll()
		e.ready(1, 2, 3)
		require.NoError(t, e.replicas[1].Send(1, []byte("x")))
		require.ErrorContains(t, e.fatal(1, "callback"), "panic: mine")
		e.replicas[2].SubmitFunc([]byte("y"), func(Result, error) { panic("mine too") })
		e.fatal(2, "apply")
	})
}

func TestCloseAnswersEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		e.net.Isolate(lead)
		r := e.replicas[lead]
		handed, err := r.Submit(t.Context(), []byte("handed over"))
		require.NoError(t, err)
		read := make(chan error, 2)
		r.ReadPointFunc(func(_ Zxid, err error) { read <- err })
		synctest.Wait()
		waited := make(chan error, 1)
		go func() { waited <- r.WaitApplied(t.Context(), zx(1, 1<<40)) }()
		begin := time.Now()
		require.NoError(t, r.Close())
		require.Less(t, time.Since(begin), time.Second)
		require.NoError(t, r.Close(), "idempotent")
		_, err = handed.Wait(t.Context())
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.False(t, NotApplied(err))
		require.ErrorIs(t, <-read, ErrClosed)
		require.ErrorIs(t, <-waited, ErrClosed)
		require.ErrorIs(t, r.Err(), ErrClosed)
		_, err = r.Propose(t.Context(), nil)
		require.ErrorIs(t, err, ErrClosed)
		require.True(t, NotApplied(err))
		r.ReadPointFunc(func(_ Zxid, err error) { read <- err })
		require.ErrorIs(t, <-read, ErrClosed)
		require.ErrorIs(t, r.Ready(t.Context()), ErrClosed)
		require.ErrorIs(t, r.Send(lead, nil), ErrClosed)
		require.Error(t, r.Handover(t.Context(), 0))
		_, err = r.Snapshot(t.Context())
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestLimitsOfProposals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.adjust = func(c *Config) { c.MaxPending, c.MaxCommandBytes = 10, 1000 }
		e.startAll()
		e.ready(1, 2, 3)
		_, err := e.replicas[1].Propose(t.Context(), make([]byte, 1001))
		require.ErrorIs(t, err, ErrTooLarge)
		require.True(t, NotApplied(err))
		_, err = e.replicas[1].Propose(t.Context(), make([]byte, 1000))
		require.NoError(t, err)

		e.net.Isolate(1)
		refused := 0
		for range 15 {
			e.replicas[1].SubmitFunc(nil, func(_ Result, err error) {
				if errors.Is(err, ErrOverloaded) && NotApplied(err) {
					refused++
				}
			})
		}
		synctest.Wait()
		require.Equal(t, 5, refused)
		e.net.Heal()
		e.ready(1)
		time.Sleep(5 * time.Second)
		e.propose(1, "room again")
	})
}

func TestProposeEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.start(1)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second+time.Millisecond) // between two ticks
		defer cancel()
		_, err := e.replicas[1].Propose(ctx, []byte("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, NotApplied(err), "there never was a leader")
		require.NotErrorIs(t, err, ErrNoLeader, "what it ended with is the context")
		const missing = "no leader; linked to 0 of 2 other members"
		require.ErrorContains(t, err, missing)
		_, err = e.replicas[1].ReadPoint(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, missing)
		err = e.replicas[1].Ready(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, missing)
		require.ErrorIs(t, e.replicas[1].WaitApplied(ctx, zx(1, 9)), context.DeadlineExceeded)
		_, err = e.replicas[1].Snapshot(t.Context())
		require.ErrorIs(t, err, errNothingApplied)
	})
}

func TestConfigThatCannotWork(t *testing.T) {
	good := func() Config {
		return Config{ID: 1, Members: Membership{{ID: 1}, {ID: 2}}, Transport: transport.NewMemory(transport.MemoryOptions{}).Endpoint(1),
			Storage: newDisk().use(), StateMachine: &machine{}}
	}
	c := good()
	require.NoError(t, c.Validate())
	for field, change := range map[string]func(c *Config){
		"ID":              func(c *Config) { c.ID = 0 },
		"Name":            func(c *Config) { c.Name = strings.Repeat("x", 257) },
		"Nonce":           func(c *Config) { c.Nonce = strings.Repeat("x", 257) },
		"Members":         func(c *Config) { c.Members = append(c.Members, Member{ID: 2}) },
		"Transport":       func(c *Config) { c.Transport = nil },
		"Storage":         func(c *Config) { c.Storage = nil },
		"StateMachine":    func(c *Config) { c.StateMachine = nil },
		"Tick":            func(c *Config) { c.Tick = time.Microsecond },
		"HeartbeatTicks":  func(c *Config) { c.HeartbeatTicks = -1 },
		"ElectionTicks":   func(c *Config) { c.ElectionTicks = 2 },
		"MaxCommandBytes": func(c *Config) { c.MaxCommandBytes = 1 << 30 },
		"MaxPending":      func(c *Config) { c.MaxPending = -1 },
		"SnapshotBytes":   func(c *Config) { c.SnapshotBytes = -1 },
	} {
		c := good()
		change(&c)
		err := c.Validate()
		require.ErrorContains(t, err, "Config."+field+":", field)
		require.NotContains(t, err.Error(), "\n", "one reason only")
		if c.Storage != nil {
			d := c.Storage.(*diskLife)
			_, err = Start(t.Context(), c)
			require.ErrorContains(t, err, "Config."+field)
			require.Zero(t, d.appends, "nothing is written")
			require.False(t, d.open, "and the storage is closed")
		}
	}
	c = Config{}
	require.GreaterOrEqual(t, strings.Count(c.Validate().Error(), "zab: Config."), 5, "all problems at once")
	// No voters, and members in no order.
	c = good()
	c.Members = Membership{{ID: 1, Role: Observer}}
	require.ErrorContains(t, c.Validate(), "no voters")
	c.Members = Membership{{ID: 2}, {ID: 1}}
	require.NoError(t, c.Validate())
}

func TestForeignStorage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 1)
		e.startAll()
		e.ready(1)
		e.stop(1)
		d := e.disks[1]
		appends := d.appends
		for _, change := range []func(c *Config){
			func(c *Config) { c.ID = 2 },
			func(c *Config) { c.Name = "other" },
			func(c *Config) { c.Nonce = "other" },
			func(c *Config) { c.Members = append(c.Members, Member{ID: 2}) },
			func(c *Config) { c.Members[0].Addr = "elsewhere" },
		} {
			e.adjust = func(c *Config) { c.Members = c.Members.Clone(); change(c) }
			_, err := Start(t.Context(), e.config(1))
			require.ErrorIs(t, err, ErrForeign)
			require.ErrorContains(t, err, "Config.")
			require.Equal(t, appends, d.appends)
		}
		e.adjust = nil
		e.start(1)
	})
}

// Whoever connects and says something else, or nothing, is cut off; the replica
// goes on.
func TestStrangersOnThePort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		ep := e.net.Endpoint(9)
		defer ep.Close()
		dial := func() transport.Conn {
			c, err := ep.Dial(t.Context(), transport.Endpoint{ID: 1})
			require.NoError(t, err)
			return c
		}
		r := e.replicas[1]
		stranger := driver.Identity{Ensemble: r.identity.Ensemble, Self: 9, Incarnation: 5}
		foreign := driver.Identity{Ensemble: r.identity.Ensemble, Self: 2, Incarnation: 5}
		foreign.Ensemble[0]++
		hello := func(id driver.Identity) []byte { return id.Hello(&driver.Members{}, 1, protocol.Bulk, 7) }
		for _, frame := range [][]byte{nil, []byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 1<<20), hello(stranger), hello(foreign)} {
			c := dial()
			require.NoError(t, c.Send(frame))
			for err := error(nil); err == nil; {
				_, err = c.Recv()
			}
			c.Close()
		}
		begin := time.Now()
		c := dial()
		_, err := c.Recv()
		require.Error(t, err, "silence")
		require.Equal(t, r.greetingTime(), time.Since(begin))
		c.Close()

		var crowd []transport.Conn
		for range 3 * maxGreeting {
			crowd = append(crowd, dial())
			synctest.Wait()
		}
		require.Less(t, runtime.NumGoroutine(), 5*maxGreeting)
		time.Sleep(time.Minute)
		for _, c := range crowd {
			c.Close()
		}
		e.propose(1, "x")
		require.Nil(t, r.live.toPeer(9))
	})
}

// A replica of three has a fixed number of goroutines.
func TestGoroutines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		before := runtime.NumGoroutine()
		e.startAll()
		e.ready(1, 2, 3)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Less(t, runtime.NumGoroutine()-before, 3*20)
	})
}

func TestPanicOfTheLoopIsAFault(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		p, err := e.replicas[lead].Submit(t.Context(), []byte("x"))
		require.NoError(t, err)
		err = e.replicas[lead].do(t.Context(), func(*loop) error { panic("broken") })
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorContains(t, e.fatal(lead, "invariant"), "panic: broken")
		<-p.Done()
		e.stop(lead)
		e.propose(lead%3+1, "the others go on")
	})
}
