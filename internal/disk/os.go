package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// OS is the machine's file system.
type OS struct{}

var _ FS = OS{}

// Open implements FS.
func (OS) Open(name string) (File, error) { return openOS(name, os.O_RDWR) }

// Create implements FS.
func (OS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, mapError(err)
	}
	return &osFile{f: f}, nil
}

// Rename implements FS.
func (OS) Rename(from, to string) error { return mapError(os.Rename(from, to)) }

// Remove implements FS.
func (OS) Remove(name string) error { return mapError(os.Remove(name)) }

// List implements FS.
func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// MkdirAll implements FS.
func (o OS) MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return &os.PathError{Op: "mkdir", Path: dir, Err: errors.New("exists and is not a directory")}
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return mapError(err)
	}
	return o.SyncDir(parent)
}

// SyncDir implements FS. Where directories cannot be synced (Windows) the file
// system's own journal has to do.
func (OS) SyncDir(dir string) error { return mapError(syncDir(dir)) }

// Lock implements FS. On systems that have no such locks it fails with
// errors.ErrUnsupported.
func (OS) Lock(dir string) (io.Closer, error) {
	f, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, mapError(err))
	}
	return f, nil
}

// mapError makes a full disk recognisable on every system.
func mapError(err error) error {
	if err != nil && isNoSpace(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

type osFile struct{ f *os.File }

func (f *osFile) ReadAt(b []byte, off int64) (int, error) { return f.f.ReadAt(b, off) }

func (f *osFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(b, off)
	return n, mapError(err)
}

func (f *osFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) Truncate(size int64) error { return mapError(f.f.Truncate(size)) }

func (f *osFile) Sync() error { return mapError(syncData(f.f)) }

func (f *osFile) Close() error { return f.f.Close() }

// zeroBlock bounds how much of a file Preallocate writes at once.
const zeroBlock = 256 << 10

func (f *osFile) Preallocate(size int64) error {
	from, err := f.Size()
	if err != nil || from >= size {
		return err
	}
	// Reserving first finds a full disk before anything is written, and asks for
	// the space in one piece. It is not enough by itself: space that was only
	// reserved changes metadata when it is first written.
	if err := reserve(f.f, from, size-from); err != nil {
		return mapError(err)
	}
	zeros := make([]byte, min(zeroBlock, size-from))
	for off := from; off < size; off += int64(len(zeros)) {
		if _, err := f.f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return mapError(err)
		}
	}
	return nil
}
