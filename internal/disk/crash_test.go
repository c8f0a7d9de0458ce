package disk

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// content lists a directory's files with their bytes.
func content(t *testing.T, m *Mem, dir string) map[string]string {
	t.Helper()
	names, err := m.List(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, name := range names {
		b, err := ReadFile(m, dir+"/"+name, 1<<20)
		require.NoError(t, err)
		files[name] = string(b)
	}
	return files
}

func fill(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }

func TestCrashImages(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/a")
	require.NoError(t, err)
	_, err = f.WriteAt(fill('o', 3*SectorSize), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, m.SyncDir("/"))
	require.Zero(t, m.Pending())

	_, err = f.WriteAt(fill('n', 4*SectorSize), 0) // a size and four sectors
	require.NoError(t, err)
	require.NoError(t, m.Rename("/a", "/b"))
	require.Equal(t, 6, m.Pending())

	old, now := string(fill('o', SectorSize)), string(fill('n', SectorSize))
	zero := string(fill(0, SectorSize))
	for name, c := range map[string]struct {
		image Image
		want  map[string]string
	}{
		"nothing":  {KeepNothing, map[string]string{"a": old + old + old}},
		"all":      {KeepAll, map[string]string{"b": now + now + now + now}},
		"metadata": {KeepMetadata, map[string]string{"b": old + old + old + zero}},
		"data":     {KeepData, map[string]string{"a": now + now + now + now}},
		"first 3":  {KeepFirst(3), map[string]string{"a": now + now + old + zero}},
		"third": {func(c Change) Fate {
			if c.N == 3 {
				return Keep
			}
			return Lose
		}, map[string]string{"a": old + old + now}},
	} {
		require.Equal(t, c.want, content(t, m.Crash(c.image), "/"), name)
	}
	torn := content(t, m.Crash(GarbleLast), "/")["b"]
	require.Equal(t, now+now+now, torn[:3*SectorSize])
	require.NotContains(t, []string{old, now, zero}, torn[3*SectorSize:])

	some := map[string]bool{}
	for seed := range uint64(200) {
		a, b := m.Crash(KeepSome(seed)), m.Clone().Crash(KeepSome(seed))
		require.Equal(t, content(t, a, "/"), content(t, b, "/"), "the same choices give the same image")
		require.Zero(t, a.Pending())
		some[fmt.Sprint(content(t, a, "/"))] = true
	}
	require.Greater(t, len(some), 20)
	require.Equal(t, map[string]string{"b": now + now + now + now}, content(t, m, "/"), "the receiver is not changed")
}

func TestCrashForgetsUnsyncedNames(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/a")
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("x"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.Empty(t, content(t, m.Crash(KeepNothing), "/"), "syncing a file does not sync its name")
	require.NoError(t, m.SyncDir("/"))
	require.NoError(t, m.Remove("/a"))
	require.Equal(t, map[string]string{"a": "x"}, content(t, m.Crash(KeepNothing), "/"))
	require.Empty(t, content(t, m.Crash(KeepAll), "/"))

	_, err = m.Lock("/")
	require.NoError(t, err)
	_, err = m.Crash(KeepAll).Lock("/")
	require.NoError(t, err, "a lock ends with its process")
}

func TestCloneIsApart(t *testing.T) {
	m := NewMem()
	require.NoError(t, WriteFile(m, "/a", fill('1', 2000)))
	f, err := m.Open("/a")
	require.NoError(t, err)
	_, err = f.WriteAt(fill('2', 700), 100)
	require.NoError(t, err)
	c := m.Clone()
	before, crashed := content(t, c, "/"), content(t, c.Crash(KeepSome(3)), "/")
	_, err = f.WriteAt(fill('3', 2000), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, m.Remove("/a"))
	require.Equal(t, before, content(t, c, "/"))
	require.Equal(t, crashed, content(t, c.Crash(KeepSome(3)), "/"))
}

// Every operation of WriteFile as a crash point, under many images: the file is
// as it was, or as it was to be.
func TestWriteFileIsAtomic(t *testing.T) {
	m := NewMem()
	old, now := string(fill('o', 1300)), string(fill('n', 2100))
	require.NoError(t, WriteFile(m, "/a", []byte(old)))
	checked := 0
	done := false
	check := func(Op) Fault {
		for seed := range uint64(40) {
			image := KeepSome(seed)
			switch seed {
			case 0:
				image = KeepNothing
			case 1:
				image = KeepAll
			case 2:
				image = GarbleLast
			}
			got := content(t, m.Crash(image), "/")["a"]
			if done {
				require.Equal(t, now, got)
			}
			require.Contains(t, []string{old, now}, got)
			checked++
		}
		return Fault{}
	}
	m.SetHook(check)
	require.NoError(t, WriteFile(m, "/a", []byte(now)))
	done = true
	check(Op{})
	require.GreaterOrEqual(t, checked, 6*40)
}
