package audit

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Auditor watches one member. Its first error is the last thing that it says of use:
// after it every method returns that error.
type Auditor struct {
	member uint64
	up     bool
	disk   Disk
	err    error
	frame  Frame

	// raised is the epoch to which the accepted epoch was raised last, in this run;
	// given says that the promise was spent: on a leader, or on the member itself.
	raised uint32
	given  promise
	stream stream
	hints  Hints
}

// Hints counts frames that told an accepted epoch before it was durable, which these
// kinds may: they imply nothing that a crash could take back.
type Hints struct{ Nacks, Pongs int }

// Hints returns the count so far.
func (a *Auditor) Hints() Hints { return a.hints }

// promise says on whom a member has spent a raise of its accepted epoch.
type promise uint8

const (
	unspent promise = iota
	onItself
	onLeader
)

// stream is what a follower gets from a leader, since its last Join.
type stream struct {
	epoch   uint32
	attempt uint64
	acked   uint64
	on      bool // it has begun
	// cut is where the log must be cut before anything behind it is acknowledged,
	// if mustCut says so.
	cut     protocol.Zxid
	mustCut bool

	installs  bool // it began, or began again, with a snapshot
	snapshot  protocol.SnapshotMeta
	lastChunk uint64 // its last chunk's number + 1, once known
}

// New returns the Auditor of a member that has not been started yet.
func New(member uint64) *Auditor { return &Auditor{member: member} }

// Err returns the first violation, or nil.
func (a *Auditor) Err() error { return a.err }

// Disk returns what the member's disk holds, to be read only, until the next call.
func (a *Auditor) Disk() *Disk { return &a.disk }

func (a *Auditor) violated(rule Rule, format string, args ...any) error {
	if a.err == nil {
		a.err = &Violation{rule, a.member, fmt.Sprintf(format, args...)}
	}
	return a.err
}

// Restarted tells what the disk of a member held when it was started, the first
// time included. Under the incarnation that it had before this is what was durable;
// batches that were under way when it went down and turn out to be there are told
// to Durable before (see [Survived]).
func (a *Auditor) Restarted(found *Disk) error {
	if a.err != nil {
		return a.err
	}
	h := &found.HardState
	if h.Incarnation == 0 || h.Replica != a.member {
		return a.violated(IdentityKept, "started as %d of incarnation %x", h.Replica, h.Incarnation)
	}
	if a.disk.HardState.Incarnation == h.Incarnation {
		if err := a.disk.same(found); err != nil {
			return a.violated(RestartKeeps, "%v", err)
		}
	}
	a.disk = found.Clone()
	a.up, a.raised, a.stream = true, 0, stream{}
	return a.coversLog()
}

// Down tells that the member crashed or stopped.
func (a *Auditor) Down() { a.up = false }

func (a *Auditor) coversLog() error {
	if a.disk.HardState.AcceptedEpoch < a.disk.Last.Epoch {
		return a.violated(AcceptedCoversLog, "accepted epoch %d, the log ends at %v", a.disk.HardState.AcceptedEpoch, a.disk.Last)
	}
	return nil
}

// Durable tells of a batch that the disk has now. Between Down and Restarted it is
// one that was under way when the member went down.
func (a *Auditor) Durable(b *protocol.Batch) error {
	if a.err != nil {
		return a.err
	}
	if h := b.HardState; h != nil {
		if err := a.hardState(h); err != nil {
			return err
		}
	}
	if err := a.disk.Write(b); err != nil {
		return a.violated(BatchOrder, "%v", err)
	}
	if b.Truncate != nil && !a.stream.cut.Less(*b.Truncate) {
		a.stream.mustCut = false
	}
	return a.coversLog()
}

func (a *Auditor) hardState(h *protocol.HardState) error {
	was := &a.disk.HardState
	switch {
	case h.Replica != was.Replica || h.Incarnation != was.Incarnation:
		return a.violated(IdentityKept, "%d of incarnation %x becomes %d of %x", was.Replica, was.Incarnation, h.Replica, h.Incarnation)
	case was.Ensemble != protocol.EnsembleID{} && h.Ensemble != was.Ensemble:
		return a.violated(IdentityKept, "ensemble %x becomes %x", was.Ensemble, h.Ensemble)
	case was.Founders != nil && !slices.Equal(h.Founders, was.Founders):
		return a.violated(IdentityKept, "founders %v become %v", was.Founders, h.Founders)
	case h.AcceptedEpoch < was.AcceptedEpoch:
		return a.violated(AcceptedMonotone, "from %d to %d", was.AcceptedEpoch, h.AcceptedEpoch)
	case h.AcceptedEpoch > was.AcceptedEpoch:
		a.raised, a.given = h.AcceptedEpoch, unspent
	}
	return nil
}

// ChunkDurable tells that a chunk of a received snapshot is durable, behind those
// before it.
func (a *Auditor) ChunkDurable(meta protocol.SnapshotMeta, n uint64) error {
	if a.err != nil {
		return a.err
	}
	d := &a.disk
	if d.Partial != meta {
		d.Partial, d.Chunks = meta, 0
	}
	if n > d.Chunks {
		return a.violated(BatchOrder, "chunk %d of snapshot %v, %d is next", n, meta.Zxid, d.Chunks)
	}
	d.Chunks = max(d.Chunks, n+1)
	return nil
}

// Delivered tells of a frame that the member is about to get. Those that begin a
// stream and the last chunk of a snapshot matter; others may be left out.
func (a *Auditor) Delivered(raw []byte) error {
	if a.err != nil {
		return a.err
	}
	if !a.up {
		return a.violated(Feed, "gets a frame while down")
	}
	if len(raw) == 0 {
		return nil
	}
	switch Kind(raw[0]) {
	case Sync, Snap, Chunk:
	default:
		return nil
	}
	f := &a.frame
	if err := Decode(f, raw); err != nil {
		return nil // the member must refuse it; who sent it has been told
	}
	s := &a.stream
	if f.Epoch != s.epoch {
		return nil
	}
	switch f.Kind {
	case Sync:
		if f.Attempt == s.attempt {
			s.on, s.cut, s.mustCut = true, f.Common, f.Common != a.disk.Last
		}
	case Snap:
		if f.Attempt == s.attempt {
			s.on, s.installs, s.snapshot, s.lastChunk = true, true, f.Snapshot.Snapshot, 0
			s.mustCut = false
		}
	case Chunk:
		if f.Final {
			s.lastChunk = f.N + 1
		}
	}
	return nil
}
