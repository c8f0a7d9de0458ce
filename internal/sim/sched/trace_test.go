package sched_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

func TestTraceHash(t *testing.T) {
	hash := func(notes ...[]uint64) uint64 {
		var tr sched.Trace
		for _, n := range notes {
			tr.Note(int64(n[0]), sched.Mark(n[1]), n[2:]...)
		}
		return tr.Hash()
	}
	base := hash([]uint64{5, 1, 7, 8}, []uint64{6, 2})
	require.Equal(t, base, hash([]uint64{5, 1, 7, 8}, []uint64{6, 2}))
	seen := map[uint64]bool{base: true}
	for _, other := range [][][]uint64{
		{{5, 1, 8, 7}, {6, 2}},                      // order of values
		{{5, 1, 7, 8}, {6, 3}},                      // kind
		{{4, 1, 7, 8}, {6, 2}},                      // time
		{{6, 2}, {5, 1, 7, 8}},                      // order of notes
		{{5, 1, 7, 8}},                              // one less
		{{5, 1, 7, 8, 0}, {6, 2}},                   // a zero more
		{{5, 1, 7, 8}, {6, 2, 0}},                   //
		{{5, 1, 7}, {8, 6, 2}},                      // where one ends
		{{5, 1, 7, 8}, {6, 2, 0, 0, 0, 0, 0, 0, 1}}, // more values than are shown
		{{5, 1, 7, 8}, {6, 2, 0, 0, 0, 0, 0, 0, 2}},
	} {
		h := hash(other...)
		require.False(t, seen[h], "%v", other)
		seen[h] = true
	}
}

// The hash does not depend on how much is remembered, nor on remarks.
func TestTraceHashIsOfNotesOnly(t *testing.T) {
	var a sched.Trace
	b := sched.NewTrace(3)
	b.Define(1, "%d")
	for i := range uint64(10) {
		a.Note(int64(i), 1, i)
		b.Note(int64(i), 1, i)
		b.Remark(int64(i), "so %d", i)
	}
	require.Equal(t, a.Hash(), b.Hash())
	require.Empty(t, a.Lines())
	var none *sched.Trace
	none.Note(1, 1)
	none.Remark(1, "")
}

func TestTimeline(t *testing.T) {
	tr := sched.NewTrace(3)
	tr.Define(1, "deliver %d to %d")
	require.Empty(t, tr.Lines())
	tr.Note(1, 1, 10, 20)
	require.Len(t, tr.Lines(), 1)
	tr.Note(2, 1, 11, 21)
	tr.Remark(3_500_000, "leader %s of epoch %d", "A", 4)
	tr.Note(1_000_000_007, 9, 1, 2, 3, 4, 5, 6, 7)
	require.Equal(t, []string{
		"           0.000002 ms  deliver 11 to 21",
		"           3.500000 ms  leader A of epoch 4",
		"        1000.000007 ms  mark 9 [1 2 3 4 5 6]",
	}, tr.Lines())
	var out bytes.Buffer
	n, err := tr.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), n)
	require.Equal(t, 3, strings.Count(out.String(), "\n"))
}

func TestNoteDoesNotAllocate(t *testing.T) {
	tr := sched.NewTrace(10)
	require.Zero(t, testing.AllocsPerRun(100, func() { tr.Note(1, 2, 3, 4, 5) }))
}

func BenchmarkNote(b *testing.B) {
	tr := sched.NewTrace(60)
	for i := range b.N {
		tr.Note(int64(i), 1, 2, 3, 4)
	}
}
