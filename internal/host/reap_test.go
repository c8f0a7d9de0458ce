package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
)

// Containers and TTL znodes are deleted by the leader, when due and not before.
func TestReaping(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	c.do(tree.Create{Path: "/ttl", TTL: 60 * 1e9})
	c.do(tree.Create{Path: "/box", Mode: tree.Container})
	c.do(tree.Create{Path: "/box/x"})
	c.do(tree.Delete{Path: "/box/x"})
	w.settle()
	for range 500 {
		w.pass(tick)
		w.settle()
	}
	require.True(t, exists(w, "/ttl"))
	for range 1200 {
		w.pass(tick)
		w.settle()
	}
	require.False(t, exists(w, "/ttl"))
	require.False(t, exists(w, "/box"))
	require.True(t, c.leased)
}

// A new leader looks for them after an interval, as ZooKeeper's does, and not as soon as
// it leads.
func TestFirstLookForWhatIsDue(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	c.do(tree.Create{Path: "/box", Mode: tree.Container})
	c.do(tree.Create{Path: "/box/x"})
	c.do(tree.Delete{Path: "/box/x"})
	w.settle()
	w.elect(1)
	w.settle()
	for range 3 {
		w.pass(tick)
		w.settle()
	}
	require.True(t, exists(w, "/box"))
	for range second / tick {
		w.pass(tick)
		w.settle()
	}
	require.False(t, exists(w, "/box"))
}

// What is due is so by the ensemble's clock, of which a leader's own knows nothing.
func TestReapingAfterALongTime(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	w.clock += 3600 * second
	c.do(tree.Create{Path: "/ttl", TTL: 60 * 1e9})
	w.settle()
	for range 1300 {
		w.pass(tick)
		w.settle()
	}
	require.False(t, exists(w, "/ttl"))
}
