package zab

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	files "github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/internal/wal"
	"github.com/zabtree/zabtree/zab/protocol"
)

// DirOptions are options of OpenDir. The zero value is a good choice.
type DirOptions struct {
	// SegmentBytes is the size of the files that the log is made of, which are
	// filled with zeros ahead of time: a multiple of 512 from 64 KiB to 1 GiB,
	// 16 MiB by default. Two or three of them are there at all times. It may be
	// changed from one start to the next.
	SegmentBytes int

	// Replica and Ensemble, if they are not zero, say whose directory it must be, or
	// become: another's is refused with ErrForeign before anything in it is touched.
	// Config.EnsembleID has the ensemble's.
	Replica  uint64
	Ensemble EnsembleID
}

const minSegmentBytes = 64 << 10

// Validate returns what is wrong with o, or nil.
func (o *DirOptions) Validate() error {
	if n := o.SegmentBytes; n != 0 && (n < minSegmentBytes || n > wal.MaxSegmentBytes || n%files.SectorSize != 0) {
		return fmt.Errorf("zab: DirOptions.SegmentBytes is %d: want a multiple of %d from %d to %d, or 0 for %d",
			n, files.SectorSize, minSegmentBytes, wal.MaxSegmentBytes, wal.DefaultSegmentBytes)
	}
	return nil
}

// dirStorage is a Storage in a directory:
//
//	LOCK        locked while a process uses the directory
//	IDENTITY    whose directory it is (dir_identity.go)
//	log/        the log; its head has the hard state and what snapshots count
//	snapshots/  snapshot files; one that the log's head does not name does not exist
//
// A goroutine prepares and removes files of the log when that is due; there is at
// most one, and Close waits for it. mu guards the fields below it and is never held
// across a file operation.
type dirStorage struct {
	fsys    files.FS
	dir     string
	opts    DirOptions
	lock    io.Closer
	receipt string // the name of a receipt aside, from Load on
	// background runs what prepares files of the log: in a goroutine, or at once.
	background func(func())

	log *wal.Log // set by Load

	// For Load and Append alone.
	head     protocol.Head
	identity dirIdentity
	last     Zxid // of the log, or of the base
	reset    bool // what the log holds is of no use: the next Append drops it
	lengths  []uint32
	data     [1][]byte
	headBuf  []byte

	mu        sync.Mutex
	closed    bool
	preparing chan struct{} // closed by the newest of those goroutines at its end
	receiving bool
	received  string // committed receipt that is not named yet
	parts     uint64 // numbers files aside
}

// OpenDir opens the storage in a directory, or makes one there, for a replica of
// this process. It is ErrInUse while another has it, also in another process.
// Directories are made with 0700, files with 0600.
//
// A directory that is not empty must be recognisable: by a valid IDENTITY, or by a
// segment of a log. Any other is ErrForeign, before anything in it is made, written
// or removed, except that what an interrupted first start leaves is fine: LOCK, the
// directories log and snapshots, and in them files with names of ours that end in
// .part and have no bytes of others; so is lost+found. Also in a directory of ours,
// files that are not recognised by name and content are never removed.
//
// The log is written into space that was filled ahead: an Append is one write and
// one fdatasync. Every sector of it is known as new, as never written or as damaged,
// so that damage is never taken for a crash: what a crash cut off in the middle of
// an Append is dropped, and anything else that is wrong is Recovered.Damage. What is
// left of a damaged log is kept, untouched, until the next Append.
func OpenDir(dir string, opts DirOptions) (Storage, error) {
	s, err := openDir(files.OS{}, dir, opts, func(f func()) { go f() })
	if err != nil {
		return nil, err
	}
	return s, nil
}

func openDir(fsys files.FS, dir string, opts DirOptions, background func(func())) (*dirStorage, error) {
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
	s := &dirStorage{fsys: fsys, dir: dir, opts: opts, lock: lock, background: background}
	if err := s.checkIdentity(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

func (s *dirStorage) logDir() string       { return filepath.Join(s.dir, "log") }
func (s *dirStorage) snapshotsDir() string { return filepath.Join(s.dir, "snapshots") }

// Load implements Storage. It writes nothing that matters while the log is damaged.
func (s *dirStorage) Load() (Recovered, error) {
	if s.log != nil || s.isClosed() {
		return Recovered{}, errors.New("zab: storage is loaded once, and before it is closed")
	}
	for _, dir := range []string{s.logDir(), s.snapshotsDir()} {
		if err := s.fsys.MkdirAll(dir); err != nil {
			return Recovered{}, fmt.Errorf("zab: storage directory: %w", err)
		}
	}
	log, found, err := wal.Open(s.fsys, s.logDir(), wal.Options{SegmentBytes: s.opts.SegmentBytes, NewID: drawUint64})
	if err != nil {
		return Recovered{}, fmt.Errorf("zab: opening the log: %w", err)
	}
	s.log = log
	rec, err := s.recovered(&found)
	if err != nil {
		return Recovered{}, err
	}
	if err := s.compareIdentity(&rec); err != nil {
		return Recovered{}, err
	}
	if rec.Damage == nil {
		if err := s.removeUnnamed(); err != nil {
			return Recovered{}, err
		}
	}
	if err := s.nameParts(); err != nil {
		return Recovered{}, err
	}
	rec.Partial, rec.PartialSize, err = s.partial()
	if err != nil {
		return Recovered{}, err
	}
	s.housekeep()
	return rec, nil
}

// recovered translates what was found in the log.
func (s *dirStorage) recovered(found *wal.Recovered) (Recovered, error) {
	rec := Recovered{}
	if found.Damage != nil {
		rec.Damage = found.Damage
	}
	lost := func(err error) (Recovered, error) {
		// The head is part of what was verified: only another program, or a bug, makes
		// these differ.
		s.head, s.last, s.reset = protocol.Head{}, Zxid{}, true
		return Recovered{Damage: errors.Join(rec.Damage, err)}, nil
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
func (s *dirStorage) entry(counter uint64) (Entry, error) {
	var r wal.Records
	if err := s.log.Read(&r, counter-1, 0); err != nil {
		return Entry{}, err
	}
	e, _, err := protocol.DecodeEntry(r.Data)
	return e, err
}

func (s *dirStorage) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// LowSpace implements Storage. While it is true, asking also tries again.
func (s *dirStorage) LowSpace() bool {
	if s.log == nil || !s.log.LowSpace() {
		return false
	}
	s.housekeep()
	return true
}

// housekeep starts the goroutine that prepares and removes files of the log, if
// that is due and it does not run already. Its errors show at the next Append, or
// in LowSpace.
func (s *dirStorage) housekeep() {
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
func (s *dirStorage) beginPreparing() chan struct{} {
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

// Close implements Storage. It marks the log as closed in good order.
func (s *dirStorage) Close() error {
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
	if errors.Is(err, wal.ErrLowSpace) || errors.Is(err, files.ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// removeUnnamed removes the snapshots that the log's head does not name, and what
// was aside except a receipt; nothing that is not recognised.
func (s *dirStorage) removeUnnamed() error {
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
