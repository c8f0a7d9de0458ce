package wal

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// images are what may be found after a crash. The last one tears a sector, which no
// disk is supposed to do.
func images(pending int) []disk.Image {
	all := []disk.Image{disk.KeepNothing, disk.KeepAll, disk.KeepMetadata, disk.KeepData}
	for n := 1; n < pending; n++ {
		all = append(all, disk.KeepFirst(n))
	}
	for seed := range uint64(6) {
		all = append(all, disk.KeepSome(seed))
	}
	return append(all, disk.GarbleLast)
}

// crasher runs a script and crashes it before every operation of its disk.
type crasher struct {
	t     *testing.T
	mem   *disk.Mem
	acked model
	next  *model // what is being appended

	// Open writes the last batch again. A sector that tears then, which no disk is
	// supposed to do, damages what was durable.
	opening bool
	history map[string]bool // all that the log ever was

	recoveries, damaged, torn, nested int
}

// recovered opens what a crash left and requires all that was acknowledged, whole
// batches only, and that a second Open finds the same.
func (c *crasher) recovered(mem *disk.Mem, garbled bool, where string) (model, bool) {
	c.recoveries++
	l, rec, err := Open(mem, testDir, testOptions(99))
	require.NoError(c.t, err, where)
	if rec.Damage != nil && garbled {
		c.damaged++
	} else {
		require.Nil(c.t, rec.Damage, where)
	}
	if rec.Torn > 0 {
		c.torn++
	}
	got, err := dump(l, &rec)
	require.NoError(c.t, err, where)
	if c.opening && rec.Damage != nil {
		require.Contains(c.t, c.history, got.String(), where)
	} else if c.next == nil || got.String() != c.next.String() {
		require.Equal(c.t, c.acked.String(), got.String(), where)
	}
	return got, rec.Damage != nil
}

func (c *crasher) crash(op disk.Op) disk.Fault {
	all := images(c.mem.Pending())
	for i, image := range all {
		where := fmt.Sprintf("operation %d (kind %d on %s), image %d", op.N, op.Kind, op.Name, i)
		garbled := i == len(all)-1
		after := c.mem.Crash(image)
		again := after.Clone()
		got, damaged := c.recovered(after, garbled, where)
		if damaged {
			continue
		}
		if (op.N+i)%9 == 0 {
			c.crashAgain(again, got, where)
		}
		// It goes on from there, and what it recovered is durable already.
		found := after.Crash(disk.KeepNothing)
		l, rec, err := Open(found, testDir, testOptions(98))
		require.NoError(c.t, err, where)
		require.Nil(c.t, rec.Damage, where)
		b := records(rec.Last, "and on")
		require.NoError(c.t, l.Append(b), where)
		l, rec, err = Open(found.Crash(disk.KeepNothing), testDir, testOptions(97))
		require.NoError(c.t, err, where)
		require.Nil(c.t, rec.Damage, where)
		final, err := dump(l, &rec)
		require.NoError(c.t, err, where)
		require.Equal(c.t, got.after(&b).String(), final.String(), where)
	}
	return disk.Fault{}
}

// crashAgain crashes the recovery too, before every one of its operations.
func (c *crasher) crashAgain(mem *disk.Mem, want model, where string) {
	mem.SetHook(func(op disk.Op) disk.Fault {
		for i, image := range []disk.Image{disk.KeepNothing, disk.KeepMetadata, disk.KeepSome(uint64(op.N)), disk.KeepSome(uint64(op.N) + 1)} {
			if op.Kind == disk.OpRead || op.Kind == disk.OpOpen || op.Kind == disk.OpList {
				break
			}
			c.nested++
			l, rec, err := Open(mem.Crash(image), testDir, testOptions(96))
			require.NoError(c.t, err)
			require.Nil(c.t, rec.Damage, "%s, then operation %d of recovery, image %d", where, op.N, i)
			got, err := dump(l, &rec)
			require.NoError(c.t, err)
			require.Equal(c.t, want.String(), got.String(), "%s, then operation %d of recovery, image %d", where, op.N, i)
		}
		return disk.Fault{}
	})
	_, _, err := Open(mem, testDir, testOptions(95))
	require.NoError(c.t, err, where)
}

