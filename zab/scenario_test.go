package zab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
)

func TestLeaderDies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		e.propose(1, "before")
		lead := e.leader()
		e.stop(lead)
		begin := time.Now()
		var other uint64
		for id := range e.replicas {
			other = id
		}
		e.propose(other, "after")
		require.Less(t, time.Since(begin), 2*10*50*time.Millisecond, "two election timeouts")
		e.start(lead)
		e.ready(lead)
		e.propose(lead, "again")
		require.Equal(t, []string{"before", "after", "again"}, e.same())
	})
}

func TestRestartOfAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		for round := range 4 {
			e.startAll()
			e.ready(1, 2, 3)
			for i := range 10 {
				e.propose(uint64(i%3+1), fmt.Sprint(round, i))
			}
			require.Len(t, e.same(), 10*(round+1))
			for id := range uint64(3) {
				e.stop(id + 1)
			}
		}
	})
}

func TestPartitionOfTheLeader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		e.propose(1, "a")
		lead := e.leader()
		e.net.Isolate(lead)
		// What the old leader takes now is in no log that lasts, or its fate is open
		// until it hears of the new one.
		lost, err := e.replicas[lead].Submit(t.Context(), []byte("lost"))
		require.NoError(t, err)
		other := lead%3 + 1
		e.propose(other, "b")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err = e.replicas[lead].ReadPoint(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "an isolated leader must not confirm")
		select {
		case <-lost.Done():
			t.Fatal("resolved without knowing")
		default:
		}
		e.net.Heal()
		_, err = lost.Wait(t.Context())
		require.True(t, NotApplied(err), "%v", err)
		require.ErrorIs(t, err, ErrNoLeader)
		e.propose(lead, "c")
		require.Equal(t, []string{"a", "b", "c"}, e.same())
	})
}

// A connection that goes silent without breaking is noticed, and made anew, also
// between two who have nothing to say to each other.
func TestSilentLinkIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		e.net.Isolate(1)
		time.Sleep(time.Minute)
		require.Nil(t, e.replicas[2].live.toPeer(1))
		require.Nil(t, e.replicas[1].live.toPeer(2))
		e.net.Heal()
		e.ready(1, 2, 3)
		time.Sleep(time.Second)
		require.NotNil(t, e.replicas[2].live.toPeer(1))
		e.propose(1, "x")
		require.Len(t, e.same(), 1)
	})
}

func TestWipedReplicaReturns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		for i := range 5 {
			e.propose(1, fmt.Sprint(i))
		}
		old, _ := e.replicas[2].Status()
		e.stop(2)
		e.propose(1, "while away")
		e.disks[2] = newDisk()
		e.start(2)
		e.ready(2)
		e.propose(2, "back")
		require.Len(t, e.same(), 7)
		time.Sleep(5 * time.Second)
		s, _ := e.replicas[1].Status()
		m := s.Config.Current.Find(2)
		require.NotEqual(t, old.Incarnation, m.Incarnation, "the new life is entered into the log")
		require.Nil(t, s.Config.Pending)
		// It counts again: the other follower may go.
		for id := range uint64(3) {
			if lead := e.leader(); id+1 != lead && id+1 != 2 {
				e.stop(id + 1)
				break
			}
		}
		e.propose(2, "two of three")
	})
}

func TestDamagedStorageIsANewLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		for i := range 5 {
			e.propose(1, fmt.Sprint(i))
		}
		e.same()
		old, _ := e.replicas[3].Status()
		e.stop(3)
		d := e.disks[3]
		d.log = d.log[:len(d.log)-2]
		d.damage = errors.New("two entries are gone")
		e.start(3)
		s, _ := e.replicas[3].Status()
		require.NotEqual(t, old.Incarnation, s.Incarnation)
		d.mu.Lock()
		durable := d.hard.Incarnation
		d.mu.Unlock()
		require.Equal(t, s.Incarnation, durable, "durable before it speaks")
		e.ready(3)
		e.propose(3, "x")
		require.Len(t, e.same(), 6)
	})
}

