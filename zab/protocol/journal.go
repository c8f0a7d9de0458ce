package protocol

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// journal is the core's knowledge of its own log: where it begins and ends, what
// of it is durable, which epochs and which configuration it holds.
//
// Invariants: base <= durable <= last; ends begins with the base's epoch (if
// there is a base) and ends with last; pending is in order of seq, and the last
// element's end is last when no truncation was queued after it.
type journal struct {
	base, latest Base
	ends         []EpochEnd
	last         Zxid
	// durable is the end of what is durable of the log as it will be once all
	// that is pending is done: no further than what every pending truncation and
	// base keeps.
	durable Zxid
	clock   int64 // of the last entry, or of the base
	config  Configuration
	// past are the configurations that were in force before, in order, as far as a
	// snapshot may yet be taken of a state with them.
	past []Configuration
	// confirmed is the version of the configuration of which the log or the base
	// says that it is in force; confirmedAt is the counter of the entry that does.
	confirmed, confirmedAt uint64
	tail                   tail

	accepted uint32 // the accepted epoch that is durable
	pending  []pendingWrite
	seq      uint64 // of the last write
}

// pendingWrite is a write that is not yet durable.
type pendingWrite struct {
	seq      uint64
	end      Zxid // how far the log is durable once the write is
	accepted uint32
	install  bool // the write replaces the log by a base
}

// drained says that nothing is being written: only then may the position and
// the epochs of the log be told to others.
func (j *journal) drained() bool { return len(j.pending) == 0 }

// queue numbers a write whose batch leaves the log ending at end.
func (j *journal) queue(b Batch, end Zxid) Write {
	j.seq++
	p := pendingWrite{seq: j.seq, end: end}
	if b.HardState != nil {
		p.accepted = b.HardState.AcceptedEpoch
	}
	j.pending = append(j.pending, p)
	return Write{Seq: j.seq, Batch: b}
}

// written takes note that all writes up to seq are durable, and says whether
// one of them replaced the log.
func (j *journal) written(seq uint64) (installed bool) {
	n := 0
	for ; n < len(j.pending) && j.pending[n].seq <= seq; n++ {
		p := j.pending[n]
		j.durable = p.end
		j.accepted = max(j.accepted, p.accepted)
		installed = installed || p.install
	}
	j.pending = slices.Delete(j.pending, 0, n)
	return installed
}

// keep limits what is, or will be, durable to z, because the log is about to be
// cut there.
func (j *journal) keep(z Zxid) {
	if z.Less(j.durable) {
		j.durable = z
	}
	for i := range j.pending {
		if z.Less(j.pending[i].end) {
			j.pending[i].end = z
		}
	}
}

// epochAt returns the epoch of the entry with a counter, which must not be
// beyond the end nor before the base.
func (j *journal) epochAt(counter uint64) uint32 {
	for _, e := range j.ends {
		if e.Last >= counter {
			return e.Epoch
		}
	}
	return 0
}

// contains says whether z is the base or an entry of the log.
func (j *journal) contains(z Zxid) bool {
	base := j.base.Zxid()
	if z == base {
		return true
	}
	return z.Counter > base.Counter && z.Counter <= j.last.Counter && j.epochAt(z.Counter) == z.Epoch
}

// add takes note of an appended entry. It fails if the entry does not follow the
// last one or makes no sense.
func (j *journal) add(e *Entry) error {
	if e.Prev() != j.last || e.Zxid.Counter == 0 || e.Zxid.Epoch < j.last.Epoch {
		return fmt.Errorf("%w: %v (after %v) does not follow %v", ErrCorruptEntry, e.Zxid, e.Prev(), j.last)
	}
	opens := e.Zxid.Epoch > j.last.Epoch
	if opens != (e.Kind == KindOpen) {
		return fmt.Errorf("%w: %v does not open its epoch, or opens it twice", ErrCorruptEntry, e.Zxid)
	}
	switch e.Kind {
	case KindCommand:
	case KindOpen:
		if err := j.addOpening(e); err != nil {
			return err
		}
	case KindMembership:
		if err := j.addMembership(e); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: %v is of unknown kind %d", ErrCorruptEntry, e.Zxid, e.Kind)
	}
	j.ends = extendEnds(j.ends, e.Zxid)
	j.last, j.clock = e.Zxid, max(j.clock, e.Clock)
	return nil
}

// addMembership takes a change of membership, pending from now on; or, if it names
// none, the leader's word that the one before is committed, which every change
// that follows is too.
func (j *journal) addMembership(e *Entry) error {
	if !j.config.Founded() || (e.Data == nil && j.config.Pending == nil && j.config.Version == 0) {
		return fmt.Errorf("%w: %v changes a membership that is not there", ErrCorruptEntry, e.Zxid)
	}
	j.settle(j.last)
	j.confirmed, j.confirmedAt = j.config.Version, e.Zxid.Counter
	if e.Data == nil {
		return nil
	}
	next, err := decodeMembership(e.Data)
	if err != nil {
		return err
	}
	j.config.Pending, j.config.PendingAt = next, e.Zxid
	return nil
}

