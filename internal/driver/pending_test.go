package driver

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

// pendingModel answers the same questions with a map.
type pendingModel struct {
	t     *testing.T
	table pendingTable[uint64]
	epoch map[uint64]uint32
	got   map[uint64]Resolution[uint64]
	next  uint64
}

func (m *pendingModel) add(epoch uint32) {
	m.next++
	m.epoch[m.next] = epoch
	m.table.add(m.next, epoch, m.next)
}

func (m *pendingModel) deliver(rs []Resolution[uint64]) {
	for _, r := range rs {
		_, twice := m.got[r.Waiter]
		require.False(m.t, twice, "%d resolved twice", r.Waiter)
		m.got[r.Waiter] = r
	}
}

// expect checks that exactly the open ones that match were resolved, with err.
func (m *pendingModel) expect(match func(id uint64, epoch uint32) bool, check func(Resolution[uint64])) {
	for id, epoch := range m.epoch {
		o, resolved := m.got[id]
		require.Equal(m.t, match(id, epoch), resolved, "request %d", id)
		if resolved {
			check(o)
			delete(m.epoch, id)
			delete(m.got, id)
		}
	}
	require.Empty(m.t, m.got)
	require.Equal(m.t, len(m.epoch), m.table.live)
}

func TestPendingTable(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m := &pendingModel{t: t, epoch: map[uint64]uint32{}, got: map[uint64]Resolution[uint64]{}, next: rng.Uint64() >> 2}
		first := m.next
		epoch, counter := uint32(1), uint64(0)
		for range 300 {
			id := first + 1 + rng.Uint64N(m.next-first+2)
			switch n := rng.IntN(100); {
			case n < 60:
				for range rng.IntN(30) {
					m.add(epoch)
				}
			case n < 80:
				counter++
				e := protocol.Entry{Zxid: zx(epoch, counter), Kind: protocol.KindCommand, Request: id}
				m.deliver(m.table.applied(&e, 5, nil))
				m.expect(func(x uint64, _ uint32) bool { return x == id }, func(o Resolution[uint64]) { require.Equal(t, Resolution[uint64]{id, Applied, e.Zxid, 5, nil}, o) })
			case n < 85:
				m.deliver(m.table.refused(id, protocol.ErrOverloaded, nil))
				m.expect(func(x uint64, _ uint32) bool { return x == id }, func(o Resolution[uint64]) {
					require.Equal(t, NotApplied, o.Outcome)
					require.ErrorIs(t, o.Err, protocol.ErrOverloaded)
				})
			case n < 90:
				epoch++
			case n < 95:
				mark := m.next
				m.table.barrier(counter + 2)
				m.add(epoch)
				require.Empty(t, m.table.reached(counter+1, nil))
				counter += 2
				m.deliver(m.table.reached(counter, nil))
				m.expect(func(x uint64, _ uint32) bool { return x <= mark }, func(o Resolution[uint64]) {
					require.Equal(t, NotApplied, o.Outcome)
					require.ErrorIs(t, o.Err, protocol.ErrNoLeader)
				})
			default:
				before := epoch - 1
				m.deliver(m.table.restored(before, nil))
				m.expect(func(_ uint64, e uint32) bool { return e <= before }, func(o Resolution[uint64]) {
					require.Equal(t, Unknown, o.Outcome)
				})
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		m.deliver(m.table.stopped(nil))
		m.expect(func(uint64, uint32) bool { return true }, func(o Resolution[uint64]) { require.Equal(t, Unknown, o.Outcome) })
	}
}

// An open proposal must not keep the table growing behind it.
func TestPendingTableForgetsTheResolved(t *testing.T) {
	var table pendingTable[uint64]
	table.add(1, 1, 1)
	for id := uint64(2); id < 100_000; id++ {
		table.add(id, 1, id)
		require.Len(t, table.applied(&protocol.Entry{Request: id}, nil, nil), 1)
	}
	require.Less(t, len(table.slots), 3000)
	require.Len(t, table.refused(1, errors.New("x"), nil), 1)
	require.Zero(t, table.live)
}

// A barrier that counted in a history that came to nothing decides nothing once
// there is another: at its counter another entry stands, and the proposal that it
// covered is behind it.
func TestPendingTableLaterBarrierReplaces(t *testing.T) {
	var table pendingTable[uint64]
	table.add(1, 1, 1)
	table.barrier(5)
	table.barrier(9)
	require.Empty(t, table.reached(6, nil))
	require.Len(t, table.applied(&protocol.Entry{Zxid: zx(1, 7), Request: 1}, nil, nil), 1)
	require.Empty(t, table.reached(9, nil))
}
