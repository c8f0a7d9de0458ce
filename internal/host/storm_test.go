package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/tree"
)

// What was in vain is proposed again once nothing of the session is under way any
// more, and so each write about once: stale copies in the log are no reason for more.
func TestNoStorm(t *testing.T) {
	w := startWorld(newWorldWith(1, tree.Settings{Unanswered: 3, ResultBytes: 1 << 20}, t.Fatalf, func(string, ...any) {}))
	c := w.addClient(0)
	w.settle()
	before := len(w.log)
	for range 16 {
		c.count()
	}
	logged := 0
	for range 200 { // the log is slow: everything that is proposed lies in it for a while
		for c.wire != nil && len(c.wire.up) > 0 {
			w.up(c.wire)
		}
		for len(w.proposals) > 0 {
			w.propose(0)
		}
		w.apply(w.reps[0], 1)
		for c.wire != nil && len(c.wire.down) > 0 {
			w.down(c.wire)
		}
		w.pass(tick)
		logged = len(w.log) - before
	}
	require.Less(t, logged, 120)
	w.calm()
	w.check()
}

// One of several proposals that was in vain has the writes wait for the others.
func TestLastInVain(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	for range 3 {
		c.count()
		w.up(c.wire)
	}
	vain := w.proposals
	require.Len(t, vain, 3)
	w.proposals = nil
	for _, p := range vain {
		require.Empty(t, w.proposals)
		w.refuse(p)
		w.pass(tick)
	}
	require.Len(t, w.proposals, 3)
	w.calm()
	w.check()
}

// What becomes of an earlier try to join says nothing of the one that is under way.
func TestStrayJoin(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.up(c.wire)
	stray := w.proposals[0]
	w.proposals = nil
	w.append(logEntry{epoch: w.epoch, origin: -1})
	w.restore(w.reps[1]) // nothing is known of what was under way
	require.Len(t, w.proposals, 1)
	w.refuse(stray)
	w.pass(tick)
	require.Len(t, w.proposals, 1)
	w.refuse(w.proposals[0])
	w.pass(tick)
	require.Len(t, w.proposals, 2, "it is tried again")
}
