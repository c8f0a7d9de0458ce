package disk

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// each runs a test over both file systems, in an empty directory.
func each(t *testing.T, f func(t *testing.T, fsys FS, dir string)) {
	t.Run("os", func(t *testing.T) { f(t, OS{}, t.TempDir()) })
	t.Run("mem", func(t *testing.T) {
		m := NewMem()
		require.NoError(t, m.MkdirAll("/d"))
		f(t, m, "/d")
	})
}

func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, fsys FS, dir string) {
		name := filepath.Join(dir, "a")
		_, err := fsys.Open(name)
		require.ErrorIs(t, err, fs.ErrNotExist)
		f, err := fsys.Create(name)
		require.NoError(t, err)
		_, err = fsys.Create(name)
		require.ErrorIs(t, err, fs.ErrExist)

		want := bytes.Repeat([]byte("0123456789"), 200)
		n, err := f.WriteAt(want, 700)
		require.NoError(t, err)
		require.Equal(t, len(want), n)
		require.NoError(t, f.Sync())
		got := make([]byte, 3000)
		n, err = f.ReadAt(got, 0)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, 2700, n)
		require.Equal(t, append(make([]byte, 700), want...), got[:n])

		require.NoError(t, f.Truncate(1000))
		require.NoError(t, f.Preallocate(500)) // never shrinks
		require.NoError(t, f.Preallocate(600<<10))
		size, err := f.Size()
		require.NoError(t, err)
		require.EqualValues(t, 600<<10, size)
		got = make([]byte, size)
		_, err = f.ReadAt(got, 0)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
		}
		require.Equal(t, want[:300], got[700:1000])
		require.Equal(t, make([]byte, len(got)-1000), got[1000:])
		require.NoError(t, f.Close())
		require.Error(t, f.Sync())
	})
}

func TestDirectories(t *testing.T) {
	each(t, func(t *testing.T, fsys FS, dir string) {
		deep := filepath.Join(dir, "x", "y")
		require.NoError(t, fsys.MkdirAll(deep))
		require.NoError(t, fsys.MkdirAll(deep))
		for _, name := range []string{"c", "a", "b"} {
			require.NoError(t, WriteFile(fsys, filepath.Join(deep, name), []byte(name)))
		}
		require.NoError(t, fsys.Rename(filepath.Join(deep, "a"), filepath.Join(deep, "c")))
		require.NoError(t, fsys.Remove(filepath.Join(deep, "b")))
		require.ErrorIs(t, fsys.Remove(filepath.Join(deep, "b")), fs.ErrNotExist)
		require.ErrorIs(t, fsys.Rename(filepath.Join(deep, "b"), filepath.Join(deep, "c")), fs.ErrNotExist)
		require.NoError(t, RemoveIfExists(fsys, filepath.Join(deep, "b")))
		names, err := fsys.List(deep)
		require.NoError(t, err)
		require.Equal(t, []string{"c"}, names)
		names, err = fsys.List(dir) // directories are not files
		require.NoError(t, err)
		require.Empty(t, names)
		b, err := ReadFile(fsys, filepath.Join(deep, "c"), 1)
		require.NoError(t, err)
		require.Equal(t, "a", string(b))
		var long *TooLongError
		_, err = ReadFile(fsys, filepath.Join(deep, "c"), 0)
		require.ErrorAs(t, err, &long)
		require.Error(t, fsys.MkdirAll(filepath.Join(deep, "c")))
		_, err = fsys.List(filepath.Join(dir, "none"))
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = fsys.Create(filepath.Join(dir, "none", "a"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestLock(t *testing.T) {
	each(t, func(t *testing.T, fsys FS, dir string) {
		l, err := fsys.Lock(dir)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("no locks on this system")
		}
		require.NoError(t, err)
		_, err = fsys.Lock(dir)
		require.ErrorIs(t, err, ErrLocked)
		require.NoError(t, l.Close())
		l, err = fsys.Lock(dir)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	})
}

func TestOSPermissions(t *testing.T) {
	if os.PathSeparator == '\\' {
		t.Skip("no permission bits")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, OS{}.MkdirAll(dir))
	require.NoError(t, WriteFile(OS{}, filepath.Join(dir, "f"), nil))
	for name, want := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(dir): 0o700, filepath.Join(dir, "f"): 0o600} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
}

func TestMemFaults(t *testing.T) {
	m := NewMem()
	f, err := m.Create("/a")
	require.NoError(t, err)
	require.NoError(t, m.SyncDir("/"))
	var fault Fault
	var seen Op
	m.SetHook(func(op Op) Fault { seen = op; return fault })

	fault = Fault{Err: syscall.EIO, Short: 3}
	n, err := f.WriteAt([]byte("abcdef"), 10)
	require.ErrorIs(t, err, syscall.EIO)
	require.Equal(t, 3, n)
	require.Equal(t, Op{N: 3, Kind: OpWrite, Name: "/a", Offset: 10, Len: 6}, seen)
	require.Equal(t, 3, m.Ops())
	fault = Fault{}
	size, err := f.Size()
	require.NoError(t, err)
	require.EqualValues(t, 13, size)

	// A failed sync: still readable, never on the disk, whatever comes later.
	fault = Fault{Err: syscall.EIO, Lost: true}
	require.ErrorIs(t, f.Sync(), syscall.EIO)
	fault = Fault{}
	require.NoError(t, f.Sync())
	b, err := ReadFile(m, "/a", 100)
	require.NoError(t, err)
	require.Equal(t, "abc", string(b[10:]))
	b, err = ReadFile(m.Crash(KeepAll), "/a", 100)
	require.NoError(t, err)
	require.Empty(t, b)

	m.SetCapacity(1000)
	require.ErrorIs(t, f.Preallocate(1001), ErrNoSpace)
	require.NoError(t, f.Preallocate(1000))
	_, err = f.WriteAt([]byte{1}, 1000)
	require.ErrorIs(t, err, ErrNoSpace)
	require.EqualValues(t, 1000, m.Used())

	require.NoError(t, m.Corrupt("/a", func(b []byte) { b[600] ^= 4 }))
	b, err = ReadFile(m, "/a", 1000)
	require.NoError(t, err)
	require.EqualValues(t, 4, b[600])
}
