package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

const (
	dir   = "/s"
	part  = dir + "/x.part"
	final = dir + "/x.snap"
)

func newMem(t testing.TB) *disk.Mem {
	m := disk.NewMem()
	require.NoError(t, m.MkdirAll(dir))
	return m
}

func content(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// sizes are around every boundary there is.
var sizes = []int{0, 1, 511, ChunkBytes - 1, ChunkBytes, ChunkBytes + 1, 3 * ChunkBytes, 3*ChunkBytes + 77}

func write(t testing.TB, fsys disk.FS, data []byte) {
	w, err := Create(fsys, part, Header{ID: 9})
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Commit(final, []byte("label")))
}

// read returns all of a snapshot, verified.
func read(fsys disk.FS) ([]byte, error) {
	r, err := Open(fsys, final)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Verify(); err != nil {
		return nil, err
	}
	return io.ReadAll(r.Reader())
}

func TestRoundTrip(t *testing.T) {
	for _, size := range sizes {
		mem, want := newMem(t), content(1, size)
		w, err := Create(mem, part, Header{ID: 7, Label: []byte("aside")})
		require.NoError(t, err)
		for p, step := want, 1; len(p) > 0; step = step*3 + 1 {
			n, err := w.Write(p[:min(step, len(p))])
			require.NoError(t, err)
			p = p[n:]
		}
		require.EqualValues(t, size, w.Offset())
		_, err = Open(mem, final)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, w.Commit(final, []byte("label")))
		require.NoError(t, w.Abort())
		_, err = w.Write([]byte("x"))
		require.ErrorIs(t, err, ErrClosed)

		mem = mem.Crash(disk.KeepNothing)
		r, err := Open(mem, final)
		require.NoError(t, err)
		require.Equal(t, "label", string(r.Label()))
		require.EqualValues(t, size, r.Size())
		require.NoError(t, r.Verify())
		require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), want))
		var got []byte
		for n := int64(0); ; n++ {
			b, err := r.ReadChunk(n)
			if errors.Is(err, io.EOF) {
				require.Equal(t, r.Chunks(), n)
				break
			}
			require.NoError(t, err)
			got = append(got, b...)
		}
		require.True(t, bytes.Equal(want, got))
		_, err = r.ReadAt(make([]byte, 1), -1)
		require.Error(t, err)

		// It can be read to its end although it is removed.
		require.NoError(t, Remove(mem, dir, "x.snap", "not there"))
		require.NoError(t, r.Verify())
		require.NoError(t, r.Close())
		require.Empty(t, filesIn(t, mem.Crash(disk.KeepNothing)))
	}
}

func filesIn(t testing.TB, fsys disk.FS) []string {
	names, err := fsys.List(dir)
	require.NoError(t, err)
	return names
}

// A receipt goes on where it was synced, after any crash.
func TestResume(t *testing.T) {
	want := content(2, 3*ChunkBytes+100)
	label := []byte("which one")
	for _, synced := range []int{0, 1, 100, ChunkBytes, ChunkBytes + 5, 2*ChunkBytes + 1, len(want)} {
		for image := range 12 {
			mem := newMem(t)
			w, err := Resume(mem, part, Header{ID: 7, Label: label}, nil)
			require.NoError(t, err)
			_, err = w.Write(want[:synced])
			require.NoError(t, err)
			require.NoError(t, w.Sync())
			_, err = w.Write(want[synced:min(len(want), synced+ChunkBytes)])
			require.NoError(t, err)
			if image%2 == 0 {
				require.NoError(t, w.Abort())
			}
			after := mem.Crash(disk.KeepSome(uint64(image)))
			switch image {
			case 0:
				after = mem.Crash(disk.KeepNothing)
			case 1:
				after = mem.Crash(disk.KeepAll)
			}
			what := fmt.Sprintf("synced %d, image %d", synced, image)

			got, size, err := Partial(after, part)
			require.NoError(t, err, what)
			require.Equal(t, label, got)
			// A chunk that was synced in part and then written on may have torn.
			require.GreaterOrEqual(t, size, int64(synced/ChunkBytes*ChunkBytes), what)
			if image < 2 {
				require.GreaterOrEqual(t, size, int64(synced), what)
			}
			var seen []byte
			w, err = Resume(after, part, Header{ID: 8, Label: label}, func(b []byte) { seen = append(seen, b...) })
			require.NoError(t, err, what)
			require.Equal(t, size, w.Offset())
			require.True(t, bytes.Equal(want[:size], seen), what)
			after = after.Crash(disk.KeepNothing) // and what it found is durable
			_, again, err := Partial(after, part)
			require.NoError(t, err)
			require.Equal(t, size, again)
			w, err = Resume(after, part, Header{ID: 8, Label: label}, nil)
			require.NoError(t, err)
			_, err = w.Write(want[size:])
			require.NoError(t, err)
			require.NoError(t, w.Commit(final, nil))
			b, err := read(after.Crash(disk.KeepNothing))
			require.NoError(t, err, what)
			require.True(t, bytes.Equal(want, b), what)
		}
	}
}

