package tree

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestRanges: pages of children, descendants and ephemerals with a prefix, against
// all paths. The names sort on either side of the slash.
func TestRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, w := New(Settings{}), newWriter()
		entries := []Entry{w.session(), w.session()}
		name := rapid.SampledFrom([]string{"a", "a!", "a0", "b", "a.x", "ü"})
		for range rapid.IntRange(0, 30).Draw(t, "creates") {
			op := Create{}
			for range rapid.IntRange(1, 3).Draw(t, "depth") {
				op.Path += "/" + name.Draw(t, "name")
			}
			op.Mode = rapid.SampledFrom([]Mode{Persistent, Ephemeral}).Draw(t, "mode")
			entries = append(entries, w.write(1+int64(len(entries)%2), op))
		}
		_, _, err := s.Apply(entries)
		require.NoError(t, err)
		v := s.View()
		var all []string
		for z := range v.WalkNodes("/") {
			all = append(all, z.Path())
		}
		for _, path := range append(all, "/none", "/a/", "") {
			want := 0
			if v.Lookup(path) != nil {
				for _, p := range all {
					if p != path && strings.HasPrefix(p, strings.TrimSuffix(path, "/")+"/") {
						want++
					}
				}
			}
			require.Equal(t, want, v.Descendants(path), path)
			children := slices.Collect(v.Children(path))
			for _, after := range []string{"", "a", "a!", "a/", "b", "zz"} {
				want := slices.DeleteFunc(slices.Clone(children), func(name string) bool { return name <= after })
				require.Equal(t, fmt.Sprint(want), fmt.Sprint(slices.Collect(v.ChildrenAfter(path, after))), "%s after %s", path, after)
			}
		}
		for _, session := range []int64{1, 2, 3} {
			owned := slices.Collect(v.Ephemerals(session))
			for _, prefix := range []string{"", "/", "/a", "/a/", "/b/a", "x"} {
				want := slices.DeleteFunc(slices.Clone(owned), func(path string) bool { return !strings.HasPrefix(path, prefix) })
				require.Equal(t, fmt.Sprint(want), fmt.Sprint(slices.Collect(v.EphemeralsWith(session, prefix))))
			}
		}
		for range v.ChildrenAfter("/", "") {
			break
		}
	})
}
