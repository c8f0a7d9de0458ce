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