// The snapshots of a replica are found to be unreadable, one after the other.
func TestUnreadableSnapshots(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		for round := range 3 {
			for i := range 10 {
				e.propose(1, fmt.Sprint(round, i))
			}
			e.same()
			_, err := e.replicas[2].Snapshot(t.Context())
			require.NoError(t, err)
		}
		e.propose(1, "last")
		e.same()
		e.stop(2)
		d := e.disks[2]
		require.Len(t, d.files, 2)
		require.Less(t, d.base.Zxid().Counter, d.latest.Zxid().Counter)

		incarnation := d.hard.Incarnation
		d.files[d.latest.Snapshot][30]++
		e.start(2)
		s, _ := e.replicas[2].Status()
		require.Equal(t, incarnation, s.Incarnation, "the older snapshot and the log cover it")
		d.mu.Lock()
		base := d.base.Zxid()
		d.mu.Unlock()
		require.Equal(t, base, s.Applied)
		e.ready(2)
		require.Len(t, e.same(), 31)
		e.stop(2)

		d.files[d.base.Snapshot][30]++
		e.start(2)
		s, _ = e.replicas[2].Status()
		require.NotEqual(t, incarnation, s.Incarnation)
		require.Zero(t, s.Applied)
		e.ready(2)
		require.Len(t, e.same(), 31)
	})
}

func TestObserver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 4)
		e.founding[3].Role = Observer
		e.startAll()
		e.ready(1, 2, 3, 4)
		e.propose(4, "from the observer")
		e.stop(1)
		e.stop(2)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := e.replicas[4].Propose(ctx, []byte("no quorum"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		e.start(1)
		e.ready(1)
		e.propose(4, "quorum")
		require.Contains(t, e.same(), "quorum")
	})
}

func TestHandover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		for range 5 {
			e.ready(1, 2, 3)
			time.Sleep(time.Second) // all acknowledge the last proposal
			lead := e.leader()
			to := lead%3 + 1
			begin := time.Now()
			require.NoError(t, e.replicas[lead].Handover(t.Context(), to))
			e.propose(lead, "x")
			require.Less(t, time.Since(begin), 500*time.Millisecond, "no timeout is waited for")
			require.Equal(t, to, e.leader())
			require.Error(t, e.replicas[lead].Handover(t.Context(), to), "it does not lead")
		}
		e.ready(1, 2, 3)
		time.Sleep(time.Second)
		lead := e.leader()
		begin := time.Now()
		require.NoError(t, e.replicas[lead].Shutdown(t.Context()))
		delete(e.replicas, lead)
		e.propose(lead%3+1, "y")
		require.Less(t, time.Since(begin), 5*time.Second)
		require.Contains(t, e.same(), "y")
	})
}

// Whose change of membership is done can make the next: the status has it.
func TestStatusKnowsWhatWasReconfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		for id := range uint64(3) {
			if id+1 != lead {
				e.synchronised(lead, id+1)
			}
		}
		for i := range uint64(300) {
			r := e.replicas[i%3+1]
			s, _ := r.Status()
			next := s.Config.Current.Clone()
			next[2].Weight = 1 + uint32(i%2)
			version := s.Config.Version
			require.NoError(t, r.Reconfigure(t.Context(), version, next))
			s, _ = r.Status()
			require.Greater(t, s.Config.Version, version, "change %d", i)
			require.Equal(t, next, s.Config.Current)
			require.True(t, s.Settled, "change %d", i)
			e.same()
		}
	})
}

func TestReconfigure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		e.propose(1, "x")
		change := func(edit func(m Membership) Membership) error {
			s, _ := e.replicas[2].Status()
			return e.replicas[2].Reconfigure(t.Context(), s.Config.Version, edit(s.Config.Current.Clone()))
		}
		// A fourth joins as an observer, and is then a voter.
		e.start(4)
		require.NoError(t, change(func(m Membership) Membership { return append(m, Member{ID: 4, Role: Observer}) }))
		e.ready(4)
		time.Sleep(5 * time.Second)
		require.NoError(t, change(func(m Membership) Membership {
			require.NotZero(t, m.Find(4).Incarnation)
			m.Find(4).Role = Voter
			return m
		}))
		e.propose(4, "y")
		require.ErrorIs(t, e.replicas[1].Reconfigure(t.Context(), 1, e.founding), ErrConflict)
		require.ErrorIs(t, change(func(m Membership) Membership { return nil }), ErrBadMembership)
		// One that is removed is told, and stops.
		gone := uint64(1)
		if e.leader() == 1 {
			require.NoError(t, e.replicas[1].Handover(t.Context(), 3))
			e.ready(1, 2, 3, 4)
		}
		require.NoError(t, change(func(m Membership) Membership { return m[1:] }))
		<-e.replicas[gone].Done()
		var fatal *FatalError
		require.ErrorAs(t, e.replicas[gone].Err(), &fatal)
		require.ErrorIs(t, fatal, ErrNotMember)
		e.stop(gone)
		e.propose(2, "z")
		require.Equal(t, []string{"x", "y", "z"}, e.same())
	})
}

