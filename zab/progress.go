package zab

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/zabtree/zabtree/zab/protocol"
)

// progress is what others may know of a replica, and who waits for it. The mutex
// guards all of it and is held for moments only.
type progress struct {
	mu      sync.Mutex
	view    statusView
	changed chan struct{} // closed when view changed
	waiters []applyWaiter // in order of counter

	tell func(Status) // of every change, in order; called with mu held: only queues
}

type applyWaiter struct {
	counter uint64
	done    chan struct{}
}

// status returns a copy and the channel that tells of the next change.
func (p *progress) status() (Status, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.copy(), p.changed
}

func (p *progress) copy() Status {
	s := p.view.now
	s.Config = s.Config.Clone()
	s.Peers = slices.Clone(s.Peers)
	return s
}

// set takes the core's status. The peers and memberships in it are the callee's.
func (p *progress) set(s protocol.Status, low bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.view.now.LowSpace = low
	if p.view.protocol(s) {
		p.change()
	}
}

// applied takes what the state machine has now.
func (p *progress) applied(z Zxid) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.view.applied(z) {
		p.change()
	}
	n := 0
	for n < len(p.waiters) && p.waiters[n].counter <= z.Counter {
		close(p.waiters[n].done)
		n++
	}
	p.waiters = slices.Delete(p.waiters, 0, n)
}

// change tells everybody. mu is held.
func (p *progress) change() {
	close(p.changed)
	p.changed = make(chan struct{})
	if p.tell != nil {
		p.tell(p.copy())
	}
}

// wait waits until a counter is applied, ctx is done or the replica stops.
func (p *progress) wait(ctx context.Context, counter uint64, stop <-chan struct{}) error {
	p.mu.Lock()
	if p.view.now.Applied.Counter >= counter {
		p.mu.Unlock()
		return nil
	}
	w := applyWaiter{counter, make(chan struct{})}
	i, _ := slices.BinarySearchFunc(p.waiters, counter+1, func(w applyWaiter, c uint64) int { return cmp.Compare(w.counter, c) })
	p.waiters = slices.Insert(p.waiters, i, w)
	p.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		p.forget(w)
		return context.Cause(ctx)
	case <-stop:
		p.forget(w)
		return ErrClosed
	}
}

func (p *progress) forget(w applyWaiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = slices.DeleteFunc(p.waiters, func(x applyWaiter) bool { return x.done == w.done })
}
