package dirstore_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/dirstore"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab"
	"github.com/zabtree/zabtree/zab/zabtest"
)

var _ zab.Storage = (*dirstore.Store)(nil)

// A store keeps the contract of zab.Storage as zab.OpenDir has it, on the machine's
// files beside a goroutine, and as a simulator does, in memory without one.
func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		fsys       disk.FS
		background func(func())
	}{
		"machine": {disk.OS{}, func(f func()) { go f() }},
		"memory":  {disk.NewMem(), func(f func()) { f() }},
	} {
		t.Run(name, func(t *testing.T) {
			zabtest.TestStorage(t, func(t *testing.T, dir string) zab.Storage {
				s, err := dirstore.Open(c.fsys, dir, dirstore.Options{SegmentBytes: 64 << 10, NewID: rand.Uint64}, c.background)
				require.NoError(t, err)
				return s
			})
		})
	}
}