func TestResumeOfAnotherBeginsAnew(t *testing.T) {
	mem := newMem(t)
	w, err := Create(mem, part, Header{ID: 1, Label: []byte("a")})
	require.NoError(t, err)
	_, err = w.Write([]byte("old"))
	require.NoError(t, err)
	require.NoError(t, w.Sync())
	w, err = Resume(mem, part, Header{ID: 2, Label: []byte("b")}, func([]byte) { t.Error("not the same") })
	require.NoError(t, err)
	require.Zero(t, w.Offset())
	_, err = w.Write([]byte("new"))
	require.NoError(t, err)
	require.NoError(t, w.Commit(final, nil))
	b, err := read(mem)
	require.NoError(t, err)
	require.Equal(t, "new", string(b))
	_, _, err = Partial(mem, part)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Every operation of a write as a crash point: the final name leads to the whole
// snapshot or to nothing, and to the whole one once Commit has returned.
func TestEveryCrashPoint(t *testing.T) {
	want := content(3, ChunkBytes+300)
	mem, done, points := newMem(t), false, 0
	check := func(disk.Op) disk.Fault {
		for i := range uint64(16) {
			image := disk.KeepSome(i)
			switch i {
			case 0:
				image = disk.KeepNothing
			case 1:
				image = disk.KeepAll
			case 2:
				image = disk.KeepMetadata
			case 3:
				image = disk.GarbleLast
			}
			got, err := read(mem.Crash(image))
			if !done && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		}
		points++
		return disk.Fault{}
	}
	mem.SetHook(check)
	write(t, mem, want)
	done = true
	check(disk.Op{})
	require.Greater(t, points, 7)
}

// Every bit of a file, flipped, and every length that it could be cut to: an error,
// never other bytes.
func TestEveryFlipAndCut(t *testing.T) {
	mem, want := newMem(t), content(4, 900)
	write(t, mem, want)
	whole, err := disk.ReadFile(mem, final, 1<<20)
	require.NoError(t, err)
	for bit := range len(whole) * 8 {
		m := mem.Clone()
		require.NoError(t, m.Corrupt(final, func(b []byte) { b[bit/8] ^= 1 << (bit % 8) }))
		_, err := read(m)
		if err == nil {
			require.Failf(t, "not noticed", "bit %d", bit)
		}
		require.ErrorIs(t, err, ErrDamaged)
	}
	for size := range len(whole) {
		m := newMem(t)
		require.NoError(t, disk.WriteFile(m, final, whole[:size]))
		_, err := read(m)
		require.ErrorIs(t, err, ErrDamaged)
	}
}

// Chunks of another file, or of another place, are not taken for the right ones.
func TestMisplacedChunks(t *testing.T) {
	mem := newMem(t)
	write(t, mem, content(5, 3*ChunkBytes))
	other := newMem(t)
	w, err := Create(other, part, Header{ID: 10})
	require.NoError(t, err)
	_, err = w.Write(content(6, 3*ChunkBytes))
	require.NoError(t, err)
	require.NoError(t, w.Commit(final, []byte("label")))
	foreign, err := disk.ReadFile(other, final, 1<<20)
	require.NoError(t, err)
	slot := func(b []byte, i int) []byte { return b[headerFixed+i*(ChunkBytes+sumBytes):][:(ChunkBytes + sumBytes)] }
	for name, change := range map[string]func(b []byte){
		"swapped": func(b []byte) {
			a := bytes.Clone(slot(b, 0))
			copy(slot(b, 0), slot(b, 1))
			copy(slot(b, 1), a)
		},
		"foreign": func(b []byte) { copy(slot(b, 2), slot(foreign, 2)) },
	} {
		m := mem.Clone()
		require.NoError(t, m.Corrupt(final, change))
		_, err := read(m)
		require.ErrorIs(t, err, ErrDamaged, name)
	}
}

func TestFaults(t *testing.T) {
	mem := newMem(t)
	mem.SetCapacity(ChunkBytes)
	w, err := Create(mem, part, Header{ID: 1})
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 2*ChunkBytes))
	require.ErrorIs(t, err, disk.ErrNoSpace)
	require.ErrorIs(t, w.Commit(final, nil), disk.ErrNoSpace)
	require.ErrorIs(t, w.Commit(final, nil), ErrClosed)
	_, err = Create(mem, part, Header{ID: 1, Label: make([]byte, MaxLabelBytes+1)})
	require.ErrorIs(t, err, ErrTooLong)

	for _, kind := range []disk.OpKind{disk.OpWrite, disk.OpSync, disk.OpRename, disk.OpSyncDir} {
		mem := newMem(t)
		w, err := Create(mem, part, Header{ID: 1})
		require.NoError(t, err)
		mem.SetHook(func(op disk.Op) disk.Fault {
			if op.Kind == kind {
				return disk.Fault{Err: syscall.EIO}
			}
			return disk.Fault{}
		})
		_, err = w.Write([]byte("x"))
		require.NoError(t, err)
		require.ErrorIs(t, w.Commit(final, nil), syscall.EIO)
		require.ErrorIs(t, w.Sync(), ErrClosed)
	}

	mem = newMem(t)
	write(t, mem, content(1, 2*ChunkBytes))
	r, err := Open(mem, final)
	require.NoError(t, err)
	mem.SetHook(func(disk.Op) disk.Fault { return disk.Fault{Err: syscall.EIO} })
	_, err = r.ReadChunk(0)
	require.ErrorIs(t, err, syscall.EIO)
	require.ErrorIs(t, err, ErrDamaged)
}

