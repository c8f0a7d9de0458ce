package driver

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

// applyModel is a log and what is known of it, against which an applyPlan runs.
type applyModel struct {
	t       *testing.T
	rng     *rand.Rand
	plan    applyPlan
	base    protocol.Zxid
	log     []protocol.Entry // after base, as the storage will have it
	commit  uint64
	applied protocol.Zxid // by the applier, entry for entry
	pending *protocol.Base
	epoch   uint32
	reads   int
	fromMem int
	calm    bool
}

func (m *applyModel) last() protocol.Zxid {
	if n := len(m.log); n > 0 {
		return m.log[n-1].Zxid
	}
	return m.base
}

// step does something that a core may do.
func (m *applyModel) step() {
	switch n := m.rng.IntN(100); {
	case n < 40: // append
		es, raw := entriesFrom(m.last(), 1+m.rng.IntN(5), 1+m.rng.IntN(200))
		for i := range es {
			es[i].Zxid.Epoch = m.epoch
			es[i].PrevEpoch = m.epoch
		}
		es[0].PrevEpoch = m.last().Epoch
		m.log = append(m.log, es...)
		m.plan.wrote(&protocol.Batch{Entries: es, Raw: raw})
	case n < 70: // commit
		if m.pending == nil {
			m.commit += uint64(m.rng.IntN(int(m.last().Counter-m.commit) + 1))
		}
		m.plan.commit(zx(m.epoch, m.commit))
	case n < 78: // another leader cuts what is not committed
		if m.pending == nil {
			keep := m.commit + uint64(m.rng.IntN(int(m.last().Counter-m.commit)+1))
			m.log = m.log[:keep-m.base.Counter]
			m.plan.wrote(&protocol.Batch{Truncate: ptr(zx(m.last().Epoch, keep))})
			m.epoch++
		}
	case n < 80: // a snapshot from the leader takes the place of the log
		m.replaceLog()
	case n < 83: // and is durable
		if m.pending != nil {
			m.commit = m.base.Counter
			m.plan.installed(m.pending)
			m.pending = nil
		}
	case n < 86: // the log's beginning moves up
		if m.pending == nil && m.applied.Counter > m.base.Counter {
			to := m.base.Counter + 1 + uint64(m.rng.IntN(int(m.applied.Counter-m.base.Counter)))
			i := to - m.base.Counter
			m.base, m.log = m.log[i-1].Zxid, m.log[i:]
			m.plan.wrote(&protocol.Batch{Base: &protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: m.base}}})
		}
	default:
		m.apply()
	}
}

// apply does one step of the applier, and reports whether there was one.
func (m *applyModel) apply() bool {
	step, ok := m.plan.next(nil)
	if !ok {
		return false
	}
	switch {
	case step.Restore != nil:
		require.Less(m.t, m.applied.Counter, step.Restore.Zxid().Counter)
		m.applied = step.Restore.Zxid()
	case step.Read != nil:
		m.reads++
		var es []protocol.Entry
		err := error(nil)
		if step.Read.After < m.base.Counter || step.Read.After >= m.last().Counter {
			err = protocol.ErrNoEntries
		} else {
			es = m.log[step.Read.After-m.base.Counter:]
			es = es[:1+m.rng.IntN(len(es))]
		}
		// The log may change while it is read.
		if !m.calm && m.rng.IntN(4) == 0 {
			m.replaceLog()
		}
		got, err := m.plan.read(step.Read, es, err)
		require.NoError(m.t, err)
		m.take(got)
	default:
		m.fromMem++
		m.take(step.Apply)
	}
	return true
}

// replaceLog begins to put a snapshot in the log's place, if none is on its way.
func (m *applyModel) replaceLog() {
	if m.pending != nil {
		return
	}
	m.epoch++
	m.base = zx(m.epoch, m.last().Counter+uint64(m.rng.IntN(50))+1)
	m.log = nil
	m.pending = &protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: m.base}}
	m.plan.wrote(&protocol.Batch{Base: m.pending, Latest: m.pending})
}

