package tcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/zabtree/zabtree/transport"
)

// conn is an established connection.
type conn struct {
	t      *Transport
	raw    net.Conn // what is closed: below TLS, as closing must not write
	peer   uint64
	remote string

	sending atomic.Bool
	writer  frameWriter
	sendErr error // the first; sender's own

	receiving  atomic.Bool
	reader     frameReader
	receiveErr error // the first; receiver's own

	closed atomic.Bool
}

// newConn makes a connection of a finished handshake.
func newConn(t *Transport, s *stream, secure *tls.Conn, peer uint64, theirMax uint32) *conn {
	c := &conn{t: t, raw: s.Conn, peer: peer, remote: remoteName(s.Conn)}
	limit := t.o.MaxFrame
	if uint64(theirMax) < uint64(limit) {
		limit = int(theirMax)
	}
	s.patience = t.o.WriteTimeout
	if secure != nil {
		c.reader = newFrameReader(secure, t.o.MaxFrame)
		c.writer = frameWriter{to: secure, limit: limit}
	} else {
		c.reader = newFrameReader(s.Conn, t.o.MaxFrame)
		c.writer = frameWriter{to: s, limit: limit}
		if s.vectored {
			c.writer.vectors = s
		}
	}
	return c
}

// Errors of callers that share a direction, which loses nothing.
var (
	errTwoSenders   = errors.New("transport/tcp: Send while another Send is under way")
	errTwoReceivers = errors.New("transport/tcp: Recv while another Recv is under way")
)

func (c *conn) Send(frames ...[]byte) error {
	if !c.sending.CompareAndSwap(false, true) {
		return errTwoSenders
	}
	defer c.sending.Store(false)
	if c.sendErr != nil || c.isClosed() {
		return c.reason(c.sendErr)
	}
	err := c.writer.write(frames)
	if err == nil || errors.Is(err, transport.ErrFrameTooLarge) {
		return err
	}
	c.sendErr = err // part of a frame may be out: nothing can follow it
	return c.reason(err)
}

func (c *conn) Recv() ([]byte, error) {
	if !c.receiving.CompareAndSwap(false, true) {
		return nil, errTwoReceivers
	}
	defer c.receiving.Store(false)
	if c.receiveErr != nil || c.isClosed() {
		return nil, c.reason(c.receiveErr)
	}
	frame, err := c.reader.next()
	if err != nil {
		c.receiveErr = err
		return nil, c.reason(err)
	}
	return frame, nil
}

// isClosed reports whether this side closed the connection.
func (c *conn) isClosed() bool { return c.closed.Load() || c.t.isClosed() }

// reason returns the error for the caller of a connection that is over.
func (c *conn) reason(err error) error {
	if c.isClosed() {
		return transport.ErrClosed
	}
	return fmt.Errorf("%w: %s: %w", transport.ErrBroken, c.remote, err)
}

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.t.forget(c.raw)
	c.raw.Close() // whatever it says: nothing that was sent is promised to arrive
	return nil
}

func (c *conn) Peer() uint64   { return c.peer }
func (c *conn) Remote() string { return c.remote }
