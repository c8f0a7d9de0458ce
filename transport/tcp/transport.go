package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/zabtree/zabtree/transport"
)

// Transport is a transport.Transport over TCP.
type Transport struct {
	o        Options
	listener net.Listener // nil: this one only dials
	report   reporter

	done     chan struct{}      // closed by Close
	failed   chan struct{}      // closed when the listener is of no use any more
	failure  error              // why, once failed is closed
	accepted chan *conn         // handshakes done, for Accept
	slots    chan struct{}      // one token for each handshake of an accepted connection
	dialCtx  context.Context    // over when the transport is closed
	stopDial context.CancelFunc // ends it
	wg       sync.WaitGroup     // the goroutines, and the Dials under way

	mu       sync.Mutex
	closed   bool
	open     map[net.Conn]struct{} // every connection, from its first moment on
	greeting []net.Conn            // accepted and in their handshake, oldest first
}

// New returns a transport that accepts from listener, which it owns from here on
// unless New fails. A nil listener makes one that only dials. The error joins
// everything that is wrong with the options.
func New(listener net.Listener, o Options) (*Transport, error) {
	err := o.Validate()
	if c := o.TLS; listener != nil && c != nil && len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		err = errors.Join(err, errors.New("transport/tcp: Options.TLS has no certificate to accept connections with"))
	}
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	t := &Transport{
		o:        o,
		listener: listener,
		report:   reporter{logger: o.Logger},
		done:     make(chan struct{}),
		failed:   make(chan struct{}),
		accepted: make(chan *conn, o.MaxHandshakes),
		slots:    make(chan struct{}, o.MaxHandshakes),
		open:     make(map[net.Conn]struct{}),
	}
	t.dialCtx, t.stopDial = context.WithCancel(context.Background())
	if listener != nil {
		t.wg.Go(t.acceptLoop)
	}
	return t, nil
}

// Addr returns the listener's address, "" without one. It is of no use to others if
// the listener was opened for all addresses of the machine.
func (t *Transport) Addr() string {
	if t.listener == nil {
		return ""
	}
	return t.listener.Addr().String()
}

// MaxFrame is Options.MaxFrame, or its default.
func (t *Transport) MaxFrame() int { return t.o.MaxFrame }

// Accept returns the next connection whose handshake is done.
func (t *Transport) Accept(ctx context.Context) (transport.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.isClosed() {
		return nil, transport.ErrClosed
	}
	select {
	case c := <-t.accepted:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.done:
		return nil, transport.ErrClosed
	case <-t.failed:
		return nil, fmt.Errorf("%w: the listener is: %w", transport.ErrClosed, t.failure)
	}
}

// Dial connects to an address, which is a host and a port unless Options.Dial
// knows better. It is done when the other side's hello was checked.
func (t *Transport) Dial(ctx context.Context, to transport.Endpoint) (transport.Conn, error) {
	c, err := t.dial(ctx, to)
	switch {
	case err == nil:
		return c, nil
	case t.isClosed():
		return nil, transport.ErrClosed
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return nil, fmt.Errorf("%w: replica %d at %q: %w", transport.ErrUnreachable, to.ID, to.Addr, err)
}

func (t *Transport) dial(ctx context.Context, to transport.Endpoint) (*conn, error) {
	if !t.begin() {
		return nil, transport.ErrClosed
	}
	defer t.wg.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer onDone(t.dialCtx, cancel)()
	raw, err := t.o.Dial(ctx, to.Addr)
	if err == nil && raw == nil {
		err = errors.New("Options.Dial returned neither a connection nor an error")
	}
	if err != nil {
		return nil, err
	}
	if !t.remember(raw, false) {
		raw.Close()
		return nil, transport.ErrClosed
	}
	raw.SetDeadline(time.Now().Add(t.o.HandshakeTimeout))
	stop := onDone(ctx, func() { raw.Close() })
	c, err := t.greetFirst(raw, to)
	stop()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err != nil {
		t.forget(raw)
		raw.Close()
		return nil, err
	}
	return c, nil
}

// onDone calls f when ctx is done, unless what it returns was called before; that
// waits for f if it is running, so that nothing is left behind.
func onDone(ctx context.Context, f func()) (stop func()) {
	ran := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ran)
		f()
	})
	return func() {
		if !cancel() {
			<-ran
		}
	}
}

// remoteName returns the address of the other side, for logs.
func remoteName(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return "unknown"
}

// clientTLS returns the configuration for an address.
func (t *Transport) clientTLS(addr string) *tls.Config {
	if t.o.TLS.ServerName != "" {
		return t.o.TLS
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	config := t.o.TLS.Clone()
	config.ServerName = host
	return config
}

// Close closes the listener and every connection and waits for every goroutine
// and every Dial.
func (t *Transport) Close() error {
	t.mu.Lock()
	first := !t.closed
	var open []net.Conn
	if first {
		t.closed = true
		close(t.done)
		for c := range t.open {
			open = append(open, c)
		}
		clear(t.open)
	}
	t.mu.Unlock()

	var err error
	if first {
		if t.listener != nil {
			if err = t.listener.Close(); errors.Is(err, net.ErrClosed) {
				err = nil
			}
		}
		t.stopDial()
		for _, c := range open {
			c.Close()
		}
	}
	t.wg.Wait()
	return err
}

func (t *Transport) isClosed() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// begin counts one more that Close waits for, unless it is too late.
func (t *Transport) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Add(1)
	return true
}

// remember makes Close close a connection too, unless it is too late. One that
// is greeting may also have to make room for another.
func (t *Transport) remember(raw net.Conn, greeting bool) bool {
	if c, ok := raw.(*net.TCPConn); ok {
		c.SetNoDelay(true)
		c.SetKeepAliveConfig(t.o.KeepAlive)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.open[raw] = struct{}{}
	if greeting {
		t.greeting = append(t.greeting, raw)
	}
	return true
}

// forget takes a connection off the list of those that Close closes.
func (t *Transport) forget(raw net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, raw)
}

// greeted takes a connection off the list of those in their handshake, and reports
// whether it was there still, or had to make room.
func (t *Transport) greeted(raw net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.greeting, raw)
	if i < 0 {
		return false
	}
	t.greeting = slices.Delete(t.greeting, i, i+1)
	return true
}

// oldestGreeting takes the connection off that is in its handshake for longest.
func (t *Transport) oldestGreeting() net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.greeting) == 0 {
		return nil
	}
	raw := t.greeting[0]
	t.greeting = slices.Delete(t.greeting, 0, 1)
	return raw
}
