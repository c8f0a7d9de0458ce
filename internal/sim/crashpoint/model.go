package crashpoint

import (
	"crypto/sha256"
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// model is what a storage must hold. It is not changed once it is made.
type model struct {
	disk    audit.Disk
	entries []entry // behind the base
	sum     sum     // of their bytes
}

type entry struct {
	zxid protocol.Zxid
	raw  []byte
}

// after returns what must be there once a batch is durable.
func (m *model) after(b *protocol.Batch) (*model, error) {
	n := &model{disk: m.disk.Clone()}
	if err := n.disk.Write(b); err != nil {
		return nil, err
	}
	start := n.disk.Base.Zxid()
	if b.Base == nil || m.disk.Holds(start) {
		for _, e := range m.entries {
			if e.zxid.Counter > start.Counter && (b.Truncate == nil || e.zxid.Counter <= b.Truncate.Counter) {
				n.entries = append(n.entries, e)
			}
		}
	}
	raw := b.Raw
	for range b.Entries {
		e, k, err := protocol.DecodeEntry(raw)
		if err != nil {
			return nil, err
		}
		n.entries = append(n.entries, entry{e.Zxid, raw[:k:k]})
		raw = raw[k:]
	}
	h := sha256.New()
	for _, e := range n.entries {
		h.Write(e.raw)
	}
	h.Sum(n.sum[:0])
	return n, nil
}

// zxidAt returns the zxid with a counter, from the base on.
func (m *model) zxidAt(counter uint64) protocol.Zxid {
	if b := m.disk.Base.Zxid(); counter <= b.Counter {
		return b
	}
	return m.entries[counter-m.disk.Base.Zxid().Counter-1].zxid
}

// state returns the state machine's state after a counter, which is not before the
// latest snapshot.
func (m *model) state(counter uint64, known *contents) tally {
	t := tally{m.disk.Latest.Zxid(), m.disk.Latest.Snapshot.Digest, known}
	for _, e := range m.entries {
		if e.zxid.Counter > t.zxid.Counter && e.zxid.Counter <= counter {
			t.apply(e.zxid, e.raw)
		}
	}
	return t
}

// differs says in what a recovery found something else than what must be there.
func (m *model) differs(f *outcome, known *contents) error {
	h, g := m.disk.HardState, f.disk.HardState
	switch {
	case h.Incarnation == 0:
		// Nothing was durable. What it has drawn is not known, and of no interest.
		if !f.fresh {
			return fmt.Errorf("incarnation %x where there was none", g.Incarnation)
		}
		h = protocol.HardState{Ensemble: ensemble, Replica: self, Incarnation: g.Incarnation}
	case f.fresh:
		return fmt.Errorf("hard state lost: a new incarnation %x", g.Incarnation)
	}
	switch {
	case !sameHard(&h, &g):
		return fmt.Errorf("hard state %+v, not %+v", g, h)
	case m.disk.Base.Snapshot != f.disk.Base.Snapshot:
		return fmt.Errorf("base %+v, not %+v", f.disk.Base.Snapshot, m.disk.Base.Snapshot)
	case m.disk.Latest.Snapshot != f.disk.Latest.Snapshot:
		return fmt.Errorf("latest snapshot %+v, not %+v", f.disk.Latest.Snapshot, m.disk.Latest.Snapshot)
	case m.disk.Last != f.disk.Last:
		return fmt.Errorf("the log ends at %v, not at %v", f.disk.Last, m.disk.Last)
	case m.sum != f.sum:
		return fmt.Errorf("entries up to %v with other bytes", m.disk.Last)
	}
	if t := m.state(m.disk.Last.Counter, known); t.digest != f.state {
		return fmt.Errorf("state %016x, not %016x", f.state, t.digest)
	}
	return nil
}

func sameHard(a, b *protocol.HardState) bool {
	return string(protocol.AppendHardState(nil, a)) == string(protocol.AppendHardState(nil, b))
}
