package zab

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// ensemble is replicas over a network in memory.
type ensemble struct {
	t        *testing.T
	net      *transport.Memory
	founding Membership
	disks    map[uint64]*disk
	machines map[uint64]*machine
	replicas map[uint64]*Replica
	adjust   func(*Config)
	log      *slog.Logger
}

func newEnsemble(t *testing.T, n int) *ensemble {
	e := &ensemble{t: t, net: transport.NewMemory(transport.MemoryOptions{Seed: 1}), disks: map[uint64]*disk{},
		machines: map[uint64]*machine{}, replicas: map[uint64]*Replica{}}
	for id := uint64(1); id <= uint64(n); id++ {
		e.founding = append(e.founding, Member{ID: id})
	}
	if testing.Verbose() {
		e.log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	t.Cleanup(e.close)
	return e
}

func (e *ensemble) close() {
	for id := range e.replicas {
		e.stop(id)
	}
}

func (e *ensemble) config(id uint64) Config {
	if e.disks[id] == nil {
		e.disks[id] = newDisk()
	}
	e.machines[id] = &machine{}
	c := Config{ID: id, Name: "test", Members: e.founding, Transport: e.net.Endpoint(id), Storage: e.disks[id].use(),
		StateMachine: e.machines[id], Logger: e.log}
	if e.adjust != nil {
		e.adjust(&c)
	}
	return c
}

func (e *ensemble) start(ids ...uint64) {
	e.t.Helper()
	for _, id := range ids {
		r, err := Start(e.t.Context(), e.config(id))
		require.NoError(e.t, err)
		e.replicas[id] = r
	}
}

func (e *ensemble) startAll() {
	for _, m := range e.founding {
		e.start(m.ID)
	}
}

// stop closes a replica; for the others that is its death.
func (e *ensemble) stop(id uint64) {
	require.NoError(e.t, e.replicas[id].Close())
	delete(e.replicas, id)
}

func (e *ensemble) ready(ids ...uint64) {
	e.t.Helper()
	for _, id := range ids {
		ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
		require.NoError(e.t, e.replicas[id].Ready(ctx), "replica %d: %v", id, e.replicas[id].Err())
		cancel()
	}
}

// leader waits for an established leader among those that run.
func (e *ensemble) leader() uint64 {
	e.t.Helper()
	for range 1000 {
		for id, r := range e.replicas {
			if s, _ := r.Status(); s.Leading() && s.Serving {
				return id
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.t.Fatal("no leader")
	return 0
}

// synchronised waits until a leader counts a member in: linked, with all that is
// committed, and under the incarnation that it has in the membership.
func (e *ensemble) synchronised(lead, id uint64) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		s, _ := e.replicas[lead].Status()
		m := s.Config.Current.Find(id)
		return s.Leading() && s.Serving && s.Config.Pending == nil && m != nil && slices.ContainsFunc(s.Peers, func(p protocol.PeerStatus) bool {
			return p.ID == id && p.Incarnation == m.Incarnation && p.Synchronised
		})
	}, time.Minute, DefaultTick)
}

func (e *ensemble) propose(id uint64, cmd string) Result {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	res, err := e.replicas[id].Propose(ctx, []byte(cmd))
	require.NoError(e.t, err)
	return res
}

// same waits until all that run have applied what the first has, and compares.
func (e *ensemble) same() []string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	lead := e.leader()
	z, err := e.replicas[lead].ReadPoint(ctx)
	require.NoError(e.t, err)
	for id, r := range e.replicas {
		require.NoError(e.t, r.WaitApplied(ctx, z), "replica %d", id)
	}
	synctest.Wait()
	want := e.machines[lead].list()
	for id := range e.replicas {
		require.Equal(e.t, want, e.machines[id].list(), "replica %d and the leader %d", id, lead)
	}
	return want
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestThreeReplicas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		for i := range 30 {
			e.propose(uint64(i%3+1), fmt.Sprint(i))
		}
		require.Len(t, e.same(), 30)
	})
}

// OnTick follows the replica's ticks, those of a follower too.
func TestOnTick(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		var ticks [4]atomic.Int64
		e.adjust = func(c *Config) { c.OnTick = func() { ticks[c.ID].Add(1) } }
		e.startAll()
		e.ready(1, 2, 3)
		for i := range ticks {
			ticks[i].Store(0)
		}
		const n = 100
		time.Sleep(n * DefaultTick)
		for id := uint64(1); id <= 3; id++ {
			require.InDelta(t, n, ticks[id].Load(), 2, "replica %d", id)
		}
	})
}
