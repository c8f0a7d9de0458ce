package sim

import (
	"errors"
	"slices"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// spaceRetry is how often a log that found no space is tried again.
const spaceRetry = 1e9

// write is the log writer: one durable step after the other, each after the time
// that its fsync takes.
func (p *process) write() {
	if p.writing {
		return
	}
	if _, n := p.plan.Next(); n == 0 {
		return
	}
	p.writing = true
	p.after(p.m.diskTime(), func() {
		p.writing = false
		batch, n := p.plan.Next()
		switch err := p.store.Append(batch); {
		case err == nil:
			p.issued = p.issued[n:]
			p.m.log("%d writes are durable, joined as one with %d entries", n, len(batch.Entries))
			p.durable(p.plan.Wrote(n))
			p.write()
		case errors.Is(err, protocol.ErrNoSpace):
			p.noSpace()
		default:
			p.fatal("log", err)
		}
	})
}

func (p *process) durable(seq uint64) {
	p.in.durable = seq
	p.wake()
}

// noSpace lets a write that frees some pass, or waits.
func (p *process) noSpace() {
	p.m.w.mark("log without space")
	if batch, at, ok := p.plan.Pass(); ok {
		switch err := p.store.Append(batch); {
		case err == nil:
			p.m.w.mark("write passed one without space")
			p.plan.DidPass(at)
			p.issued = slices.Delete(slices.Clone(p.issued), at, at+1)
			p.write()
			return
		case !errors.Is(err, protocol.ErrNoSpace):
			p.fatal("log", err)
			return
		}
	}
	p.writing = true
	p.after(spaceRetry, func() {
		p.writing = false
		p.write()
	})
}

// job is something for the disk worker; one field is set.
type job struct {
	entries *driver.ReadEntries
	chunk   *protocol.ReadChunk
	store   *protocol.StoreChunk
}

// work is the disk worker: one job after the other. What waits for the log writer
// holds up what is behind it, as it does there.
func (p *process) work() {
	if p.working || len(p.jobs) == 0 {
		return
	}
	p.working = true
	p.after(p.m.diskTime()+p.starved.work, func() {
		p.working = false
		j := p.jobs[0]
		if !p.do(&j) {
			return // until more is written
		}
		p.jobs = slices.Delete(p.jobs, 0, 1)
		p.wake()
		p.work()
	})
}

// do does one job, and has the loop told. It returns false if the job has to wait.
func (p *process) do(j *job) bool {
	switch {
	case j.entries != nil:
		raw, behind, err := p.worker.ReadEntries(j.entries, p.written)
		p.m.log("reads the log after %d behind %+v, written %d: must wait for %d, %v", j.entries.After, j.entries.Behind, p.written, behind, err)
		if behind != 0 {
			p.m.w.mark("read of the log behind a write")
			return false
		}
		// Whoever reads may be held up before and behind it.
		p.after(p.starved.work, func() {
			p.call(func() { p.machine.EntriesRead(j.entries, raw, err) })
		})
	case j.chunk != nil:
		data, err := p.worker.ReadChunk(j.chunk)
		p.call(func() { p.machine.ChunkRead(*j.chunk, data, err) })
	default:
		err := p.worker.StoreChunk(j.store)
		if err == nil {
			p.m.w.observe.chunkDurable(p.m, j.store)
		}
		p.call(func() { p.machine.ChunkStored(*j.store, err) })
	}
	return true
}

// call has the loop do something.
func (p *process) call(f func()) {
	p.in.calls = append(p.in.calls, f)
	p.wake()
}
