package zab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Result is what became of a proposal that was applied.
type Result struct {
	Zxid Zxid
	// Value is what StateMachine.Apply on this replica made of it.
	Value any
}

// SubmitFunc proposes a command, on whatever replica, and calls done exactly once
// with what became of it: from another goroutine, with no lock of the replica's
// held. done must not block, may propose again, and may be nil. SubmitFunc itself
// never blocks. Once the replica is closed, done is called by a goroutine of its
// own.
//
// The replica keeps cmd; nobody may change it from now on. Commands that one
// goroutine submits are proposed in that order, but one that fails does not hold
// up those behind it.
//
// An error for which NotApplied is true says that the command has no effect and
// never will: ErrNoLeader, ErrOverloaded, ErrTooLarge, ErrLowSpace, ErrClosed. Any
// other, ErrUnknownOutcome, leaves that open. A command is never proposed twice.
func (r *Replica) SubmitFunc(cmd []byte, done func(Result, error)) {
	r.submit(cmd, done, false)
}

// SubmitEssential is SubmitFunc for a command that frees space, or must not be
// kept waiting for some: it is not refused with ErrLowSpace.
func (r *Replica) SubmitEssential(cmd []byte, done func(Result, error)) {
	r.submit(cmd, done, true)
}

func (r *Replica) submit(cmd []byte, done func(Result, error), essential bool) {
	p := proposal{Data: cmd, Waiter: done, Essential: essential}
	switch {
	case len(cmd) > r.cfg.MaxCommandBytes:
		p.Err = fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(cmd), r.cfg.MaxCommandBytes)
	case !essential && r.box.low.Load():
		p.Err = ErrLowSpace
	}
	if r.box.pending.Add(1) > r.box.maxPending && p.Err == nil {
		p.Err = ErrOverloaded
	}
	if !r.box.propose(p) {
		r.finish(1)
		if done != nil {
			// Not from here: the caller may hold a lock that done needs.
			go done(Result{}, &notApplied{ErrClosed})
		}
	}
}

// finish counts proposals as resolved.
func (r *Replica) finish(n int) { r.box.pending.Add(-int64(n)) }

// Pending is a proposal whose outcome may not be known yet.
type Pending struct {
	done   chan struct{}
	result Result
	err    error
}

// Submit is SubmitFunc with a future, which always resolves. It fails only if ctx
// is done already; ctx is not kept.
func (r *Replica) Submit(ctx context.Context, cmd []byte) (*Pending, error) {
	if ctx.Err() != nil {
		return nil, &notApplied{context.Cause(ctx)}
	}
	return r.start(cmd), nil
}

func (r *Replica) start(cmd []byte) *Pending {
	p := &Pending{done: make(chan struct{})}
	r.SubmitFunc(cmd, p.resolve)
	return p
}

func (p *Pending) resolve(res Result, err error) {
	p.result, p.err = res, err
	close(p.done)
}

// Done is closed when the outcome is known.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the outcome. If ctx ends first the error wraps its error and
// ErrUnknownOutcome; Wait may be called again.
func (p *Pending) Wait(ctx context.Context) (Result, error) {
	select {
	case <-p.done:
		return p.result, p.err
	case <-ctx.Done():
	}
	select {
	case <-p.done: // both at once: what is known counts
		return p.result, p.err
	default:
		return Result{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
	}
}

// Propose proposes a command and waits for its result on this replica. While
// there is no leader, or too much is under way, it tries again until ctx is done,
// but only as long as the command certainly has no effect. The replica keeps cmd;
// nobody may change it from now on. Errors are those of SubmitFunc, or wrap ctx's
// and say what was missing.
func (r *Replica) Propose(ctx context.Context, cmd []byte) (Result, error) {
	for {
		_, changed := r.Status()
		p, err := r.Submit(ctx, cmd)
		if err != nil {
			return Result{}, r.missing(err)
		}
		res, err := p.Wait(ctx)
		if err != nil && !NotApplied(err) && ctx.Err() != nil {
			return res, r.missing(err)
		}
		if err == nil || !NotApplied(err) || !(errors.Is(err, ErrNoLeader) || errors.Is(err, ErrOverloaded)) {
			return res, err
		}
		if err := r.pause(ctx, changed); err != nil {
			return Result{}, &notApplied{err}
		}
	}
}

// pause waits until it may be worth trying again.
func (r *Replica) pause(ctx context.Context, changed <-chan struct{}) error {
	timer := time.NewTimer(r.cfg.Tick)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return r.missing(context.Cause(ctx))
	case <-r.stop:
		return ErrClosed
	}
	return nil
}

// ReadPointFunc asks for a read point and calls done exactly once, as SubmitFunc
// does: a state that has applied the zxid reflects everything that was
// acknowledged anywhere before the call. A quorum confirms that in a round begun
// after the call; nothing is logged. The error is ErrNoLeader or ErrClosed.
func (r *Replica) ReadPointFunc(done func(Zxid, error)) {
	if !r.box.ask(func(in *inbox) { in.reads = append(in.reads, done) }) {
		go done(Zxid{}, ErrClosed)
	}
}

// ReadPoint is ReadPointFunc, tried again until ctx is done while there is no
// leader. To read, wait with WaitApplied for the zxid that it returns.
func (r *Replica) ReadPoint(ctx context.Context) (Zxid, error) {
	type answer struct {
		zxid Zxid
		err  error
	}
	for {
		_, changed := r.Status()
		got := make(chan answer, 1)
		r.ReadPointFunc(func(z Zxid, err error) { got <- answer{z, err} })
		select {
		case a := <-got:
			if !errors.Is(a.err, ErrNoLeader) {
				return a.zxid, a.err
			}
		case <-ctx.Done():
			return Zxid{}, r.missing(context.Cause(ctx))
		}
		if err := r.pause(ctx, changed); err != nil {
			return Zxid{}, err
		}
	}
}

// WaitApplied waits until the state machine of this replica has the entry with
// z's counter.
func (r *Replica) WaitApplied(ctx context.Context, z Zxid) error {
	return r.progress.wait(ctx, z.Counter, r.stop)
}
