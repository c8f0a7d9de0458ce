package zab

import (
	"bytes"
	"fmt"
)

// memoryWriter is a SnapshotWriter of a memoryStorage.
type memoryWriter struct {
	s         *memoryStorage
	life      uint64
	receipt   SnapshotMeta
	receiving bool
	buf       []byte
	closed    bool
}

func (w *memoryWriter) Write(b []byte) (int, error) {
	if w.closed {
		return 0, errWriterClosed
	}
	w.buf = append(w.buf, b...)
	return len(b), nil
}

func (w *memoryWriter) Offset() int64 { return int64(len(w.buf)) }

// usable checks that the writer and the life of the storage that it belongs to go
// on. The caller has the storage's mutex.
func (w *memoryWriter) usable() error {
	switch {
	case w.closed:
		return errWriterClosed
	case !w.s.inUse || w.s.life != w.life:
		return errStorageClosed
	case w.receiving && w.s.kept != w.receipt:
		return fmt.Errorf("zab: another snapshot is being received")
	}
	return nil
}

func (w *memoryWriter) Sync() error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	if w.receiving {
		w.s.part = w.buf[:len(w.buf):len(w.buf)]
	}
	return nil
}

func (w *memoryWriter) Commit(meta SnapshotMeta) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.usable(); err != nil {
		return err
	}
	w.closed = true
	if int64(len(w.buf)) != meta.Size {
		return fmt.Errorf("zab: snapshot of %d bytes has %d", meta.Size, len(w.buf))
	}
	w.s.parts[meta] = w.buf
	if w.receiving {
		w.s.kept, w.s.part, w.s.latest = SnapshotMeta{}, nil, meta
	}
	return nil
}

func (w *memoryWriter) Abort() error {
	w.closed = true
	return nil
}

// memoryReader is a SnapshotReader.
type memoryReader struct{ *bytes.Reader }

func newMemoryReader(b []byte) memoryReader { return memoryReader{bytes.NewReader(b)} }

func (memoryReader) Close() error { return nil }
