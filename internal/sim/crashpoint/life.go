package crashpoint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/dirstore"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

const (
	dataDir = "/data"
	self    = 1
)

var (
	ensemble = protocol.EnsembleID{1, 2, 3}
	founding = protocol.Membership{{ID: self}, {ID: 2}, {ID: 3}}
)

// opening is the content of the first entry of all.
func opening() []byte {
	b := codec.AppendArray(nil, len(founding))
	for _, m := range founding {
		b = codec.AppendArray(b, 5)
		b = codec.AppendUint(b, m.ID)
		b = codec.AppendUint(b, m.Incarnation)
		b = codec.AppendUint(b, uint64(m.Role))
		b = codec.AppendUint(b, uint64(m.Weight))
		b = codec.AppendString(b, m.Addr)
	}
	return b
}

func baseOf(meta protocol.SnapshotMeta) protocol.Base {
	return protocol.Base{Snapshot: meta, Config: protocol.Configuration{Version: 1, Current: founding}}
}

// manner is how a process is configured.
type manner struct {
	segmentBytes, chunkBytes int
	background               func(func())
}

// life is one process: a replica that has recovered.
type life struct {
	*storage
	mem    *disk.Mem
	rec    *driver.Recovery
	state  tally
	worker *driver.Worker
	wrong  error // that recovery warned of
}

// storage is a dirstore.Store that tells of what is written to it.
type storage struct {
	*dirstore.Store
	found   protocol.Recovered
	writes  int // that were durable
	begins  func(*protocol.Batch)
	durable func(err error)
}

// Load implements driver.Storage.
func (s *storage) Load() (protocol.Recovered, error) {
	var err error
	s.found, err = s.Store.Load()
	return s.found, err
}

// Append implements driver.Storage.
func (s *storage) Append(b protocol.Batch) error {
	if s.begins != nil {
		s.begins(&b)
	}
	err := s.Store.Append(b)
	if s.durable != nil {
		s.durable(err)
	}
	if err == nil {
		s.writes++
	}
	return err
}

// Warn and Error implement driver.Logger: there is nothing to warn of after a crash.
func (l *life) Warn(msg string, args ...any) {
	l.wrong = errors.Join(l.wrong, fmt.Errorf("%s %v", msg, args))
}
func (l *life) Error(msg string, args ...any) { l.Warn(msg, args...) }

func never() error { return nil }

// live opens a storage and does what a replica does before it speaks. The storage
// tells of its writes from the beginning if tell is not nil.
func live(mem *disk.Mem, how manner, known *contents, ids func() uint64, tell *storage) (*life, error) {
	background := how.background
	if background == nil {
		background = func(f func()) { f() }
	}
	store, err := dirstore.Open(mem, dataDir, dirstore.Options{SegmentBytes: how.segmentBytes, Replica: self, Ensemble: ensemble, NewID: ids}, background)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if tell == nil {
		tell = &storage{}
	}
	tell.Store = store
	l := &life{storage: tell, mem: mem, state: tally{known: known}}
	l.rec, err = driver.Recover(driver.RecoveryConfig{
		Self: self, Ensemble: ensemble, Storage: tell, StateMachine: &l.state, ChunkBytes: how.chunkBytes, NewIncarnation: ids, Log: l, Stop: never,
	})
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	core := protocol.Config{ID: self, Founding: founding, ChunkBytes: how.chunkBytes}
	if _, err := driver.NewMachine[int](driver.MachineConfig{Core: core}, l.rec.Core); err != nil {
		return nil, fmt.Errorf("new: %w", err)
	}
	l.worker = driver.NewWorker(tell, how.chunkBytes)
	return l, nil
}

// outcome is what a recovery came to. It is not changed.
type outcome struct {
	disk    audit.Disk
	sum     sum    // of the entries' bytes
	state   uint64 // digest of the state, all entries applied
	fresh   bool   // the incarnation was drawn by this recovery
	partial int64  // bytes of disk.Partial
}

