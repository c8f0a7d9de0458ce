package transport

import (
	"context"
	"errors"
)

// Endpoint says whom to reach: a replica's ID and the address that the ensemble's
// membership has for it. Only the transport interprets the address.
type Endpoint struct {
	ID   uint64
	Addr string
}

// Transport makes connections between replicas. All its methods may be called
// at any time from any goroutine.
type Transport interface {
	// Dial connects to a replica. It returns when the connection can be used,
	// failed, or ctx is done; ctx does not bound the connection's life. An error
	// wraps ErrClosed if this transport is closed, ErrUnreachable otherwise,
	// together with ctx's error if that was the reason. A connection that Dial
	// returned may still be one that the other side never accepts.
	Dial(ctx context.Context, to Endpoint) (Conn, error)

	// Accept waits for the next connection that another replica dialed. Faults
	// of single connections do not end it: an error means that ctx is done or
	// the transport is closed, when it wraps ErrClosed. Connections wait for
	// Accept in a bounded queue; whoever accepts bounds the time until the first
	// frame of each.
	Accept(ctx context.Context) (Conn, error)

	// MaxFrame is the longest frame that this transport sends and takes, in bytes.
	// It never changes. A connection may carry less if the other side takes less.
	MaxFrame() int

	// Close ends Accept and Dial, closes every connection, frees every resource
	// and returns after the transport's last goroutine. It is idempotent.
	Close() error
}

// Conn is an ordered connection that carries whole frames both ways. When it
// breaks, what was sent last may be lost, always a suffix of the frames and never
// one in the middle. One goroutine may send while another receives; Close may
// be called by any, and unblocks both, here and in time on the other side.
//
// After a Close here, of the connection or its transport, Send and Recv answer
// ErrClosed. When the other side closed it, or something between broke it, they
// answer an error that wraps ErrBroken; Recv first returns what had arrived, as
// far as the transport still has it. The other side may be unreachable without
// either being told: silence is for the caller to judge.
type Conn interface {
	// Send sends frames in order, with one flush for all of them. It may block
	// while the other side does not receive. It keeps none of the bytes after
	// it returns and changes none of them. A frame over the transport's limit is
	// ErrFrameTooLarge and nothing of the call is sent; after any other error
	// the connection is of no further use. No error means that the frames are on
	// their way, not that they arrived.
	Send(frames ...[]byte) error

	// Recv returns the next frame, which the caller owns: it is never written
	// again by the transport. An empty frame is legal, and not nil. A small frame
	// may be carved out of an allocation of a few KiB that it shares with its
	// neighbours, its capacity clipped: copy what is to be kept for long.
	Recv() ([]byte, error)

	// Close breaks the connection. It is idempotent and does not wait for what
	// was sent to arrive.
	Close() error

	// Peer is the ID of the replica at the other side if the transport knows it,
	// as strongly as the transport authenticates; otherwise 0. Whoever learns an
	// ID from the frames refuses a connection on which the two differ: else
	// whoever may speak for one replica could speak for every other.
	Peer() uint64

	// Remote describes the other side for logs: an address, or who was dialed.
	Remote() string
}

// Errors of transports and connections; tested for with errors.Is.
var (
	// ErrClosed: closed on this side, by a call of Close.
	ErrClosed = errors.New("transport: closed")
	// ErrBroken: the connection was closed by the other side, or broke.
	ErrBroken = errors.New("transport: connection broken")
	// ErrFrameTooLarge: a frame over the limit. Nothing of it was sent; received,
	// it broke the connection.
	ErrFrameTooLarge = errors.New("transport: frame over the limit")
	// ErrUnreachable: Dial found nobody, or nobody who would talk.
	ErrUnreachable = errors.New("transport: unreachable")
)