func TestSingleMemberWithoutTransport(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d, m := newDisk(), &machine{}
		for round := range 3 {
			m = &machine{}
			r, err := Start(t.Context(), Config{ID: 9, Members: Membership{{ID: 9}}, Storage: d.use(), StateMachine: m, SnapshotEntries: 3})
			require.NoError(t, err)
			for i := range 5 {
				res, err := r.Propose(t.Context(), fmt.Append(nil, round, i))
				require.NoError(t, err)
				require.Equal(t, 5*round+i, res.Value)
				z, err := r.ReadPoint(t.Context())
				require.NoError(t, err)
				require.Equal(t, res.Zxid.Counter, z.Counter)
			}
			require.NoError(t, r.Close())
		}
		require.Len(t, m.list(), 15)
	})
}

func TestMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		var mu sync.Mutex
		got := map[string][]string{}
		e.adjust = func(c *Config) {
			id := c.ID
			c.OnMessage = func(from uint64, msg []byte) {
				mu.Lock()
				defer mu.Unlock()
				k := fmt.Sprint(from, ">", id)
				got[k] = append(got[k], string(msg))
			}
		}
		e.startAll()
		e.ready(1, 2, 3)
		time.Sleep(time.Second)
		for i := range 100 {
			for from := range uint64(3) {
				for to := range uint64(3) {
					require.NoError(t, e.replicas[from+1].Send(to+1, fmt.Append(nil, i)))
				}
			}
		}
		require.NoError(t, e.replicas[1].Send(2, nil))
		require.ErrorIs(t, e.replicas[1].Send(2, make([]byte, 2<<20)), ErrTooLarge)
		require.ErrorIs(t, e.replicas[1].Send(7, nil), transport.ErrUnreachable)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, got, 9)
		for k, list := range got {
			for i := range 100 {
				require.Equal(t, fmt.Sprint(i), list[i], k)
			}
		}
		require.Equal(t, "", got["1>2"][100])
	})
}

// Whatever happens meanwhile: everything that was submitted is answered exactly
// once, everything that was acknowledged is there once and in the order that every
// replica has, what has no effect is not there, each replica's own commands keep
// their order, and whatever is submitted or read after something was known, on
// whatever replica, comes after it.
func TestExactlyOnceInOneOrder(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { exactlyOnce(t, seed) })
		})
	}
}

type answers struct {
	mu   sync.Mutex
	acks map[string]Result
	none map[string]bool // certainly without effect
	open map[string]bool // outcome unknown
	wait sync.WaitGroup
	n    int
	last uint64 // the highest counter that was acknowledged or read so far
	read int    // read points that were answered
}

// before returns what every later answer must be after.
func (a *answers) before() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

func (a *answers) readPoint(r *Replica) {
	before := a.before()
	a.wait.Add(1)
	r.ReadPointFunc(func(z Zxid, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		defer a.wait.Done()
		if err == nil {
			if a.read++; z.Counter < before {
				panic(fmt.Sprintf("read point %v, but %d was known before it was asked for", z, before))
			}
			a.last = max(a.last, z.Counter)
		}
	})
}

func (a *answers) submit(r *Replica, cmd string) {
	before := a.before()
	a.wait.Add(1)
	a.n++
	r.SubmitFunc([]byte(cmd), func(res Result, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		defer a.wait.Done()
		if err == nil {
			if res.Zxid.Counter <= before {
				panic(fmt.Sprintf("%s at %v, but %d was known before it was submitted", cmd, res.Zxid, before))
			}
			a.last = max(a.last, res.Zxid.Counter)
		}
		_, twice := a.acks[cmd]
		if twice || a.none[cmd] || a.open[cmd] {
			panic("answered twice: " + cmd)
		}
		switch {
		case err == nil:
			a.acks[cmd] = res
		case NotApplied(err):
			a.none[cmd] = true
		default:
			a.open[cmd] = true
		}
	})
}

