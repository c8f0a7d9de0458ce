package dirstore

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

// BenchmarkAppend is a durable batch of 128 entries of 100 bytes, encoded
// before. What it costs without the disk is in ns/op of "mem".
func BenchmarkAppend(b *testing.B) {
	for name, fsys := range map[string]disk.FS{"os": disk.OS{}, "mem": disk.NewMem()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s, err := Open(fsys, b.TempDir(), Options{NewID: rand.Uint64}, atOnce)
			require.NoError(b, err)
			_, err = s.Load()
			require.NoError(b, err)
			for b.Loop() {
				b.StopTimer()
				es, raw := testEntries(s.last, 1, 128, 100)
				b.StartTimer()
				if err := s.Append(protocol.Batch{Entries: es, Raw: raw}); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, s.Close())
		})
	}
}
