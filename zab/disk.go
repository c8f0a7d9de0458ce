package zab

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"

	"github.com/zabtree/zabtree/zab/protocol"
)

// diskJob is something that the core wants from the storage beside the log's
// writing; exactly one field besides the barrier is set.
type diskJob struct {
	entries *protocol.ReadEntries
	barrier readBarrier
	chunk   *protocol.ReadChunk
	store   *protocol.StoreChunk
}

// diskDone is the answer.
type diskDone struct {
	job  diskJob
	data []byte
	err  error
}

// diskWorker is the goroutine that reads for followers that are behind, and
// stores the snapshot that this replica receives.
type diskWorker struct {
	r *Replica

	reader SnapshotReader // of meta
	meta   SnapshotMeta

	writer  SnapshotWriter // of receipt
	receipt SnapshotMeta
	sum     hash.Hash64 // of all that was received; nil if some of it was before
}

func (w *diskWorker) run() {
	defer w.closeReader()
	defer w.abort()
	var jobs []diskJob
	for {
		jobs = w.r.disk.take(jobs)
		for i := range jobs {
			select {
			case <-w.r.stop:
				return
			default:
				w.do(&jobs[i])
			}
		}
		if len(jobs) > 0 {
			continue
		}
		select {
		case <-w.r.disk.bell:
		case <-w.r.stop:
			return
		}
	}
}

func (w *diskWorker) do(job *diskJob) {
	done := diskDone{job: *job}
	switch {
	case job.entries != nil:
		done.data, done.err = w.readEntries(job.entries, &job.barrier)
	case job.chunk != nil:
		done.data, done.err = w.readChunk(job.chunk)
	default:
		if done.err = w.storeChunk(job.store); done.err != nil {
			w.r.log.Warn("snapshot not received", "zxid", job.store.Meta.Zxid, "chunk", job.store.N, "err", done.err)
		}
	}
	w.r.box.post(func(in *inbox) { in.disk = append(in.disk, done) })
}

// readEntries reads the log once the writes that bear on what is asked for are
// done: certainly those that cut something off, and the others if the entries
// are not there otherwise.
func (w *diskWorker) readEntries(q *protocol.ReadEntries, b *readBarrier) ([]byte, error) {
	if err := w.r.written.wait(b.cut, w.r.stop); err != nil {
		return nil, err
	}
	raw, err := w.r.cfg.Storage.Read(q.After, q.MaxBytes)
	if errors.Is(err, ErrNoEntries) {
		if err := w.r.written.wait(b.all, w.r.stop); err != nil {
			return nil, err
		}
		raw, err = w.r.cfg.Storage.Read(q.After, q.MaxBytes)
	}
	return raw, err
}

func (w *diskWorker) readChunk(q *protocol.ReadChunk) ([]byte, error) {
	if w.reader == nil || w.meta != q.Meta {
		w.closeReader()
		f, err := w.r.cfg.Storage.OpenSnapshot(q.Meta)
		if err != nil {
			return nil, err
		}
		w.reader, w.meta = f, q.Meta
	}
	size, offset := uint64(q.Meta.Size), q.N*chunkBytes
	if q.N > size/chunkBytes {
		return nil, fmt.Errorf("chunk %d of a snapshot of %d bytes", q.N, size)
	}
	data := make([]byte, min(chunkBytes, size-offset))
	if _, err := io.ReadFull(io.NewSectionReader(w.reader, int64(offset), int64(len(data))), data); err != nil {
		w.closeReader()
		return nil, err
	}
	if offset+uint64(len(data)) == size {
		w.closeReader() // the last one: most likely nobody asks for more
	}
	return data, nil
}

func (w *diskWorker) closeReader() {
	if w.reader != nil {
		w.reader.Close()
		w.reader = nil
	}
}

// storeChunk makes a received chunk durable, and with the last one the snapshot.
func (w *diskWorker) storeChunk(q *protocol.StoreChunk) (err error) {
	defer func() {
		if err != nil {
			w.abort()
		}
	}()
	if w.writer == nil || w.receipt != q.Meta {
		w.abort()
		f, err := w.r.cfg.Storage.ReceiveSnapshot(q.Meta)
		if err != nil {
			return err
		}
		w.writer, w.receipt = f, q.Meta
		if w.sum = nil; f.Offset() == 0 {
			w.sum = crc64.New(crc64Table)
		}
	}
	begin := int64(q.N) * chunkBytes
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
func (w *diskWorker) commit() error {
	meta, f, sum := w.receipt, w.writer, w.sum
	if f.Offset() != meta.Size || sum != nil && sum.Sum64() != meta.Sum {
		return w.spoiled(meta)
	}
	w.writer = nil
	if err := f.Commit(meta); err != nil || sum != nil {
		return err
	}
	back, err := w.r.cfg.Storage.OpenSnapshot(meta)
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
func (w *diskWorker) spoiled(meta SnapshotMeta) error {
	w.abort()
	other := meta
	other.Sum++ // receiving another snapshot drops what there is of this one
	if f, err := w.r.cfg.Storage.ReceiveSnapshot(other); err == nil {
		f.Abort()
	}
	return fmt.Errorf("received snapshot %v does not have the checksum %016x", meta.Zxid, meta.Sum)
}

func (w *diskWorker) abort() {
	if w.writer != nil {
		w.writer.Abort()
		w.writer = nil
	}
}
