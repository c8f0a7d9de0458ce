package wal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// fixture is a small log of several segments, on a disk that is about to rot.
type fixture struct {
	mem     *disk.Mem
	want    model
	history map[string]bool // what the log was after each batch
	last    string          // file of the last batch
	from    int64           // where in it the last batch, and its end
	to      int64
	files   []string
	sealed  bool
}

// newFixture writes a log whose beginning is dropped at some point, so that it
// has segments that count and one that does not.
func newFixture(t *testing.T, sealed bool) *fixture {
	opts := testOptions(7)
	opts.SegmentBytes = 3072
	f := &fixture{mem: newMem(t), history: map[string]bool{model{}.String(): true}, sealed: sealed}
	l, _ := mustOpen(t, f.mem, opts)
	rng := rand.New(rand.NewPCG(1, 5))
	put := func(b Batch) {
		require.NoError(t, l.Append(b))
		f.want = f.want.after(&b)
		f.history[f.want.String()] = true
	}
	for i := range 6 {
		b := records(f.want.last(), text(rng, 20), text(rng, 300*(i%3)))
		if i%2 == 0 {
			b.Head = []byte(text(rng, 9))
		}
		put(b)
	}
	put(Batch{Truncate: true, TruncateAfter: f.want.last() - 1})
	put(Batch{Restart: true, Start: 4})
	require.NoError(t, l.Prepare())
	before := l.pos
	put(records(f.want.last(), text(rng, 30), text(rng, 700)))
	require.Equal(t, before.segment, l.pos.segment, "the last batch is to be in the segment of the one before")
	f.last = testDir + "/" + segmentName(l.pos.segment)
	f.from, f.to = int64(before.end)*sectorSize, int64(l.pos.end)*sectorSize
	if sealed {
		require.NoError(t, l.Close())
	}
	for _, name := range segmentsOf(t, f.mem) {
		f.files = append(f.files, testDir+"/"+name)
	}
	require.GreaterOrEqual(t, len(f.files), 4)
	return f
}

// outcome is what became of a log.
type outcome uint8

const (
	intact outcome = iota
	damaged
	cut // the last batch is gone without a word
)

// judge opens a damaged log and requires that it is a state it once had, and the
// last one, or one before the last batch, if no damage is reported.
func (f *fixture) judge(t *testing.T, mem *disk.Mem, what string, args ...any) outcome {
	opts := testOptions(8)
	opts.SegmentBytes = 3072
	l, rec, err := Open(mem, testDir, opts)
	if err != nil {
		require.NoError(t, err, fmt.Sprintf(what, args...))
	}
	got, err := dump(l, &rec)
	if err != nil {
		require.NoError(t, err, fmt.Sprintf(what, args...))
	}
	s := got.String()
	switch {
	case rec.Damage == nil && s == f.want.String():
		return intact
	case !f.history[s]:
		require.Fail(t, "wrong records", fmt.Sprintf(what, args...))
	case rec.Damage == nil:
		return cut
	}
	return damaged
}

func (f *fixture) inLast(name string, off int64) bool {
	return name == f.last && off >= f.from && off < f.to
}

// Every bit of every file, flipped: nothing that was durable is ever lost without
// being reported, and no record is ever wrong.
func TestEveryBitFlip(t *testing.T) {
	step := 1
	if underRace {
		step = 13
	}
	for _, sealed := range []bool{false, true} {
		f := newFixture(t, sealed)
		count := map[outcome]int{}
		for _, name := range f.files {
			if sealed && name != f.last {
				continue // no difference to the log that is not sealed
			}
			b, err := disk.ReadFile(f.mem, name, 1<<20)
			require.NoError(t, err)
			for bit := 0; bit < len(b)*8; bit += step {
				mem := f.mem.Clone()
				if err := mem.Corrupt(name, func(b []byte) { b[bit/8] ^= 1 << (bit % 8) }); err != nil {
					require.NoError(t, err)
				}
				o := f.judge(t, mem, "bit %d of %s", bit, name)
				if o == cut || (o == intact && f.inLast(name, int64(bit/8))) {
					require.Fail(t, "not reported", "bit %d of %s, outcome %d", bit, name, o)
				}
				count[o]++
			}
		}
		t.Logf("sealed %v: %d flips harmless, %d reported", sealed, count[intact], count[damaged])
		require.Equal(t, sealed, count[intact] == 0)
		require.NotZero(t, count[damaged])
	}
}

