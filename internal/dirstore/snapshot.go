package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/zab/protocol"
)

const (
	snapshotSuffix = ".snap"
	ownPrefix      = "own-"
	receiptPrefix  = "receipt"
)

// snapshotName is the file of a committed snapshot. Names are in the order of
// counters.
func snapshotName(m protocol.SnapshotMeta) string {
	return fmt.Sprintf("%016x-%08x-%016x-%016x-%x%s", m.Zxid.Counter, m.Zxid.Epoch, m.Digest, m.Sum, m.Size, snapshotSuffix)
}

func appendMeta(dst []byte, m *protocol.SnapshotMeta) []byte {
	dst = codec.AppendArray(dst, 5)
	dst = codec.AppendUint(dst, uint64(m.Zxid.Epoch))
	dst = codec.AppendUint(dst, m.Zxid.Counter)
	dst = codec.AppendUint(dst, m.Digest)
	dst = codec.AppendInt(dst, m.Size)
	return codec.AppendUint(dst, m.Sum)
}

func decodeMeta(b []byte) (protocol.SnapshotMeta, error) {
	r := codec.NewReader(b)
	r.Fields(5)
	m := protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: r.Uint32(), Counter: r.Uint()}, Digest: r.Uint(), Size: r.Int(), Sum: r.Uint()}
	return m, r.Done()
}

func (s *Store) snapshotPath(name string) string { return filepath.Join(s.snapshotsDir(), name) }

// partial says what there is of a receipt.
func (s *Store) partial() (protocol.SnapshotMeta, int64, error) {
	label, size, err := snapshot.Partial(s.fsys, s.snapshotPath(s.receipt))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, snapshot.ErrDamaged):
		return protocol.SnapshotMeta{}, 0, nil // it begins again
	case err != nil:
		return protocol.SnapshotMeta{}, 0, fmt.Errorf("zab: reading a partial snapshot: %w", err)
	}
	meta, err := decodeMeta(label)
	if err != nil || size > meta.Size {
		return protocol.SnapshotMeta{}, 0, nil
	}
	return meta, size, nil
}

func (s *Store) header(label []byte) snapshot.Header {
	return snapshot.Header{ID: s.opts.NewID(), Label: label, ChunkBytes: s.opts.SnapshotChunkBytes}
}

// CreateSnapshot implements zab.Storage.
func (s *Store) CreateSnapshot() (protocol.SnapshotWriter, error) {
	s.mu.Lock()
	closed := s.closed
	s.parts++
	part := ownPartName(s.parts)
	s.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	w, err := snapshot.Create(s.fsys, s.snapshotPath(part), s.header(nil))
	if err != nil {
		return nil, fmt.Errorf("zab: creating a snapshot: %w", noSpace(err))
	}
	return &writer{Writer: w, s: s, part: part}, nil
}

// ReceiveSnapshot implements zab.Storage. There can be one receipt at a time.
func (s *Store) ReceiveSnapshot(meta protocol.SnapshotMeta) (protocol.SnapshotWriter, error) {
	s.mu.Lock()
	closed, busy := s.closed, s.receiving
	s.receiving = true
	s.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case busy:
		return nil, errors.New("zab: a snapshot is being received already")
	}
	label := appendMeta(nil, &meta)
	w, err := snapshot.Resume(s.fsys, s.snapshotPath(s.receipt), s.header(label), nil)
	if err == nil && w.Offset() > meta.Size {
		// More than there is to receive: of no use.
		if err = w.Abort(); err == nil {
			w, err = snapshot.Create(s.fsys, s.snapshotPath(s.receipt), s.header(label))
		}
	}
	if err != nil {
		s.receiptEnded("")
		return nil, fmt.Errorf("zab: receiving a snapshot: %w", noSpace(err))
	}
	return &writer{Writer: w, s: s, part: s.receipt, receipt: true}, nil
}

func (s *Store) receiptEnded(committed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiving = false
	if committed != "" {
		s.received = committed
	}
}

// writer is a SnapshotWriter.
type writer struct {
	*snapshot.Writer
	s       *Store
	part    string
	receipt bool
	ended   bool
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	return n, noSpace(err)
}

func (w *writer) Sync() error { return noSpace(w.Writer.Sync()) }

// Commit refuses a meta with another size than what was written.
func (w *writer) Commit(meta protocol.SnapshotMeta) error {
	if w.ended {
		return snapshot.ErrClosed
	}
	if w.Offset() != meta.Size {
		return errors.Join(fmt.Errorf("zab: snapshot of %d bytes has %d", meta.Size, w.Offset()), w.Abort())
	}
	name := snapshotName(meta)
	if err := w.Writer.Commit(w.s.snapshotPath(name), appendMeta(nil, &meta)); err != nil {
		return errors.Join(noSpace(err), w.Abort())
	}
	w.ended = true
	if w.receipt {
		w.s.receiptEnded(name)
	}
	return nil
}

// Abort leaves a receipt aside, and removes anything else.
func (w *writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	err := w.Writer.Abort()
	if w.receipt {
		w.s.receiptEnded("")
		return err
	}
	return errors.Join(err, disk.RemoveIfExists(w.s.fsys, w.s.snapshotPath(w.part)))
}

// reader is a SnapshotReader.
type reader struct{ *snapshot.Reader }

// OpenSnapshot implements zab.Storage.
func (s *Store) OpenSnapshot(meta protocol.SnapshotMeta) (protocol.SnapshotReader, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	r, err := snapshot.Open(s.fsys, s.snapshotPath(snapshotName(meta)))
	if err != nil {
		return nil, fmt.Errorf("zab: snapshot %v: %w", meta.Zxid, err)
	}
	if got, err := decodeMeta(r.Label()); err != nil || got != meta || r.Size() != meta.Size {
		err = fmt.Errorf("zab: snapshot %v: %w: the file is of %v", meta.Zxid, snapshot.ErrDamaged, got.Zxid)
		return nil, errors.Join(err, r.Close())
	}
	return reader{r}, nil
}
