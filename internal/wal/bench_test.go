package wal

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// BenchmarkAppend is the cost of a durable batch of one record, and of the plain
// positioned write and data sync of the same bytes that it cannot do without, in
// turns on the same disk. "x-floor" is the ratio of the two.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			fsys, dir := disk.OS{}, b.TempDir()
			l, _, err := Open(fsys, dir, Options{})
			require.NoError(b, err)
			require.NoError(b, l.Prepare())
			plain, err := fsys.Create(dir + "/plain")
			require.NoError(b, err)
			require.NoError(b, plain.Preallocate(DefaultSegmentBytes))
			require.NoError(b, plain.Sync())
			data := make([]byte, size)
			batch := Batch{Lengths: []uint32{uint32(size)}, Data: [][]byte{data}}
			var at int64
			var ours, floor stopwatch
			for b.Loop() {
				batch.First++
				ours.start()
				err := l.Append(batch)
				ours.stop()
				if err != nil {
					b.Fatal(err)
				}
				floor.start()
				_, err = plain.WriteAt(data, at)
				if err == nil {
					err = plain.Sync()
				}
				floor.stop()
				if err != nil {
					b.Fatal(err)
				}
				if at += (int64(size) + sectorSize - 1) / sectorSize * sectorSize; at+int64(size) > DefaultSegmentBytes {
					at = 0
				}
				if l.NeedsPrepare() {
					if err := l.Prepare(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(ours.total)/float64(b.N), "ns/append")
			b.ReportMetric(float64(floor.total)/float64(b.N), "ns/floor")
			b.ReportMetric(float64(ours.total)/float64(floor.total), "x-floor")
			require.NoError(b, plain.Close())
			require.NoError(b, l.Close())
		})
	}
}

// BenchmarkEncode is the work of Append without the disk.
func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{1, 128, 1024} {
		b.Run(fmt.Sprintf("%dx100", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(100 * n))
			batch := Batch{Lengths: make([]uint32, n), Data: [][]byte{make([]byte, 100*n)}}
			for i := range batch.Lengths {
				batch.Lengths[i] = 100
			}
			h := header{seq: 1, segment: 2, count: uint32(n), dataLen: uint32(100 * n)}
			var e encoder
			for b.Loop() {
				e.encode(&h, 1, nil, &batch)
			}
		})
	}
}