func TestFiles(t *testing.T) {
	mem := newMem(t)
	for _, name := range []string{"b.snap", "a.snap", "c.part", "other"} {
		require.NoError(t, disk.WriteFile(mem, dir+"/"+name, nil))
	}
	whole, aside, err := Files(mem, dir, ".snap")
	require.NoError(t, err)
	require.Equal(t, []string{"a.snap", "b.snap"}, whole)
	require.Equal(t, []string{"c.part"}, aside)
}

// FuzzOpen reads any bytes as a snapshot, whole and aside, with the checksums of
// header and footer as they are or made good.
func FuzzOpen(f *testing.F) {
	mem := newMem(f)
	write(f, mem, content(1, 300))
	b, err := disk.ReadFile(mem, final, 1<<20)
	require.NoError(f, err)
	f.Add(b, true)
	f.Add(b[:40], false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, b []byte, signed bool) {
		if signed {
			sign(b)
		}
		mem := newMem(t)
		require.NoError(t, disk.WriteFile(mem, final, b))
		require.NoError(t, disk.WriteFile(mem, part, b))
		if got, err := read(mem); err == nil {
			require.LessOrEqual(t, len(got), len(b))
		} else {
			require.ErrorIs(t, err, ErrDamaged)
		}
		label, size, err := Partial(mem, part)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
		}
		require.LessOrEqual(t, size, int64(len(b)))
		w, err := Resume(mem, part, Header{ID: 1, Label: label}, nil)
		require.NoError(t, err)
		require.Equal(t, size, w.Offset())
		_, err = w.Write([]byte("on"))
		require.NoError(t, err)
		require.NoError(t, w.Commit(final, nil))
		got, err := read(mem)
		require.NoError(t, err)
		require.Len(t, got, int(size)+2)
	})
}

// sign makes the checksums of a header and a footer good, if they can be found.
func sign(b []byte) {
	if len(b) < headerFixed {
		return
	}
	if n := int64(le.Uint32(b[12:])) + headerFixed; n <= int64(len(b)) {
		clear(b[28:32])
		le.PutUint32(b[28:], crcOf(b[:n]))
	}
	if len(b) < footerFixed {
		return
	}
	if n := int64(le.Uint32(b[len(b)-footerFixed+12:])) + footerFixed; n <= int64(len(b)) {
		clear(b[len(b)-4:])
		le.PutUint32(b[len(b)-4:], crcOf(b[int64(len(b))-n:]))
	}
}

func crcOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
