package zab

import (
	"testing"

	"github.com/stretchr/testify/require"

	files "github.com/zabtree/zabtree/internal/disk"
)

// BenchmarkDirAppend is a durable batch of 128 entries of 100 bytes, encoded
// before. What it costs without the disk is in ns/op of "mem".
func BenchmarkDirAppend(b *testing.B) {
	for name, fsys := range map[string]files.FS{"os": files.OS{}, "mem": files.NewMem()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			s, err := openDir(fsys, b.TempDir(), DirOptions{}, func(f func()) { f() })
			require.NoError(b, err)
			_, err = s.Load()
			require.NoError(b, err)
			for b.Loop() {
				b.StopTimer()
				es, raw := testEntries(s.last, 1, 128, 100)
				b.StartTimer()
				if err := s.Append(Batch{Entries: es, Raw: raw}); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, s.Close())
		})
	}
}
