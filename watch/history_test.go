package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/tree"
)

// TestHistoryAgainstModel: after random appends and gaps the history holds all of
// (Floor, Last], stays within its bounds, and has let go of no more than it had to.
func TestHistoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := HistoryConfig{
			MaxChanges: rapid.SampledFrom([]int{1, 2, 7, 100, 300}).Draw(t, "changes"),
			MaxBytes:   rapid.SampledFrom([]int64{0, 600, 10_000}).Draw(t, "bytes"),
		}
		h, err := NewHistory(config, 3)
		require.NoError(t, err)
		var all []tree.Change // since the last gap
		start, last, serial := int64(3), int64(3), 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				through := last + rapid.Int64Range(0, 5).Draw(t, "entries")
				var changes []tree.Change
				for z := last + 1; z <= through; z++ {
					for range rapid.IntRange(0, 6).Draw(t, "changes") {
						serial++
						path := fmt.Sprintf("/%d-%s", serial, strings.Repeat("x", rapid.IntRange(0, 120).Draw(t, "path")))
						changes = append(changes, tree.Change{Zxid: z, Kind: tree.DataSet, Path: path})
					}
				}
				require.NoError(t, h.Append(last, through, changes))
				all, last = append(all, changes...), through
				clear(changes) // the slice is not kept
			},
			"snapshot": func(t *rapid.T) {
				last += rapid.Int64Range(0, 5).Draw(t, "ahead")
				if start, all = last, nil; rapid.Bool().Draw(t, "by append") {
					last += 2
					start = last
					require.NoError(t, h.Append(last, last, nil))
					return
				}
				require.NoError(t, h.Gap(last))
			},
			"refused": func(t *rapid.T) {
				bad := tree.Change{Zxid: last + 1, Path: "/bad"}
				require.ErrorIs(t, h.Append(last-1, last, nil), ErrOrder)
				require.ErrorIs(t, h.Append(last, last-1, nil), ErrOrder)
				require.ErrorIs(t, h.Append(last, last, []tree.Change{bad}), ErrOrder)
				require.ErrorIs(t, h.Append(last+1, last+2, []tree.Change{bad}), ErrOrder)
				require.ErrorIs(t, h.Append(last, last+3, []tree.Change{{Zxid: last + 2}, bad}), ErrOrder)
				require.ErrorIs(t, h.Gap(last-1), ErrOrder)
			},
			"": func(t *rapid.T) { requireKept(t, h, all, start, last) },
		})
	})
}

func requireKept(t *rapid.T, h *History, all []tree.Change, start, last int64) {
	require.Equal(t, last, h.Last())
	require.LessOrEqual(t, h.Len(), h.config.MaxChanges)
	require.LessOrEqual(t, h.Bytes(), h.config.MaxBytes)
	var bytes int64
	for _, c := range all[len(all)-h.Len():] {
		bytes += costOf(&c)
	}
	require.Equal(t, bytes, h.Bytes())
	if evicted := len(all) - h.Len(); evicted == 0 {
		require.Equal(t, start, h.Floor())
	} else {
		c := all[evicted-1]
		require.Equal(t, c.Zxid, h.Floor())
		require.True(t, h.Len() == h.config.MaxChanges || bytes+costOf(&c) > h.config.MaxBytes, "evicted too much")
	}
	for r := start - 1; r <= last; r++ {
		got, err := h.Since(r)
		if r < h.Floor() {
			require.ErrorIs(t, err, ErrGone)
			continue
		}
		require.NoError(t, err)
		want := slices.DeleteFunc(slices.Clone(all), func(c tree.Change) bool { return c.Zxid <= r })
		require.True(t, slices.Equal(want, slices.Collect(got)), "since %d", r)
	}
	_, err := h.Since(last + 1)
	require.ErrorIs(t, err, ErrAhead)
}

func TestHistoryConfig(t *testing.T) {
	_, err := NewHistory(HistoryConfig{MaxChanges: -1, MaxBytes: -1}, 0)
	require.ErrorContains(t, err, "MaxChanges")
	require.ErrorContains(t, err, "MaxBytes")
	require.Equal(t, HistoryConfig{MaxChanges: 1 << 18, MaxBytes: 64 << 20}, HistoryConfig{}.withDefaults())
	h, err := NewHistory(HistoryConfig{MaxChanges: math.MaxInt, MaxBytes: math.MaxInt64}, 0)
	require.NoError(t, err)
	for z := int64(1); z < 1000; z++ {
		require.NoError(t, h.Append(z-1, z, []tree.Change{{Zxid: z, Path: "/"}}))
	}
	require.Equal(t, 999, h.Len())
}

// TestHistoryLetsGo: what is evicted or lies before a gap is not kept alive.
func TestHistoryLetsGo(t *testing.T) {
	h, err := NewHistory(HistoryConfig{MaxChanges: 4}, 0)
	require.NoError(t, err)
	for z := int64(1); z <= 10; z++ {
		require.NoError(t, h.Append(z-1, z, []tree.Change{{Zxid: z, Path: "/", After: new(tree.Znode)}}))
	}
	require.Len(t, h.changes, 4)

	large, err := NewHistory(HistoryConfig{MaxBytes: 2 * changeOverhead}, 0)
	require.NoError(t, err)
	for z := int64(1); z <= 3; z++ {
		require.NoError(t, large.Append(z-1, z, []tree.Change{{Zxid: z, Path: "/" + strings.Repeat("x", changeOverhead/2)}}))
	}
	require.Equal(t, 1, large.Len())
	require.Empty(t, slices.DeleteFunc(large.changes, func(c tree.Change) bool { return c.Zxid == 0 })[1:])
	require.NoError(t, h.Gap(10))
	require.Equal(t, make([]tree.Change, 4), h.changes)
	require.Zero(t, h.Bytes())
}
