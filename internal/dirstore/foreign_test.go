package dirstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

// plant writes files below a directory of the machine's.
func plant(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// below returns what is below a directory, directories too, with the files' bytes.
func below(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			found[path] = "directory"
			return err
		}
		b, err := os.ReadFile(path)
		found[path] = string(b)
		return err
	}))
	return found
}

// A directory of somebody else's is refused as it is, with the file that shows it.
func TestForeign(t *testing.T) {
	const mine = "precious"
	for name, c := range map[string]struct {
		content map[string]string
		names   string
	}{
		"all":           {map[string]string{"IDENTITY": mine, "log/0000000000000001.wal": mine, "snapshots/mine.snap": mine}, "IDENTITY"},
		"empty file":    {map[string]string{"notes": ""}, "notes"},
		"locked":        {map[string]string{"LOCK": "", "CURRENT": mine}, "CURRENT"},
		"identity":      {map[string]string{"IDENTITY": mine}, "IDENTITY"},
		"identity part": {map[string]string{"IDENTITY.part": mine}, "IDENTITY.part"},
		"segment":       {map[string]string{"log/0000000000000001.wal": mine}, "0000000000000001.wal"},
		"empty segment": {map[string]string{"log/0000000000000001.wal": ""}, "0000000000000001.wal"},
		"segment part":  {map[string]string{"log/0000000000000001.wal.part": mine}, "0000000000000001.wal.part"},
		"log":           {map[string]string{"log/messages": mine}, "messages"},
		"log file":      {map[string]string{"log": mine}, "log"},
		"snapshot":      {map[string]string{"snapshots/0000000000000007.snap": mine}, "0000000000000007.snap"},
		"snapshot part": {map[string]string{"snapshots/own-1.part": mine}, "own-1.part"},
		"directory":     {map[string]string{"photos/1.jpg": mine}, "photos"},
		"below":         {map[string]string{"log/photos/1.jpg": mine}, "photos"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, c.content)
			before := below(t, dir)
			_, err := Open(disk.OS{}, dir, testOptions(), inGoroutine)
			require.ErrorIs(t, err, protocol.ErrForeign)
			require.ErrorContains(t, err, dir)
			require.ErrorContains(t, err, c.names)
			require.Equal(t, before, below(t, dir))
		})
	}
}

func TestOpenWithoutPath(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Open(disk.OS{}, "", testOptions(), inGoroutine)
	require.ErrorContains(t, err, `dir is ""`)
	require.Len(t, below(t, "."), 1, "nothing is left behind")
}

// What an interrupted first start can leave, and what a new file system has.
func TestInterruptedFirstStart(t *testing.T) {
	zeros := string(make([]byte, 4096))
	for _, content := range []map[string]string{
		{},
		{"LOCK": ""},
		{"LOCK": "", "log/0000000000000001.wal.part": "", "snapshots/own-1.part": "", "snapshots/receipt.part": zeros},
		{"LOCK": "", "log/0000000000000001.wal.part": zeros, "IDENTITY.part": ""},
		{"IDENTITY.part": string((&identity{}).encode()[:9])},
	} {
		dir := plant(t, content)
		require.NoError(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
		s, err := Open(disk.OS{}, dir, testOptions(), inGoroutine)
		require.NoError(t, err, content)
		rec, err := s.Load()
		require.NoError(t, err)
		require.NoError(t, rec.Damage)
		require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1}}))
		require.NoError(t, s.Close())
		require.NoFileExists(t, filepath.Join(dir, "snapshots", "own-1.part"))
	}
}

// A crash at any point of the very first start leaves what can be started.
func TestFirstStartCrashes(t *testing.T) {
	images := []disk.Image{disk.KeepNothing, disk.KeepAll, disk.KeepMetadata, disk.KeepData}
	for seed := range uint64(4) {
		images = append(images, disk.KeepSome(seed))
	}
	mem, points := disk.NewMem(), 0
	mem.SetHook(func(op disk.Op) disk.Fault {
		points++
		for _, image := range images {
			s, rec := loadStore(t, mem.Crash(image))
			require.NoError(t, rec.Damage, "%+v", op)
			require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1}}))
			require.NoError(t, s.Close())
		}
		return disk.Fault{}
	})
	s, _ := loadStore(t, mem)
	require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1}}))
	b := testSnapshot(t, s, protocol.Zxid{Epoch: 1, Counter: 1}, 3000)
	require.NoError(t, s.Append(protocol.Batch{Base: b, Latest: b}))
	require.NoError(t, s.Close())
	require.Greater(t, points, 30)
}

// Files of others in a directory of ours, under names of ours too, outlive all that
// removes files: Load, snapshots that are replaced, a repair, a receipt.
func TestKeepsFilesOfOthers(t *testing.T) {
	mem := disk.NewMem()
	s, _ := loadStore(t, mem)
	require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1}}))
	require.NoError(t, s.Close())
	old := snapshotName(protocol.SnapshotMeta{Size: 8})
	foreign := []string{
		"notes", "log/0000000000000001.wal.part", "log/0000000000000009.wal", "log/000000000000000a.wal.part", "snapshots/mine.snap",
		"snapshots/0000000000000007.snap", "snapshots/" + old, "snapshots/own-1.part", "snapshots/receipt.part", "snapshots/other.part",
	}
	for _, name := range foreign {
		require.NoError(t, disk.WriteFile(mem, filepath.Join(testStore, name), []byte("precious")))
	}
	for range 3 {
		s, rec := loadStore(t, mem)
		_ = rec.Damage // of the log's, by a file among its segments: the next Append repairs it
		require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1}}))
		meta := protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 1, Counter: s.last.Counter + 5}, Size: 3}
		w, err := s.ReceiveSnapshot(meta)
		require.NoError(t, err)
		_, err = w.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, w.Commit(meta))
		require.NoError(t, s.Append(protocol.Batch{Base: &protocol.Base{Snapshot: meta}, Latest: &protocol.Base{Snapshot: meta}}))
		b := testSnapshot(t, s, protocol.Zxid{Epoch: 1, Counter: meta.Zxid.Counter + 1}, 700)
		require.NoError(t, s.Append(protocol.Batch{Base: b, Latest: b}))
		es, raw := testEntries(s.last, 1, 40, 3000)
		for i := range es {
			one, raw := testEntries(es[i].Prev(), 1, 1, 3000)
			require.NoError(t, s.Append(protocol.Batch{Entries: one, Raw: raw}))
		}
		require.NotEmpty(t, raw)
		require.NoError(t, s.Close())
		for _, name := range foreign {
			b, err := disk.ReadFile(mem, filepath.Join(testStore, name), 100)
			require.NoError(t, err, name)
			require.Equal(t, "precious", string(b), name)
		}
	}
	_, rec := loadStore(t, mem)
	require.NoError(t, rec.Damage)
}