// Every sector of every file, zeroed or filled with another's bytes.
func TestEverySectorLostOrMisplaced(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		f := newFixture(t, sealed)
		content := map[string][]byte{}
		for _, name := range f.files {
			b, err := disk.ReadFile(f.mem, name, 1<<20)
			require.NoError(t, err)
			content[name] = b
		}
		count := map[outcome]int{}
		for _, name := range f.files {
			for at := 0; at < len(content[name]); at += sectorSize {
				try := func(sector []byte, what string) outcome {
					mem := f.mem.Clone()
					require.NoError(t, mem.Corrupt(name, func(b []byte) { copy(b[at:], sector) }))
					o := f.judge(t, mem, "%s at %d of %s", what, at, name)
					count[o]++
					return o
				}
				if o := try(make([]byte, sectorSize), "zeros"); o == cut {
					// A disk that acknowledged the last batch and wrote none of this.
					require.True(t, !sealed && f.inLast(name, int64(at)), "zeros at %d of %s", at, name)
				}
				for _, from := range f.files {
					for j := 0; j < len(content[from]); j += sectorSize {
						if s := content[from][j : j+sectorSize]; !isZero(s) {
							what := fmt.Sprintf("sector %d of %s", j, from)
							require.NotEqual(t, cut, try(s, what), "%s at %d of %s", what, at, name)
						}
					}
				}
			}
		}
		t.Logf("sealed %v: %d harmless, %d reported, %d cuts of the last batch", sealed, count[intact], count[damaged], count[cut])
		require.Equal(t, sealed, count[cut] == 0)
		require.NotZero(t, count[damaged])
	}
}

// Whole files, lost, cut short, made longer, or in each other's place.
func TestFilesLostOrMisplaced(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		f := newFixture(t, sealed)
		last := len(f.files) - 1
		for i, name := range f.files {
			mem := f.mem.Clone()
			require.NoError(t, mem.Remove(name))
			if o := f.judge(t, mem, "%s lost", name); i < last {
				require.Equal(t, damaged, o, name)
			} else {
				require.Equal(t, intact, o, "the last one is a spare")
			}
			for _, size := range []int64{0, 1, 512, 1024, 1536, 3071, 3073, 4096} {
				mem := f.mem.Clone()
				file, err := mem.Open(name)
				require.NoError(t, err)
				require.NoError(t, file.Truncate(size))
				require.NotEqual(t, cut, f.judge(t, mem, "%s of %d bytes", name, size))
			}
			for _, other := range f.files[i+1:] {
				a, err := disk.ReadFile(f.mem, name, 1<<20)
				require.NoError(t, err)
				b, err := disk.ReadFile(f.mem, other, 1<<20)
				require.NoError(t, err)
				mem := f.mem.Clone()
				require.NoError(t, mem.Corrupt(name, func(x []byte) { copy(x, b) }))
				require.Equal(t, damaged, f.judge(t, mem, "%s in place of %s", other, name))
				require.NoError(t, mem.Corrupt(other, func(x []byte) { copy(x, a) }))
				require.Equal(t, damaged, f.judge(t, mem, "%s and %s swapped", other, name))
			}
		}
		mem := f.mem.Clone()
		l, rec, err := Open(mem, testDir, Options{SegmentBytes: 3072, ID: 43})
		require.NoError(t, err)
		require.NotNil(t, rec.Damage, "another log's segments")
		require.ErrorIs(t, l.Append(Batch{}), ErrDamaged)
	}
}

