package zab

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSnapshotIsInstalled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.adjust = func(c *Config) {
			c.SnapshotEntries = 20
			c.StateMachine.(*machine).pad = 3*chunkBytes + 17
		}
		e.startAll()
		e.ready(1, 2, 3)
		e.propose(1, "first")
		e.stop(1)
		for i := range 100 {
			e.propose(2, fmt.Sprint(i))
		}
		e.same()
		time.Sleep(time.Second) // positions in a status may be a tick old
		s, _ := e.replicas[2].Status()
		require.NotZero(t, s.Base.Counter, "the log was cut")
		e.start(1)
		e.ready(1)
		time.Sleep(time.Second)
		s, _ = e.replicas[1].Status()
		require.NotZero(t, s.Base.Counter)
		e.propose(1, "x")
		require.Len(t, e.same(), 102)
		// And it is there after a restart.
		e.stop(1)
		e.start(1)
		s, _ = e.replicas[1].Status()
		require.NotZero(t, s.Applied.Counter)
		e.ready(1)
		require.Len(t, e.same(), 102)
	})
}

// The receipt of a snapshot goes on where it was when the receiver stopped.
func TestSnapshotReceiptIsResumed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.adjust = func(c *Config) { c.StateMachine.(*machine).pad = 64 * chunkBytes }
		e.startAll()
		e.ready(1, 2, 3)
		e.stop(1)
		for round := range 2 {
			e.propose(2, fmt.Sprint(round))
			e.same()
			for _, id := range []uint64{2, 3} {
				_, err := e.replicas[id].Snapshot(t.Context())
				require.NoError(t, err)
			}
		}
		e.net.SlowReader(1, 8*chunkBytes)
		e.start(1)
		time.Sleep(4 * time.Second)
		e.stop(1)
		got := len(e.disks[1].part)
		require.Greater(t, got, 10*chunkBytes)
		require.Less(t, got, 60*chunkBytes)
		e.net.SlowReader(1, 0)
		first := true
		e.disks[1].hook = func(b Batch) {
			if b.Base != nil && first {
				first = false
			}
		}
		e.start(1)
		e.ready(1)
		require.False(t, first)
		require.Len(t, e.same(), 2)
	})
}
