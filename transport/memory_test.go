package transport_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/zabtest"
)

func memoryPair(o transport.MemoryOptions, faults func(*transport.Memory)) zabtest.MakeTransports {
	return func(*testing.T) (a, b transport.Transport, toA, toB transport.Endpoint) {
		m := transport.NewMemory(o)
		if faults != nil {
			faults(m)
		}
		return m.Endpoint(1), m.Endpoint(2), transport.Endpoint{ID: 1}, transport.Endpoint{ID: 2}
	}
}

func TestMemoryConforms(t *testing.T) {
	zabtest.TestTransport(t, memoryPair(transport.MemoryOptions{MaxFrame: 1 << 20}, nil))
}

func TestMemoryConformsInBubble(t *testing.T) {
	zabtest.TestTransportInBubble(t, memoryPair(transport.MemoryOptions{MaxFrame: 1 << 20}, nil))
}

// A network that is slow, and has little room, is no less a network.
func TestSlowMemoryConformsInBubble(t *testing.T) {
	zabtest.TestTransportInBubble(t, memoryPair(transport.MemoryOptions{MaxFrame: 1 << 20, Buffer: 10_000},
		func(m *transport.Memory) {
			m.Delay(transport.AnyID, transport.AnyID, 3*time.Microsecond, 2*time.Microsecond)
			m.SlowReader(transport.AnyID, 4<<30)
		}))
}

// network is a Memory with connected replicas 1 and 2 in a bubble.
type network struct {
	*testing.T
	*transport.Memory
	a, b transport.Transport
	x, y transport.Conn // 1 dialed, 2 accepted
}

// bubble runs f on a network in fake time.
func bubble(t *testing.T, o transport.MemoryOptions, f func(n *network)) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{T: t, Memory: transport.NewMemory(o)}
		n.a, n.b = n.Endpoint(1), n.Endpoint(2)
		n.connect()
		defer n.b.Close()
		defer n.a.Close()
		f(n)
	})
}

func (n *network) connect() {
	n.Helper()
	var err error
	n.x, err = n.a.Dial(n.Context(), transport.Endpoint{ID: 2})
	require.NoError(n, err)
	n.y, err = n.b.Accept(n.Context())
	require.NoError(n, err)
}

func (n *network) send(c transport.Conn, frames ...string) {
	n.Helper()
	for _, f := range frames {
		require.NoError(n, c.Send([]byte(f)))
	}
}

// arrives checks that the next frames are these and that they come at a time
// after start, exactly.
func (n *network) arrives(c transport.Conn, start time.Time, after time.Duration, frames ...string) {
	n.Helper()
	for _, want := range frames {
		got, err := c.Recv()
		require.NoError(n, err)
		require.Equal(n, want, string(got))
	}
	require.Equal(n, after, time.Since(start))
}

// silence checks that nothing comes out of a Recv for an hour, and returns the
// result to come.
func (n *network) silence(c transport.Conn) <-chan string {
	n.Helper()
	result := make(chan string, 1)
	go func() {
		f, err := c.Recv()
		if err != nil {
			result <- "error: " + err.Error()
			return
		}
		result <- string(f)
	}()
	time.Sleep(time.Hour)
	require.Empty(n, result)
	return result
}

func TestMemoryDelayIsExact(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		n.Delay(1, 2, 30*time.Millisecond, 0)
		start := time.Now()
		n.send(n.x, "first")
		time.Sleep(10 * time.Millisecond)
		n.send(n.x, "second")
		n.arrives(n.y, start, 30*time.Millisecond, "first")
		n.arrives(n.y, start, 40*time.Millisecond, "second")

		n.send(n.y, "the other way is not delayed")
		n.arrives(n.x, start, 40*time.Millisecond, "the other way is not delayed")

		// A shorter delay overtakes nothing; without one, time is no matter again.
		n.send(n.x, "slow")
		n.Delay(1, 2, time.Millisecond, 0)
		n.send(n.x, "after slow")
		n.Delay(1, 2, 0, 0)
		n.send(n.x, "behind both")
		n.arrives(n.y, start, 70*time.Millisecond, "slow", "after slow", "behind both")
		n.send(n.x, "at once")
		n.arrives(n.y, start, 70*time.Millisecond, "at once")
	})
}

