package driver

import (
	"errors"

	"github.com/zabtree/zabtree/zab/protocol"
)

// ErrLogGap says that the log does not hold what follows what was applied.
var ErrLogGap = errors.New("the log does not hold what follows")

// Applier decides what the state machine is given and when, what becomes of this
// replica's proposals, and when a snapshot is taken. W is whoever waits for a
// proposal.
//
// It stands between Machine, whose outputs are fed to it, and whoever has the
// state machine and asks it for steps, does each before asking for another, and
// says when it is done. Who has two goroutines for these guards it with a mutex.
type Applier[W any] struct {
	self     uint64
	plan     applyPlan
	snapshot snapshotPlan
	pending  pendingTable[W]
}

// ApplierConfig says from where an Applier goes on.
type ApplierConfig struct {
	Self   uint64        // this replica
	Latest protocol.Base // the snapshot that the state machine was restored from
	// A snapshot is due after so many entries or bytes.
	SnapshotEntries uint64
	SnapshotBytes   int64
}

// NewApplier returns the Applier of a replica that has just started.
func NewApplier[W any](cfg ApplierConfig) *Applier[W] {
	return &Applier[W]{
		self:     cfg.Self,
		plan:     newApplyPlan(cfg.Latest.Zxid()),
		snapshot: snapshotPlan{everyEntries: cfg.SnapshotEntries, everyBytes: cfg.SnapshotBytes, latest: cfg.Latest.Snapshot},
	}
}

// Feed takes the parts of an output that say what to apply and what became of
// proposals; it says whether there is something to do. The resolutions are of the
// proposals that the output refuses.
func (a *Applier[W]) Feed(out *Output[W], to []Resolution[W]) (resolved []Resolution[W], news bool) {
	for i := range out.Accepted {
		p := &out.Accepted[i]
		a.pending.add(p.Request, p.Epoch, p.Waiter)
	}
	news = out.Install != nil || out.Barrier != 0
	if out.Install != nil {
		a.plan.installed(out.Install)
		a.snapshot.installed(out.Install)
	}
	for i := range out.Writes {
		a.plan.wrote(&out.Writes[i].Batch)
	}
	if out.Barrier != 0 {
		a.pending.barrier(out.Barrier)
	}
	news = a.plan.commit(out.Apply) || news
	for i := range out.Refused {
		to = a.pending.refused(out.Refused[i].Request, out.Refused[i].Err, to)
	}
	return to, news
}

// Step is one thing to do: exactly one field is set.
type Step struct {
	Restore *protocol.Base   // restore the state machine from its snapshot
	Apply   []protocol.Entry // apply these
	Read    *LogRead         // read these from the storage, for Read
}

// LogRead asks for entries of the log: those after a counter, of which none after
// UpTo may be applied.
type LogRead struct {
	After, UpTo uint64
	MaxBytes    int
}

// Next returns what to do now, if there is anything. buf is memory for entries.
func (a *Applier[W]) Next(buf []protocol.Entry) (Step, bool) { return a.plan.next(buf) }

// Read takes the entries that were read, or the failure, and returns those to be
// applied. Without an error and without entries the log is being replaced: ask
// Next again.
func (a *Applier[W]) Read(q *LogRead, es []protocol.Entry, err error) ([]protocol.Entry, error) {
	return a.plan.read(q, es, err)
}

// Superseded says whether there is another snapshot to restore, or will be: one is
// given to the log, which may have removed those before it already.
func (a *Applier[W]) Superseded() bool { return a.plan.replacing || a.plan.install != nil }

// Applied takes the results of entries that the state machine was given.
func (a *Applier[W]) Applied(es []protocol.Entry, results []any, to []Resolution[W]) []Resolution[W] {
	for i := range es {
		if es[i].Origin == a.self {
			to = a.pending.applied(&es[i], results[i], to)
		}
	}
	a.snapshot.applied(es)
	return a.pending.reached(es[len(es)-1].Zxid.Counter, to)
}

// Restored says that the state machine has the state of a snapshot.
func (a *Applier[W]) Restored(z protocol.Zxid, to []Resolution[W]) []Resolution[W] {
	to = a.pending.restored(z.Epoch, to)
	return a.pending.reached(z.Counter, to)
}

// Idle says that there is nothing to do with everything up to a counter applied.
func (a *Applier[W]) Idle(counter uint64, to []Resolution[W]) []Resolution[W] {
	return a.pending.reached(counter, to)
}

// Stopped resolves whatever is left.
func (a *Applier[W]) Stopped(to []Resolution[W]) []Resolution[W] { return a.pending.stopped(to) }

// WantSnapshot asks for a snapshot soon, whatever was applied.
func (a *Applier[W]) WantSnapshot() { a.snapshot.want() }

// SnapshotDue says that the state at z, which is what the state machine has, is to
// be captured now.
func (a *Applier[W]) SnapshotDue(z protocol.Zxid) bool { return a.snapshot.due(z) }

// NewestSnapshot returns the newest snapshot that there is, and whether none is
// under way.
func (a *Applier[W]) NewestSnapshot() (meta protocol.SnapshotMeta, settled bool) {
	return a.snapshot.latest, !a.snapshot.busy
}

// SnapshotWritten says that the captured state is durable, and returns whether
// the log is to name it (see Machine.Compact).
func (a *Applier[W]) SnapshotWritten(meta protocol.SnapshotMeta) bool {
	return a.snapshot.written(meta)
}

// SnapshotNamed says that the log names it, or that it will not.
func (a *Applier[W]) SnapshotNamed() { a.snapshot.named() }

// SnapshotFailed says that there will be no snapshot of the captured state.
func (a *Applier[W]) SnapshotFailed() { a.snapshot.failed() }
