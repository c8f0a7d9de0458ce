package transport_test

import (
	"context"
	"fmt"
	"io"
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

// A close that is sent without delay passes no frame that was.
func TestMemoryCloseStaysBehindFrames(t *testing.T) {
	bubble(t, transport.MemoryOptions{Buffer: 1000}, func(n *network) {
		start := time.Now()
		n.Delay(1, 2, 5*time.Second, 0)
		n.send(n.x, "before the close")
		n.Delay(1, 2, 0, 0)
		require.NoError(n, n.x.Close())
		var err error
		for err == nil {
			err = n.y.Send(make([]byte, 100))
		}
		require.ErrorIs(n, err, transport.ErrBroken)
		n.arrives(n.y, start, 5*time.Second, "before the close")
		_, err = n.y.Recv()
		require.ErrorIs(n, err, transport.ErrBroken)
		require.ErrorIs(n, err, io.EOF)
		require.Equal(n, 5*time.Second, time.Since(start))
	})
}

// More dial than accept: they wait for room.
func TestMemoryBacklogIsBounded(t *testing.T) {
	bubble(t, transport.MemoryOptions{}, func(n *network) {
		dialed := make(chan error, 1000)
		for range 100 {
			go func() {
				_, err := n.a.Dial(n.Context(), transport.Endpoint{ID: 2})
				dialed <- err
			}()
		}
		synctest.Wait()
		require.Len(n, dialed, 64)
		for range 100 {
			_, err := n.b.Accept(n.Context())
			require.NoError(n, err)
		}
		for range 100 {
			require.NoError(n, <-dialed)
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
		sent, full := make(chan error, 1), 0
		go func() {
			for {
				if err := n.y.Send(make([]byte, 100)); err != nil {
					sent <- err
					return
				}
				full++
			}
		}()
		synctest.Wait() // until the buffer is full
		require.Equal(n, 6, full)
		require.NoError(n, n.a.Close())
		result := n.silence(n.y)
		require.Empty(n, sent)
		require.Equal(n, 6, full)

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
