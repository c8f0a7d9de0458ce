package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// A watch that is removed while the read that is to arm it waits is not armed, and the
// read is answered.
func TestUnwatchBeforeItsRead(t *testing.T) {
	waits := map[string]func(c *client, k *call){
		"for a read point": func(_ *client, k *call) { k.Read.Linearizable = true },
		"for a write":      func(c *client, _ *call) { c.do(tree.Create{Path: "/w"}) },
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			w := calmWorld(t, 1)
			c, other := w.addClient(0), w.addClient(0)
			w.settle()
			k := &call{write: -2}
			k.Read = protocol.Read{Kind: protocol.ReadExists, Path: "/", Watch: c.m.NewWatch(), WatchKind: watch.PersistentRecursive}
			k.Owner = k
			wait(c, k)
			c.m.Submit(&k.Call, c.time())
			c.m.Unwatch(k.Read.Watch, c.time())
			w.effects(c)
			w.settle()
			require.NotNil(t, k.Answer)
			require.Equal(t, tree.CodeOK, k.Answer.Code)
			require.True(t, k.Answer.Read.Exists)
			require.False(t, k.Answer.Read.Armed)
			require.Zero(t, w.reps[0].host.Watches())
			other.do(tree.Create{Path: "/x"})
			w.settle() // the client fails at events of a watch that is none
		})
	}
}

// A watch that is removed while its session moves, after it was brought along, is not
// kept armed.
func TestUnwatchWhileMoving(t *testing.T) {
	w := calmWorld(t, 2)
	c, other := w.addClient(0), w.addClient(0)
	w.settle()
	c.observe()
	w.settle()
	require.Equal(t, 1, w.reps[0].host.Watches())
	c.m.Move(1, c.time())
	w.effects(c)
	c.m.Unwatch(c.watch.id, c.time())
	c.watch = nil
	w.effects(c)
	w.settle()
	require.Equal(t, 1, w.reps[1].host.Hosted())
	require.Zero(t, w.reps[0].host.Watches()+w.reps[1].host.Watches())
	other.do(tree.Create{Path: "/x"})
	w.settle()
}
