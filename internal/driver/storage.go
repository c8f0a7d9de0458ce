package driver

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Storage is what the driver wants of a zab.Storage.
type Storage interface {
	Load() (protocol.Recovered, error)
	Append(protocol.Batch) error
	Read(after uint64, maxBytes int) ([]byte, error)
	CreateSnapshot() (protocol.SnapshotWriter, error)
	ReceiveSnapshot(protocol.SnapshotMeta) (protocol.SnapshotWriter, error)
	OpenSnapshot(protocol.SnapshotMeta) (protocol.SnapshotReader, error)
}

// Restorer is what restoring wants of a zab.StateMachine.
type Restorer interface {
	Restore(meta protocol.SnapshotMeta, r io.Reader) error
	Digest() uint64
}

// Captured is a state to be written out.
type Captured interface {
	io.WriterTo
	Digest() uint64
}

// Logger is told what an operator may want to know, as slog.Logger is.
type Logger interface {
	Warn(msg string, args ...any)
	Error(msg string, args ...any)
}

// Stop says why long work is to be given up, or nil while it is not.
type Stop func() error

var crc64Table = crc64.MakeTable(crc64.ECMA)

// ioBytes is the size of buffers between snapshots and files.
const ioBytes = 256 << 10

// Restore restores a state machine from a snapshot in storage, if all of it
// verifies.
func Restore(stop Stop, storage Storage, sm Restorer, meta protocol.SnapshotMeta) error {
	f, err := storage.OpenSnapshot(meta)
	if err != nil {
		return err
	}
	defer f.Close()
	in := &stoppableReader{stop, bufio.NewReaderSize(io.NewSectionReader(f, 0, meta.Size), ioBytes)}
	if err := sm.Restore(meta, in); err != nil {
		return err
	}
	if got := sm.Digest(); got != meta.Digest {
		return fmt.Errorf("digest %016x instead of %016x", got, meta.Digest)
	}
	return nil
}

// stoppableReader reads until it is to stop.
type stoppableReader struct {
	stop Stop
	in   io.Reader
}

func (r *stoppableReader) Read(b []byte) (int, error) {
	if err := r.stop(); err != nil {
		return 0, err
	}
	return r.in.Read(b)
}

// WriteSnapshot writes the state that the state machine had at z to storage and
// commits it.
func WriteSnapshot(stop Stop, storage Storage, z protocol.Zxid, state Captured) (meta protocol.SnapshotMeta, err error) {
	w, err := storage.CreateSnapshot()
	if err != nil {
		return meta, err
	}
	written := false
	defer func() { // also when the state machine's code panics
		if !written {
			err = errors.Join(err, w.Abort())
		}
	}()
	sum := &summer{stop: stop, to: w, sum: crc64.New(crc64Table)}
	out := bufio.NewWriterSize(sum, ioBytes)
	meta.Zxid, meta.Digest = z, state.Digest()
	if _, err := state.WriteTo(out); err != nil {
		return meta, err
	}
	if err := out.Flush(); err != nil {
		return meta, err
	}
	written = true
	meta.Size, meta.Sum = sum.size, sum.sum.Sum64()
	return meta, w.Commit(meta)
}

// summer counts and sums what is written through it, until it is to stop.
type summer struct {
	stop Stop
	to   io.Writer
	size int64
	sum  hash.Hash64
}

func (s *summer) Write(b []byte) (int, error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	n, err := s.to.Write(b)
	s.size += int64(n)
	s.sum.Write(b[:n])
	return n, err
}
