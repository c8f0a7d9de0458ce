package wal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// twins are two logs that were one until a moment ago: same segments, same
// sequence numbers, different batches.
func twins(t *testing.T, before, a, b []Batch) (x, y *disk.Mem) {
	x = newMem(t)
	l, _ := mustOpen(t, x, Options{SegmentBytes: 16 << 10})
	for _, batch := range before {
		require.NoError(t, l.Append(batch))
	}
	require.NoError(t, l.Close())
	y = x.Clone()
	for mem, batches := range map[*disk.Mem][]Batch{x: a, y: b} {
		l, _ := mustOpen(t, mem, Options{SegmentBytes: 16 << 10})
		for _, batch := range batches {
			require.NoError(t, l.Append(batch))
		}
	}
	return x, y
}

// sectors of segment 1.
func sectorsOf(t *testing.T, mem *disk.Mem) []byte {
	b, err := disk.ReadFile(mem, testDir+"/"+segmentName(1), 1<<20)
	require.NoError(t, err)
	return b
}

func edit(t *testing.T, mem *disk.Mem, change func(sector func(int) []byte)) {
	require.NoError(t, mem.Corrupt(testDir+"/"+segmentName(1), func(b []byte) {
		change(func(i int) []byte { return b[i*sectorSize:][:sectorSize] })
	}))
}

// The first batch and the seal take sectors 1 and 2, so that what is said of twins
// begins in sector 3.
func TestContradictions(t *testing.T) {
	first := []Batch{records(0, "first")}
	long := func(c string, n int) []Batch { return []Batch{records(1, strings.Repeat(c, n))} }
	for name, c := range map[string]struct {
		a, b   []Batch
		change func(x func(int) []byte, y func(int) []byte)
		reason string
		last   uint64
	}{
		"sectors of two batches of one number": {long("a", 1200), long("b", 1200),
			func(x, y func(int) []byte) { copy(x(4), y(4)) }, "do not belong together", 1},
		"a batch that follows another": {append(long("a", 90), records(2, "x")), append(long("b", 90), records(2, "x")),
			func(x, y func(int) []byte) { copy(x(4), y(4)) }, "does not fit", 2},
		"more than the batch has": {long("a", 600), long("b", 1600),
			func(x, y func(int) []byte) { clear(x(4)); copy(x(6), y(6)) }, "behind the last batch", 1},
		"a sector in the place of another": {long("a", 1200), nil,
			func(x, y func(int) []byte) { copy(x(5), x(4)); clear(x(3)) }, "neither", 1},
		"a batch without its beginning, and the next": {append(long("a", 90), records(2, "x")), nil,
			func(x, y func(int) []byte) { clear(x(3)) }, "neither", 1},
	} {
		x, y := twins(t, first, c.a, c.b)
		from := sectorsOf(t, y)
		edit(t, x, func(sector func(int) []byte) {
			c.change(sector, func(i int) []byte { return from[i*sectorSize:][:sectorSize] })
		})
		_, rec := mustOpen(t, x, Options{})
		require.NotNil(t, rec.Damage, name)
		require.ErrorContains(t, rec.Damage, c.reason, name)
		require.Equal(t, c.last, rec.Last, name)
	}
}

// The header of a segment that was prepared after a batch shows that the batch was
// durable, though it is the last.
func TestLaterSegmentNamesADurableEnd(t *testing.T) {
	for _, later := range []bool{false, true} {
		mem := newMem(t)
		l, _ := mustOpen(t, mem, testOptions(1))
		require.NoError(t, l.Append(records(0, strings.Repeat("a", 1500))))
		if !later {
			require.NoError(t, l.Prepare())
		}
		end := l.pos.end
		require.NoError(t, l.Append(records(1, "last")))
		require.NoError(t, l.Prepare())
		edit(t, mem, func(sector func(int) []byte) { clear(sector(int(end))) })
		_, rec := mustOpen(t, mem, testOptions(2))
		require.EqualValues(t, 1, rec.Last)
		if later {
			require.ErrorContains(t, rec.Damage, "but batch 2 was durable")
		} else {
			require.Nil(t, rec.Damage)
		}
	}
}
