package dirstore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/internal/wal"
	"github.com/zabtree/zabtree/zab/protocol"
)

const lockFileName = "LOCK"

// lockDir locks a directory that is ours or may become ours. Where locking makes the
// file LOCK, the directory is looked at before; where LOCK is there already, after,
// so that a process at work in it is ErrInUse and is not disturbed.
func lockDir(fsys disk.FS, dir string) (io.Closer, error) {
	names, err := entries(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("zab: storage directory: %w", err)
	}
	before := !slices.Contains(names, lockFileName)
	if before {
		if err := checkForeign(fsys, dir, names); err != nil {
			return nil, err
		}
	}
	lock, err := fsys.Lock(dir)
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", protocol.ErrInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("zab: storage directory: %w", err)
	}
	if !before {
		if names, err = entries(fsys, dir); err == nil {
			err = checkForeign(fsys, dir, names)
		}
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	return lock, nil
}

// entries returns the names in a directory, none if there is no directory. A
// disk.FS lists regular files alone, which is not all that can be somebody's.
func entries(fsys disk.FS, dir string) ([]string, error) {
	var names []string
	var err error
	if _, ok := fsys.(disk.OS); ok {
		var all []os.DirEntry
		all, err = os.ReadDir(dir)
		for _, e := range all {
			names = append(names, e.Name())
		}
	} else {
		names, err = fsys.List(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// survey is what a directory shows of whose it is.
type survey struct {
	fsys     disk.FS
	ours     bool   // a valid identity, or a segment of a log
	stranger string // the first file that a first start does not leave
	errs     []error
}

// checkForeign refuses a directory that is neither ours nor empty but for what an
// interrupted first start leaves. The first thing that is written there for good is
// a segment of the log; snapshots, and IDENTITY, come after a batch in the log.
func checkForeign(fsys disk.FS, dir string, names []string) error {
	s := survey{fsys: fsys}
	for _, name := range names {
		path := filepath.Join(dir, name)
		switch name {
		case lockFileName, "lost+found":
		case identityName, identityName + disk.PartSuffix:
			s.identity(path)
		case "log", "snapshots":
			// In a file system that lists regular files alone, these are looked at below.
		default:
			s.strange(path)
		}
		if s.ours {
			return nil
		}
	}
	s.directory(filepath.Join(dir, "log"), s.segment)
	s.directory(filepath.Join(dir, "snapshots"), s.snapshot)
	switch {
	case s.ours:
		return nil
	case s.stranger != "":
		err := fmt.Errorf("%w: %s has neither a valid %s nor a log, and %s is in the way", protocol.ErrForeign, dir, identityName, s.stranger)
		return errors.Join(append([]error{err}, s.errs...)...)
	case s.errs != nil:
		return fmt.Errorf("zab: storage directory: %w", errors.Join(s.errs...))
	}
	return nil
}

func (s *survey) strange(path string) {
	if s.stranger == "" {
		s.stranger = path
	}
}

func (s *survey) failed(err error) {
	if !errors.Is(err, fs.ErrNotExist) { // gone since it was listed
		s.errs = append(s.errs, err)
	}
}

// directory looks at everything in a directory of ours.
func (s *survey) directory(dir string, look func(path string)) {
	if s.ours {
		return
	}
	if _, ok := s.fsys.(disk.OS); ok {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			s.strange(dir)
			return
		}
	}
	names, err := entries(s.fsys, dir)
	if err != nil {
		s.failed(err)
	}
	for _, name := range names {
		look(filepath.Join(dir, name))
	}
}

// identity looks at IDENTITY, or at what of it is aside. One of a later version is
// ours: loadIdentity says the rest.
func (s *survey) identity(path string) {
	b, err := disk.ReadFile(s.fsys, path, maxIdentityBytes)
	var long *disk.TooLongError
	switch {
	case errors.As(err, &long):
		s.strange(path)
	case err != nil:
		s.failed(err)
	case strings.HasSuffix(path, disk.PartSuffix):
		mark := codec.AppendString(codec.AppendArray(nil, 5), "zabtree")
		n := min(len(b), len(mark))
		if string(b[:n]) != string(mark[:n]) && strings.Trim(string(b), "\x00") != "" {
			s.strange(path)
		}
	default:
		if _, err := decodeIdentity(b); errors.Is(err, errIdentity) {
			s.strange(path)
			return
		}
		s.ours = true
	}
}

func (s *survey) segment(path string) {
	whole, aside, err := wal.Ours(s.fsys, path)
	switch {
	case err != nil:
		s.failed(err)
	case whole:
		s.ours = true
	case !aside:
		s.strange(path)
	}
}

// snapshot looks at a file among snapshots. A whole one does not show that the
// directory is ours: without a log it would be removed, and may be all that is left.
func (s *survey) snapshot(path string) {
	if name := filepath.Base(path); !isOwnPart(name) && !isReceipt(name) {
		s.strange(path)
		return
	}
	switch ok, err := snapshot.Ours(s.fsys, path); {
	case err != nil:
		s.failed(err)
	case !ok:
		s.strange(path)
	}
}

func receiptName(n uint64) string {
	if n == 0 {
		return receiptPrefix + disk.PartSuffix
	}
	return fmt.Sprintf("%s-%d%s", receiptPrefix, n, disk.PartSuffix)
}

func isReceipt(name string) bool {
	n, ok := partIndex(name, receiptPrefix+"-")
	return name == receiptName(0) || ok && name == receiptName(n)
}

func ownPartName(n uint64) string { return fmt.Sprintf("%s%d%s", ownPrefix, n, disk.PartSuffix) }

func isOwnPart(name string) bool {
	n, ok := partIndex(name, ownPrefix)
	return ok && name == ownPartName(n)
}

// partIndex returns the number in the name of a file aside.
func partIndex(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(name, disk.PartSuffix), prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return n, err == nil
}

// isSnapshotName says whether snapshotName made a name.
func isSnapshotName(name string) bool {
	var m protocol.SnapshotMeta
	_, err := fmt.Sscanf(name, "%16x-%8x-%16x-%16x-%x"+snapshotSuffix, &m.Zxid.Counter, &m.Zxid.Epoch, &m.Digest, &m.Sum, &m.Size)
	return err == nil && snapshotName(m) == name
}

// recognised returns those of the files among the snapshots that are ours by their
// names and by their first bytes: nothing else is removed. Of what cannot be read
// nobody knows.
func (s *Store) recognised(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		if !isSnapshotName(name) && !isOwnPart(name) {
			return true
		}
		ok, err := snapshot.Ours(s.fsys, s.snapshotPath(name))
		return err != nil || !ok
	})
}

// nameParts chooses names for files aside that are not those of files of others,
// which stay.
func (s *Store) nameParts() error {
	_, aside, err := snapshot.Files(s.fsys, s.snapshotsDir(), snapshotSuffix)
	if err != nil {
		return fmt.Errorf("zab: listing snapshots: %w", err)
	}
	for _, name := range aside {
		if n, ok := partIndex(name, ownPrefix); ok && len(s.recognised([]string{name})) == 0 {
			s.parts = max(s.parts, n)
		}
	}
	for n := uint64(0); ; n++ {
		s.receipt = receiptName(n)
		if !slices.Contains(aside, s.receipt) {
			return nil
		}
		ok, err := snapshot.Ours(s.fsys, s.snapshotPath(s.receipt))
		if err != nil {
			return fmt.Errorf("zab: reading a partial snapshot: %w", err)
		}
		if ok {
			return nil
		}
	}
}
