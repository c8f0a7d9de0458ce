package protocol

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func (w *world) all() {
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			if a.id < b.id && a.core != nil && b.core != nil && w.between(a, b) == nil {
				w.connect(a, b)
			}
		}
	}
	w.quiesce()
}

func (w *world) ticks(k int) {
	for range k {
		for _, n := range w.nodes {
			if n.core != nil {
				n.core.Tick()
				w.take(n)
			}
		}
		w.quiesce()
	}
}

func (w *world) leader() *simNode {
	for _, n := range w.nodes {
		if n.core != nil && n.core.role == roleLeading && n.core.leading.phase == Broadcasting {
			return n
		}
	}
	return nil
}

func (w *world) settleAll(t *testing.T) *simNode {
	for range 100 {
		w.all()
		w.ticks(1)
		if l := w.leader(); l != nil && w.converged() {
			return l
		}
	}
	t.Fatal("no leader")
	return nil
}

// An observer whose link comes and goes keeps a candidate in Discovering for ever:
// every join, promise or not, sets its patience back.
func TestFlappingObserverKeepsCandidateInDiscovery(t *testing.T) {
	w := newWorld(1, 3, 1, Config{ElectionTicks: 10, HeartbeatTicks: 2})
	w.settleAll(t)
	n1, n2, n3, o := w.nodes[0], w.nodes[1], w.nodes[2], w.nodes[3]
	w.crash(n1) // 2 and 3 are a healthy quorum from here on
	for range 60 {
		w.all()
		w.ticks(1)
	}
	require.NotNil(t, w.leader())
	// Let them elect anew; follower 2's promise becomes durable, and its link breaks before
	// the join arrives.
	lead, other := n3, n2
	if w.leader() == n2 {
		lead, other = n2, n3
	}
	for _, wi := range slices.Clone(w.wires) {
		w.disconnect(wi)
	}
	w.ticks(11)
	w.connect(lead, other)
	for range 100 {
		if lead.core.role == roleLooking && lead.core.election.announced || lead.core.role == roleLeading {
			break
		}
		w.ticks(1)
	}
	var cand, f *simNode
	for range 3000 {
		for _, x := range []*simNode{lead, other} {
			if x.core.role == roleLeading && x.core.leading.phase == Discovering {
				cand = x
			}
		}
		if cand != nil {
			f = other
			if cand == other {
				f = lead
			}
			if f.core.role == roleFollowing && f.core.following.promised && len(f.queue) > 0 {
				break
			}
		}
		// one step at a time
		done := false
		for _, x := range []*simNode{lead, other} {
			if len(x.queue) > 0 {
				w.completeWrite(x, 1)
				done = true
				break
			}
		}
		if !done {
			wi := w.between(lead, other)
			for dir := range 2 {
				for lane := range Lanes {
					if len(wi.lanes[dir][lane]) > 0 && !done {
						w.deliver(wi, dir, lane)
						w.take(lead)
						w.take(other)
						done = true
					}
				}
			}
		}
		if !done {
			lead.core.Tick()
			w.take(lead)
			other.core.Tick()
			w.take(other)
		}
	}
	require.NotNil(t, f)
	w.disconnect(w.between(lead, other)) // before the join is sent
	w.completeWrite(f, len(f.queue))     // but the promise is durable
	require.Equal(t, cand.core.epoch, f.core.hs.AcceptedEpoch)
	// From now on everything between the two voters works. The observer's link is remade
	// every 8 ticks.
	w.connect(lead, other)
	for i := range 4000 {
		if i%8 == 0 && w.between(cand, o) != nil {
			w.disconnect(w.between(cand, o))
		}
		if w.between(cand, o) == nil {
			w.connect(cand, o)
		}
		w.quiesce()
		w.ticks(1)
		if w.leader() != nil {
			t.Logf("leader after %d ticks", i)
			return
		}
	}
	t.Fatalf("no leader in 4000 ticks: candidate %d is %v in epoch %d, the other follows it", cand.id, cand.core.leading.phase, cand.core.epoch)
}

// A leader whose own disk has stopped, while its followers' have not: what it
// keeps in memory is not bounded by any of its bounds.
func TestLeaderWithAStuckDiskGrows(t *testing.T) {
	w := newWorld(1, 3, 0, Config{ElectionTicks: 10, HeartbeatTicks: 2, MaxPendingBytes: 64 << 10, TailBytes: 64 << 10, MaxInflightBytes: 64 << 10})
	l := w.settleAll(t)
	f := w.nodes[0]
	if f == l {
		f = w.nodes[1]
	}
	data := make([]byte, 8<<10)
	for i := range 2000 {
		// proposals of a follower, as the leader's driver refuses its own when space is low
		_, _ = f.core.Propose([]Proposal{{Request: uint64(1000 + i), Data: data}})
		w.take(f)
		for range 6 {
			for _, n := range w.nodes {
				if n != l {
					w.completeWrite(n, len(n.queue))
				}
			}
			for _, wi := range w.wires {
				for dir := range 2 {
					for lane := range Lanes {
						for len(wi.lanes[dir][lane]) > 0 {
							w.deliver(wi, dir, lane)
						}
					}
				}
			}
			for _, n := range w.nodes {
				w.take(n)
			}
		}
		for _, n := range w.nodes {
			n.core.Tick()
			w.take(n)
		}
	}
	held := 0
	for _, q := range l.queue {
		held += len(q.Batch.Raw)
	}
	require.NotEqual(t, roleLeading, l.core.role, "hands over to one whose disk keeps up")
	require.Less(t, held, 1<<20, "bytes not durable here, with MaxPendingBytes 64 KiB; tail %d bytes, committed %v, durable %v",
		l.core.log.tail.bytes, l.core.commit, l.core.log.durable)
}

