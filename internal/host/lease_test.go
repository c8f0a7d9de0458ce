package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
)

// The leader's ping book: what a leader that was replaced has recorded is worth
// nothing, although a read point is confirmed, by its successor.
func TestPingOfAnOldLeader(t *testing.T) {
	w := calmWorld(t, 3)
	c := w.addClient(2)
	w.settle()
	until := c.until
	w.now += 2 * second
	c.m.Tick(c.time())
	w.effects(c)
	w.up(c.wire) // to its host
	require.Len(t, w.peers, 1)
	w.deliverPeer(0) // to the old leader, which records it
	require.Len(t, w.rounds, 1)
	w.elect(1)
	w.answerRound(0) // confirmed: by the new leader
	w.deliverPeer(0)
	for len(c.wire.down) > 0 {
		w.down(c.wire)
	}
	require.Equal(t, until, c.until)
	w.calm()
	w.check()
}

// Once a session's end is proposed its pings are refused.
func TestPingWhileExpiring(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.settle()
	lost := c.wire
	for len(w.proposals) == 0 { // nothing of the client gets through
		w.now += tick
		for _, r := range w.reps {
			r.host.Tick(w.now)
			w.collect(r)
		}
	}
	require.Equal(t, ForExpiry, w.proposals[0].token.Purpose)
	require.Greater(t, w.now, timeout)
	require.Less(t, w.now, timeout+5*tick)
	w.reps[1].host.Request(lost.id, &protocol.Ping{N: 77})
	w.collect(w.reps[1])
	for len(w.peers) > 0 || len(w.rounds) > 0 {
		for len(w.peers) > 0 {
			w.deliverPeer(0)
		}
		for len(w.rounds) > 0 {
			w.answerRound(0)
		}
	}
	require.Empty(t, lost.down, "no pong")
	c.m.Tick(c.time())
	w.effects(c)
	require.False(t, c.leased, "it knows before")
	w.settle()
	require.Contains(t, w.ended, c.m.Session())
}

// The end of a session is proposed once, and again only when that has failed.
func TestExpiryIsProposedOnce(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	pass := func(d int64) {
		for end := w.now + d; w.now < end; {
			w.now += tick
			w.reps[0].host.Tick(w.now)
			w.collect(w.reps[0])
		}
	}
	pass(10 * timeout)
	require.Len(t, w.proposals, 1)
	p := w.proposals[0]
	w.proposals = nil
	w.refuse(p)
	pass(10 * timeout)
	require.Len(t, w.proposals, 1)
	w.propose(0)
	w.apply(w.reps[0], 1)
	require.Contains(t, w.ended, c.m.Session())
	pass(10 * timeout)
	require.Empty(t, w.proposals)
}

// The end of a session that a leader has proposed has no effect in the epoch of
// another, which counts anew.
func TestExpiryOfAnOldLeader(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.settle()
	for len(w.proposals) == 0 {
		w.now += tick
		w.reps[0].host.Tick(w.now)
		w.collect(w.reps[0])
	}
	w.elect(1)
	w.tellStatus(w.reps[1])
	w.settle() // the proposal reaches the log of the new epoch
	require.Empty(t, w.ended)
	w.calm()
	require.Empty(t, w.ended)
	require.True(t, c.leased)
}

// A session has its whole timeout, also if it begins right before a tick that comes late
// and counts for two.
func TestWholeTimeout(t *testing.T) {
	w := calmWorld(t, 1)
	w.pass(tick)
	w.now += 2 * tick
	w.addClient(0)
	w.settle()
	opened := w.now
	for ; len(w.proposals) == 0; w.now += tick {
		w.reps[0].host.Tick(w.now)
		w.collect(w.reps[0])
	}
	require.Equal(t, opened+timeout, w.now-tick)
}

// Pings that come while a confirmation is under way are confirmed by the next, which
// begins when that one ends.
func TestPingWhileConfirming(t *testing.T) {
	w := calmWorld(t, 3)
	for i := range w.reps {
		w.addClient(i)
	}
	w.settle()
	for _, c := range w.clients[1:] {
		w.reps[c.wire.rep.index].host.Request(c.wire.id, &protocol.Ping{N: 9})
		w.collect(c.wire.rep)
		w.deliverPeer(0)
	}
	require.Len(t, w.rounds, 1)
	w.answerRound(0)
	require.Len(t, w.peers, 1, "the first alone is answered")
	require.Len(t, w.rounds, 1)
	w.answerRound(0)
	require.Len(t, w.peers, 2)
	require.Empty(t, w.rounds)
}

// Pings whose messages are not answered are forgotten after a while.
func TestPingsAreForgotten(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.settle()
	h := w.reps[1].host
	for n := range 2 * maxSentPings {
		h.Request(c.wire.id, &protocol.Ping{N: uint64(n + 1)})
		h.Tick(w.now)
		require.Len(t, h.pings.sent, min(n+1, maxSentPings))
	}
}

// The timeout counts anew from every ping.
func TestPingsCount(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.settle()
	l := c.wire
	pinged := int64(0)
	for len(w.proposals) == 0 {
		w.now += tick
		for _, r := range w.reps {
			r.host.Tick(w.now)
			w.collect(r)
		}
		if w.now <= 25*second && w.now%(5*second) == 0 {
			w.reps[1].host.Request(l.id, &protocol.Ping{N: uint64(w.now / second)})
			w.collect(w.reps[1])
			for len(w.peers)+len(w.rounds) > 0 {
				for len(w.peers) > 0 {
					w.deliverPeer(0)
				}
				for len(w.rounds) > 0 {
					w.answerRound(0)
				}
			}
			pinged = w.now
			require.Equal(t, &protocol.Pong{N: uint64(w.now / second)}, l.down[len(l.down)-1])
		}
	}
	require.EqualValues(t, 25*second, pinged)
	require.GreaterOrEqual(t, w.now, pinged+timeout)
	require.LessOrEqual(t, w.now, pinged+timeout+4*tick)
}

// A new leader gives every session its whole timeout; a starved one does not take
// its own sleep for the sessions' silence.
func TestLeaderCountsAnew(t *testing.T) {
	w := calmWorld(t, 2)
	w.addClient(0)
	w.settle()
	w.now += 9 * second
	w.elect(1)
	w.tellStatus(w.reps[1])
	w.apply(w.reps[1], 100)
	h := w.reps[1].host
	h.Tick(w.now)
	h.Tick(w.now + 3600*second) // a late tick counts for two
	w.collect(w.reps[1])
	require.Empty(t, w.proposals)
	for n := 0; len(w.proposals) == 0; n++ {
		w.now += tick
		h.Tick(w.now + 3600*second)
		w.collect(w.reps[1])
		require.Less(t, n, 110)
	}
	require.Greater(t, w.now, (9+9)*second)
}
