package tcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/zabtree/zabtree/transport"
)

// acceptLoop takes connections off the listener and gives each a goroutine for
// its handshake.
func (t *Transport) acceptLoop() {
	var pause time.Duration
	for {
		raw, err := t.listener.Accept()
		switch {
		case err == nil:
			pause = 0
			t.admit(raw)
		case t.isClosed():
			return
		case errors.Is(err, net.ErrClosed):
			t.failure = err
			close(t.failed)
			return
		default: // too many open files, a connection that ended too soon
			t.report.warn("transport/tcp: accepting failed", "error", err)
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			if !t.sleep(pause) {
				return
			}
		}
	}
}

// sleep waits, and reports whether the transport is still open.
func (t *Transport) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.done:
		return false
	}
}

// admit starts the handshake of an accepted connection, at the cost of the oldest
// one if there are too many.
func (t *Transport) admit(raw net.Conn) {
	select {
	case t.slots <- struct{}{}:
	default:
		if oldest := t.oldestGreeting(); oldest != nil {
			oldest.Close() // which ends its goroutine
		}
		select {
		case t.slots <- struct{}{}:
		case <-t.done:
			raw.Close()
			return
		}
	}
	if !t.remember(raw, true) {
		<-t.slots
		raw.Close()
		return
	}
	t.wg.Go(func() {
		defer func() { <-t.slots }()
		t.receive(raw)
	})
}

// receive does the handshake of an accepted connection and queues it for Accept.
func (t *Transport) receive(raw net.Conn) {
	raw.SetDeadline(time.Now().Add(t.o.HandshakeTimeout))
	c, err := t.greetSecond(raw)
	if !t.greeted(raw) {
		err = errors.New("too many handshakes at once, and this was the oldest")
	}
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err == nil {
		select {
		case t.accepted <- c:
			return
		default:
			err = errors.New("too many connections wait to be accepted")
		}
	}
	t.forget(raw)
	raw.Close()
	if !t.isClosed() {
		t.report.warn("transport/tcp: connection refused", "remote", remoteName(raw), "error", err)
	}
}

// greetFirst is the dialing side's handshake.
func (t *Transport) greetFirst(raw net.Conn, to transport.Endpoint) (*conn, error) {
	s := newStream(raw)
	var rw io.ReadWriter = s
	var secure *tls.Conn
	if t.o.TLS != nil {
		secure = tls.Client(s, t.clientTLS(to.Addr))
		if err := secure.Handshake(); err != nil {
			return nil, err
		}
		rw = secure
	}
	if err := t.writeHello(rw, hello{To: to.ID}); err != nil {
		return nil, err
	}
	h, err := readHello(rw)
	if err == nil {
		err = h.refuse(&t.o, to.ID)
	}
	if err != nil {
		return nil, err
	}
	id := to.ID
	if id == 0 {
		id = h.From
	}
	if err := t.verify(id, secure); err != nil {
		return nil, err
	}
	return newConn(t, s, secure, id, h.MaxFrame), nil
}

// greetSecond is the accepting side's handshake. Whoever sent a hello of ours is
// told why it is refused.
func (t *Transport) greetSecond(raw net.Conn) (*conn, error) {
	s := newStream(raw)
	var rw io.ReadWriter = s
	var secure *tls.Conn
	if t.o.TLS != nil {
		secure = tls.Server(s, t.o.TLS)
		if err := secure.Handshake(); err != nil {
			return nil, err
		}
		rw = secure
	}
	h, err := readHello(rw)
	if err != nil {
		return nil, err
	}
	if err = h.refuse(&t.o, 0); err == nil {
		err = t.verify(h.From, secure)
	}
	if err != nil {
		if h.Refusal == "" {
			err = errors.Join(err, t.writeHello(rw, hello{To: h.From, Refusal: err.Error()}))
		}
		return nil, err
	}
	if err := t.writeHello(rw, hello{To: h.From}); err != nil {
		return nil, err
	}
	return newConn(t, s, secure, h.From, h.MaxFrame), nil
}

// writeHello completes and sends a hello.
func (t *Transport) writeHello(w io.Writer, h hello) error {
	h.Magic, h.Version, h.Oldest = helloMagic, helloVersion, helloOldest
	h.From, h.MaxFrame = t.o.ID, uint32(t.o.MaxFrame)
	b, err := appendHello(nil, h)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("sending the hello: %w", err)
	}
	return nil
}

// verify asks Options.VerifyPeer.
func (t *Transport) verify(id uint64, secure *tls.Conn) error {
	if t.o.VerifyPeer == nil {
		return nil
	}
	if err := t.o.VerifyPeer(id, secure.ConnectionState()); err != nil {
		return fmt.Errorf("not accepted as replica %d: %w", id, err)
	}
	return nil
}