// A receiver that already waits must notice a delay that begins later, and the
// news of a close takes the same time as a frame.
func TestMemoryDelayOfACloseIsExact(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		start := time.Now()
		type end struct {
			err   error
			after time.Duration
		}
		ended := make(chan end, 2)
		go func() {
			_, err := n.y.Recv()
			ended <- end{err, time.Since(start)}
		}()
		go func() {
			var err error
			for err == nil { // until the buffer is full, and longer
				err = n.y.Send(make([]byte, 100_000))
			}
			ended <- end{err, time.Since(start)}
		}()
		synctest.Wait()
		n.Delay(1, 2, 5*time.Second, 0)
		require.NoError(n, n.x.Close())
		for range 2 {
			e := <-ended
			require.ErrorIs(n, e.err, transport.ErrBroken)
			require.Equal(n, 5*time.Second, e.after)
		}
	})
}

func TestMemoryDialTakesARoundTrip(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		n.Delay(1, 2, 30*time.Millisecond, 0)
		n.Delay(2, 1, 12*time.Millisecond, 0)
		start := time.Now()
		n.connect()
		require.Equal(n, 42*time.Millisecond, time.Since(start))

		ctx, cancel := context.WithTimeout(n.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := n.a.Dial(ctx, transport.Endpoint{ID: 2})
		require.ErrorIs(n, err, transport.ErrUnreachable)
		require.ErrorIs(n, err, context.DeadlineExceeded)
		require.Equal(n, 62*time.Millisecond, time.Since(start))
	})
}

// times returns when each of the frames arrives that are sent one a millisecond.
func times(t *testing.T, seed uint64, frames int) (at []time.Duration) {
	bubble(t, transport.MemoryOptions{Seed: seed}, func(n *network) {
		n.Delay(1, 2, 10*time.Millisecond, 5*time.Millisecond)
		start := time.Now()
		go func() {
			for i := range frames {
				n.send(n.x, fmt.Sprint(i))
				time.Sleep(time.Millisecond)
			}
		}()
		for i := range frames {
			f, err := n.y.Recv()
			require.NoError(n, err)
			require.Equal(n, fmt.Sprint(i), string(f))
			at = append(at, time.Since(start))
			took := at[i] - time.Duration(i)*time.Millisecond
			require.GreaterOrEqual(n, took, 10*time.Millisecond)
			require.Less(n, took, 15*time.Millisecond)
		}
	})
	return at
}

func TestMemoryJitterKeepsOrderAndIsSeeded(t *testing.T) {
	first := times(t, 7, 300)
	require.Equal(t, first, times(t, 7, 300))
	require.NotEqual(t, first, times(t, 8, 300))
}

func TestMemoryCutIsSilentOneWay(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		n.send(n.x, "arrived before")
		n.Delay(1, 2, time.Second, 0)
		n.send(n.x, "under way")
		n.Delay(1, 2, 0, 0)
		n.Cut(1, 2)
		n.send(n.x, "stalled")
		n.send(n.y, "the other way works")
		n.arrives(n.x, time.Now(), 0, "the other way works")
		n.arrives(n.y, time.Now(), 0, "arrived before")

		result := n.silence(n.y)
		n.Heal()
		start := time.Now()
		require.Equal(n, "under way", <-result)
		n.arrives(n.y, start, 0, "stalled")
	})
}

// A frame whose delay is not over when the cut heals arrives when it is.
func TestMemoryHealKeepsDelays(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		n.Delay(1, 2, 10*time.Second, 0)
		start := time.Now()
		n.send(n.x, "far away")
		n.Cut(1, 2)
		time.Sleep(4 * time.Second)
		n.Heal(2)
		n.arrives(n.y, start, 10*time.Second, "far away")
	})
}

// Behind a cut neither a close nor the death of a replica can be seen, and a
// sender without room waits for ever.
func TestMemoryCutHidesAClose(t *testing.T) {
	bubble(t, transport.MemoryOptions{Buffer: 1000}, func(n *network) {
		n.Isolate(1)
		n.send(n.x, "last words")
		require.NoError(n, n.a.Close())
		sent := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				err = n.y.Send(make([]byte, 100))
			}
			sent <- err
		}()
		result := n.silence(n.y)
		require.Empty(n, sent)

		n.Heal()
		require.Equal(n, "last words", <-result)
		require.ErrorIs(n, <-sent, transport.ErrBroken)
		_, err := n.y.Recv()
		require.ErrorIs(n, err, transport.ErrBroken)
	})
}