// addOpening takes the founding membership from the first opening entry of all;
// the later ones carry none.
func (j *journal) addOpening(e *Entry) error {
	if j.config.Founded() != (e.Data == nil) {
		return fmt.Errorf("%w: opening entry %v founds an ensemble twice, or not at all", ErrCorruptEntry, e.Zxid)
	}
	if e.Data == nil {
		return nil
	}
	m, err := decodeMembership(e.Data)
	if err != nil {
		return err
	}
	j.config = Configuration{Version: e.Zxid.Counter, Current: m}
	j.confirmed = j.config.Version
	return nil
}

// truncate cuts the log after z, which it contains.
func (j *journal) truncate(z Zxid) {
	j.keep(z)
	for len(j.ends) > 0 {
		e := &j.ends[len(j.ends)-1]
		if e.Epoch <= z.Epoch {
			if e.Epoch == z.Epoch {
				e.Last = z.Counter
			}
			break
		}
		j.ends = j.ends[:len(j.ends)-1]
	}
	if j.config.Pending != nil && z.Less(j.config.PendingAt) {
		j.config.Pending, j.config.PendingAt = nil, Zxid{}
	}
	if j.config.Version > z.Counter {
		j.config = Configuration{}
	}
	if j.confirmedAt > z.Counter {
		j.confirmed, j.confirmedAt = 0, 0
	}
	j.last = z
	j.tail.truncate(z.Counter)
}

// rebase replaces the whole log by a base. What is durable goes no further than
// keep, which the base holds, until the write that says so is durable.
func (j *journal) rebase(b Base, keep Zxid) {
	j.keep(keep)
	j.base, j.latest = b, b
	j.last, j.clock = b.Zxid(), b.Clock
	j.ends = []EpochEnd{{b.Zxid().Epoch, b.Zxid().Counter}}
	j.config = b.Config.Clone()
	j.confirmed, j.confirmedAt = j.config.Version, 0
	j.past = nil
	j.tail = tail{}
}

// advanceBase moves the beginning of the log to b, which the log contains.
func (j *journal) advanceBase(b Base) {
	j.base = b
	z := b.Zxid()
	i := 0
	for i < len(j.ends) && j.ends[i].Last < z.Counter {
		i++
	}
	j.ends = slices.Clone(j.ends[i:])
}

// settle makes the pending membership current if its entry is at or before z,
// and says whether it did.
func (j *journal) settle(z Zxid) bool {
	c := &j.config
	if c.Pending == nil || z.Less(c.PendingAt) {
		return false
	}
	j.past = append(j.past, Configuration{Version: c.Version, Current: c.Current})
	*c = Configuration{Version: c.PendingAt.Counter, Current: c.Pending}
	return true
}

func (j *journal) clone() journal {
	k := *j
	k.base.Config, k.latest.Config = j.base.Config.Clone(), j.latest.Config.Clone()
	k.ends = slices.Clone(j.ends)
	k.config = j.config.Clone()
	k.past = slices.Clone(j.past)
	k.tail.chunks = slices.Clone(j.tail.chunks)
	k.pending = slices.Clone(j.pending)
	return k
}

// extendEnds takes note in a table of epochs that z is the last entry.
func extendEnds(ends []EpochEnd, z Zxid) []EpochEnd {
	if n := len(ends); n > 0 && ends[n-1].Epoch == z.Epoch {
		ends[n-1].Last = z.Counter
		return ends
	}
	return append(ends, EpochEnd{z.Epoch, z.Counter})
}

// lastCommon returns the greatest position that two logs share, going by their
// tables: within an epoch one leader wrote one sequence, so two logs that both
// hold entries of it are equal up to the shorter one's end of it. It never
// compares ranges of numbers (ZOOKEEPER-1154).
func lastCommon(a, b []EpochEnd) Zxid {
	i, j := len(a)-1, len(b)-1
	for i >= 0 && j >= 0 {
		switch {
		case a[i].Epoch > b[j].Epoch:
			i--
		case a[i].Epoch < b[j].Epoch:
			j--
		default:
			return Zxid{a[i].Epoch, min(a[i].Last, b[j].Last)}
		}
	}
	return Zxid{}
}

func decodeMembership(data []byte) (Membership, error) {
	r := codec.NewReader(data)
	m := readMembership(&r)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorruptEntry, err)
	}
	if m == nil {
		return nil, fmt.Errorf("%w: no membership", ErrCorruptEntry)
	}
	return m, nil
}
