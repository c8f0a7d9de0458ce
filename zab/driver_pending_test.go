package zab

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

type outcome struct {
	zxid Zxid
	err  error
}

// pendingModel answers the same questions with a map.
type pendingModel struct {
	t     *testing.T
	table pendingTable
	epoch map[uint64]uint32
	got   map[uint64]outcome
	next  uint64
}

func (m *pendingModel) add(epoch uint32) {
	m.next++
	id := m.next
	m.epoch[id] = epoch
	m.table.add(id, epoch, func(r Result, err error) {
		_, twice := m.got[id]
		require.False(m.t, twice, "%d resolved twice", id)
		m.got[id] = outcome{r.Zxid, err}
	})
}

func (m *pendingModel) deliver(rs []resolution) {
	for i := range rs {
		rs[i].deliver()
	}
}

// expect checks that exactly the open ones that match were resolved, with err.
func (m *pendingModel) expect(match func(id uint64, epoch uint32) bool, check func(outcome)) {
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
		m := &pendingModel{t: t, epoch: map[uint64]uint32{}, got: map[uint64]outcome{}, next: rng.Uint64() >> 2}
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
				e := Entry{Zxid: zx(epoch, counter), Kind: KindCommand, Request: id}
				m.deliver(m.table.applied(&e, 5, nil))
				m.expect(func(x uint64, _ uint32) bool { return x == id }, func(o outcome) { require.Equal(t, outcome{e.Zxid, nil}, o) })
			case n < 85:
				m.deliver(m.table.refused(id, ErrOverloaded, nil))
				m.expect(func(x uint64, _ uint32) bool { return x == id }, func(o outcome) {
					require.True(t, NotApplied(o.err))
					require.ErrorIs(t, o.err, ErrOverloaded)
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
				m.expect(func(x uint64, _ uint32) bool { return x <= mark }, func(o outcome) {
					require.True(t, NotApplied(o.err))
					require.ErrorIs(t, o.err, ErrNoLeader)
				})
			default:
				before := epoch - 1
				m.deliver(m.table.restored(before, nil))
				m.expect(func(_ uint64, e uint32) bool { return e <= before }, func(o outcome) {
					require.False(t, NotApplied(o.err))
					require.ErrorIs(t, o.err, ErrUnknownOutcome)
				})
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		m.deliver(m.table.stopped(nil))
		m.expect(func(uint64, uint32) bool { return true }, func(o outcome) { require.ErrorIs(t, o.err, ErrUnknownOutcome) })
	}
}

// An open proposal must not keep the table growing behind it.
func TestPendingTableForgetsTheResolved(t *testing.T) {
	var table pendingTable
	table.add(1, 1, nil)
	for id := uint64(2); id < 100_000; id++ {
		table.add(id, 1, nil)
		require.Len(t, table.applied(&Entry{Request: id}, nil, nil), 1)
	}
	require.Less(t, len(table.slots), 3000)
	require.Len(t, table.refused(1, errors.New("x"), nil), 1)
	require.Zero(t, table.live)
}

// A barrier that counted in a history that came to nothing decides nothing once
// there is another: at its counter another entry stands, and the proposal that it
// covered is behind it.
func TestPendingTableLaterBarrierReplaces(t *testing.T) {
	var table pendingTable
	table.add(1, 1, nil)
	table.barrier(5)
	table.barrier(9)
	require.Empty(t, table.reached(6, nil))
	require.Len(t, table.applied(&Entry{Zxid: zx(1, 7), Request: 1}, nil, nil), 1)
	require.Empty(t, table.reached(9, nil))
}
