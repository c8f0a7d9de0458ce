package zab

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
)

// counter is the cheapest state machine.
type counter struct{ machine }

func (c *counter) Apply(entries []Entry, results []any) {}

func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{1, 128, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkPropose(b, n) })
	}
}

func benchmarkPropose(b *testing.B, inflight int) {
	net := transport.NewMemory(transport.MemoryOptions{})
	members := Membership{{ID: 1}, {ID: 2}, {ID: 3}}
	var replicas []*Replica
	for id := uint64(1); id <= 3; id++ {
		r, err := Start(b.Context(), Config{ID: id, Members: members, Transport: net.Endpoint(id), Storage: newNullDisk(), StateMachine: &counter{}})
		require.NoError(b, err)
		defer r.Close()
		replicas = append(replicas, r)
	}
	var leader *Replica
	for _, r := range replicas {
		require.NoError(b, r.Ready(b.Context()))
		if s, _ := r.Status(); s.Leading() {
			leader = r
		}
	}
	cmd := make([]byte, 100)
	room := make(chan struct{}, inflight)
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		room <- struct{}{}
		wg.Add(1)
		leader.SubmitFunc(cmd, func(_ Result, err error) {
			if err != nil {
				b.Error(err)
			}
			<-room
			wg.Done()
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// nullDisk keeps nothing but what is needed to answer.
type nullDisk struct{ *diskLife }

func newNullDisk() Storage { return nullDisk{newDisk().use().(*diskLife)} }

func (d nullDisk) Append(b Batch) error { return nil }

// BenchmarkIdle is half an hour of fake time in which nothing happens.
func BenchmarkIdle(b *testing.B) {
	idle := func(t *testing.T) {
		e := newEnsemble(t, 3)
		e.startAll()
		e.ready(1, 2, 3)
		time.Sleep(30 * time.Minute)
	}
	for range b.N {
		all := func(_, _ string) (bool, error) { return true, nil }
		testing.RunTests(all, []testing.InternalTest{{Name: "idle", F: func(t *testing.T) { synctest.Test(t, idle) }}})
	}
}
