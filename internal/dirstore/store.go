package dirstore

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/internal/wal"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Store is a zab.Storage in a directory. mu guards the fields below it and is never
// held across a file operation.
type Store struct {
	fsys       disk.FS
	dir        string
	opts       Options
	lock       io.Closer
	receipt    string       // the name of a receipt aside, from Load on
	background func(func()) // runs what prepares files of the log

	log *wal.Log // set by Load

	// For Load and Append alone.
	head     protocol.Head
	identity identity      // as it is in IDENTITY, zero if there is none
	last     protocol.Zxid // of the log, or of the base
	reset    bool          // what the log holds is of no use: the next Append drops it
	lengths  []uint32
	data     [1][]byte
	headBuf  []byte

	mu        sync.Mutex
	closed    bool
	preparing chan struct{} // closed at the end of what was last given to background
	receiving bool
	received  string // committed receipt that is not named yet
	parts     uint64 // numbers files aside
}

var errClosed = errors.New("zab: storage is closed")

// Open opens the store in a directory, or makes one there. It is ErrInUse while
// another Store of fsys, or with disk.OS another process, has it, and ErrForeign,
// before anything there is made, written or removed, if it is not recognised: see
// zab.OpenDir.
//
// What prepares and removes files of the log is given to background, by Load, Append
// and LowSpace, whenever that is due; it returns without waiting for anything but
// files. Background must run it, at once or in a goroutine: Close waits for it.
func Open(fsys disk.FS, dir string, opts Options, background func(func())) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, errors.New(`zab: OpenDir: dir is "": want the path of a directory`)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("zab: storage directory: %w", err)
	}
	lock, err := lockDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	s := &Store{fsys: fsys, dir: dir, opts: opts, lock: lock, background: background}
	if err := s.checkIdentity(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *Store) logDir() string       { return filepath.Join(s.dir, "log") }
func (s *Store) snapshotsDir() string { return filepath.Join(s.dir, "snapshots") }

// Load implements zab.Storage. It writes nothing that matters while the log is damaged.
func (s *Store) Load() (protocol.Recovered, error) {
	if s.log != nil || s.isClosed() {
		return protocol.Recovered{}, errors.New("zab: storage is loaded once, and before it is closed")
	}
	for _, dir := range []string{s.logDir(), s.snapshotsDir()} {
		if err := s.fsys.MkdirAll(dir); err != nil {
			return protocol.Recovered{}, fmt.Errorf("zab: storage directory: %w", err)
		}
	}
	log, found, err := wal.Open(s.fsys, s.logDir(), wal.Options{SegmentBytes: s.opts.SegmentBytes, NewID: s.opts.NewID})
	if err != nil {
		return protocol.Recovered{}, fmt.Errorf("zab: opening the log: %w", err)
	}
	s.log = log
	rec, err := s.recovered(&found)
	if err != nil {
		return protocol.Recovered{}, err
	}
	if err := s.compareIdentity(&rec); err != nil {
		return protocol.Recovered{}, err
	}
	if rec.Damage == nil {
		if err := s.removeUnnamed(); err != nil {
			return protocol.Recovered{}, err
		}
	}
	if err := s.nameParts(); err != nil {
		return protocol.Recovered{}, err
	}
	rec.Partial, rec.PartialSize, err = s.partial()
	if err != nil {
		return protocol.Recovered{}, err
	}
	s.housekeep()
	return rec, nil
}

// recovered translates what was found in the log.
func (s *Store) recovered(found *wal.Recovered) (protocol.Recovered, error) {
	rec := protocol.Recovered{}
	if found.Damage != nil {
		rec.Damage = found.Damage
	}
	lost := func(err error) (protocol.Recovered, error) {
		// The head is part of what was verified: only another program, or a bug, makes
		// these differ.
		s.head, s.last, s.reset = protocol.Head{}, protocol.Zxid{}, true
		return protocol.Recovered{Damage: errors.Join(rec.Damage, err)}, nil
	}
	if found.Head != nil {
		h, err := decodeHead(found.Head)
		if err != nil {
			return lost(fmt.Errorf("zab: head of the log: %w", err))
		}
		s.head = h
	}
	if z := s.head.Base.Zxid(); z.Counter != found.Start {
		return lost(fmt.Errorf("zab: the log begins after %d and its base is %v", found.Start, z))
	}
	s.last = s.head.Base.Zxid()
	if found.Last > found.Start {
		e, err := s.entry(found.Last)
		switch {
		case errors.Is(err, wal.ErrDamaged), errors.Is(err, protocol.ErrCorruptEntry):
			return lost(err)
		case err != nil:
			return rec, fmt.Errorf("zab: reading the log: %w", err)
		case e.Zxid.Counter != found.Last:
			return lost(fmt.Errorf("zab: entry %v in the place of entry %d", e.Zxid, found.Last))
		}
		s.last = e.Zxid
	}
	rec.Base, rec.Latest, rec.Last = s.head.Base, s.head.Latest, found.Last
	if s.head.HardState != nil {
		h := *s.head.HardState
		rec.HardState = &h
	}
	return rec, nil
}

// entry reads one entry of the log.
func (s *Store) entry(counter uint64) (protocol.Entry, error) {
	var r wal.Records
	if err := s.log.Read(&r, counter-1, 0); err != nil {
		return protocol.Entry{}, err
	}
	e, _, err := protocol.DecodeEntry(r.Data)
	return e, err
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// LowSpace implements zab.Storage. While it is true, asking also tries again.
func (s *Store) LowSpace() bool {
	if s.log == nil || !s.log.LowSpace() {
		return false
	}
	s.housekeep()
	return true
}

// housekeep has files of the log prepared and removed in the background, if that is
// due and it is not under way already. Its errors show at the next Append, or
// in LowSpace.
func (s *Store) housekeep() {
	if !s.log.NeedsPrepare() {
		return
	}
	done := s.beginPreparing()
	if done == nil {
		return
	}
	s.background(func() {
		defer close(done)
		_ = s.log.Prepare() // the log remembers what is final
	})
}

// beginPreparing returns what to close when it is done, or nil if it is not to be
// begun.
func (s *Store) beginPreparing() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.preparing != nil {
		select {
		case <-s.preparing:
		default:
			return nil
		}
	}
	if s.closed {
		return nil
	}
	s.preparing = make(chan struct{})
	return s.preparing
}

// Close implements zab.Storage. It marks the log as closed in good order.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	running := s.preparing
	s.mu.Unlock()
	if running != nil {
		<-running
	}
	var errs []error
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// noSpace makes a full disk recognisable to users of Storage.
func noSpace(err error) error {
	if errors.Is(err, wal.ErrLowSpace) || errors.Is(err, disk.ErrNoSpace) {
		return fmt.Errorf("%w: %w", protocol.ErrNoSpace, err)
	}
	return err
}

// removeUnnamed removes the snapshots that the log's head does not name, and what
// was aside except a receipt; nothing that is not recognised.
func (s *Store) removeUnnamed() error {
	whole, aside, err := snapshot.Files(s.fsys, s.snapshotsDir(), snapshotSuffix)
	if err != nil {
		return fmt.Errorf("zab: listing snapshots: %w", err)
	}
	var names []string
	for _, name := range whole {
		if !named(&s.head, name) {
			names = append(names, name)
		}
	}
	for _, name := range aside {
		if isOwnPart(name) {
			names = append(names, name)
		}
	}
	if err := snapshot.Remove(s.fsys, s.snapshotsDir(), s.recognised(names)...); err != nil {
		return fmt.Errorf("zab: removing snapshots: %w", err)
	}
	return nil
}
