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
)

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
