package zab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Replica is one member of an ensemble, running. All its methods may be called
// at any time from any goroutine, but none that waits (ctx or Close) from a
// callback.
type Replica struct {
	cfg     Config
	log     *slog.Logger
	started time.Time

	box      mailbox
	progress progress
	notices  notices
	writes   *queue[protocol.Write]
	disk     *queue[diskJob]
	dialing  *queue[dialEvent]
	identity driver.Identity
	members  atomic.Pointer[driver.Members]
	refusals refusalLog
	written  writtenMark
	lowSpace atomic.Bool
	live     liveLinks

	state applyState

	captures chan capture // to the snapshotter, capacity 1: one at a time

	ctx    context.Context // of everything that waits on other replicas
	cancel context.CancelFunc
	stop   chan struct{} // closed when stopping began
	done   chan struct{} // closed after the last goroutine
	wg     sync.WaitGroup

	stopMu   sync.Mutex
	stopping bool
	err      error // why, valid once stop is closed
	closeErr error // valid once done is closed
}

// run starts one of the replica's goroutines. A panic in it stops the replica.
func (r *Replica) run(op string, f func()) {
	r.wg.Go(func() {
		defer r.recovered(op)
		f()
	})
}

// recovered is deferred where a panic can come out of code that is not ours to
// trust.
func (r *Replica) recovered(op string) {
	if p := recover(); p != nil {
		r.fail(op, panicked(p))
	}
}

func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// fail stops the replica because of a fault.
func (r *Replica) fail(op string, err error) { r.beginStop(&FatalError{op, err}) }

// beginStop begins to stop the replica, unless that has begun, and does not wait.
func (r *Replica) beginStop(why error) {
	r.stopMu.Lock()
	if r.stopping {
		r.stopMu.Unlock()
		return
	}
	r.stopping, r.err = true, why
	r.stopMu.Unlock()
	if !errors.Is(why, ErrClosed) {
		r.log.Error("replica stops", "err", why)
	}
	r.box.close()
	r.cancel()
	close(r.stop)
	go r.tearDown()
}

// tearDown joins everything, in an order that lets nothing be used after it was
// closed: the goroutines (the log writer after its last append), then what waits
// for an answer, then connections, then storage.
func (r *Replica) tearDown() {
	r.wg.Wait()
	r.abandon()
	var errs []error
	if r.cfg.Transport != nil {
		errs = append(errs, r.cfg.Transport.Close())
	}
	errs = append(errs, r.cfg.Storage.Close())
	r.closeErr = errors.Join(errs...)
	r.stopped()
	close(r.done)
}

// abandon answers everything that nobody will answer any more. What the core
// never saw has no effect; of what it saw, nobody here knows.
func (r *Replica) abandon() {
	in := r.box.take(new(inbox))
	for _, a := range in.arrivals {
		a.conn.Close()
	}
	select {
	case c := <-r.captures:
		r.callback(c.state.Release)
	default:
	}
	var left []resolution
	for _, p := range in.proposals {
		err := p.Err
		if err == nil {
			err = ErrClosed
		}
		left = append(left, resolution{Waiter: p.Waiter, Outcome: driver.NotApplied, Err: err})
	}
	left = r.state.pendingStopped(left)
	r.finish(len(left))
	for i := range left {
		r.callback(func() { deliver(&left[i]) })
	}
	for _, done := range in.reads {
		r.callback(func() { done(Zxid{}, ErrClosed) })
	}
	for _, n := range r.notices.take(nil) {
		r.callback(func() { r.tell(&n) })
	}
}

// callback calls one of the program's functions when it is too late to stop the
// replica for its panic.
func (r *Replica) callback(f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("callback failed", "err", panicked(p))
		}
	}()
	f()
}

// stopped publishes the last status: nobody leads and nothing is served.
func (r *Replica) stopped() {
	r.progress.mu.Lock()
	defer r.progress.mu.Unlock()
	s := r.progress.view.now.Status
	s.Phase, s.Leader, s.Serving, s.Peers = protocol.Looking, 0, false, nil
	r.progress.view.protocol(s)
	r.progress.tell = nil
	r.progress.change()
}

// Done is closed after the replica's last goroutine ended, be it by Close or by
// a fault.
func (r *Replica) Done() <-chan struct{} { return r.done }

// Err says why the replica stops or stopped: ErrClosed after Close or Shutdown, a
// *FatalError after a fault, nil while it runs.
func (r *Replica) Err() error {
	r.stopMu.Lock()
	defer r.stopMu.Unlock()
	return r.err
}

// Close stops the replica, closes its transport and its storage, and returns
// after its last goroutine. It waits for no other replica. What is still under
// way is answered first: with NotApplied errors where nothing was sent, else with
// ErrUnknownOutcome. It is idempotent and returns what closing transport and
// storage failed with; a fault that stopped the replica before is Err's.
func (r *Replica) Close() error {
	r.beginStop(ErrClosed)
	<-r.done
	return r.closeErr
}

// Shutdown hands leadership over, if this replica leads and ctx leaves the time,
// so that the others need not notice its absence; then it closes the replica.
func (r *Replica) Shutdown(ctx context.Context) error {
	s, _ := r.Status()
	if s.Leading() && len(s.Config.Current) > 1 {
		if err := r.Handover(ctx, 0); err != nil {
			r.log.Info("leadership not handed over", "err", err)
		}
	}
	return r.Close()
}

// Status returns what the replica knows of itself, and a channel that is closed
// when its phase, leader, epoch or configuration is another, or it began or
// ceased to serve. The copy is the caller's.
func (r *Replica) Status() (Status, <-chan struct{}) { return r.progress.status() }

// Ready waits until this replica serves: it is synchronised with a leader, and
// has applied the commit point that it saw first. It returns early with an error
// that wraps ctx's and says what is missing, or the fault or ErrClosed that ended
// the replica.
func (r *Replica) Ready(ctx context.Context) error {
	for {
		s, changed := r.Status()
		if s.Serving {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r.missing(context.Cause(ctx))
		case <-r.stop:
			return r.Err()
		}
	}
}

// missing wraps the error of a context that ended while this replica did not
// serve, to say why not.
func (r *Replica) missing(err error) error {
	s, _ := r.Status()
	if s.Serving || r.Err() != nil {
		return err
	}
	what := "no leader"
	if s.Leader != 0 {
		what = fmt.Sprintf("%v, with leader %d, and not serving yet", s.Phase, s.Leader)
	}
	members := s.Config.Current
	if len(members) == 0 { // there never was a leader
		members = r.cfg.Members
	}
	others, linked := 0, 0
	for _, m := range members {
		if m.ID == r.cfg.ID {
			continue
		}
		others++
		if slices.ContainsFunc(s.Peers, func(p protocol.PeerStatus) bool { return p.ID == m.ID }) {
			linked++
		}
	}
	return fmt.Errorf("zab: %s; linked to %d of %d other members: %w", what, linked, others, err)
}
