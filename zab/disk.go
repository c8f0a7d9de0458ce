package zab

import (
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// diskJob is something that the core wants from the storage beside the log's
// writing; exactly one field is set.
type diskJob struct {
	entries *driver.ReadEntries
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
	r    *Replica
	work *driver.Worker
}

func (w *diskWorker) run() {
	defer w.work.Close()
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
		done.data, done.err = w.readEntries(job.entries)
	case job.chunk != nil:
		done.data, done.err = w.work.ReadChunk(job.chunk)
	default:
		if done.err = w.work.StoreChunk(job.store); done.err != nil {
			w.r.log.Warn("snapshot not received", "zxid", job.store.Meta.Zxid, "chunk", job.store.N, "err", done.err)
		}
	}
	w.r.box.post(func(in *inbox) { in.disk = append(in.disk, done) })
}

// readEntries reads the log, and waits before that for the writes that bear on
// what is asked for.
func (w *diskWorker) readEntries(q *driver.ReadEntries) ([]byte, error) {
	written := uint64(0)
	for {
		raw, behind, err := w.work.ReadEntries(q, written)
		if behind == 0 {
			return raw, err
		}
		if err := w.r.written.wait(behind, w.r.stop); err != nil {
			return nil, err
		}
		written = behind
	}
}
