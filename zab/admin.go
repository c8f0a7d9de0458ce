package zab

import (
	"context"
	"errors"
	"fmt"
)

// Handover hands leadership, which this replica must have, over to a synchronised
// voter, or if to is 0 to the one that is best off, and waits until this replica
// follows another. Who that is is for the election to say: it prefers the one that
// was named. If the other does not take over within two election timeouts, or this
// replica is elected again, the error is ErrNoLeader. Proposals meanwhile fail
// with ErrNoLeader, and are tried again by Propose.
func (r *Replica) Handover(ctx context.Context, to uint64) error {
	before, _ := r.Status()
	if err := r.do(ctx, func(l *loop) error { return l.machine.Handover(to) }); err != nil {
		return err
	}
	for ticks := 2 * r.cfg.ElectionTicks; ; ticks-- {
		s, changed := r.Status()
		switch {
		case s.Leader != 0 && !s.Leading():
			return nil
		case s.Leading() && s.Epoch != before.Epoch:
			return fmt.Errorf("%w took over: this replica was elected again", ErrNoLeader)
		case ticks == 0:
			return fmt.Errorf("%w took over in time", ErrNoLeader)
		}
		if err := r.pause(ctx, changed); err != nil {
			return err
		}
	}
}

// Reconfigure changes the membership from the one with a version, as Status has
// it in Config, to another, and waits until that is settled: members that have left
// can be shut down then, and are not needed after any crash. A new voter must
// be synchronised as an observer before, and is named with its incarnation; other
// new members may be named with incarnation 0. A leader does not remove itself
// (see Handover). The error wraps ErrConflict if the version is not the current
// one or another change is under way, ErrBadMembership if the change is not
// allowed, and ErrUnknownOutcome if it may have happened.
func (r *Replica) Reconfigure(ctx context.Context, version uint64, next Membership) error {
	next = next.Clone()
	p := &Pending{done: make(chan struct{})}
	err := r.do(ctx, func(l *loop) error {
		if err := l.machine.Reconfigure(version, next, p.resolve); err != nil {
			return &notApplied{err}
		}
		l.changing = append(l.changing, p.resolve)
		l.r.box.pending.Add(1)
		return nil
	})
	if err != nil {
		return err
	}
	res, err := p.Wait(ctx)
	if err != nil {
		return err
	}
	return r.settled(ctx, res.Zxid)
}

// settled waits until a change of membership that was applied is settled.
func (r *Replica) settled(ctx context.Context, at Zxid) error {
	for {
		s, changed := r.Status()
		if v := s.Config.Version; v > at.Counter || v == at.Counter && s.Settled {
			return nil
		}
		if err := r.pause(ctx, changed); err != nil {
			return fmt.Errorf("%w: the change of membership is applied, and not yet settled: %w", ErrUnknownOutcome, err)
		}
	}
}

// do has the loop call f and waits for what it returns.
func (r *Replica) do(ctx context.Context, f func(l *loop) error) error {
	got := make(chan error, 1)
	if !r.box.ask(func(in *inbox) { in.calls = append(in.calls, func(l *loop) { got <- f(l) }) }) {
		return &notApplied{ErrClosed}
	}
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, context.Cause(ctx))
	case <-r.stop:
		select {
		case err := <-got:
			return err
		default:
			return errors.Join(ErrUnknownOutcome, ErrClosed)
		}
	}
}