func TestMemoryDialWaitsForHeal(t *testing.T) {
	for name, fault := range map[string]func(m *transport.Memory){
		"cut there":      func(m *transport.Memory) { m.Cut(1, 2) },
		"cut back":       func(m *transport.Memory) { m.Cut(2, 1) },
		"cut from any":   func(m *transport.Memory) { m.Cut(transport.AnyID, 2) },
		"cut to any":     func(m *transport.Memory) { m.Cut(1, transport.AnyID) },
		"isolated":       func(m *transport.Memory) { m.Isolate(2) },
		"partitioned":    func(m *transport.Memory) { m.Partition([]uint64{1, 3}, []uint64{2}) },
		"in no group":    func(m *transport.Memory) { m.Partition([]uint64{1, 3}) },
		"empty endpoint": func(m *transport.Memory) { m.Cut(1, 2); m.Cut(2, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, transport.MemoryOptions{}, func(n *network) {
				fault(n.Memory)
				ctx, cancel := context.WithTimeout(n.Context(), time.Minute)
				defer cancel()
				_, err := n.a.Dial(ctx, transport.Endpoint{ID: 2})
				require.ErrorIs(n, err, transport.ErrUnreachable)
				require.ErrorIs(n, err, context.DeadlineExceeded)

				start := time.Now()
				time.AfterFunc(time.Hour, func() { n.Heal() })
				n.connect()
				require.Equal(n, time.Hour, time.Since(start))
			})
		})
	}
}

func TestMemoryPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := transport.NewMemory(transport.MemoryOptions{})
		var all []transport.Transport
		for id := range uint64(6) {
			all = append(all, m.Endpoint(id+1))
		}
		reach := func() (pairs []string) {
			for i, from := range all {
				for to := range all {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					if c, err := from.Dial(ctx, transport.Endpoint{ID: uint64(to + 1)}); err == nil {
						pairs = append(pairs, fmt.Sprintf("%d-%d", i+1, to+1))
						d, err := all[to].Accept(ctx)
						require.NoError(t, err)
						require.NoError(t, errors.Join(c.Close(), d.Close()))
					}
					cancel()
				}
			}
			return pairs
		}
		m.Partition([]uint64{1, 2}, []uint64{3})
		require.Equal(t, []string{"1-1", "1-2", "2-1", "2-2", "3-3",
			"4-4", "4-5", "4-6", "5-4", "5-5", "5-6", "6-4", "6-5", "6-6"}, reach())
		m.Partition([]uint64{1, 2, 3, 4, 5, 6})
		m.Isolate(6)
		m.Cut(1, 2)
		m.Heal(6)
		require.Len(t, reach(), 34)
		m.Partition()
		m.Heal(1)
		require.Len(t, reach(), 36)
		for _, e := range all {
			require.NoError(t, e.Close())
		}
	})
}

// What a partition divides stays isolated when the replica comes back as new.
func TestMemoryFaultsOutliveEndpoints(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		n.Isolate(2)
		require.NoError(n, n.b.Close())
		n.b = n.Endpoint(2)
		ctx, cancel := context.WithTimeout(n.Context(), time.Minute)
		defer cancel()
		_, err := n.a.Dial(ctx, transport.Endpoint{ID: 2})
		require.ErrorIs(n, err, context.DeadlineExceeded)
		n.Heal()
		old := n.x
		n.connect()
		n.send(n.x, "to the new one")
		n.arrives(n.y, time.Now(), 0, "to the new one")
		_, err = old.Recv()
		require.ErrorIs(n, err, transport.ErrBroken)
	})
}

func TestMemoryEndpointTakesOver(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		before := n.b
		n.b = n.Endpoint(2)
		_, err := before.Accept(n.Context())
		require.ErrorIs(n, err, transport.ErrClosed)
		_, err = n.y.Recv()
		require.ErrorIs(n, err, transport.ErrClosed)
		n.connect()
		require.Equal(n, "2", n.x.Remote())
		require.Equal(n, "1", n.y.Remote())
		require.Equal(n, "2", n.b.Addr())
	})
}

