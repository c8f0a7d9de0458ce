package session

import (
	"context"
	"sync/atomic"
	"time"
)

// leaseContext is a context that is done when a lease has run out. A timer of the
// session cancels it; Err also looks at the clock itself, as the timer of a
// process that was stopped runs late.
type leaseContext struct {
	context.Context
	cancel context.CancelCauseFunc
	base   time.Time
	until  atomic.Int64 // since base
}

func (l *leaseContext) deadline() time.Time {
	until := time.Duration(l.until.Load())
	if l.Context.Err() != nil || time.Since(l.base) >= until {
		return time.Time{}
	}
	return l.base.Add(until)
}

// Err returns nil while the lease lasts.
func (l *leaseContext) Err() error {
	if err := l.Context.Err(); err != nil {
		return err
	}
	if int64(time.Since(l.base)) >= l.until.Load() {
		l.cancel(ErrLease)
	}
	return l.Context.Err()
}

// renewLease lets the lease last until a moment, and begins a new one if the one
// before has run out.
func (c *core) renewLease(until int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lease; l != nil {
		// What has been seen done, by the clock alone perhaps, stays done.
		if l.Err() == nil {
			l.until.Store(until)
			if l.Context.Err() == nil {
				return
			}
		}
	}
	c.lease = newLease(c.base, until)
}

func newLease(base time.Time, until int64) *leaseContext {
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &leaseContext{Context: ctx, cancel: cancel, base: base}
	l.until.Store(until)
	return l
}

func (c *core) endLease(why error) {
	c.mu.Lock()
	l := c.lease
	c.mu.Unlock()
	if l != nil {
		l.cancel(why)
	}
}

func (c *core) leaseContext() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		c.lease = newLease(c.base, 0)
	}
	return c.lease
}
