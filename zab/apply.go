package zab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/zabtree/zabtree/zab/protocol"
)

var errLogGap = errors.New("the log does not hold what follows")

// applyState is what loop and applier share. The mutex is held for a step of the
// machines only, never while the state machine or the storage is called.
type applyState struct {
	mu       sync.Mutex
	plan     *applyPlan
	snapshot snapshotPlan
	pending  pendingTable
	waiting  []func(SnapshotMeta, error) // for a snapshot that was asked for
	bell     chan struct{}               // capacity 1
}

// feed takes the parts of an output that say what to apply, and wakes the
// applier if there is anything for it.
func (s *applyState) feed(out *protocol.Output) {
	s.mu.Lock()
	news := out.Install != nil || out.Barrier != 0
	if out.Install != nil {
		s.plan.installed(out.Install)
		s.snapshot.installed(out.Install)
	}
	for i := range out.Writes {
		s.plan.wrote(&out.Writes[i].Batch)
	}
	if out.Barrier != 0 {
		s.pending.barrier(out.Barrier)
	}
	news = s.plan.commit(out.Apply) || news
	s.mu.Unlock()
	if news {
		ring(s.bell)
	}
}

// superseded says whether there is another snapshot to restore.
func (s *applyState) superseded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plan.install != nil
}

func (s *applyState) pendingStopped(to []resolution) []resolution {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.stopped(to)
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
	step, ok := s.plan.next(a.entries)
	if !ok {
		a.answers = s.pending.reached(a.applied.Counter, a.answers)
	}
	s.mu.Unlock()
	switch {
	case !ok:
		a.answer()
		a.capture()
		return false
	case step.restore != nil:
		return a.restore(step.restore)
	case step.read != nil:
		return a.read(step.read)
	}
	a.entries = step.apply
	return a.apply(step.apply)
}

// read gets entries that are not in memory, and applies them.
func (a *applier) read(q *applyRead) bool {
	raw, err := a.r.cfg.Storage.Read(q.after, q.maxBytes)
	var es []Entry
	if err == nil {
		es, err = protocol.DecodeEntries(nil, raw)
	}
	s := &a.r.state
	s.mu.Lock()
	es, err = s.plan.read(q, es, err)
	s.mu.Unlock()
	if err != nil {
		a.r.fail("log", fmt.Errorf("reading after %d: %w", q.after, err))
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
	if err := a.call(func() error { a.sm.Apply(es, results); return nil }); err != nil {
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
	for i := range es {
		if es[i].Origin == a.r.cfg.ID {
			a.answers = s.pending.applied(&es[i], results[i], a.answers)
		}
	}
	a.answers = s.pending.reached(a.applied.Counter, a.answers)
	s.snapshot.applied(es)
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
		a.answers[i].deliver()
	}
	clear(a.answers)
	a.answers = a.answers[:0]
}

// restore replaces the state by a snapshot's.
func (a *applier) restore(b *Base) bool {
	err := restoreSnapshot(a.r.ctx, a.r.cfg.Storage, a.sm, b.Snapshot)
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
	a.answers = s.pending.restored(b.Zxid().Epoch, a.answers)
	a.answers = s.pending.reached(a.applied.Counter, a.answers)
	s.mu.Unlock()
	a.r.progress.applied(a.applied)
	a.answer()
	return true
}

// call calls the state machine; its panic is an error.
func (a *applier) call(f func() error) error { return guarded(f) }

func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return f()
}

// restoreSnapshot restores a state machine from a snapshot in storage, if all
// of it verifies.
func restoreSnapshot(ctx context.Context, storage Storage, sm StateMachine, meta SnapshotMeta) error {
	f, err := storage.OpenSnapshot(meta)
	if err != nil {
		return err
	}
	defer f.Close()
	in := &ctxReader{ctx, bufio.NewReaderSize(io.NewSectionReader(f, 0, meta.Size), 256<<10)}
	if err := guarded(func() error { return sm.Restore(meta, in) }); err != nil {
		return err
	}
	if got := sm.Digest(); got != meta.Digest {
		return fmt.Errorf("digest %016x instead of %016x", got, meta.Digest)
	}
	return nil
}

// ctxReader reads until a context is done.
type ctxReader struct {
	ctx context.Context
	in  io.Reader
}

func (r *ctxReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.in.Read(b)
}
