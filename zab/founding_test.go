package zab

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Voters that have lost all that they held, and know it, do not found the ensemble
// again: what was committed would be gone without a word.
func TestLostLogsDoNotFoundAgain(t *testing.T) {
	for _, n := range []uint64{1, 3} {
		bubble(t, func(t *testing.T) {
			e := newEnsemble(t, int(n))
			e.startAll()
			e.ready(1)
			e.propose(1, "committed")
			for id := uint64(1); id <= n; id++ {
				e.stop(id)
				d, lost := e.disks[id], newDisk()
				lost.hard = &HardState{Ensemble: d.hard.Ensemble, Replica: id}
				lost.damage = errors.New("the log is lost")
				e.disks[id] = lost
			}
			for id := uint64(1); id <= n; id++ {
				e.start(id)
			}
			time.Sleep(time.Minute)
			for id := uint64(1); id <= n; id++ {
				s, _ := e.replicas[id].Status()
				require.Zero(t, s.Leader)
			}
		})
	}
}
