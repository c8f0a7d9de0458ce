package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/dirstore"
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// auditedStore is a member's storage. It tells the observers of every batch that is
// durable, and knows what the log's head says.
type auditedStore struct {
	*dirstore.Store
	p    *process
	head protocol.Head
	rec  protocol.Recovered
}

// Load implements driver.Storage.
func (s *auditedStore) Load() (protocol.Recovered, error) {
	rec, err := s.Store.Load()
	s.rec = rec
	s.head = protocol.Head{HardState: rec.HardState, Base: rec.Base, Latest: rec.Latest}
	return rec, err
}

// Append implements driver.Storage.
func (s *auditedStore) Append(b protocol.Batch) error {
	err := s.Store.Append(b)
	if err == nil {
		s.head = s.head.With(&b)
		s.p.m.w.observe.durable(s.p.m, &b)
		if b.Base != nil || b.Latest != nil {
			s.named()
		}
		if b.Base != nil && b.Truncate == nil && b.Base.Zxid() == s.head.Latest.Zxid() {
			s.p.replaced()
		}
	}
	return err
}

// found reads what the disk holds, once recovery is done with it.
func (s *auditedStore) found(hard *protocol.HardState, latest protocol.Base) (*audit.Disk, error) {
	d := &audit.Disk{HardState: *hard, Base: s.head.Base, Latest: latest, Last: s.head.Base.Zxid(),
		Partial: s.rec.Partial, Chunks: uint64(s.rec.PartialSize) / uint64(s.p.m.w.opts.ChunkBytes)}
	if z := d.Base.Zxid(); !z.IsZero() {
		d.Ends = []protocol.EpochEnd{{Epoch: z.Epoch, Last: z.Counter}}
	}
	for {
		raw, err := s.Read(d.Last.Counter, 1<<20)
		if err != nil {
			return d, noMore(err)
		}
		for len(raw) > 0 {
			e, n, err := protocol.DecodeEntry(raw)
			if err != nil {
				return nil, err
			}
			raw = raw[n:]
			if err := d.Write(&protocol.Batch{Entries: []protocol.Entry{e}}); err != nil {
				return nil, fmt.Errorf("log: %w", err)
			}
		}
	}
}

// noMore takes the end of the log for what it is.
func noMore(err error) error {
	if errors.Is(err, protocol.ErrNoEntries) {
		return nil
	}
	return err
}

// named looks whether the snapshots are there that the log's head names.
func (s *auditedStore) named() {
	files := s.p.m.files()
	for _, b := range []*protocol.Base{&s.head.Base, &s.head.Latest} {
		z := b.Zxid()
		file := fmt.Sprintf("%s/snapshots/%016x-%08x-", dataDir, z.Counter, z.Epoch)
		if !z.IsZero() && !slices.ContainsFunc(files, func(name string) bool { return strings.HasPrefix(name, file) }) {
			s.p.m.w.fail(storageAudit, "member %d has no snapshot of %v, which its log names; it has %v", s.p.m.id, z, files)
		}
	}
}
