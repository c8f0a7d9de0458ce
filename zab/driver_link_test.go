package zab

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

func peerHalf(conn connID, peer, incarnation, nonce uint64, lane protocol.Lane) half {
	return half{conn: conn, peer: protocol.Peer{ID: peer, Incarnation: incarnation}, nonce: nonce, lane: lane}
}

func dos(es []linkEffect) (list []linkDo) {
	for _, e := range es {
		list = append(list, e.do)
	}
	return list
}

func TestLinkComesUpWithBothLanes(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Bulk))
	require.Empty(t, lt.take())
	lt.add(peerHalf(2, 2, 9, 77, protocol.Control))
	es := lt.take()
	require.Equal(t, []linkDo{linkUp}, dos(es))
	require.Equal(t, protocol.Peer{ID: 2, Incarnation: 9}, es[0].peer)
	require.Equal(t, [protocol.Lanes]connID{protocol.Control: 2, protocol.Bulk: 1}, es[0].conns)

	// It goes down once.
	id := es[0].link
	lt.breakLink(id, errors.New("x"))
	require.Equal(t, []linkDo{linkDown}, dos(lt.take()))
	lt.breakLink(id, errors.New("y"))
	lt.breakLink(0, errors.New("y"))
	require.Empty(t, lt.take())
}

func TestNewerLinkReplaces(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 77, protocol.Bulk))
	first := lt.take()[0].link
	lt.add(peerHalf(3, 2, 9, 78, protocol.Control))
	require.Empty(t, lt.take(), "half a link replaces nothing")
	lt.add(peerHalf(4, 2, 9, 78, protocol.Bulk))
	es := lt.take()
	require.Equal(t, []linkDo{linkDown, linkUp}, dos(es))
	require.Equal(t, first, es[0].link)
	require.Equal(t, [protocol.Lanes]connID{1, 2}, es[0].conns)
	require.Greater(t, es[1].link, first)
	lt.breakLink(first, errors.New("late"))
	require.Empty(t, lt.take())
}

func TestHalvesOfDifferentLinksDoNotMix(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 78, protocol.Bulk)) // of a later attempt
	es := lt.take()
	require.Equal(t, []linkDo{linkRefuse}, dos(es))
	require.Equal(t, connID(1), es[0].conn)
	lt.add(peerHalf(3, 2, 9, 78, protocol.Bulk)) // twice
	es = lt.take()
	require.Equal(t, connID(3), es[0].conn)
	lt.add(peerHalf(4, 2, 10, 78, protocol.Control)) // another incarnation, the same nonce
	es = lt.take()
	require.Equal(t, []linkDo{linkRefuse}, dos(es))
	require.Equal(t, connID(2), es[0].conn)
	lt.add(peerHalf(5, 2, 10, 78, protocol.Bulk))
	require.Equal(t, []linkDo{linkUp}, dos(lt.take()))
}

func TestTwoLivesOfOneReplica(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 77, protocol.Bulk))
	link := lt.take()[0].link
	lt.add(peerHalf(3, 2, 10, 78, protocol.Control))
	es := lt.take()
	require.Equal(t, []linkDo{linkRefuse}, dos(es))
	require.ErrorIs(t, es[0].err, errTwoLives)
	lt.breakLink(link, errors.New("gone"))
	lt.take()
	lt.add(peerHalf(4, 2, 10, 79, protocol.Control))
	lt.add(peerHalf(5, 2, 10, 79, protocol.Bulk))
	require.Equal(t, []linkDo{linkUp}, dos(lt.take()))
}

func TestUpkeepOfLinks(t *testing.T) {
	var lt linkTable
	heard, sent := [protocol.Lanes]bool{true, true}, [protocol.Lanes]bool{}
	member := true
	upkeep := func() []linkEffect {
		lt.upkeep(func(_ protocol.LinkID, l protocol.Lane) (bool, bool) { return heard[l], sent[l] }, func(uint64) bool { return member })
		return lt.take()
	}
	up := func(nonce uint64) {
		lt.add(peerHalf(connID(nonce), 2, 9, nonce, protocol.Control))
		lt.add(peerHalf(connID(nonce+1), 2, 9, nonce, protocol.Bulk))
		require.Equal(t, []linkDo{linkUp}, dos(lt.take()))
	}
	// until counts the turns until the link goes down.
	until := func(want error) (n int) {
		for n = 1; n < 100; n++ {
			if es := upkeep(); len(es) > 0 && es[0].do == linkDown {
				require.ErrorIs(t, es[0].err, want)
				return n
			}
		}
		return n
	}
	up(10)
	for turn := range 50 {
		es := upkeep()
		require.Equal(t, []linkDo{linkPing}, dos(es))
		require.True(t, es[0].ping[protocol.Control])
		require.Equal(t, turn+1 >= pingBulk, es[0].ping[protocol.Bulk])
	}
	sent = [protocol.Lanes]bool{true, true}
	require.Empty(t, upkeep(), "there was something to send")
	heard = [protocol.Lanes]bool{false, true}
	require.Equal(t, maxQuietControl+1, until(errQuiet))
	heard = [protocol.Lanes]bool{true, false}
	up(20)
	require.Equal(t, maxQuietBulk+1, until(errQuiet))
	heard = [protocol.Lanes]bool{true, true}
	member = false
	up(30)
	require.Equal(t, maxStranger+1, until(errStranger))

	lt.add(peerHalf(40, 2, 9, 40, protocol.Control))
	n := 1
	for ; len(upkeep()) == 0; n++ {
	}
	require.Equal(t, maxHalfAge+1, n)
}

// Whatever comes: no connection is in two links, each is closed or in a link, and
// a peer has one link at most.
func TestLinkTableAccountsForEveryConnection(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var lt linkTable
		open := map[connID]bool{}
		up := map[protocol.LinkID]linkEffect{}
		for n := connID(1); n < 300; n++ {
			switch k := rng.IntN(10); {
			case k < 7:
				open[n] = true
				lt.add(peerHalf(n, 1+rng.Uint64N(3), 1+rng.Uint64N(2), rng.Uint64N(3), protocol.Lane(rng.IntN(2))))
			case k < 8:
				lt.breakLink(protocol.LinkID(rng.Uint64N(uint64(lt.last)+1)), errQuiet)
			default:
				lt.upkeep(func(protocol.LinkID, protocol.Lane) (bool, bool) { return rng.IntN(2) == 0, rng.IntN(2) == 0 }, func(uint64) bool { return rng.IntN(2) == 0 })
			}
			for _, e := range lt.take() {
				account(t, e, open, up)
			}
		}
		lt.breakAll(errQuiet)
		for _, e := range lt.take() {
			account(t, e, open, up)
		}
		require.Empty(t, open, "seed %d", seed)
		require.Empty(t, up, "seed %d", seed)
	}
}

func account(t *testing.T, e linkEffect, open map[connID]bool, up map[protocol.LinkID]linkEffect) {
	switch e.do {
	case linkUp:
		for _, o := range up {
			require.NotEqual(t, o.peer.ID, e.peer.ID, "two links of one peer")
		}
		require.NotContains(t, up, e.link)
		require.NotEqual(t, e.conns[0], e.conns[1])
		up[e.link] = e
	case linkDown:
		require.Contains(t, up, e.link)
		require.Equal(t, up[e.link].conns, e.conns)
		for _, c := range e.conns {
			require.True(t, open[c])
			delete(open, c)
		}
		delete(up, e.link)
	case linkRefuse:
		require.True(t, open[e.conn])
		delete(open, e.conn)
	}
}