func TestMemoryBreak(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		waiting := make(chan error, 1)
		go func() { _, err := n.x.Recv(); waiting <- err }()
		n.send(n.x, "never received")
		n.Isolate(1)
		n.Break(2, 1)
		require.ErrorIs(n, <-waiting, transport.ErrBroken)
		_, err := n.y.Recv()
		require.ErrorIs(n, err, transport.ErrBroken)
		require.ErrorIs(n, n.x.Send(nil), transport.ErrBroken)
		require.ErrorIs(n, n.y.Send(nil), transport.ErrBroken)
		require.NoError(n, n.x.Close())
		_, err = n.x.Recv()
		require.ErrorIs(n, err, transport.ErrClosed)

		n.Heal()
		n.connect()
		n.Break(1, 3)
		n.send(n.x, "another pair")
		n.arrives(n.y, time.Now(), 0, "another pair")
		n.Break(transport.AnyID, 2)
		require.ErrorIs(n, n.x.Send(nil), transport.ErrBroken)
	})
}

// dropped returns how many frames arrive, and how many Sends succeed, before a
// link that drops one in p breaks.
func dropped(t *testing.T, seed uint64) (arrived, sent int) {
	bubble(t, transport.MemoryOptions{Seed: seed}, func(n *network) {
		n.Drop(1, 2, 0.01)
		n.send(n.y, "sent before the break")
		for n.x.Send([]byte{byte(sent)}) == nil {
			sent++
		}
		for {
			f, err := n.y.Recv()
			if err != nil {
				require.ErrorIs(n, err, transport.ErrBroken)
				break
			}
			require.Equal(n, byte(arrived), f[0])
			arrived++
		}
		n.arrives(n.x, time.Now(), 0, "sent before the break")
		_, err := n.x.Recv()
		require.ErrorIs(n, err, transport.ErrBroken)
		require.ErrorIs(n, n.y.Send(nil), transport.ErrBroken)
	})
	return arrived, sent
}

func TestMemoryDropLosesASuffix(t *testing.T) {
	counts := make(map[int]bool)
	total := 0
	for seed := range uint64(200) {
		arrived, sent := dropped(t, seed)
		require.Equal(t, arrived+1, sent, "the Send of the lost frame succeeds, and no later one")
		again, _ := dropped(t, seed)
		require.Equal(t, arrived, again, "seed %d", seed)
		counts[arrived] = true
		total += arrived
	}
	require.Greater(t, len(counts), 50)
	require.InDelta(t, 100, total/200, 30) // the same seeds, so the same mean always
}

func TestMemorySlowReader(t *testing.T) {
	bubble(t, transport.MemoryOptions{Buffer: 10_000}, func(n *network) {
		n.SlowReader(2, 1000)
		start := time.Now()
		go func() {
			for range 21 {
				n.send(n.x, string(make([]byte, 500)))
			}
		}()
		for i := range 20 { // one at once, and then 500 bytes take half a second
			n.arrives(n.y, start, time.Duration(i)*500*time.Millisecond, string(make([]byte, 500)))
		}
		n.SlowReader(2, 0)
		n.arrives(n.y, start, 19*500*time.Millisecond, string(make([]byte, 500)))
	})
}

// Half an hour of heartbeats and answers between three replicas: what the kits
// for users' tests are built on has to be cheap. BenchmarkMemoryHeartbeats has
// the figure; here it only must be right.
func TestMemoryHeartbeatsForHalfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { heartbeats(t, 30*time.Minute, 0) })
}

func TestMemoryRulesTheNewestCounts(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		takes := func(want time.Duration) {
			n.Helper()
			start := time.Now()
			n.send(n.x, "x")
			n.arrives(n.y, start, want, "x")
		}
		n.Delay(transport.AnyID, transport.AnyID, time.Second, 0)
		takes(time.Second)
		n.Delay(1, 2, 2*time.Second, 0)
		takes(2 * time.Second)
		n.Delay(2, 1, 3*time.Second, 0)
		takes(2 * time.Second)
		n.Delay(transport.AnyID, 2, 4*time.Second, 0)
		takes(4 * time.Second)
		n.Delay(transport.AnyID, transport.AnyID, -1, -1)
		takes(0)
	})
}