func (m *applyModel) take(es []protocol.Entry) {
	for _, e := range es {
		require.Equal(m.t, m.applied.Counter+1, e.Zxid.Counter)
		require.Equal(m.t, m.applied.Epoch, e.PrevEpoch)
		require.LessOrEqual(m.t, e.Zxid.Counter, max(m.commit, m.applied.Counter))
		m.applied = e.Zxid
	}
}

func TestApplyPlanKeepsTheLogsOrder(t *testing.T) {
	reads, mem := 0, 0
	for seed := range uint64(300) {
		m := &applyModel{t: t, rng: rand.New(rand.NewPCG(seed, 7)), plan: newApplyPlan(protocol.Zxid{}), epoch: 1}
		m.plan.limit = 2000
		for range 400 {
			m.step()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		m.calm = true
		if m.pending != nil {
			m.commit = m.base.Counter
			m.plan.installed(m.pending)
		}
		m.plan.commit(zx(m.epoch, m.commit))
		for m.apply() {
		}
		require.Equal(t, m.commit, m.applied.Counter, "seed %d", seed)
		reads, mem = reads+m.reads, mem+m.fromMem
	}
	require.Greater(t, reads, 100, "the storage was hardly read")
	require.Greater(t, mem, 1000)
}

func TestApplyPlanReportsAGap(t *testing.T) {
	p := newApplyPlan(zx(1, 10))
	require.True(t, p.commit(zx(1, 12)))
	require.False(t, p.commit(zx(1, 12)))
	step, ok := p.next(nil)
	require.True(t, ok)
	require.Equal(t, &LogRead{After: 10, UpTo: 12, MaxBytes: maxReadBytes}, step.Read)
	es, _ := entriesFrom(zx(1, 11), 1, 5)
	_, err := p.read(step.Read, es, nil)
	require.ErrorIs(t, err, ErrLogGap)
	_, err = p.read(step.Read, nil, errors.New("broken"))
	require.ErrorContains(t, err, "broken")
}

func TestApplyPlanBoundsAStep(t *testing.T) {
	p := newApplyPlan(protocol.Zxid{})
	var after protocol.Zxid
	for range 3 {
		es, raw := entriesFrom(after, maxApplyEntries/2+1, 8)
		p.wrote(&protocol.Batch{Entries: es, Raw: raw})
		after = es[len(es)-1].Zxid
	}
	p.commit(after)
	for {
		step, ok := p.next(nil)
		if !ok {
			break
		}
		require.LessOrEqual(t, len(step.Apply), maxApplyEntries)
	}
	require.Equal(t, after, p.applied)
	require.Zero(t, p.bytes)
}

// A snapshot that is being restored may be gone as soon as the log is given another one:
// that is no damage, and what comes next is that other one.
func TestRestoreOfWhatIsBeingReplaced(t *testing.T) {
	base := func(epoch uint32, counter uint64) *protocol.Base {
		return &protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: epoch, Counter: counter}}}
	}
	a := NewApplier[int](ApplierConfig{Self: 1})
	first, second := base(7, 86), base(8, 104)
	_, news := a.Feed(&Output[int]{Install: first}, nil)
	require.True(t, news)
	step, ok := a.Next(nil)
	require.True(t, ok)
	require.Equal(t, Step{Restore: first}, step)
	require.False(t, a.Superseded())

	a.Feed(&Output[int]{Writes: []protocol.Write{{Batch: protocol.Batch{Base: second}}}}, nil)
	require.True(t, a.Superseded(), "the log may have removed the first")
	_, ok = a.Next(nil)
	require.False(t, ok)
	a.Feed(&Output[int]{Install: second}, nil)
	require.True(t, a.Superseded())
	step, ok = a.Next(nil)
	require.True(t, ok)
	require.Equal(t, Step{Restore: second}, step)
	require.False(t, a.Superseded())
}
