package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// SectorSize is the unit, in bytes, in which a disk writes whole or not at all.
const SectorSize = 512

// ErrNoSpace is wrapped by every error that means the disk, or the share of it
// that the process may use, is full.
var ErrNoSpace = errors.New("disk: no space left")

// ErrLocked is wrapped by the error of a Lock that a live process holds.
var ErrLocked = errors.New("disk: directory is in use by a live process")

// FS is a file system. Names are paths in the manner of path/filepath; errors
// wrap the sentinels of io/fs where those apply.
type FS interface {
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Create makes a new file, readable by its owner only (0600). A file of that
	// name must not exist.
	Create(name string) (File, error)
	// Rename gives a file another name in the same directory, atomically, in place
	// of a file that had it.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// List returns the sorted names, without the directory, of the regular files in
	// a directory.
	List(dir string) ([]string, error)
	// MkdirAll makes a directory and its parents (0700) and their names durable.
	MkdirAll(dir string) error
	// SyncDir makes durable which names a directory holds.
	SyncDir(dir string) error
	// Lock takes the exclusive lock of a directory, kept in a file of its own called
	// LOCK, or fails with ErrLocked at once. The operating system frees it when the
	// process ends, however it ends.
	Lock(dir string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Size returns the size in bytes.
	Size() (int64, error)
	// Truncate sets the size; new space reads as zeros.
	Truncate(size int64) error
	// Preallocate fills the space from the end of the file up to size with zeros
	// that were really written, so that later writes there allocate nothing.
	// A full disk is ErrNoSpace; the file may then have grown. It syncs nothing.
	Preallocate(size int64) error
	// Sync makes the data durable, and the size as far as reading the data needs it.
	Sync() error
	Close() error
}

// lockName is the name of the file, in a locked directory, that carries its lock.
const lockName = "LOCK"

// PartSuffix ends the name of a file that is being written aside. What bears it
// after a crash was never completed.
const PartSuffix = ".part"

// WriteFile writes a small file so that after a crash it is there whole, or as it
// was before: aside, synced, renamed, and the directory synced.
func WriteFile(fsys FS, name string, data []byte) (err error) {
	part := name + PartSuffix
	if err := RemoveIfExists(fsys, part); err != nil {
		return err
	}
	f, err := fsys.Create(part)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, RemoveIfExists(fsys, part))
		}
	}()
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return Publish(fsys, name)
}

// Publish gives the synced file name+PartSuffix its name, durably.
func Publish(fsys FS, name string) error {
	if err := fsys.Rename(name+PartSuffix, name); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// ReadFile returns the bytes of a file of at most limit bytes. A longer one is
// an error and nothing is allocated for it.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, &TooLongError{Name: name, Size: size, Limit: limit}
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return nil, err
	}
	return b, nil
}

// TooLongError says that a file is longer than anything that was written there.
type TooLongError struct {
	Name        string
	Size, Limit int64 // bytes
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("disk: %s has %d bytes, more than %d", e.Name, e.Size, e.Limit)
}

// RemoveIfExists removes a file if it is there.
func RemoveIfExists(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
