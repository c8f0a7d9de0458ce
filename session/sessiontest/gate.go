package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/protocol"
)

var errDown = errors.New("sessiontest: member is down")

// Connect implements session.Backend: a member at whatever server it has now.
func (m *member) Connect(ctx context.Context, r session.Receiver) (session.Link, error) {
	m.e.mu.Lock()
	srv, closing := m.srv, m.e.closing
	m.e.mu.Unlock()
	switch {
	case closing:
		return nil, fmt.Errorf("%w: %w", errDown, session.ErrBackendClosed)
	case srv == nil:
		return nil, errDown
	}
	in := &gatedReceiver{gate: &m.gate, to: r}
	inner, err := srv.Connect(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errDown, err) // it may come back
	}
	return &gatedLink{gate: &m.gate, to: inner}, nil
}

// gate holds back everything between a member and its sessions while it is shut.
type gate struct {
	mu     sync.Mutex
	closed bool
	held   []func() // in order
	busy   bool     // somebody lets through what was held
}

func (g *gate) shut() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

// open lets through what was held, and then everything.
func (g *gate) open() {
	g.mu.Lock()
	g.closed = false
	if g.busy {
		g.mu.Unlock()
		return
	}
	g.busy = true
	for len(g.held) > 0 && !g.closed {
		f := g.held[0]
		g.held = g.held[1:]
		g.mu.Unlock()
		f()
		g.mu.Lock()
	}
	g.busy = false
	g.mu.Unlock()
}

func (g *gate) free() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.closed && len(g.held) == 0 && !g.busy
}

// pass calls f now, or later if the gate is shut or others wait.
func (g *gate) pass(f func()) {
	g.mu.Lock()
	if g.closed || len(g.held) > 0 || g.busy {
		g.held = append(g.held, f)
		again := !g.closed && !g.busy
		g.mu.Unlock()
		if again {
			g.open()
		}
		return
	}
	g.mu.Unlock()
	f()
}

type gatedLink struct {
	gate *gate
	to   session.Link
}

func (l *gatedLink) Send(requests ...protocol.Request) {
	if l.gate.free() {
		l.to.Send(requests...)
		return
	}
	kept := append([]protocol.Request(nil), requests...)
	l.gate.pass(func() { l.to.Send(kept...) })
}

func (l *gatedLink) Close() { l.to.Close() }

type gatedReceiver struct {
	gate *gate
	to   session.Receiver
}

func (r *gatedReceiver) Receive(messages []protocol.Message) {
	if r.gate.free() {
		r.to.Receive(messages)
		return
	}
	kept := append([]protocol.Message(nil), messages...)
	r.gate.pass(func() { r.to.Receive(kept) })
}

func (r *gatedReceiver) Lost(err error) {
	r.gate.pass(func() { r.to.Lost(err) })
}
