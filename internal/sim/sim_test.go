package sim

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

var seedsFlag = flag.Int("seeds", 60, "how many seeds TestSeeds runs")

// TestSeeds runs some seeds: the command runs more. None may fail, and together they
// must have done something.
func TestSeeds(t *testing.T) {
	var total Totals
	seeds := *seedsFlag
	if underRace {
		seeds /= 4
	}
	for seed := range uint64(seeds) {
		r := Run(seed + 1)
		if r.Failure != nil {
			t.Fatalf("%s\nseed %#x: %s: %s\n%v", r.Failure.Story(), r.Seed, r.Failure.Checker, r.Failure.Message, &r.Options)
		}
		total.Add(r)
	}
	if total.Seeds < 50 {
		return
	}
	for what, n := range map[string]int{
		"faults": total.Faults / 500, "epochs": total.Leaders / 100, "entries": total.Committed / 5000,
		"writes": total.Operations / 5000, "reads": total.Reads / 5000, "events": total.WatchEvents / 2000,
		"expiries": total.Expired / 10, "slices": total.Slices / 5,
	} {
		if n == 0 {
			t.Errorf("too little was done: %s", what)
		}
	}
}

// The same seed gives the same run, to the bit, and so does its tape.
func TestSameSeedSameRun(t *testing.T) {
	seeds := uint64(6)
	if underRace {
		seeds = 2
	}
	for seed := range seeds {
		a, b := Run(seed), Run(seed)
		require.Equal(t, a.Hash, b.Hash, "seed %d", seed)
		require.Equal(t, a.Events, b.Events)
		tape, err := sched.DecodeTape(a.Tape.Append(nil))
		require.NoError(t, err)
		again := Replay(tape)
		require.Equal(t, a.Hash, again.Hash, "tape of seed %d", seed)
		require.Equal(t, a.Options, again.Options)
	}
	require.NotEqual(t, Run(1).Hash, Run(2).Hash)
}

// tapeEvents is how far tapes are replayed: the bugs showed before that.
const tapeEvents = 20_000

// Bugs that were found have tapes here. One fails if its bug comes back, for as long as
// the tape fits the code.
func TestTapes(t *testing.T) {
	files, err := filepath.Glob("testdata/tapes/*.tape")
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tape")
		names = append(names, name)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			tape, err := sched.DecodeTape(b)
			require.NoError(t, err)
			r := replay(tape, tapeEvents)
			if r.Failure != nil && r.Failure.Checker != tooLong {
				t.Fatalf("%s\n%s: %s", r.Failure.Story(), r.Failure.Checker, r.Failure.Message)
			}
		})
	}
	for _, b := range bugs {
		if b.tape != "" {
			require.Contains(t, names, b.tape, "%s", b.what)
		}
		if b.plant != "" {
			_, err := os.Stat(filepath.Join("plant/testdata/plants", b.plant+".plant"))
			require.NoError(t, err)
		}
	}
	require.True(t, slices.IsSorted(names))
}

// A checker that finds something is heard: a disk that forgets what it said was
// durable is found, and its tape shrinks.
func TestFindsWhatIsWrong(t *testing.T) {
	var failed *Report
	for seed := uint64(1); failed == nil && seed < 30; seed++ {
		if r := runWith(seed, func(w *World) { w.faults.lies = true }); r.Failure != nil {
			failed = r
		}
	}
	require.NotNil(t, failed, "a disk that lies was not noticed")
	require.NotEmpty(t, failed.Failure.Timeline)
	require.Contains(t, []string{"storage-audit", "refinement", "durability-audit", "acked-durability", "no-halt", "digest"}, failed.Failure.Checker)
}
