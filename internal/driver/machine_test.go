package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

// pair is two replicas, linked, whose frames arrive and whose writes are durable at
// once, unless a write is held.
type pair struct {
	t    *testing.T
	ms   [3]*Machine[string] // by ID
	hold bool
	held [3]uint64 // the last write that is
	told [3]int    // how often the leader was heard

	published [3]protocol.Status
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t}
	founding := protocol.Membership{{ID: 1}, {ID: 2}}
	for id := uint64(1); id <= 2; id++ {
		hard := protocol.HardState{Replica: id, Incarnation: 10 + id}
		m, err := NewMachine[string](MachineConfig{Core: protocol.Config{ID: id, Founding: founding, ElectionTicks: 10, HeartbeatTicks: 2}},
			protocol.NewRecovery(hard, protocol.Base{}, protocol.Base{}, protocol.SnapshotMeta{}, 0))
		require.NoError(t, err)
		p.ms[id] = m
	}
	for id := uint64(1); id <= 2; id++ {
		for lane := range protocol.Lanes {
			p.ms[id].Connected(peerHalf(ConnID(lane)+1, 3-id, 13-id, 7, lane))
		}
	}
	p.settle()
	return p
}

// settle carries out what is to be done until there is nothing more.
func (p *pair) settle() {
	for busy := true; busy; {
		busy = false
		for id, m := range p.ms {
			if m == nil {
				continue
			}
			var out Output[string]
			m.Take(&out)
			require.NoError(p.t, out.Halt)
			if out.Heard {
				p.told[id]++
			}
			if out.Publish {
				p.published[id] = m.Status()
			}
			busy = busy || m.More() || len(out.Sends)+len(out.Writes) > 0
			for _, s := range out.Sends {
				require.NoError(p.t, p.ms[3-id].Receive(s.Link, s.Frame))
			}
			if n := len(out.Writes); n > 0 && p.hold {
				p.held[id] = out.Writes[n-1].Seq
			} else if n > 0 {
				m.Durable(out.Writes[n-1].Seq)
			}
		}
	}
}

func (p *pair) tick() {
	for _, m := range p.ms[1:] {
		m.Tick(func(protocol.LinkID, protocol.Lane) (heard, sent bool) { return true, true })
	}
	p.settle()
}

// leader ticks until one serves, and follows the other.
func (p *pair) leader() (leader, follower int) {
	for range 100 {
		p.tick()
		if s := p.ms[1].Status(); s.Serving && p.ms[2].Status().Serving {
			return int(s.Leader), 3 - int(s.Leader)
		}
	}
	p.t.Fatal("no leader")
	return 0, 0
}

// Who follows is told of each heartbeat of its leader, and nobody else of any.
func TestHeartbeatsAreHeard(t *testing.T) {
	p := newPair(t)
	leader, follower := p.leader()
	p.told = [3]int{}
	for range 20 {
		p.tick()
	}
	require.Equal(t, 10, p.told[follower])
	require.Zero(t, p.told[leader])
}

// What a follower acknowledges last, after everything else, is in the leader's next
// status too.
func TestPeersArePublished(t *testing.T) {
	p := newPair(t)
	leader, follower := p.leader()
	p.tick()
	p.published[leader] = protocol.Status{}
	p.tick()
	require.Zero(t, p.published[leader], "nothing is new")
	p.hold = true
	p.ms[leader].Propose([]Proposal[string]{{Data: []byte("x")}})
	p.settle()
	p.tick()
	p.hold = false
	p.ms[follower].Durable(p.held[follower])
	p.settle()
	p.tick()
	p.tick()
	require.Equal(t, p.ms[leader].Status(), p.published[leader])
	require.Equal(t, p.ms[leader].Status().Last.Counter, p.published[leader].Peers[0].Acked)
}

// A leader gathers while the end of its log is neither durable there nor committed.
func TestMachineGathers(t *testing.T) {
	p := newPair(t)
	leader, follower := p.leader()
	m := p.ms[leader]
	require.False(t, m.Gathering())
	p.hold = true
	m.Propose([]Proposal[string]{{Data: []byte("x")}})
	p.settle()
	require.True(t, m.Gathering())
	require.False(t, p.ms[follower].Gathering())
	end := m.Status().Last
	m.Propose([]Proposal[string]{{Data: []byte("y")}})
	p.settle()
	require.Equal(t, end, m.Status().Last, "kept")

	p.hold = false
	m.Durable(p.held[leader])
	p.settle()
	require.Equal(t, end.Counter+1, m.Status().Last.Counter)
	p.ms[follower].Durable(p.held[follower])
	p.settle()
	require.False(t, m.Gathering())
	require.Equal(t, m.Status().Last, m.Status().Commit)
}