func exactlyOnce(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 11))
	e := newEnsemble(t, 3)
	e.adjust = func(c *Config) { c.SnapshotEntries = 150 }
	e.startAll()
	e.ready(1, 2, 3)
	a := &answers{acks: map[string]Result{}, none: map[string]bool{}, open: map[string]bool{}}
	e.net.Delay(transport.AnyID, transport.AnyID, time.Millisecond, 10*time.Millisecond)
	for step := range 150 {
		for id, r := range e.replicas {
			for i := range rng.IntN(20) {
				a.submit(r, fmt.Sprintf("%d-%04d-%02d", id, step, i))
			}
			a.readPoint(r)
		}
		time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		id := 1 + rng.Uint64N(3)
		switch n := rng.IntN(100); {
		case n < 5:
			if r := e.replicas[id]; r != nil {
				e.stop(id)
			}
		case n < 15:
			if e.replicas[id] == nil {
				e.start(id)
			}
		case n < 20:
			e.net.Isolate(id)
		case n < 24:
			e.net.Cut(id, 1+rng.Uint64N(3))
		case n < 45:
			e.net.Heal()
		case n < 50:
			e.net.Break(id, transport.AnyID)
		case n < 54:
			if r := e.replicas[id]; r != nil {
				go r.Handover(t.Context(), 0)
			}
		}
	}
	e.net.Heal()
	for id := uint64(1); id <= 3; id++ {
		if e.replicas[id] == nil {
			e.start(id)
		}
	}
	e.ready(1, 2, 3)
	e.propose(1, "end")
	a.wait.Wait()
	log := e.same()
	place := map[string]int{}
	for i, cmd := range log {
		_, twice := place[cmd]
		require.False(t, twice, "%s is there twice", cmd)
		place[cmd] = i
	}
	for cmd, res := range a.acks {
		i, there := place[cmd]
		require.True(t, there, "%s was acknowledged and is lost", cmd)
		require.Equal(t, i, res.Value, cmd)
	}
	for cmd := range a.none {
		require.NotContains(t, place, cmd, "it was said to have no effect")
	}
	for id := 1; id <= 3; id++ {
		last := ""
		for _, cmd := range log {
			if strings.HasPrefix(cmd, fmt.Sprint(id, "-")) {
				require.Less(t, last, cmd)
				last = cmd
			}
		}
	}
	require.Equal(t, a.n, len(a.acks)+len(a.none)+len(a.open))
	t.Logf("%d acknowledged, %d without effect, %d open, %d read points", len(a.acks), len(a.none), len(a.open), a.read)
	require.Greater(t, len(a.acks), 300)
	require.Greater(t, a.read, 20)
}

// OnStatus sees what Status's channel tells of, in order; and nobody serves
// without a leader.
func TestStatusIsALevel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		var mu sync.Mutex
		seen := map[uint64][]Status{}
		e.adjust = func(c *Config) {
			id := c.ID
			c.OnStatus = func(s Status) {
				mu.Lock()
				defer mu.Unlock()
				seen[id] = append(seen[id], s)
			}
		}
		e.startAll()
		e.ready(1, 2, 3)
		lead := e.leader()
		e.stop(lead)
		e.propose(lead%3+1, "x")
		e.start(lead)
		e.ready(lead)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for id, list := range seen {
			last := Status{}
			for _, s := range list {
				require.False(t, s.Serving && s.Leader == 0, "%+v", s)
				require.False(t, s.Serving && s.Phase != Broadcasting, "%+v", s)
				if id != lead {
					require.GreaterOrEqual(t, s.Epoch, last.Epoch)
				}
				last = s
			}
			now, _ := e.replicas[id].Status()
			require.Equal(t, now.Leader, last.Leader)
			require.Equal(t, now.Epoch, last.Epoch)
			require.Equal(t, now.Serving, last.Serving)
			require.True(t, last.Serving)
		}
	})
}
