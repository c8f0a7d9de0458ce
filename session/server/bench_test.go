package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/sessiontest"
	"github.com/zabtree/zabtree/tree"
)

// BenchmarkWrites measures writes of 100 bytes through sessions at three replicas
// in memory, so many in flight in all.
func BenchmarkWrites(b *testing.B) {
	for _, inflight := range []int{1, 128, 1024} {
		for _, sessions := range []int{1, 3} {
			b.Run(fmt.Sprintf("inflight=%d/sessions=%d", inflight, sessions), func(b *testing.B) {
				benchmarkWrites(b, inflight, sessions)
			})
		}
	}
}

func benchmarkWrites(b *testing.B, inflight, sessions int) {
	ctx := context.Background()
	e := sessiontest.Start(b, sessiontest.Options{})
	var open []*session.Session
	for i := range sessions {
		s := e.Session(i%3 + 1)
		if _, err := s.Create(ctx, fmt.Sprintf("/n%d", i), nil, tree.Persistent); err != nil {
			b.Fatal(err)
		}
		open = append(open, s)
	}
	data := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range inflight {
		wg.Go(func() {
			i := w % sessions
			path := fmt.Sprintf("/n%d", i)
			for range b.N / inflight {
				if _, err := open[i].Set(ctx, path, data, tree.Cond{}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N/inflight*inflight)/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkReads measures reads of 100 bytes by a session, by so many goroutines.
func BenchmarkReads(b *testing.B) {
	ctx := context.Background()
	e := sessiontest.Start(b, sessiontest.Options{})
	s := e.Session(1)
	if _, err := s.Create(ctx, "/n", make([]byte, 100), tree.Persistent); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Get(ctx, "/n"); err != nil {
			b.Fatal(err)
		}
	}
}
