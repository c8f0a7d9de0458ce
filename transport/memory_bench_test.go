package transport_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
)

// heartbeats lets three replicas send heartbeats to each other every 100 ms of
// fake time, each of which is answered.
func heartbeats(t testing.TB, length, delay time.Duration) {
	ctx := context.Background() // that of a benchmark is not of the bubble
	m := transport.NewMemory(transport.MemoryOptions{})
	m.Delay(transport.AnyID, transport.AnyID, delay, 0)
	var all []transport.Transport
	for id := range uint64(3) {
		all = append(all, m.Endpoint(id+1))
	}
	var group sync.WaitGroup
	answer := func(c transport.Conn) {
		for {
			f, err := c.Recv()
			if err != nil {
				return
			}
			if c.Send(f) != nil {
				return
			}
		}
	}
	beats := int(length / (100 * time.Millisecond))
	var beaters sync.WaitGroup
	for i, from := range all {
		for j := range all {
			if i == j {
				continue
			}
			c, err := from.Dial(ctx, transport.Endpoint{ID: uint64(j + 1)})
			require.NoError(t, err)
			d, err := all[j].Accept(ctx)
			require.NoError(t, err)
			group.Go(func() { answer(d) })
			beaters.Go(func() {
				tick := time.NewTicker(100 * time.Millisecond)
				defer tick.Stop()
				for n := range beats {
					<-tick.C
					if c.Send(fmt.Appendf(nil, "heartbeat %d", n)) != nil {
						t.Error("Send failed")
					}
					if f, err := c.Recv(); err != nil || string(f) != fmt.Sprintf("heartbeat %d", n) {
						t.Errorf("answer %q, %v", f, err)
					}
				}
			})
		}
	}
	beaters.Wait()
	for _, e := range all {
		require.NoError(t, e.Close())
	}
	group.Wait()
}

// BenchmarkMemoryHeartbeats: one operation is half an hour of fake time.
func BenchmarkMemoryHeartbeats(b *testing.B) {
	for _, delay := range []time.Duration{0, 3 * time.Millisecond} {
		b.Run("delay="+delay.String(), func(b *testing.B) {
			for range b.N {
				synctest.Test(new(testing.T), func(*testing.T) { heartbeats(b, 30*time.Minute, delay) })
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		for _, batch := range []int{1, 16} {
			b.Run(fmt.Sprintf("size=%d/batch=%d", size, batch), func(b *testing.B) {
				m := transport.NewMemory(transport.MemoryOptions{})
				x, y := m.Endpoint(1), m.Endpoint(2)
				defer x.Close()
				defer y.Close()
				c, err := x.Dial(b.Context(), transport.Endpoint{ID: 2})
				require.NoError(b, err)
				d, err := y.Accept(b.Context())
				require.NoError(b, err)
				frames := make([][]byte, batch)
				for i := range frames {
					frames[i] = make([]byte, size)
				}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				go func() {
					for sent := 0; sent < b.N; sent += batch {
						if c.Send(frames...) != nil {
							return
						}
					}
				}()
				b.ResetTimer()
				for range b.N {
					if _, err := d.Recv(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
