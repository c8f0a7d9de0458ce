package session

import (
	"context"
	"fmt"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Pending is an operation that was submitted: a future that always resolves.
type Pending struct {
	c      *core
	call   protocol.Call
	done   chan struct{}
	bounds bool  // counts towards MaxPending
	why    error // for which its caller stopped waiting
}

// Done returns a channel that is closed when the outcome is there.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the outcome, which is the same for any number of callers. If ctx
// ends first the error wraps its error and ErrUnknownOutcome; the operation goes
// on, and Wait may be called again.
func (p *Pending) Wait(ctx context.Context) (tree.Result, error) {
	results, err := p.WaitMulti(ctx)
	if len(results) == 0 {
		return tree.Result{}, err
	}
	return results[0], err
}

// WaitMulti is Wait for a tree.Multi, with the result of each of its operations.
func (p *Pending) WaitMulti(ctx context.Context) ([]tree.Result, error) {
	select {
	case <-p.done:
		return p.results()
	default:
	}
	select {
	case <-p.done:
		return p.results()
	case <-ctx.Done():
		return nil, unknown(ctx.Err())
	}
}

func (p *Pending) resolved() {
	if p.bounds {
		p.c.room.Release(1)
	}
	close(p.done)
}

// finish waits for the outcome as long as ctx allows, after which the operation
// is cancelled if that is still possible.
func (p *Pending) finish(ctx context.Context) {
	if ctx.Done() == nil { // nothing to choose from
		<-p.done
		return
	}
	select {
	case <-p.done:
		return
	default:
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.why = ctx.Err()
		p.c.step(func(m *protocol.Client, now int64) { m.Cancel(&p.call, now) })
		<-p.done
	}
}

// results returns the outcome of a write that is resolved.
func (p *Pending) results() ([]tree.Result, error) {
	a := p.call.Answer
	switch {
	case a == nil:
		return nil, faultError(&p.call, p.why)
	case a.Code != tree.CodeOK:
		return nil, opError(p.call.Op, a.Code)
	case a.Record == nil:
		return nil, nil
	}
	results, err := tree.DecodeRecord(a.Record)
	if err != nil {
		return nil, unknown(err)
	}
	for i := range results {
		if results[i].Err != nil {
			return results, results[i].Err
		}
	}
	return results, nil
}

func opError(op tree.Op, code tree.Code) error {
	return &tree.Error{Op: tree.OpName(op), Path: tree.OpPath(op), Err: code.Err()}
}

// Submit submits an operation behind all that were submitted before, and does not
// wait for its outcome: many can be on their way at once. It waits while
// Options.MaxPending are without an answer; ctx bounds that. The data is copied.
// The error says that nothing was submitted.
func (s *Session) Submit(ctx context.Context, op tree.Op) (*Pending, error) {
	if err := s.c.admit(ctx, op); err != nil {
		return nil, err
	}
	if err := s.c.room.Acquire(ctx, 1); err != nil {
		return nil, &notApplied{err}
	}
	p := s.c.newPending()
	p.bounds = true
	p.call.Op = cloneOp(op)
	s.c.submit(p)
	return p, nil
}

// admit refuses what need not be tried.
func (c *core) admit(ctx context.Context, op tree.Op) error {
	if err := ctx.Err(); err != nil {
		return &notApplied{err}
	}
	c.mu.Lock()
	limits := c.machine.Limits()
	c.mu.Unlock()
	return tree.Validate(op, limits)
}

func (c *core) newPending() *Pending {
	p := &Pending{c: c, done: make(chan struct{})}
	p.call.Owner = p
	return p
}

func (c *core) submit(p *Pending) {
	c.step(func(m *protocol.Client, now int64) { m.Submit(&p.call, now) })
}

// cloneOp copies what a caller might write to.
func cloneOp(op tree.Op) tree.Op {
	switch op := op.(type) {
	case tree.Create:
		op.Data, op.ACL = clone(op.Data), clone(op.ACL)
		return op
	case tree.Set:
		op.Data = clone(op.Data)
		return op
	case tree.SetACL:
		op.ACL = clone(op.ACL)
		return op
	case tree.Multi:
		ops := make([]tree.Op, len(op.Ops))
		for i := range ops {
			ops[i] = cloneOp(op.Ops[i])
		}
		return tree.Multi{Ops: ops}
	}
	return op
}

// clone keeps nil and empty apart.
func clone[T any](s []T) []T {
	if s == nil {
		return nil
	}
	return append(make([]T, 0, len(s)), s...)
}

// do submits a write and waits for it.
func (c *core) do(ctx context.Context, op tree.Op) ([]tree.Result, error) {
	if err := c.admit(ctx, op); err != nil {
		return nil, err
	}
	p := c.newPending()
	p.call.Op = cloneOp(op)
	c.submit(p)
	p.finish(ctx)
	return p.results()
}

// read submits a read and waits for it. One that was overtaken because the
// session moved is as if submitted now: this caller waits for nothing else.
func (c *core) read(ctx context.Context, r protocol.Read) (*protocol.Answer, error) {
	switch r.Kind {
	case protocol.ReadData, protocol.ReadExists, protocol.ReadChildren, protocol.ReadACL, protocol.ReadDescendants:
		if err := tree.ValidatePath(r.Path); err != nil {
			return nil, &tree.Error{Op: readNames[r.Kind], Path: r.Path, Err: err}
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, &notApplied{err}
		}
		p := c.newPending()
		p.call.Read = r
		c.submit(p)
		p.finish(ctx)
		a := p.call.Answer
		switch {
		case a == nil && p.call.Fault == protocol.FaultOvertaken:
			continue
		case a == nil:
			return nil, faultError(&p.call, p.why)
		case a.Code != tree.CodeOK:
			return nil, &tree.Error{Op: readNames[r.Kind], Path: r.Path, Err: a.Code.Err()}
		case a.Read == nil:
			return nil, fmt.Errorf("%w: read without a result", protocol.ErrMalformed)
		}
		return a, nil
	}
}

var readNames = [...]string{
	protocol.ReadNothing:  "watch",
	protocol.ReadData:     "get",
	protocol.ReadExists:   "exists",
	protocol.ReadChildren: "children",
	protocol.ReadACL:      "getACL",

	protocol.ReadEphemerals:  "ephemerals",
	protocol.ReadDescendants: "descendants",
	protocol.ReadIdentities:  "identities",
	protocol.ReadMany:        "get",
}
