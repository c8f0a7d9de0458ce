package sim

import (
	"flag"
	"os"
	"path/filepath"
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

// Bugs that were found have tapes here, and plants that put them back. A tape fails if its
// bug comes back, for as long as it fits the code: the command's -plants . -tapes says
// whether it does.
func TestTapes(t *testing.T) {
	var tapes []string
	for _, b := range bugs {
		if b.name == "" {
			continue
		}
		file := filepath.Join("testdata/tapes", b.name+".tape")
		tapes = append(tapes, file)
		t.Run(b.name, func(t *testing.T) {
			encoded, err := os.ReadFile(file)
			require.NoError(t, err)
			tape, err := sched.DecodeTape(encoded)
			require.NoError(t, err)
			if r := Replay(tape); r.Failure != nil {
				t.Fatalf("%s\n%s: %s", r.Failure.Story(), r.Failure.Checker, r.Failure.Message)
			}
		})
		_, err := os.Stat(filepath.Join("plant/testdata/plants", b.name+".plant"))
		require.NoError(t, err, "%s", b.what)
	}
	files, err := filepath.Glob("testdata/tapes/*.tape")
	require.NoError(t, err)
	require.ElementsMatch(t, tapes, files)
}

// A checker that finds something is heard: a disk that forgets what it said was
// durable is found, and its tape shrinks.
func TestFindsWhatIsWrong(t *testing.T) {
	var failed *Report
	lies := func(w *World) { w.faults.lies = true }
	for seed := uint64(1); failed == nil && seed < 30; seed++ {
		if r := runWith(seed, lies); r.Failure != nil {
			failed = r
		}
	}
	require.NotNil(t, failed, "a disk that lies was not noticed")
	require.NotEmpty(t, failed.Failure.Timeline)
	require.Contains(t, []string{"storage-audit", "refinement", "durability-audit", "acked-durability", "no-halt", "digest"}, failed.Failure.Checker)

	again := func(tape *sched.Tape, events uint64) *Report {
		return play(sched.Replay(tape, sched.Calm), func(w *World) { lies(w); w.limit(events) })
	}
	small := shrink(failed.Tape, 60, again)
	require.Less(t, len(small.Append(nil)), len(failed.Tape.Append(nil))/2)
	r := again(small, 0)
	require.NotNil(t, r.Failure)
	require.Equal(t, failed.Failure.Checker, r.Failure.Checker)
}