// A change that removes a voter is inherited by that very voter, who is elected:
// it goes on leading although it is no member any more, for ever.
func TestLeaderThatIsNoMember(t *testing.T) {
	w := newWorld(1, 3, 0, Config{ElectionTicks: 10, HeartbeatTicks: 2})
	l := w.settleAll(t)
	var fs []*simNode
	for _, n := range w.nodes {
		if n != l {
			fs = append(fs, n)
		}
	}
	gone, other := fs[0], fs[1]
	// The change reaches only the one that it removes; then its leader dies.
	conf := l.core.Status().Config
	next := slices.DeleteFunc(conf.Current.Clone(), func(m Member) bool { return m.ID == gone.id })
	_, err := l.core.Reconfigure(999, conf.Version, next)
	require.NoError(t, err)
	w.disconnect(w.between(l, other))
	w.take(l) // its own write is not durable when it crashes
	for range 5 {
		wi := w.between(l, gone)
		for dir := range 2 {
			for len(wi.lanes[dir][Bulk]) > 0 {
				w.deliver(wi, dir, Bulk)
			}
		}
		w.take(gone)
		w.completeWrite(gone, len(gone.queue))
	}
	require.NotNil(t, gone.core.log.config.Pending)
	w.crash(l)
	w.start(l)
	for range 100 {
		w.all()
		w.ticks(1)
		if gone.removed {
			break
		}
	}
	require.Contains(t, slices.Collect(maps.Values(w.leaders)), gone.id, "it alone had the change, and so it led")
	require.True(t, gone.removed, "it hands over to a member, and is told")
	require.NotNil(t, w.leader())
}

// More small proposals in one Take than a frame may have.
func TestTooManyProposalsInAFrame(t *testing.T) {
	w := newWorld(1, 3, 0, Config{ElectionTicks: 10, HeartbeatTicks: 2})
	l := w.settleAll(t)
	f := w.nodes[0]
	if f == l {
		f = w.nodes[1]
	}
	ps := make([]Proposal, maxProposals+1)
	for i := range ps {
		ps[i] = Proposal{Request: uint64(10_000 + i), Data: []byte("x")}
	}
	_, err := f.core.Propose(ps)
	require.NoError(t, err)
	out := f.core.Take()
	for _, s := range out.Sends {
		require.NoError(t, l.core.Receive(s.Link, s.Frame))
	}
}

// A change to a membership whose quorum is dead is taken, and ends the ensemble.
func TestChangeToADeadQuorum(t *testing.T) {
	w := newWorld(1, 5, 0, Config{ElectionTicks: 10, HeartbeatTicks: 2})
	l := w.settleAll(t)
	var alive, dead []*simNode
	for _, n := range w.nodes {
		switch {
		case n == l:
		case len(dead) < 2:
			dead = append(dead, n)
		default:
			alive = append(alive, n)
		}
	}
	for _, n := range dead {
		w.crash(n)
	}
	w.ticks(3)
	require.Equal(t, l, w.leader(), "three of five go on")
	conf := l.core.Status().Config
	next := slices.DeleteFunc(conf.Current.Clone(), func(m Member) bool { return m.ID == alive[0].id || m.ID == alive[1].id })
	_, err := l.core.Reconfigure(999, conf.Version, next)
	if err != nil {
		return // refused: as it should be
	}
	w.take(l)
	for range 1000 {
		w.all()
		w.ticks(1)
	}
	require.NotNil(t, w.leader(), "three of five are healthy, and there is no leader any more")
}

// The entry that founds the ensemble becomes durable on an observer alone; all
// voters restart without it.
func TestObserverAloneHasTheFoundingEntry(t *testing.T) {
	for _, voters := range []int{1, 3} {
		w := newWorld(1, voters, 1, Config{ElectionTicks: 10, HeartbeatTicks: 2})
		o := w.nodes[voters]
		hold := func(n *simNode) bool { // keep the opening entry from a voter's disk
			return n != o && len(n.queue) > 0 && len(n.queue[0].Batch.Entries) > 0
		}
		for i := 0; i < 4000 && len(o.disk.raws) == 0; i++ {
			for _, a := range w.nodes {
				for _, b := range w.nodes {
					if a.id < b.id && w.between(a, b) == nil {
						w.connect(a, b)
					}
				}
			}
			for _, n := range w.nodes {
				if !hold(n) {
					w.completeWrite(n, 1)
				}
			}
			for _, wi := range w.wires {
				for dir := range 2 {
					for lane := range Lanes {
						for len(wi.lanes[dir][lane]) > 0 {
							w.deliver(wi, dir, lane)
						}
					}
				}
			}
			for _, n := range w.nodes {
				w.take(n)
				if i%10 == 9 {
					n.core.Tick()
					w.take(n)
				}
			}
		}
		require.NotEmpty(t, o.disk.raws, "the observer has it")
		for _, n := range w.nodes[:voters] {
			require.Empty(t, n.disk.raws)
			w.crash(n)
			w.start(n)
		}
		for range 3000 {
			w.all()
			w.ticks(1)
			if w.leader() != nil {
				break
			}
		}
		require.NotNil(t, w.leader(), "%d voters and the observer are up, healthy and linked, nothing was ever committed", voters)
	}
}
