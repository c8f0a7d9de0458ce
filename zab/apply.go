package zab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// applyState is what loop and applier share. The mutex is held for a step of the
// machine only, never while the state machine or the storage is called.
type applyState struct {
	mu      sync.Mutex
	applier *driver.Applier[waiter]
	waiting []func(SnapshotMeta, error) // for a snapshot that was asked for
	bell    chan struct{}               // capacity 1
}

// feed takes the parts of an output that say what to apply, and wakes the
// applier if there is anything for it.
func (s *applyState) feed(out *output, to []resolution) []resolution {
	s.mu.Lock()
	to, news := s.applier.Feed(out, to)
	s.mu.Unlock()
	if news {
		ring(s.bell)
	}
	return to
}

// superseded says whether there is another snapshot to restore, or will be.
func (s *applyState) superseded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applier.Superseded()
}

func (s *applyState) pendingStopped(to []resolution) []resolution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applier.Stopped(to)
}

// applier is the goroutine that the state machine belongs to.
type applier struct {
	r       *Replica
	sm      StateMachine
	applied Zxid
	clock   int64
	entries []Entry
	results []any
	answers []resolution
}

func (a *applier) run() {
	for {
		select {
		case <-a.r.stop:
			return
		default:
		}
		if !a.step() {
			select {
			case <-a.r.state.bell:
			case <-a.r.stop:
				return
			}
		}
	}
}

// step does one thing and returns false if there is nothing to do.
func (a *applier) step() bool {
	s := &a.r.state
	s.mu.Lock()
	step, ok := s.applier.Next(a.entries)
	if !ok {
		a.answers = s.applier.Idle(a.applied.Counter, a.answers)
	}
	s.mu.Unlock()
	switch {
	case !ok:
		a.answer()
		a.capture()
		return false
	case step.Restore != nil:
		return a.restore(step.Restore)
	case step.Read != nil:
		return a.read(step.Read)
	}
	a.entries = step.Apply
	return a.apply(step.Apply)
}

// read gets entries that are not in memory, and applies them.
func (a *applier) read(q *driver.LogRead) bool {
	raw, err := a.r.cfg.Storage.Read(q.After, q.MaxBytes)
	var es []Entry
	if err == nil {
		es, err = protocol.DecodeEntries(nil, raw)
	}
	s := &a.r.state
	s.mu.Lock()
	es, err = s.applier.Read(q, es, err)
	s.mu.Unlock()
	if err != nil {
		a.r.fail("log", fmt.Errorf("reading after %d: %w", q.After, err))
		return false
	}
	if len(es) == 0 {
		return true // the log is being replaced: ask again
	}
	return a.apply(es)
}

// apply gives entries to the state machine and their results to those who wait.
func (a *applier) apply(es []Entry) bool {
	if cap(a.results) < len(es) {
		a.results = make([]any, max(len(es), 64))
	}
	results := a.results[:len(es)]
	if err := guarded(func() error { a.sm.Apply(es, results); return nil }); err != nil {
		a.r.fail("apply", fmt.Errorf("%v to %v: %w", es[0].Zxid, es[len(es)-1].Zxid, err))
		return false
	}
	for i := range results {
		if h, ok := results[i].(Halt); ok {
			a.r.fail("apply", fmt.Errorf("%v: %w", es[i].Zxid, h.Err))
			return false
		}
	}
	last := &es[len(es)-1]
	a.applied, a.clock = last.Zxid, last.Clock
	s := &a.r.state
	s.mu.Lock()
	a.answers = s.applier.Applied(es, results, a.answers)
	s.mu.Unlock()
	clear(results)
	clear(es)
	a.r.progress.applied(a.applied)
	a.answer()
	a.capture()
	return true
}

// answer tells those who wait.
func (a *applier) answer() {
	if len(a.answers) == 0 {
		return
	}
	a.r.finish(len(a.answers))
	for i := range a.answers {
		deliver(&a.answers[i])
	}
	clear(a.answers)
	a.answers = a.answers[:0]
}

// restore replaces the state by a snapshot's.
func (a *applier) restore(b *Base) bool {
	err := guarded(func() error {
		return driver.Restore(stopWhen(a.r.ctx), a.r.cfg.Storage, a.sm, b.Snapshot)
	})
	if errors.Is(err, fs.ErrNotExist) && a.r.state.superseded() {
		return true // a newer one has taken its place meanwhile
	}
	if err != nil {
		if a.r.ctx.Err() == nil {
			a.r.fail("restore", fmt.Errorf("%v: %w", b.Zxid(), err))
		}
		return false
	}
	a.applied, a.clock = b.Zxid(), b.Clock
	s := &a.r.state
	s.mu.Lock()
	a.answers = s.applier.Restored(b.Zxid(), a.answers)
	s.mu.Unlock()
	a.r.progress.applied(a.applied)
	a.answer()
	return true
}

// guarded calls the state machine's code; its panic is an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return f()
}

// stopWhen gives long work up when a context is done.
func stopWhen(ctx context.Context) driver.Stop {
	return func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
}

// deliver tells who waits for a proposal what became of it.
func deliver(a *resolution) {
	if a.Waiter == nil {
		return
	}
	switch a.Outcome {
	case driver.Applied:
		a.Waiter(Result{a.Zxid, a.Value}, nil)
	case driver.NotApplied:
		a.Waiter(Result{}, &notApplied{a.Err})
	default:
		a.Waiter(Result{}, ErrUnknownOutcome)
	}
}
