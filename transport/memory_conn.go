package transport

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// memoryLink is one connection: two directions and two ends. Side 0 dialed.
type memoryLink struct {
	net *Memory

	mu     sync.Mutex
	pipes  [2]memoryPipe // pipes[side] carries what that side sends
	closed [2]bool       // by that side
	broken error         // neither side can send any more
	ends   [2]memoryConn
}

// memoryConn is one end of a connection.
type memoryConn struct {
	link  *memoryLink
	side  int
	owner *memoryEndpoint
}

// newMemoryLink connects two endpoints; Memory.mu is held.
func newMemoryLink(m *Memory, from, to *memoryEndpoint) *memoryLink {
	l := &memoryLink{net: m}
	paths := [2]memoryPath{{from.id, to.id}, {to.id, from.id}}
	for side := range l.pipes {
		l.pipes[side].init(paths[side], m.buffer, [3]uint64{m.seed, m.count[paths[0]], uint64(side)})
		l.pipes[side].fault = m.faults.of(paths[side])
	}
	m.count[paths[0]]++
	l.ends[0] = memoryConn{link: l, side: 0, owner: from}
	l.ends[1] = memoryConn{link: l, side: 1, owner: to}
	return l
}

// path returns who sends to whom in the direction of a side.
func (l *memoryLink) path(side int) memoryPath { return l.pipes[side].path }

// setFaults brings the faults in force to both directions; Memory.mu is held.
func (l *memoryLink) setFaults(f *memoryFaults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for side := range l.pipes {
		if p := &l.pipes[side]; p.setFault(f.of(p.path)) {
			l.news(side)
		}
	}
}

// news wakes whoever has to look at the direction of a side again: its receiver,
// and that receiver's own sender, whom the news of a close unblocks.
func (l *memoryLink) news(side int) {
	l.pipes[side].receiver.notify()
	l.pipes[1-side].sender.notify()
}

// reset breaks the connection for both sides at once.
func (l *memoryLink) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = fmt.Errorf("%w: reset", ErrBroken)
	for side := range l.pipes {
		l.pipes[side].discard()
		l.pipes[side].over = true
		l.pipes[side].cause = l.broken
	}
	l.news(0)
	l.news(1)
}

// tear breaks the connection behind what was sent: a suffix is lost.
func (l *memoryLink) tear() {
	l.broken = fmt.Errorf("%w: frame lost", ErrBroken)
	for side := range l.pipes {
		l.pipes[side].end(l.broken)
		l.news(side)
	}
}

// Send copies each frame into its direction as soon as there is room.
func (c *memoryConn) Send(frames ...[]byte) error {
	l := c.link
	total := 0
	for _, f := range frames {
		if len(f) > l.net.maxFrame {
			return fmt.Errorf("%w: %d bytes, limit %d", ErrFrameTooLarge, len(f), l.net.maxFrame)
		}
		total += len(f)
	}
	copies := memoryCopier{left: total}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.pipes[c.side]
	defer p.sender.notify() // should several send
	for _, f := range frames {
		if err := c.waitForRoom(len(f)); err != nil {
			return err
		}
		if p.loses() {
			l.tear()
			continue
		}
		if p.push(copies.copy(f)) {
			p.receiver.notify()
		}
	}
	if len(frames) == 0 {
		return c.sendError()
	}
	return nil
}

// waitForRoom returns when a frame of n bytes can be sent, or the reason why none
// can be sent any more.
func (c *memoryConn) waitForRoom(n int) error {
	l := c.link
	out, in := &l.pipes[c.side], &l.pipes[1-c.side]
	for {
		if err := c.sendError(); err != nil {
			return err
		}
		if out.room(n) {
			return nil
		}
		out.sender.wait(&l.mu, in.endTime())
	}
}

func (c *memoryConn) sendError() error {
	l := c.link
	if l.closed[c.side] {
		return ErrClosed
	}
	if l.broken != nil {
		return l.broken
	}
	if in := &l.pipes[1-c.side]; in.ended {
		if in.advance(); in.over {
			return in.cause
		}
	}
	return nil
}

// Recv waits itself for the time at which the next frame arrives.
func (c *memoryConn) Recv() ([]byte, error) {
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.pipes[1-c.side]
	defer p.receiver.notify() // should several receive
	for {
		if l.closed[c.side] {
			return nil, ErrClosed
		}
		frame, when, err := p.pop()
		if frame != nil {
			p.sender.notify()
			return frame, nil
		}
		if err != nil {
			return nil, err
		}
		p.receiver.wait(&l.mu, when)
	}
}

// Close ends this side at once and sends the news of it behind the last frame.
func (c *memoryConn) Close() error {
	l := c.link
	l.mu.Lock()
	if l.closed[c.side] {
		l.mu.Unlock()
		return nil
	}
	l.closed[c.side] = true
	l.pipes[c.side].end(fmt.Errorf("%w: %w", ErrBroken, io.EOF))
	l.pipes[1-c.side].discard()
	l.news(0)
	l.news(1)
	both := l.closed[1-c.side]
	l.mu.Unlock()
	if both {
		l.net.forget(l)
	}
	return nil
}

func (c *memoryConn) Peer() uint64   { return c.link.path(c.side).to }
func (c *memoryConn) Remote() string { return strconv.FormatUint(c.Peer(), 10) }

// memoryCopier copies the frames of one Send, small ones side by side.
type memoryCopier struct {
	left  int // bytes of the call that are still to come
	chunk []byte
}

func (a *memoryCopier) copy(frame []byte) []byte {
	const small, chunk = 512, 4096
	n := len(frame)
	if n > len(a.chunk) {
		if n > small {
			a.left -= n
			return bytes.Clone(frame)
		}
		a.chunk = make([]byte, min(a.left, chunk))
	}
	a.left -= n
	to := a.chunk[:n:n]
	a.chunk = a.chunk[n:]
	copy(to, frame)
	if to == nil {
		to = []byte{}
	}
	return to
}
