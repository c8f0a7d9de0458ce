package session

import (
	"context"

	"github.com/zabtree/zabtree/session/protocol"
)

// Backend is where sessions are hosted. It may be used by any number of sessions
// at once.
type Backend interface {
	// Connect opens a link whose messages go to r. It may wait, as long as ctx
	// allows; ctx does not bound the link's life. An error that wraps
	// ErrBackendClosed says that no Connect will ever succeed again.
	Connect(ctx context.Context, r Receiver) (Link, error)
}

// Link carries one session's requests to its host. When it breaks, a suffix of
// what was sent may be lost, never something in the middle.
type Link interface {
	// Send sends requests in order. It never blocks, and does nothing once the link
	// is broken. It does not keep the slice, but does keep the requests, which nobody
	// changes any more; a Read may be used again once it is answered.
	Send(requests ...protocol.Request)

	// Close breaks the link. What was received may still arrive for a moment.
	// Close is idempotent and never blocks.
	Close()
}

// Receiver takes what a host sends over a link. Its methods are called by one
// goroutine at a time, never block, and may send on the link. They may be called
// before Connect has returned.
type Receiver interface {
	// Receive takes messages in order. It does not keep the slice, but does keep
	// the messages, which nobody changes any more.
	Receive(messages []protocol.Message)

	// Lost says that the link is broken, and why. It is the last call. It may be
	// left out after Close.
	Lost(err error)
}
