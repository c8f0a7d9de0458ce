package snapshot

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"github.com/zabtree/zabtree/internal/disk"
)

// Reader reads a whole snapshot. Every byte that it returns was verified.
type Reader struct {
	f disk.File
	h Header
	t footer

	mu sync.Mutex // guards cached alone; never held across a read
	// cached is the chunk that was read last, for sequential reads of any size. It
	// is never changed.
	cached  []byte
	cachedN int64
}

// Open opens a snapshot and verifies its header and footer. An error wraps
// fs.ErrNotExist or ErrDamaged, or is the file system's.
func Open(fsys disk.FS, name string) (*Reader, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	r := &Reader{f: f, cachedN: -1}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *Reader) open() error {
	size, err := r.f.Size()
	if err != nil {
		return err
	}
	if r.h, err = readHeader(r.f, size); err != nil {
		return err
	}
	r.t, err = readFooter(r.f, &r.h, size)
	return err
}

// Label returns the final label. It is the caller's.
func (r *Reader) Label() []byte { return bytes.Clone(r.t.label) }

// Size returns how many bytes the snapshot has.
func (r *Reader) Size() int64 { return r.t.size }

// Chunks returns how many chunks it has.
func (r *Reader) Chunks() int64 { return r.h.chunks(r.t.size) }

// ReadChunk returns chunk n, from 0, verified. Behind the last it is io.EOF.
func (r *Reader) ReadChunk(n int64) ([]byte, error) {
	b, _, err := r.chunk(nil, n)
	return b, err
}

// chunk reads into b if it is large enough, and returns the checksum too.
func (r *Reader) chunk(b []byte, n int64) ([]byte, uint32, error) {
	if n < 0 || n >= r.Chunks() {
		return nil, 0, io.EOF
	}
	size := min(r.h.chunk(), r.t.size-n*r.h.chunk())
	if cap(b) < int(size)+sumBytes {
		b = make([]byte, size+sumBytes)
	}
	b = b[:size+sumBytes]
	if err := readFull(r.f, b, r.h.place(n)); err != nil {
		return nil, 0, err
	}
	sum := le.Uint32(b[size:])
	if chunkSum(r.h.ID, uint64(n), b[:size]) != sum {
		return nil, 0, damaged("chunk %d has a wrong checksum", n)
	}
	return b[:size:size], sum, nil
}

// ReadAt implements io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	done := 0
	for done < len(p) {
		at := off + int64(done)
		if at >= r.t.size {
			return done, io.EOF
		}
		n := at / r.h.chunk()
		chunk, err := r.remember(n)
		if err != nil {
			return done, err
		}
		done += copy(p[done:], chunk[at-n*r.h.chunk():])
	}
	return done, nil
}

func (r *Reader) remember(n int64) ([]byte, error) {
	r.mu.Lock()
	b, ok := r.cached, r.cachedN == n
	r.mu.Unlock()
	if ok {
		return b, nil
	}
	b, _, err := r.chunk(nil, n)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.cached, r.cachedN = b, n
	r.mu.Unlock()
	return b, nil
}

// Reader returns a reader of the whole snapshot from its beginning.
func (r *Reader) Reader() io.Reader { return io.NewSectionReader(r, 0, r.t.size) }

// Verify reads all of it.
func (r *Reader) Verify() error {
	var sum uint64
	buf := make([]byte, r.h.slot())
	for n := range r.Chunks() {
		_, s, err := r.chunk(buf, n)
		if err != nil {
			return err
		}
		sum = fold(sum, s)
	}
	if sum != r.t.sum {
		return damaged("chunks do not belong together")
	}
	return nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

// Files returns the names, without the directory, of the files in it that are whole
// and have a suffix, and of those that are aside.
func Files(fsys disk.FS, dir, suffix string) (whole, aside []string, err error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, suffix):
			whole = append(whole, name)
		case strings.HasSuffix(name, disk.PartSuffix):
			aside = append(aside, name)
		}
	}
	return whole, aside, nil
}

// Remove removes files of a directory, those that are there, and makes that
// durable.
func Remove(fsys disk.FS, dir string, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, disk.RemoveIfExists(fsys, filepath.Join(dir, name)))
	}
	return errors.Join(append(errs, fsys.SyncDir(dir))...)
}
