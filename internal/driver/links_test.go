package driver

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

func peerHalf(conn ConnID, peer, incarnation, nonce uint64, lane protocol.Lane) Half {
	return Half{Conn: conn, Peer: protocol.Peer{ID: peer, Incarnation: incarnation}, Nonce: nonce, Lane: lane}
}

func dos(es []LinkEffect) (list []LinkDo) {
	for _, e := range es {
		list = append(list, e.Do)
	}
	return list
}

func TestLinkComesUpWithBothLanes(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Bulk))
	require.Empty(t, lt.take())
	lt.add(peerHalf(2, 2, 9, 77, protocol.Control))
	es := lt.take()
	require.Equal(t, []LinkDo{LinkUp}, dos(es))
	require.Equal(t, protocol.Peer{ID: 2, Incarnation: 9}, es[0].Peer)
	require.Equal(t, [protocol.Lanes]ConnID{protocol.Control: 2, protocol.Bulk: 1}, es[0].Conns)

	// It goes down once.
	id := es[0].Link
	lt.breakLink(id, errors.New("x"))
	require.Equal(t, []LinkDo{LinkDown}, dos(lt.take()))
	lt.breakLink(id, errors.New("y"))
	lt.breakLink(0, errors.New("y"))
	require.Empty(t, lt.take())
}

func TestNewerLinkReplaces(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 77, protocol.Bulk))
	first := lt.take()[0].Link
	lt.add(peerHalf(3, 2, 9, 78, protocol.Control))
	require.Empty(t, lt.take(), "half a link replaces nothing")
	lt.add(peerHalf(4, 2, 9, 78, protocol.Bulk))
	es := lt.take()
	require.Equal(t, []LinkDo{LinkDown, LinkUp}, dos(es))
	require.Equal(t, first, es[0].Link)
	require.Equal(t, [protocol.Lanes]ConnID{1, 2}, es[0].Conns)
	require.Greater(t, es[1].Link, first)
	lt.breakLink(first, errors.New("late"))
	require.Empty(t, lt.take())
}

func TestHalvesOfDifferentLinksDoNotMix(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 78, protocol.Bulk)) // of a later attempt
	es := lt.take()
	require.Equal(t, []LinkDo{LinkRefuse}, dos(es))
	require.Equal(t, ConnID(1), es[0].Conn)
	lt.add(peerHalf(3, 2, 9, 78, protocol.Bulk)) // twice
	es = lt.take()
	require.Equal(t, ConnID(3), es[0].Conn)
	lt.add(peerHalf(4, 2, 10, 78, protocol.Control)) // another incarnation, the same nonce
	es = lt.take()
	require.Equal(t, []LinkDo{LinkRefuse}, dos(es))
	require.Equal(t, ConnID(2), es[0].Conn)
	lt.add(peerHalf(5, 2, 10, 78, protocol.Bulk))
	require.Equal(t, []LinkDo{LinkUp}, dos(lt.take()))
}

func TestTwoLivesOfOneReplica(t *testing.T) {
	var lt linkTable
	lt.add(peerHalf(1, 2, 9, 77, protocol.Control))
	lt.add(peerHalf(2, 2, 9, 77, protocol.Bulk))
	link := lt.take()[0].Link
	lt.add(peerHalf(3, 2, 10, 78, protocol.Control))
	es := lt.take()
	require.Equal(t, []LinkDo{LinkRefuse}, dos(es))
	require.ErrorIs(t, es[0].Err, errTwoLives)
	lt.breakLink(link, errors.New("gone"))
	lt.take()
	lt.add(peerHalf(4, 2, 10, 79, protocol.Control))
	lt.add(peerHalf(5, 2, 10, 79, protocol.Bulk))
	require.Equal(t, []LinkDo{LinkUp}, dos(lt.take()))
}

func TestUpkeepOfLinks(t *testing.T) {
	var lt linkTable
	heard, sent := [protocol.Lanes]bool{true, true}, [protocol.Lanes]bool{}
	member := true
	upkeep := func() []LinkEffect {
		lt.upkeep(func(_ protocol.LinkID, l protocol.Lane) (bool, bool) { return heard[l], sent[l] }, func(uint64) bool { return member })
		return lt.take()
	}
	up := func(nonce uint64) {
		lt.add(peerHalf(ConnID(nonce), 2, 9, nonce, protocol.Control))
		lt.add(peerHalf(ConnID(nonce+1), 2, 9, nonce, protocol.Bulk))
		require.Equal(t, []LinkDo{LinkUp}, dos(lt.take()))
	}
	// until counts the turns until the link goes down.
	until := func(want error) (n int) {
		for n = 1; n < 100; n++ {
			if es := upkeep(); len(es) > 0 && es[0].Do == LinkDown {
				require.ErrorIs(t, es[0].Err, want)
				return n
			}
		}
		return n
	}
	up(10)
	for turn := range 50 {
		es := upkeep()
		require.Equal(t, []LinkDo{LinkPing}, dos(es))
		require.True(t, es[0].Ping[protocol.Control])
		require.Equal(t, turn+1 >= pingBulk, es[0].Ping[protocol.Bulk])
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
		open := map[ConnID]bool{}
		up := map[protocol.LinkID]LinkEffect{}
		for n := ConnID(1); n < 300; n++ {
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

func account(t *testing.T, e LinkEffect, open map[ConnID]bool, up map[protocol.LinkID]LinkEffect) {
	switch e.Do {
	case LinkUp:
		for _, o := range up {
			require.NotEqual(t, o.Peer.ID, e.Peer.ID, "two links of one peer")
		}
		require.NotContains(t, up, e.Link)
		require.NotEqual(t, e.Conns[0], e.Conns[1])
		up[e.Link] = e
	case LinkDown:
		require.Contains(t, up, e.Link)
		require.Equal(t, up[e.Link].Conns, e.Conns)
		for _, c := range e.Conns {
			require.True(t, open[c])
			delete(open, c)
		}
		delete(up, e.Link)
	case LinkRefuse:
		require.True(t, open[e.Conn])
		delete(open, e.Conn)
	}
}
