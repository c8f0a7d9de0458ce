package zab

import (
	"errors"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// spaceRetry is how often a log that found no space is tried again.
const spaceRetry = time.Second

// logWriter is the goroutine that appends to the storage. What it reports as
// durable is durable; a failure other than a lack of space is final, and nothing
// is ever tried again after it.
type logWriter struct {
	r    *Replica
	plan driver.WritePlan
	free []protocol.Write
}

func (w *logWriter) run() {
	for {
		got := w.r.writes.take(w.free)
		w.plan.Add(got)
		w.free = got
		batch, n := w.plan.Next()
		if n == 0 {
			if !w.idle() {
				return
			}
			continue
		}
		select {
		case <-w.r.stop:
			return
		default:
		}
		switch err := w.append(batch); {
		case err == nil:
			w.durable(w.plan.Wrote(n))
		case errors.Is(err, ErrNoSpace):
			if !w.noSpace(err) {
				return
			}
		default:
			w.r.fail("log", err)
			return
		}
	}
}

// idle waits for something to write. While space is low it looks from time to
// time whether it still is.
func (w *logWriter) idle() bool {
	var again <-chan time.Time
	if w.r.lowSpace.Load() {
		timer := time.NewTimer(spaceRetry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-w.r.writes.bell:
	case <-again:
		w.checkSpace()
	case <-w.r.stop:
		return false
	}
	return true
}

func (w *logWriter) append(b Batch) error {
	err := w.r.cfg.Storage.Append(b)
	w.checkSpace()
	return err
}

func (w *logWriter) checkSpace() {
	low := w.r.cfg.Storage.LowSpace()
	if w.r.lowSpace.Swap(low) != low {
		w.r.log.Warn("storage space", "low", low)
		ring(w.r.box.bell) // the loop tells the others
	}
}

func (w *logWriter) durable(seq uint64) {
	w.r.written.advance(seq)
	w.r.box.post(func(in *inbox) { in.durable = seq })
}

// noSpace lets a write that frees some pass the one that found none, or waits
// before that one is tried again. It returns false if the replica stops.
func (w *logWriter) noSpace(err error) bool {
	w.r.log.Error("no space for the log", "err", err)
	if batch, at, ok := w.plan.Pass(); ok {
		switch err := w.append(batch); {
		case err == nil:
			w.plan.DidPass(at)
			return true
		case !errors.Is(err, ErrNoSpace):
			w.r.fail("log", err)
			return false
		}
	}
	timer := time.NewTimer(spaceRetry)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-w.r.writes.bell: // perhaps one that frees some
			w.plan.Add(w.r.writes.take(nil))
			if _, _, ok := w.plan.Pass(); ok {
				return true
			}
		case <-w.r.stop:
			return false
		}
	}
}
