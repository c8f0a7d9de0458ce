//go:build !race

package tree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllocations holds apply to what it keeps: of a write the znode, its data
// and its result, and of a batch a few more. Reading a view takes nothing.
func TestAllocations(t *testing.T) {
	s, w, paths := benchState(t, 1000, 1)
	data := make([]byte, 100)
	const rounds, batch = 10, 100
	var batches [][]Entry
	for range rounds + 1 {
		var entries []Entry
		for i := range batch {
			entries = append(entries, w.write(1, Set{Path: paths[i*7], Data: data}))
		}
		batches = append(batches, entries)
	}
	round := 0
	perBatch := testing.AllocsPerRun(rounds, func() {
		if _, _, err := s.Apply(batches[round]); err != nil {
			t.Fatal(err)
		}
		round++
	})
	require.LessOrEqual(t, perBatch, 4.0*batch)

	v := s.View()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, _, err := v.Get(paths[5]); err != nil {
			t.Fatal(err)
		}
	}))
	repeat := batches[rounds][batch-1:]
	repeat[0].Zxid++
	require.LessOrEqual(t, testing.AllocsPerRun(1, func() {
		if _, _, err := s.Apply(repeat); err != nil {
			t.Fatal(err)
		}
		repeat[0].Zxid++
	}), 3.0, "a repeated write makes nothing but its outcome and a view")
	op := Op(Create{Path: "/some/path/of/usual/length", Data: data})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := Validate(op, Limits{}); err != nil {
			t.Fatal(err)
		}
	}))
}