func (c *crasher) reopen(opts Options) *Log {
	c.opening = true
	defer func() { c.opening = false }()
	l, _ := mustOpen(c.t, c.mem, opts)
	return l
}

// Every disk operation of a script as a crash point, under every image: whatever was
// acknowledged is there, a batch is there whole or not at all, and a crash is never
// taken for damage.
func TestEveryCrashPoint(t *testing.T) {
	seeds := uint64(2)
	if underRace {
		seeds = 1
	}
	for seed := range seeds {
		c := &crasher{t: t, mem: newMem(t), history: map[string]bool{model{}.String(): true}}
		c.mem.SetHook(c.crash)
		rng := rand.New(rand.NewPCG(seed, 4))
		opts := testOptions(seed)
		l, _ := mustOpen(t, c.mem, opts)
		for i := range 30 {
			b := randomBatch(rng, &c.acked)
			b.Essential = i%3 == 0
			next := c.acked.after(&b)
			c.next = &next
			require.NoError(t, l.Append(b))
			c.acked, c.next = next, nil
			c.history[next.String()] = true
			switch rng.IntN(6) {
			case 0, 1:
				require.NoError(t, l.Prepare())
			case 2:
				require.NoError(t, l.Close())
				l = c.reopen(opts)
			case 3: // the process dies and starts again
				l = c.reopen(opts)
			}
		}
		c.crash(disk.Op{})
		t.Logf("seed %d: %d operations, %d recoveries, %d of them of a torn batch, %d of a garbled sector, %d crashes in recovery",
			seed, c.mem.Ops(), c.recoveries, c.torn, c.damaged, c.nested)
		require.Greater(t, c.recoveries, 1000)
		require.NotZero(t, c.torn)
		require.NotZero(t, c.damaged)
		require.NotZero(t, c.nested)
	}
}

// died runs what a process does until an operation of its disk, where it dies.
func died(mem *disk.Mem, at int, do func()) (whole bool) {
	before := mem.Ops()
	mem.SetHook(func(op disk.Op) disk.Fault {
		if op.N-before == at {
			panic(at)
		}
		return disk.Fault{}
	})
	defer func() {
		mem.SetHook(nil)
		whole = recover() == nil
	}()
	do()
	return true
}

// A process dies in the middle of recovery, and in the recovery of the next one power is
// lost: what the first did to names may be lost, and what the second did not.
func TestPowerIsLostAfterAProcessDiedInRecovery(t *testing.T) {
	mem := newMem(t)
	l, _ := mustOpen(t, mem, testOptions(1))
	b := records(0, strings.Repeat("x", testOptions(1).SegmentBytes/2), "two")
	require.NoError(t, l.Append(b))
	require.NoError(t, l.Prepare())
	require.Len(t, segmentsOf(t, mem), 3, "two of them prepared")
	want := model{}.after(&b).String()
	crashes := 0
	for first, whole := 1, false; !whole; first++ {
		left := mem.Clone()
		whole = died(left, first, func() { mustOpen(t, left, testOptions(2)) })
		for second, whole := 1, false; !whole; second++ {
			again := left.Clone()
			whole = died(again, second, func() { mustOpen(t, again, testOptions(3)) })
			all := images(again.Pending())
			for i, image := range all[:len(all)-1] {
				where := fmt.Sprintf("operation %d, then %d, image %d", first, second, i)
				l, rec, err := Open(again.Crash(image), testDir, testOptions(4))
				require.NoError(t, err, where)
				require.Nil(t, rec.Damage, where)
				got, err := dump(l, &rec)
				require.NoError(t, err, where)
				require.Equal(t, want, got.String(), where)
				crashes++
			}
		}
	}
	t.Logf("%d crashes", crashes)
}
