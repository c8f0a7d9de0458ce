package wal

import (
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/internal/disk"
)

func TestEmpty(t *testing.T) {
	mem := newMem(t)
	l, rec := mustOpen(t, mem, testOptions(1))
	require.Equal(t, Recovered{Empty: true}, rec)
	require.ErrorIs(t, l.Read(&Records{}, 0, 10), ErrNotFound)
	require.NoError(t, l.Prepare())
	require.False(t, l.NeedsPrepare())
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append(Batch{}), ErrClosed)
	require.ErrorIs(t, l.Prepare(), ErrClosed)
	require.ErrorIs(t, l.Read(&Records{}, 0, 10), ErrClosed)
	_, rec = mustOpen(t, mem, testOptions(2))
	require.True(t, rec.Empty)
}

func TestOptionsValidate(t *testing.T) {
	for _, n := range []int{-1, 1, 512, 5000, MaxSegmentBytes + 512} {
		_, _, err := Open(newMem(t), testDir, Options{SegmentBytes: n})
		require.ErrorContains(t, err, "SegmentBytes", n)
	}
}

// Random batches, reopened now and then: the log is the model, in memory and on
// the machine's own disk.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := newMem(t)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		againstModel(t, mem, testDir, rng, rapid.IntRange(1, 120).Draw(rt, "batches"))
	})
	for seed := range uint64(3) {
		againstModel(t, disk.OS{}, t.TempDir(), rand.New(rand.NewPCG(seed, 3)), 60)
	}
}

func againstModel(t *testing.T, fsys disk.FS, dir string, rng *rand.Rand, n int) {
	opts := Options{SegmentBytes: 2048 << rng.IntN(4), NewID: rng.Uint64}
	l, rec, err := Open(fsys, dir, opts)
	require.NoError(t, err)
	require.True(t, rec.Empty)
	var m model
	for range n {
		b := randomBatch(rng, &m)
		require.NoError(t, l.Append(b))
		m = m.after(&b)
		if rng.IntN(3) == 0 {
			require.NoError(t, l.Prepare())
		}
		if rng.IntN(10) == 0 {
			sealed := rng.IntN(2) == 0
			if sealed {
				require.NoError(t, l.Close())
			}
			opts.SegmentBytes = 2048 << rng.IntN(4)
			l, rec, err = Open(fsys, dir, opts)
			require.NoError(t, err)
			require.Nil(t, rec.Damage)
			require.Equal(t, sealed, rec.Sealed)
			got, err := dump(l, &rec)
			require.NoError(t, err)
			require.Equal(t, m.String(), got.String())
		}
		got := model{head: m.head, start: l.Start()}
		require.NoError(t, got.read(l))
		require.Equal(t, m.String(), got.String())
	}
	require.NoError(t, l.Close())
}

func TestInvalidBatchesChangeNothing(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	require.NoError(t, l.Append(Batch{Restart: true, Start: 10, First: 11, Lengths: []uint32{1, 1, 1}, Data: [][]byte{[]byte("abc")}}))
	ops := mem.Ops()
	for name, b := range map[string]Batch{
		"gap":               records(14, "x"),
		"duplicate":         records(12, "x"),
		"truncate behind":   {Truncate: true, TruncateAfter: 14},
		"truncate before":   {Truncate: true, TruncateAfter: 9},
		"back":              {Restart: true, Start: 9},
		"back, not emptied": {Restart: true, Start: 9, Truncate: true, TruncateAfter: 11},
		"too few bytes":     {First: 14, Lengths: []uint32{2}, Data: [][]byte{{1}}},
		"too many bytes":    {First: 14, Lengths: []uint32{2}, Data: [][]byte{{1}, {2}, {3}}},
		"bytes alone":       {Data: [][]byte{{1}}},
		"64 bits":           {Restart: true, Start: ^uint64(0), First: 0, Lengths: []uint32{1}, Data: [][]byte{{1}}},
	} {
		require.ErrorIs(t, l.Append(b), ErrInvalid, name)
	}
	require.Equal(t, ops, mem.Ops())
	require.NoError(t, l.Append(records(13, "d")))
	_, rec := mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(2))
	require.Equal(t, Recovered{Start: 10, Last: 14}, rec)
}

