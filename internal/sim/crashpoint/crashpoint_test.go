package crashpoint

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// TestCrashPoints crashes at some of the points: the command does at all.
func TestCrashPoints(t *testing.T) {
	total, err := Run(Config{Seed: 1, Every: oneIn, Again: againIn})
	require.NoError(t, err)
	t.Logf("%+v", total)
	require.Greater(t, total.Steps, 200)
	require.Greater(t, total.DiskOps, 2000)
	require.Greater(t, total.Crashes, total.DiskOps*Images/oneIn/2)
	require.Greater(t, total.Disks, 800/oneIn)
	require.Greater(t, total.Again, 100*Images/oneIn)
	require.NotZero(t, total.Survived)
	require.Zero(t, total.Losses)
}

// The script does all that it is to do.
func TestScript(t *testing.T) {
	const none = 1 << 40
	total, err := Run(Config{Seed: 1, Every: none})
	require.NoError(t, err)
	again, err := Run(Config{Seed: 1, Every: none})
	require.NoError(t, err)
	require.Equal(t, total, again, "the same seed does the same")
	var want []string
	for _, s := range steps() {
		want = append(want, s.name)
	}
	want = append(want, "snapshot installed", "log without space", "write that passes one without space",
		"snapshot without space", "receipt without space")
	for _, name := range want {
		require.Contains(t, slices.Collect(maps.Keys(total.Kinds)), name)
	}
	for seed := range uint64(240 / oneIn) {
		_, err := Run(Config{Seed: seed + 2, Every: none})
		require.NoError(t, err)
	}
}

// TestDetects: a disk that does not do all of what it says is noticed, and the point
// at which it was shows it alone.
func TestDetects(t *testing.T) {
	in := func(op disk.Op, dir, suffix string) bool {
		return strings.HasPrefix(op.Name, dataDir+dir) && strings.HasSuffix(op.Name, suffix)
	}
	for name, lies := range map[string]func(op disk.Op, recovering bool) bool{
		"some syncs of the log": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSync && in(op, "/log", ".wal") && op.N%3 == 0 && !recovering
		},
		"syncs of new segments": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSync && in(op, "/log", disk.PartSuffix) && !recovering
		},
		"syncs of snapshots": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSync && in(op, "/snapshots/own", "") && !recovering
		},
		"syncs of receipts": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSync && in(op, "/snapshots/receipt", "") && !recovering
		},
		"syncs of names in the log": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSyncDir && in(op, "/log", "") && !recovering
		},
		"syncs of names of snapshots": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSyncDir && in(op, "/snapshots", "") && !recovering
		},
		"syncs in recovery": func(op disk.Op, recovering bool) bool { return op.Kind == disk.OpSync && recovering },
		"syncs of names in recovery": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpSyncDir && recovering
		},
		"some writes": func(op disk.Op, recovering bool) bool {
			return op.Kind == disk.OpWrite && op.N%11 == 0 && !recovering
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Seed: 1, Every: 1 + oneIn/12, Again: oneIn, Lie: func(op disk.Op, recovering bool) disk.Fault {
				return disk.Fault{Lost: lies(op, recovering)}
			}}
			total, err := Run(cfg)
			var v *Violation
			require.ErrorAs(t, err, &v)
			require.Equal(t, 1, total.Losses)
			t.Logf("after %d crashes: %v", total.Crashes+total.Again, v)

			p, err := ParsePoint(v.At.String())
			require.NoError(t, err)
			cfg.At = p
			alone, err := Run(cfg)
			require.EqualError(t, err, v.Error())
			require.LessOrEqual(t, alone.Crashes, 1)
			require.LessOrEqual(t, alone.Again, 1)
		})
	}
}

func TestPoint(t *testing.T) {
	for _, p := range []Point{{Op: 1}, {Op: 531, Image: 2}, {531, 7, 17, 4}} {
		got, err := ParsePoint(p.String())
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	for _, s := range []string{"", "1", "x/1", "0/1", "1/8", "1/-1", "1/2/3", "1/2/3/9", "1/2/3/4/5"} {
		_, err := ParsePoint(s)
		require.Error(t, err, s)
	}
	_, err := Run(Config{Seed: 1, At: Point{Op: 1 << 30}})
	require.True(t, errors.Is(err, errNoPoint), err)
}
