package driver

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Worker reads for followers that are behind, and stores the snapshot that this
// replica receives. It works synchronously, for one caller at a time.
type Worker struct {
	storage Storage
	chunk   uint64 // bytes

	reader protocol.SnapshotReader // of meta
	meta   protocol.SnapshotMeta

	writer  protocol.SnapshotWriter // of receipt
	receipt protocol.SnapshotMeta
	sum     hash.Hash64 // of all that was received; nil if some of it was before
}

// NewWorker returns a Worker on a storage, for chunks of a size in bytes.
func NewWorker(storage Storage, chunkBytes int) *Worker {
	return &Worker{storage: storage, chunk: uint64(chunkBytes)}
}

// Close gives up what is under way.
func (w *Worker) Close() {
	w.closeReader()
	w.abort()
}

// ReadEntries reads the log once the writes that bear on what is asked for are
// done: certainly those that cut something off, and the others if the entries are
// not there otherwise. written is up to where writes are durable; if that is not
// far enough, behind says how far it must be for another try.
func (w *Worker) ReadEntries(q *ReadEntries, written uint64) (raw []byte, behind uint64, err error) {
	if written < q.Behind.Cut {
		return nil, q.Behind.Cut, nil
	}
	raw, err = w.storage.Read(q.After, q.MaxBytes)
	if errors.Is(err, protocol.ErrNoEntries) && written < q.Behind.All {
		return nil, q.Behind.All, nil
	}
	return raw, 0, err
}

// ReadChunk reads a chunk of a snapshot.
func (w *Worker) ReadChunk(q *protocol.ReadChunk) ([]byte, error) {
	if w.reader == nil || w.meta != q.Meta {
		w.closeReader()
		f, err := w.storage.OpenSnapshot(q.Meta)
		if err != nil {
			return nil, err
		}
		w.reader, w.meta = f, q.Meta
	}
	size, offset := uint64(q.Meta.Size), q.N*w.chunk
	if q.N > size/w.chunk {
		return nil, fmt.Errorf("chunk %d of a snapshot of %d bytes", q.N, size)
	}
	data := make([]byte, min(w.chunk, size-offset))
	if _, err := io.ReadFull(io.NewSectionReader(w.reader, int64(offset), int64(len(data))), data); err != nil {
		w.closeReader()
		return nil, err
	}
	if offset+uint64(len(data)) == size {
		w.closeReader() // the last one: most likely nobody asks for more
	}
	return data, nil
}

func (w *Worker) closeReader() {
	if w.reader != nil {
		w.reader.Close()
		w.reader = nil
	}
}

// StoreChunk makes a received chunk durable, and with the last one the snapshot.
func (w *Worker) StoreChunk(q *protocol.StoreChunk) (err error) {
	defer func() {
		if err != nil {
			w.abort()
		}
	}()
	if w.writer == nil || w.receipt != q.Meta {
		w.abort()
		f, err := w.storage.ReceiveSnapshot(q.Meta)
		if err != nil {
			return err
		}
		w.writer, w.receipt = f, q.Meta
		if w.sum = nil; f.Offset() == 0 {
			w.sum = crc64.New(crc64Table)
		}
	}
	begin := int64(q.N * w.chunk)
	if end := begin + int64(len(q.Data)); w.writer.Offset() < begin || end > q.Meta.Size || (end == q.Meta.Size) != q.Last {
		return fmt.Errorf("%d bytes of chunk %d do not go on from %d of %d", len(q.Data), q.N, w.writer.Offset(), q.Meta.Size)
	}
	// What is there already, of a chunk that was cut short or came before, stays.
	data := q.Data[min(w.writer.Offset()-begin, int64(len(q.Data))):]
	if w.sum != nil {
		w.sum.Write(data)
	}
	if _, err := w.writer.Write(data); err != nil {
		return err
	}
	if q.Last {
		return w.commit()
	}
	return w.writer.Sync()
}

// commit verifies what was received and commits it. If it began in an earlier
// life it is read back.
func (w *Worker) commit() error {
	meta, f, sum := w.receipt, w.writer, w.sum
	if f.Offset() != meta.Size || sum != nil && sum.Sum64() != meta.Sum {
		return w.spoiled(meta)
	}
	w.writer = nil
	if err := f.Commit(meta); err != nil || sum != nil {
		return err
	}
	back, err := w.storage.OpenSnapshot(meta)
	if err != nil {
		return err
	}
	defer back.Close()
	sum = crc64.New(crc64Table)
	if _, err := io.Copy(sum, io.NewSectionReader(back, 0, meta.Size)); err != nil {
		return err
	}
	if sum.Sum64() != meta.Sum {
		return w.spoiled(meta)
	}
	return nil
}

// spoiled gives up a receipt whose bytes are wrong: none of them is to be
// continued.
func (w *Worker) spoiled(meta protocol.SnapshotMeta) error {
	w.abort()
	other := meta
	other.Sum++ // receiving another snapshot drops what there is of this one
	if f, err := w.storage.ReceiveSnapshot(other); err == nil {
		f.Abort()
	}
	return fmt.Errorf("received snapshot %v does not have the checksum %016x", meta.Zxid, meta.Sum)
}

func (w *Worker) abort() {
	if w.writer != nil {
		w.writer.Abort()
		w.writer = nil
	}
}
