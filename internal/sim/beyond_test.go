package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// Runs beyond the model come to their ends, the good one and the other one.
func TestBeyondModel(t *testing.T) {
	marks := map[string]int{}
	ways := [beyondKinds]int{}
	for seed := uint64(1); seed <= 250; seed++ {
		o := Derive(sched.NewSource(seed).Stream("options"))
		if !o.BeyondModel {
			require.Zero(t, o.Beyond)
			continue
		}
		r := Run(seed)
		if r.Failure != nil {
			t.Fatalf("%s\nseed %#x: %s: %s\n%v", r.Failure.Story(), r.Seed, r.Failure.Checker, r.Failure.Message, &r.Options)
		}
		for k, n := range r.Marks {
			marks[k] += n
		}
		for k := range o.Beyond {
			if o.Beyond[k] {
				ways[k]++
			}
		}
	}
	for k, n := range ways {
		require.NotZero(t, n, beyondTable[k].name)
		require.NotEmpty(t, beyondTable[k].givenUp)
	}
	for _, what := range []string{"beyond the model: a majority was lost and nothing was answered", "core made progress"} {
		require.NotZero(t, marks[what], what)
	}
}

// The last write of a log is never the one that is not where it should be: a crash in
// the middle of it leaves the same.
func TestLastWriteIsNotLost(t *testing.T) {
	const sector = disk.SectorSize
	const name = dataDir + "/log/1.wal"
	b := make([]byte, 16*sector)
	m := &member{}
	for i := 1; i < 8; i++ {
		b[i*sector] = byte(i)
		m.wrote(disk.Op{Kind: disk.OpWrite, Name: name, Offset: int64(i) * sector, Len: sector})
	}
	f := &faults{rnd: sched.NewSource(1).Stream("faults")}
	picked := map[int]bool{}
	for range 200 {
		from, to, ok := f.aWrite(m, name, b)
		require.True(t, ok)
		require.Equal(t, from+sector, to)
		picked[from/sector] = true
	}
	require.Len(t, picked, 6)
	require.False(t, picked[7])
	_, _, ok := f.aWrite(m, strings.Replace(name, "1", "2", 1), b)
	require.False(t, ok, "nothing was written there")
}