// outcome reads everything that a replica has after it has recovered.
func (l *life) outcome() (*outcome, error) {
	switch {
	case l.rec.Damage != nil:
		return nil, fmt.Errorf("damage: %w", l.rec.Damage)
	case l.wrong != nil:
		return nil, l.wrong
	}
	o := &outcome{fresh: l.writes > 0, partial: l.found.PartialSize}
	o.disk = audit.Disk{HardState: l.rec.Hard, Base: l.found.Base, Latest: l.rec.Latest, Last: l.found.Base.Zxid(), Partial: l.found.Partial}
	if z := o.disk.Last; !z.IsZero() {
		o.disk.Ends = []protocol.EpochEnd{{Epoch: z.Epoch, Last: z.Counter}}
	}
	if b := &l.found.Base; b.Snapshot != l.rec.Latest.Snapshot && !b.Zxid().IsZero() {
		if err := driver.Restore(never, l, &tally{known: l.state.known}, b.Snapshot); err != nil {
			return nil, fmt.Errorf("base: %w", err)
		}
	}
	if err := l.leftovers(); err != nil {
		return nil, err
	}
	state, h := l.state, sha256.New()
	for {
		raw, err := l.Read(o.disk.Last.Counter, 1<<20)
		if errors.Is(err, protocol.ErrNoEntries) {
			h.Sum(o.sum[:0])
			o.state = state.digest
			return o, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
		if err := o.take(raw, &state, h); err != nil {
			return nil, err
		}
	}
}

// leftovers looks for files that nobody needs: recovery has removed them.
func (l *life) leftovers() error {
	named := 0
	for i, b := range []*protocol.Base{&l.found.Base, &l.rec.Latest} {
		if !b.Zxid().IsZero() && (i == 0 || b.Snapshot != l.found.Base.Snapshot) {
			named++
		}
	}
	snapshots, err := l.mem.List(dataDir + "/snapshots")
	if err != nil {
		return err
	}
	segments, err := l.mem.List(dataDir + "/log")
	if err != nil {
		return err
	}
	parts := 0
	for _, name := range append(snapshots, segments...) {
		if strings.HasSuffix(name, disk.PartSuffix) {
			parts++
		}
	}
	if whole := len(snapshots); whole > named+1 || parts > 1 || parts == 1 && whole != named+1 {
		return fmt.Errorf("%d snapshots and a receipt, at most: %q, %q", named, snapshots, segments)
	}
	return nil
}

// take takes entries of the log, encoded.
func (o *outcome) take(raw []byte, state *tally, h hash.Hash) error {
	h.Write(raw)
	for len(raw) > 0 {
		e, n, err := protocol.DecodeEntry(raw)
		if err != nil {
			return err
		}
		if err := o.disk.Write(&protocol.Batch{Entries: []protocol.Entry{e}}); err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if e.Zxid.Counter > state.zxid.Counter {
			state.apply(e.Zxid, raw[:n])
		}
		raw = raw[n:]
	}
	return nil
}

// same says in what two recoveries differ, and what is received counts only if
// receipts says so.
func (o *outcome) same(p *outcome, receipts bool) error {
	h, g := o.disk.HardState, p.disk.HardState
	if o.fresh && p.fresh {
		g.Incarnation = h.Incarnation
	}
	switch {
	case !sameHard(&h, &g):
		return fmt.Errorf("hard state %+v, and before %+v", g, h)
	case o.disk.Base.Snapshot != p.disk.Base.Snapshot:
		return fmt.Errorf("base %v, and before %v", p.disk.Base.Zxid(), o.disk.Base.Zxid())
	case o.disk.Latest.Snapshot != p.disk.Latest.Snapshot:
		return fmt.Errorf("latest snapshot %v, and before %v", p.disk.Latest.Zxid(), o.disk.Latest.Zxid())
	case o.disk.Last != p.disk.Last || o.sum != p.sum || o.state != p.state:
		return fmt.Errorf("log up to %v (state %016x), and before up to %v (state %016x)", p.disk.Last, p.state, o.disk.Last, o.state)
	case receipts && (o.disk.Partial != p.disk.Partial || o.partial != p.partial):
		return fmt.Errorf("%d bytes of snapshot %v, and before %d of %v", p.partial, p.disk.Partial.Zxid, o.partial, o.disk.Partial.Zxid)
	}
	return nil
}
