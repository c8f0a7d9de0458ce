package dirstore

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/internal/wal"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Append implements zab.Storage.
func (s *Store) Append(b protocol.Batch) error {
	switch {
	case s.isClosed():
		return errClosed
	case s.log == nil:
		return errors.New("zab: storage is not loaded")
	}
	step := wal.Batch{
		// The reserve is for what the protocol still lets through once LowSpace is true;
		// and whoever appends after damage was told of it by Load.
		Essential: true, Repair: true,
	}
	last, err := s.cut(&b, &step)
	if err != nil {
		return err
	}
	if len(b.Entries) > 0 {
		if last, err = s.records(&b, &step, last); err != nil {
			return err
		}
	}
	head, changed := s.head, b.HardState != nil || b.Base != nil || b.Latest != nil
	if changed {
		head = head.With(&b)
		s.headBuf = appendHead(s.headBuf[:0], &head)
		step.Head = s.headBuf
	}
	err = s.log.Append(step)
	s.data[0] = nil
	if err != nil {
		return noSpace(err)
	}
	before := s.head
	s.head, s.last, s.reset = head, last, false
	s.saveIdentity()
	if b.Base != nil || b.Latest != nil {
		s.removeNamedBefore(&before)
	}
	s.housekeep()
	return nil
}

// cut translates Base and Truncate, and returns the zxid with which the log then
// ends.
func (s *Store) cut(b *protocol.Batch, step *wal.Batch) (protocol.Zxid, error) {
	start, last := s.head.Base.Zxid(), s.last
	if s.reset {
		if b.Base != nil {
			last = b.Base.Zxid()
		}
		step.Restart, step.Start = true, last.Counter
		step.Truncate, step.TruncateAfter = true, last.Counter
		return last, nil
	}
	if b.Base != nil && b.Base.Zxid() != start {
		z := b.Base.Zxid()
		held, err := s.holds(z)
		if err != nil {
			return last, err
		}
		step.Restart, step.Start = true, z.Counter
		if start = z; !held {
			step.Truncate, step.TruncateAfter = true, z.Counter
			last = z
		}
	}
	if b.Truncate == nil || b.Truncate.Counter >= last.Counter {
		return last, nil
	}
	step.Truncate, step.TruncateAfter = true, max(b.Truncate.Counter, start.Counter)
	if step.TruncateAfter == start.Counter {
		return start, nil
	}
	e, err := s.entry(step.TruncateAfter)
	if err != nil {
		return last, fmt.Errorf("zab: reading the log: %w", err)
	}
	return e.Zxid, nil
}

// holds says whether an entry is in the log, the one that it begins after
// included.
func (s *Store) holds(z protocol.Zxid) (bool, error) {
	start := s.head.Base.Zxid()
	switch {
	case z == start || z == s.last:
		return true, nil
	case z.Counter <= start.Counter || z.Counter >= s.last.Counter:
		return false, nil
	}
	e, err := s.entry(z.Counter)
	if err != nil {
		return false, fmt.Errorf("zab: reading the log: %w", err)
	}
	return e.Zxid == z, nil
}

// records translates the entries, which must follow last without a gap.
func (s *Store) records(b *protocol.Batch, step *wal.Batch, last protocol.Zxid) (protocol.Zxid, error) {
	lengths, last, err := b.Lengths(s.lengths[:0], last)
	s.lengths = lengths
	if err != nil {
		return last, err
	}
	step.First, step.Lengths = b.Entries[0].Zxid.Counter, lengths
	s.data[0] = b.Raw
	step.Data = s.data[:]
	return last, nil
}

// Read implements zab.Storage.
func (s *Store) Read(after uint64, maxBytes int) ([]byte, error) {
	if s.log == nil {
		return nil, errors.New("zab: storage is not loaded")
	}
	var r wal.Records
	err := s.log.Read(&r, after, maxBytes)
	switch {
	case errors.Is(err, wal.ErrNotFound):
		return nil, fmt.Errorf("%w: %w", protocol.ErrNoEntries, err)
	case errors.Is(err, wal.ErrClosed):
		return nil, errClosed
	}
	return r.Data, err
}

// removeNamedBefore removes the snapshots that the head named before and does not
// name any more, and older ones of this replica's own that were never named. What cannot
// be removed now, because it is open where that matters, is removed at the next
// Load.
func (s *Store) removeNamedBefore(before *protocol.Head) {
	whole, _, err := snapshot.Files(s.fsys, s.snapshotsDir(), snapshotSuffix)
	if err != nil {
		return
	}
	s.mu.Lock()
	if named(&s.head, s.received) {
		s.received = ""
	}
	received := s.received
	s.mu.Unlock()
	var names []string
	for _, name := range whole {
		stale := named(before, name) || (name != received && name < snapshotName(s.head.Latest.Snapshot))
		if stale && !named(&s.head, name) {
			names = append(names, name)
		}
	}
	_ = snapshot.Remove(s.fsys, s.snapshotsDir(), s.recognised(names)...)
}
