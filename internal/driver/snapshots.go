package driver

import "github.com/zabtree/zabtree/zab/protocol"

// snapshotPlan decides when a snapshot of this replica's own state is taken. It is
// a step machine, and a part of Applier.
type snapshotPlan struct {
	everyEntries uint64
	everyBytes   int64

	entries uint64 // applied since the newest snapshot, or since the last try
	bytes   int64
	busy    bool // one is being written, or not yet named by the log
	wanted  bool // one was asked for

	latest protocol.SnapshotMeta // the newest that is there, own or received
}

// applied counts what the state machine was given.
func (p *snapshotPlan) applied(es []protocol.Entry) {
	p.entries += uint64(len(es))
	for i := range es {
		p.bytes += int64(len(es[i].Data)) + 64
	}
}

// want asks for a snapshot soon, whatever was applied.
func (p *snapshotPlan) want() { p.wanted = true }

// due says that a snapshot of the state at z is to be captured now; it is then
// under way until written or failed.
func (p *snapshotPlan) due(z protocol.Zxid) bool {
	if p.busy || z.IsZero() {
		return false
	}
	if !p.wanted && p.entries < p.everyEntries && p.bytes < p.everyBytes {
		return false
	}
	if z.Counter <= p.latest.Zxid.Counter {
		p.wanted = false // the newest one is of this very state
		return false
	}
	p.busy, p.wanted = true, false
	p.entries, p.bytes = 0, 0
	return true
}

// failed says that the snapshot under way will not be. The next one is tried
// after as much was applied again.
func (p *snapshotPlan) failed() { p.busy = false }

// written says that the snapshot under way is durable, as what, and returns
// whether the log shall name it. It shall not if a newer one was received
// meanwhile: the storage removes it then.
func (p *snapshotPlan) written(latest protocol.SnapshotMeta) bool {
	if latest.Zxid.Counter <= p.latest.Zxid.Counter {
		p.busy = false
		return false
	}
	p.latest = latest
	return true
}

// named says that the record of the snapshot under way is durable.
func (p *snapshotPlan) named() { p.busy = false }

// installed says that a snapshot was received and is the base now.
func (p *snapshotPlan) installed(b *protocol.Base) {
	p.latest = b.Snapshot
	p.entries, p.bytes = 0, 0
}
