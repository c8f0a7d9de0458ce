package watch

import (
	"context"
	"fmt"
	"testing"

	"github.com/zabtree/zabtree/tree"
)

// BenchmarkDispatch is one change among 100 000 watches elsewhere, with no watch
// on its path and with one, and with and without a recursive watch somewhere.
func BenchmarkDispatch(b *testing.B) {
	for _, recursive := range []bool{false, true} {
		for _, hit := range []bool{false, true} {
			b.Run(fmt.Sprintf("recursive=%v/hit=%v", recursive, hit), func(b *testing.B) {
				table := tableOf(b)
				for i := range 100_000 {
					w := Watch{int64(i % 1000), uint64(i), fmt.Sprintf("/services/s%d/instances/i%d", i%100, i), Persistent}
					if err := table.Register(w); err != nil {
						b.Fatal(err)
					}
				}
				if recursive {
					if err := table.Register(Watch{1, 1 << 40, "/services/other", PersistentRecursive}); err != nil {
						b.Fatal(err)
					}
				}
				changes := []tree.Change{{Zxid: 1, Kind: tree.DataSet, Path: "/services/s5/instances/x"}}
				if hit {
					changes[0].Path = "/services/s5/instances/i5"
				}
				var dst []Delivery
				b.ReportAllocs()
				for b.Loop() {
					dst = table.Dispatch(dst[:0], changes, nil)
				}
				if (len(dst) == 1) != hit {
					b.Fatal(dst)
				}
			})
		}
	}
}

// BenchmarkFanOut is one change delivered to 100 000 watches.
func BenchmarkFanOut(b *testing.B) {
	table := tableOf(b)
	for i := range 100_000 {
		if err := table.Register(Watch{int64(i), 1, "/hot", Persistent}); err != nil {
			b.Fatal(err)
		}
	}
	changes := []tree.Change{{Zxid: 1, Kind: tree.DataSet, Path: "/hot"}}
	var dst []Delivery
	b.ReportAllocs()
	for b.Loop() {
		dst = table.Dispatch(dst[:0], changes, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(dst)), "ns/delivery")
}

// BenchmarkOneShot is a watch registered, fired and gone.
func BenchmarkOneShot(b *testing.B) {
	table := tableOf(b)
	changes := []tree.Change{{Zxid: 1, Kind: tree.DataSet, Path: "/a"}}
	var dst []Delivery
	b.ReportAllocs()
	for b.Loop() {
		if err := table.Register(Watch{1, 1, "/a", Data}); err != nil {
			b.Fatal(err)
		}
		dst = table.Dispatch(dst[:0], changes, nil)
	}
}

func BenchmarkHistoryAppend(b *testing.B) {
	h, err := NewHistory(HistoryConfig{MaxChanges: 1 << 14}, 0)
	if err != nil {
		b.Fatal(err)
	}
	changes := []tree.Change{{Kind: tree.DataSet, Path: "/services/s5/instances/x"}}
	b.ReportAllocs()
	for b.Loop() {
		changes[0].Zxid = h.Last() + 1
		if err := h.Append(h.Last(), h.Last()+1, changes); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkResume is a session that comes back with 1000 watches after missing
// 10 000 changes.
func BenchmarkResume(b *testing.B) {
	h, err := NewHistory(HistoryConfig{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for z := int64(1); z <= 10_000; z++ {
		c := tree.Change{Zxid: z, Kind: tree.DataSet, Path: fmt.Sprintf("/services/s%d/instances/i%d", z%100, z)}
		if err := h.Append(z-1, z, []tree.Change{c}); err != nil {
			b.Fatal(err)
		}
	}
	var ws []Watch
	for i := range 1000 {
		ws = append(ws, Watch{1, uint64(i), fmt.Sprintf("/services/s%d/instances/i%d", i%100, i*10), Persistent})
	}
	var dst []Delivery
	b.ReportAllocs()
	for b.Loop() {
		table := tableOf(b)
		if dst, err = table.Resume(dst[:0], h, Resumption{Watches: ws}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	s, w := pipe(b, StreamConfig{})
	ctx := context.Background()
	ev := at(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Push(ev...)
		if _, err := w.Next(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamAcrossGoroutines(b *testing.B) {
	s, w := pipe(b, StreamConfig{MaxEvents: 1 << 10})
	n := b.N
	done := make(chan struct{})
	room := make(chan struct{}, 1<<9)
	go func() {
		defer close(done)
		for range n {
			if _, err := w.Next(context.Background()); err != nil {
				b.Error(err)
				return
			}
			<-room
		}
	}()
	ev := at(1)
	b.ReportAllocs()
	for range n {
		room <- struct{}{}
		s.Push(ev...)
	}
	<-done
}
