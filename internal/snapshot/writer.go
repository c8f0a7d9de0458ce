package snapshot

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/zabtree/zabtree/internal/disk"
)

// Writer writes a snapshot aside. The first error is final, except that the file
// stays aside and may be resumed later.
type Writer struct {
	fsys disk.FS
	part string
	f    disk.File
	h    Header

	buf  []byte // the chunk that is being filled
	n    uint64 // its number
	sum  uint64 // over the chunks before it
	kept int    // bytes of buf that are in the file already
	err  error
}

// Create begins a file aside, in place of one that was there.
func Create(fsys disk.FS, part string, h Header) (*Writer, error) {
	if err := h.validate(); err != nil {
		return nil, err
	}
	h.Label = bytes.Clone(h.Label)
	if err := disk.RemoveIfExists(fsys, part); err != nil {
		return nil, err
	}
	f, err := fsys.Create(part)
	if err != nil {
		return nil, err
	}
	w := &Writer{fsys: fsys, part: part, f: f, h: h}
	_, err = f.WriteAt(w.h.encode(), 0)
	if err == nil {
		err = f.Sync() // so that what a crash leaves of the file is known by its header
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), disk.RemoveIfExists(fsys, part))
	}
	w.buf = make([]byte, 0, h.slot())
	return w, nil
}

// Resume continues the file aside if it has the header's label, after what of it
// checks out. If there is none, it begins one. What was there is passed to seen, in
// order, if that is not nil; the slice is valid during the call alone.
func Resume(fsys disk.FS, part string, begin Header, seen func([]byte)) (*Writer, error) {
	f, err := fsys.Open(part)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(fsys, part, begin)
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	h, err := readHeader(f, size)
	if err != nil || !bytes.Equal(h.Label, begin.Label) {
		if err := f.Close(); err != nil {
			return nil, err
		}
		return Create(fsys, part, begin)
	}
	w := &Writer{fsys: fsys, part: part, f: f, h: h, buf: make([]byte, 0, h.slot())}
	if err := w.resume(size, seen); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// Partial says what a file aside has: its label and how many bytes of it check
// out. An error wraps fs.ErrNotExist or ErrDamaged.
func Partial(fsys disk.FS, part string) (label []byte, size int64, err error) {
	f, err := fsys.Open(part)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	total, err := f.Size()
	if err != nil {
		return nil, 0, err
	}
	w := &Writer{f: f}
	if w.h, err = readHeader(f, total); err != nil {
		return nil, 0, err
	}
	w.buf = make([]byte, 0, w.h.slot())
	_ = w.scan(total, func([]byte, int64) error { return nil }) // which never fails
	return w.h.Label, w.Offset(), nil
}

// scan takes over all chunks from the first on that check out. It passes each to
// seen, with its checksum and its place in the file.
func (w *Writer) scan(size int64, seen func(slot []byte, at int64) error) error {
	for at := w.h.size(); ; at += w.h.slot() {
		n := min(w.h.slot(), size-at)
		if n <= sumBytes {
			return nil
		}
		b := w.buf[:n]
		data := b[:n-sumBytes]
		if readFull(w.f, b, at) != nil || le.Uint32(b[n-sumBytes:]) != chunkSum(w.h.ID, w.n, data) {
			return nil
		}
		if err := seen(b, at); err != nil {
			return err
		}
		if n < w.h.slot() {
			w.buf, w.kept = data, len(data)
			return nil
		}
		w.sum = fold(w.sum, le.Uint32(b[n-sumBytes:]))
		w.n++
	}
}

// resume takes over what is there, and writes it again: it may be in the page cache
// alone, and after a sync that failed the next one succeeds without writing it (Rebello
// et al., USENIX ATC 2020). What is behind it is of no use.
func (w *Writer) resume(size int64, seen func([]byte)) error {
	err := w.scan(size, func(slot []byte, at int64) error {
		if seen != nil {
			seen(slot[:len(slot)-sumBytes])
		}
		_, err := w.f.WriteAt(slot, at)
		return err
	})
	if err != nil {
		return err
	}
	end := w.place()
	if w.kept > 0 {
		end += int64(w.kept) + sumBytes
	}
	if err := w.f.Truncate(end); err != nil {
		return err
	}
	return w.f.Sync()
}

// place is where in the file the current chunk begins.
func (w *Writer) place() int64 { return w.h.place(int64(w.n)) }

// Offset returns how many bytes were written, before a resumption too.
func (w *Writer) Offset() int64 { return int64(w.n)*w.h.chunk() + int64(len(w.buf)) }

// Write implements io.Writer. A full disk is disk.ErrNoSpace.
func (w *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.err == nil {
		n := min(len(p), w.h.ChunkBytes-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p, written = p[n:], written+n
		if len(w.buf) == w.h.ChunkBytes {
			w.flush()
		}
	}
	return written, w.err
}

// flush writes the current chunk with its checksum, and begins the next if it is
// full.
func (w *Writer) flush() {
	if w.err != nil || len(w.buf) == w.kept {
		return
	}
	sum := chunkSum(w.h.ID, w.n, w.buf)
	if _, err := w.f.WriteAt(le.AppendUint32(w.buf, sum), w.place()); err != nil {
		w.err = err
		return
	}
	w.kept = len(w.buf)
	if w.kept == w.h.ChunkBytes {
		w.sum = fold(w.sum, sum)
		w.n++
		w.buf, w.kept = w.buf[:0], 0
	}
}

// Sync makes what was written durable, so that Resume finds it. The name is made
// durable too.
func (w *Writer) Sync() error {
	w.flush()
	if w.err == nil {
		w.err = w.f.Sync()
	}
	if w.err == nil {
		w.err = w.fsys.SyncDir(filepath.Dir(w.part))
	}
	return w.err
}

// Commit completes the file, gives it its final label and its final name, in the
// same directory, and closes the writer. When it returns nil all that is durable.
// After an error the file is aside as it was.
func (w *Writer) Commit(name string, label []byte) error {
	if len(label) > MaxLabelBytes {
		return errors.Join(ErrTooLong, w.Abort())
	}
	size := w.Offset()
	w.flush()
	if err := w.err; err != nil {
		return errors.Join(err, w.Abort())
	}
	end, sum := w.place(), w.sum
	if n := len(w.buf); n > 0 {
		end += int64(n) + sumBytes
		sum = fold(sum, chunkSum(w.h.ID, w.n, w.buf))
	}
	t := footer{id: w.h.ID, size: size, sum: sum, label: label}
	_, err := w.f.WriteAt(t.encode(), end)
	if err == nil {
		err = w.f.Sync()
	}
	if err = errors.Join(err, w.Abort()); err != nil {
		return err
	}
	if err := w.fsys.Rename(w.part, name); err != nil {
		return err
	}
	return w.fsys.SyncDir(filepath.Dir(name))
}

// Abort closes the writer and leaves what it wrote aside. It does nothing after
// Commit or Abort.
func (w *Writer) Abort() error {
	if w.f == nil {
		return nil
	}
	f := w.f
	w.f, w.err = nil, ErrClosed
	return f.Close()
}
