package zab_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/zab"
)

func TestOpenDirRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b", "ä")
	for _, n := range []int{-1, 512, 64<<10 + 1, 2 << 30} {
		_, err := zab.OpenDir(dir, zab.DirOptions{SegmentBytes: n})
		require.ErrorContains(t, err, "DirOptions.SegmentBytes")
	}
	require.NoDirExists(t, dir, "nothing is written")

	s, err := zab.OpenDir(dir, zab.DirOptions{SegmentBytes: 64 << 10, Replica: 3, Ensemble: zab.EnsembleID{1}})
	require.NoError(t, err)
	_, err = zab.OpenDir(dir, zab.DirOptions{})
	require.ErrorIs(t, err, zab.ErrInUse)
	require.Error(t, s.Append(zab.Batch{}), "it is not loaded")
	_, err = s.Load()
	require.NoError(t, err)
	_, err = s.Load()
	require.Error(t, err)
	require.NoError(t, s.Append(zab.Batch{HardState: &zab.HardState{Replica: 3, Ensemble: zab.EnsembleID{1}, Incarnation: 5}}))
	require.NoError(t, s.Close())

	before := tree(t, dir)
	for _, o := range []zab.DirOptions{{Replica: 4}, {Ensemble: zab.EnsembleID{2}}, {Replica: 4, Ensemble: zab.EnsembleID{2}}} {
		_, err = zab.OpenDir(dir, o)
		require.ErrorIs(t, err, zab.ErrForeign)
		require.Equal(t, before, tree(t, dir), "nothing is written")
	}
	s, err = zab.OpenDir(dir, zab.DirOptions{Replica: 3, Ensemble: zab.EnsembleID{1}})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = zab.OpenDir(file, zab.DirOptions{})
	require.ErrorContains(t, err, "not a directory")
}

// tree returns every file below a directory with its bytes.
func tree(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(path)
			files[path] = string(b)
		}
		return err
	}))
	return files
}
