package server

import (
	"context"
	"fmt"
	"sync"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/zab"
)

// link is a session's link to this server: a direct call in both directions.
type link struct {
	s        *Server
	id       host.LinkID
	receiver session.Receiver

	mu         sync.Mutex // inside the server's; held for a few instructions
	out        []protocol.Message
	spare      []protocol.Message // for out, while the other is handed out
	ending     error              // the link ends after out
	ended      bool               // Lost was called, or Close
	delivering bool               // somebody hands out
}

// Connect implements session.Backend. It fails once the server is being stopped,
// with session.ErrBackendClosed, and never waits.
func (s *Server) Connect(_ context.Context, r session.Receiver) (session.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return nil, fmt.Errorf("server: member %d is closed: %w", s.config.ID, session.ErrBackendClosed)
	}
	s.lastLink++
	l := &link{s: s, id: s.lastLink, receiver: r}
	s.links[l.id] = l
	s.host.Connect(l.id)
	return l, nil
}

// Send implements session.Link.
func (l *link) Send(requests ...protocol.Request) {
	s := l.s
	s.mu.Lock()
	for _, r := range requests {
		s.host.Request(l.id, r)
	}
	s.finish()
	others := false
	for _, o := range s.ready {
		others = others || o != l
	}
	if !others {
		clear(s.ready)
		s.ready = s.ready[:0]
	}
	s.mu.Unlock()
	l.deliver()
	if others {
		s.ring()
	}
}

// Close implements session.Link.
func (l *link) Close() {
	l.mu.Lock()
	l.ended = true
	l.out = nil
	l.mu.Unlock()
	l.s.mu.Lock()
	if l.s.links[l.id] == l {
		l.s.unlink(l)
		l.s.host.Disconnect(l.id)
		l.s.finish()
	}
	l.s.mu.Unlock()
	l.s.ring()
}

// unlink forgets a link. The server's mutex is held.
func (s *Server) unlink(l *link) {
	delete(s.links, l.id)
	if len(s.links) == 0 && s.noLinks != nil {
		close(s.noLinks)
		s.noLinks = nil
	}
}

// put queues messages. The server's mutex is held, which keeps them in order.
func (l *link) put(messages []protocol.Message, end bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.out = append(l.out, messages...)
	if end {
		l.ending = errLinkEnded
	}
}

// maxSpare is for how many messages memory is kept.
const maxSpare = 32

// deliver hands out what is queued, unless somebody is at it: then they see to it.
func (l *link) deliver() {
	l.mu.Lock()
	if l.delivering {
		l.mu.Unlock()
		return
	}
	l.delivering = true
	for !l.ended && (len(l.out) > 0 || l.ending != nil) {
		messages, end := l.out, l.ending
		l.out, l.spare = l.spare, nil
		l.ended = end != nil
		l.mu.Unlock()
		if len(messages) > 0 {
			l.receiver.Receive(messages)
		}
		if end != nil {
			l.receiver.Lost(end)
		}
		l.mu.Lock()
		if cap(messages) <= maxSpare {
			clear(messages)
			l.spare = messages[:0]
		}
	}
	l.delivering = false
	l.mu.Unlock()
}

// loseAll ends all links when the replica has stopped.
func (s *Server) loseAll() {
	s.mu.Lock()
	s.leaving = true
	var left []*link
	for _, l := range s.links {
		left = append(left, l)
		s.unlink(l)
		s.host.Disconnect(l.id)
	}
	s.finish()
	ready := s.ready
	s.ready = nil
	s.mu.Unlock()
	for _, l := range ready {
		l.deliver()
	}
	for _, l := range left {
		l.mu.Lock()
		l.ending = fmt.Errorf("server: member %d has stopped: %w", s.config.ID, zab.ErrClosed)
		l.mu.Unlock()
		l.deliver()
	}
}