func TestReadLimits(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, Options{})
	big := strings.Repeat("b", 100<<10)
	require.NoError(t, l.Append(records(0, "aa", big, "cccc", "")))
	require.NoError(t, l.Append(records(4, "e", "ff")))
	var r Records
	for _, c := range []struct {
		after uint64
		max   int
		want  []uint32
	}{
		{0, 0, []uint32{2}},
		{0, len(big) + 1, []uint32{2}},
		{0, len(big) + 2, []uint32{2, uint32(len(big))}},
		{1, 5, []uint32{uint32(len(big))}},
		{2, 5, []uint32{4, 0, 1}},
		{2, 1 << 20, []uint32{4, 0, 1, 2}},
		{3, 0, []uint32{0}},
		{5, 1, []uint32{2}},
	} {
		require.NoError(t, l.Read(&r, c.after, c.max))
		require.Equal(t, c.want, r.Lengths)
		require.Equal(t, c.after+1, r.First)
	}
	require.NoError(t, l.Append(Batch{Restart: true, Start: 3}))
	require.ErrorIs(t, l.Read(&r, 2, 100), ErrNotFound)
	require.NoError(t, l.Read(&r, 3, 100))
	require.Equal(t, "eff", string(r.Data))
}

func TestBatchLargerThanASegment(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	require.NoError(t, l.Append(records(0, "small")))
	big := strings.Repeat("x", 20<<10)
	require.NoError(t, l.Append(records(1, big)))
	require.NoError(t, l.Append(records(2, "small")))
	require.NoError(t, l.Prepare()) // the spares that were too small are gone
	l, rec := mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(2))
	require.Equal(t, Recovered{Last: 3}, rec)
	m, err := dump(l, &rec)
	require.NoError(t, err)
	require.Equal(t, []string{"small", big, "small"}, m.records)
}

func segmentsOf(t *testing.T, fsys disk.FS) []string {
	names, err := fsys.List(testDir)
	require.NoError(t, err)
	return names
}

func TestOldSegmentsAreRemoved(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	for i := range uint64(50) {
		require.NoError(t, l.Append(records(i, strings.Repeat("x", 400))))
		require.NoError(t, l.Prepare())
	}
	before := segmentsOf(t, mem)
	require.Greater(t, len(before), 8)
	require.NoError(t, l.Append(Batch{Restart: true, Start: 49}))
	require.Len(t, segmentsOf(t, mem), len(before), "nothing is removed in Append")
	require.True(t, l.NeedsPrepare())
	require.NoError(t, l.Prepare())
	require.LessOrEqual(t, len(segmentsOf(t, mem)), 4)
	require.NoError(t, l.Append(records(50, "y")))
	l, rec := mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(2))
	require.Equal(t, Recovered{Start: 49, Last: 51}, rec)
	_, err := dump(l, &rec)
	require.NoError(t, err)
}

// A full disk: ordinary batches are refused and change nothing, essential ones
// have a whole segment left, and when there is space again all is as before.
func TestLowSpace(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	var m model
	put := func(size int, essential bool) error {
		b := records(m.last(), strings.Repeat("x", size))
		b.Essential = essential
		err := l.Append(b)
		if err == nil {
			m = m.after(&b)
		}
		return err
	}
	require.NoError(t, put(400, false))
	mem.SetCapacity(6 * 4096)
	var err error
	for range 100 {
		if err = put(400, false); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, ErrLowSpace)
	require.True(t, l.LowSpace())
	require.ErrorIs(t, l.Prepare(), ErrLowSpace)
	require.ErrorIs(t, put(400, false), ErrLowSpace)
	essential := 0
	for put(400, true) == nil {
		essential++
		require.ErrorIs(t, put(10, false), ErrLowSpace, "the reserve is for essential batches alone")
	}
	require.GreaterOrEqual(t, essential, 5)
	require.ErrorIs(t, put(400, true), ErrLowSpace)
	l2, rec := mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(2))
	got, err := dump(l2, &rec)
	require.NoError(t, err)
	require.Equal(t, m.String(), got.String())

	// Dropping the log's beginning makes space, as soon as it is durable.
	b := Batch{Restart: true, Start: m.last() - 1, Essential: true}
	require.NoError(t, l.Append(b))
	m = m.after(&b)
	require.NoError(t, put(400, true))
	mem.SetCapacity(7 * 4096)
	require.NoError(t, put(400, false))
	require.False(t, l.LowSpace())
	require.NoError(t, l.Close())
	l, rec = mustOpen(t, mem, testOptions(3))
	got, err = dump(l, &rec)
	require.NoError(t, err)
	require.Equal(t, m.String(), got.String())
}