// An unreadable sector is damage where it holds something, and is named.
func TestUnreadableSectors(t *testing.T) {
	f := newFixture(t, false)
	for _, name := range f.files {
		for at := int64(0); at < 3072; at += sectorSize {
			mem := f.mem.Clone()
			mem.SetHook(func(op disk.Op) disk.Fault {
				if op.Kind == disk.OpRead && op.Name == name && op.Offset <= at && at < op.Offset+int64(op.Len) {
					return disk.Fault{Err: syscall.EIO}
				}
				return disk.Fault{}
			})
			require.NotEqual(t, cut, f.judge(t, mem, "unreadable %d of %s", at, name))
			if f.inLast(name, at) {
				_, rec, err := Open(mem, testDir, testOptions(1))
				require.NoError(t, err)
				require.ErrorIs(t, rec.Damage, syscall.EIO)
				require.Equal(t, at, rec.Damage.Offset)
			}
		}
	}
}

// After damage nothing is written until a batch repairs the log; then it goes on
// from what was usable, durably, and damage that is found again does not matter.
func TestRepair(t *testing.T) {
	f := newFixture(t, true)
	opts := testOptions(9)
	opts.SegmentBytes = 3072
	tried := map[bool]int{}
	for i, name := range f.files {
		for at := int64(0); at < 3072; at += sectorSize {
			for _, reset := range []bool{false, true} {
				mem := f.mem.Clone()
				require.NoError(t, mem.Corrupt(name, func(b []byte) { b[at+100] ^= 16 }))
				l, rec := mustOpen(t, mem, opts)
				if rec.Damage == nil {
					continue
				}
				what := fmt.Sprintf("%s at %d, reset %v", name, at, reset)
				tried[rec.Last > 0]++
				m, err := dump(l, &rec)
				require.NoError(t, err)
				ops := segmentsOf(t, mem)
				require.ErrorIs(t, l.Append(records(rec.Last, "no")), ErrDamaged)
				require.NoError(t, l.Prepare())
				require.NoError(t, l.Close())
				require.Equal(t, ops, segmentsOf(t, mem))
				require.Zero(t, mem.Pending(), "nothing is written")

				l, _ = mustOpen(t, mem, opts)
				b := records(rec.Last, "repaired", strings.Repeat("r", i*200))
				if reset {
					b = records(1000, "repaired")
					b.Truncate, b.TruncateAfter, b.Restart, b.Start = true, 1000, true, 1000
				}
				b.Repair, b.Head = true, []byte("new")
				require.NoError(t, l.Append(b), what)
				m = m.after(&b)
				b = records(m.last(), "and on")
				require.NoError(t, l.Append(b), what)
				m = m.after(&b)
				for range 2 { // before and after what is of no use is removed
					l2, rec := mustOpen(t, mem.Crash(disk.KeepNothing), opts)
					require.Nil(t, rec.Damage, what)
					got, err := dump(l2, &rec)
					require.NoError(t, err, what)
					require.Equal(t, m.String(), got.String(), what)
					require.NoError(t, l.Prepare(), what)
				}
				require.NoError(t, l.Close())
			}
		}
	}
	t.Logf("repaired %d empty and %d other logs", tried[false], tried[true])
	require.NotZero(t, tried[false])
	require.NotZero(t, tried[true])
}

// Rot that is found by a read is an error, never wrong bytes.
func TestReadVerifies(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, Options{SegmentBytes: 64 << 10})
	rng := rand.New(rand.NewPCG(3, 3))
	want := []string{text(rng, 100), text(rng, 40<<10), text(rng, 100)}
	require.NoError(t, l.Append(records(0, want...)))
	name := testDir + "/" + segmentName(1)
	found := 0
	for at := sectorSize; at < 100*sectorSize; at += 61 {
		mem.Corrupt(name, func(b []byte) { b[at] ^= 1 })
		var r Records
		for after := range uint64(3) {
			err := l.Read(&r, after, 1)
			if err == nil {
				require.Equal(t, want[after], string(r.Data))
				continue
			}
			found++
			require.ErrorIs(t, err, ErrDamaged)
			require.Empty(t, r.Data)
		}
		mem.Corrupt(name, func(b []byte) { b[at] ^= 1 })
	}
	require.Greater(t, found, 100)
}