// A failed write or sync is the end of the log, whatever the disk does later, and
// nothing acknowledged is lost by it.
func TestFailureIsFinal(t *testing.T) {
	for _, kind := range []disk.OpKind{disk.OpWrite, disk.OpSync} {
		for _, fault := range []disk.Fault{{Err: syscall.EIO}, {Err: syscall.EIO, Lost: true}, {Err: syscall.EIO, Short: 512}, {Err: disk.ErrNoSpace}} {
			mem := newMem(t)
			l, _ := mustOpen(t, mem, testOptions(1))
			require.NoError(t, l.Append(records(0, "a")))
			require.NoError(t, l.Prepare())
			syncs := 0
			mem.SetHook(func(op disk.Op) disk.Fault {
				if op.Kind == disk.OpSync {
					syncs++
				}
				if op.Kind == kind {
					return fault
				}
				return disk.Fault{}
			})
			err := l.Append(records(1, strings.Repeat("b", 900)))
			require.ErrorIs(t, err, fault.Err)
			require.NotErrorIs(t, err, ErrLowSpace)
			mem.SetHook(nil)
			before := syncs
			require.Equal(t, err, l.Append(records(1, "c")))
			require.Equal(t, err, l.Prepare())
			require.Equal(t, err, l.Err())
			require.NoError(t, l.Close())
			require.Equal(t, before, syncs, "never tried again")

			// The process starts again, on the same page cache; then power fails.
			l, rec := mustOpen(t, mem, testOptions(2))
			require.Nil(t, rec.Damage)
			require.Contains(t, []uint64{1, 2}, rec.Last)
			require.NoError(t, l.Append(records(rec.Last, "d")))
			_, rec2 := mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(3))
			require.Equal(t, rec.Last+1, rec2.Last)
			require.Nil(t, rec2.Damage)
		}
	}
}

// What a repair follows may be in the page cache alone, of a sync that failed.
func TestRepairMakesDurableWhatItFollows(t *testing.T) {
	for _, lost := range []bool{false, true} {
		mem := newMem(t)
		l, _ := mustOpen(t, mem, testOptions(1))
		require.NoError(t, l.Append(records(0, "a")))
		mem.SetHook(func(op disk.Op) disk.Fault {
			if op.Kind == disk.OpSync {
				return disk.Fault{Err: syscall.EIO, Lost: lost}
			}
			return disk.Fault{}
		})
		require.ErrorIs(t, l.Append(records(1, "b")), syscall.EIO)
		mem.SetHook(nil)
		end := int64(l.pos.end+1) * sectorSize
		require.NoError(t, l.Close())
		require.NoError(t, mem.Corrupt(testDir+"/"+segmentName(1), func(b []byte) { b[end+sectorSize] = 1 }))

		l, rec := mustOpen(t, mem, testOptions(2))
		require.NotNil(t, rec.Damage)
		require.EqualValues(t, 2, rec.Last)
		b := records(2, "c")
		b.Repair, b.Head = true, []byte("new")
		require.NoError(t, l.Append(b))
		_, rec = mustOpen(t, mem.Crash(disk.KeepNothing), testOptions(3))
		require.Nil(t, rec.Damage)
		require.EqualValues(t, 3, rec.Last)
	}
}

// Read and Prepare beside Append.
func TestConcurrentUse(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	const n = 400
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			var r Records
			for at := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				at = max(at, l.Start())
				if l.Read(&r, at, 2000) == nil {
					for i, n := range r.Lengths {
						if n != uint32((r.First+uint64(i))%600) {
							t.Errorf("record %d has %d bytes", r.First+uint64(i), n)
							return
						}
					}
					at += uint64(len(r.Lengths))
				}
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := l.Prepare(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range uint64(n) {
		b := records(i, strings.Repeat("x", int((i+1)%600)))
		if i%50 == 49 {
			b.Restart, b.Start = true, i-20
		}
		require.NoError(t, l.Append(b))
	}
	close(stop)
	wg.Wait()
	require.NoError(t, l.Close())
}

// A segment is not removed under a reader.
func TestReadersHoldSegments(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	for i := range uint64(20) {
		require.NoError(t, l.Append(records(i, strings.Repeat("x", 400))))
	}
	var during error
	mem.SetHook(func(op disk.Op) disk.Fault {
		if op.Kind == disk.OpRead && during == nil {
			mem.SetHook(nil)
			if during = l.Append(Batch{Restart: true, Start: 19}); during == nil {
				during = l.Prepare()
			}
		}
		return disk.Fault{}
	})
	var r Records
	require.NoError(t, l.Read(&r, 0, 400))
	require.NoError(t, during)
	require.Len(t, r.Data, 400)
	require.True(t, l.NeedsPrepare())
	require.NoError(t, l.Prepare())
	require.False(t, l.NeedsPrepare())
	require.NotContains(t, segmentsOf(t, mem), segmentName(1))
}
