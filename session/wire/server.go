package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/protocol"
)

// ErrServerClosed is what Serve returns after Close.
var ErrServerClosed = errors.New("wire: server is closed")

// Server serves ZooKeeper's client protocol from a [Host]. All its methods may be
// called at any time from any goroutine.
type Server struct {
	host    Host
	config  Config
	started time.Time
	stats   stats

	mask  atomic.Int64 // of what a real server traces; it is kept for who asks
	reads sync.Pool    // of *protocol.Read that are answered
	paths *jute.Interner

	readOnlyWatches atomic.Int64

	stop    chan struct{} // closed by Close
	workers sync.WaitGroup

	mu        sync.Mutex // over all below; nothing under it can block
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	perAddr   map[string]int
	readOnly  readOnly
}

// stats are counted over all connections, since the start or the word srst.
type stats struct {
	received, sent atomic.Int64 // packets
	outstanding    atomic.Int64
	latency        latency
}

// traceMask is a real server's when it starts: requests, packets, sessions, warnings.
const traceMask = 1<<1 | 1<<4 | 1<<5 | 1<<8

// NewServer returns a server that serves nothing yet. The error is that of Validate.
// Host is not closed by it.
func NewServer(host Host, config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		host: host, config: config.withDefaults(), started: time.Now(), stop: make(chan struct{}),
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}, perAddr: map[string]int{},
		reads: sync.Pool{New: func() any { return new(protocol.Read) }}, paths: jute.NewInterner(),
		readOnly: readOnly{turn: make(chan struct{})},
	}
	s.mask.Store(traceMask)
	s.workers.Go(s.watchMode)
	return s, nil
}

// Serve accepts connections until the listener fails, which is the error then, or
// Close is called, which makes it ErrServerClosed. It closes the listener. Several
// listeners may be served at once.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	for failures := 0; ; {
		n, err := l.Accept()
		if err == nil {
			failures = 0
			s.accept(n)
			continue
		}
		var t interface{ Temporary() bool }
		if s.isClosed() {
			return ErrServerClosed
		} else if !errors.As(err, &t) || !t.Temporary() {
			return fmt.Errorf("wire: accept: %w", err)
		}
		// Out of file descriptors, most likely.
		failures = min(failures+1, 8)
		select {
		case <-time.After(time.Duration(5<<failures) * time.Millisecond):
		case <-s.stop:
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// accept takes a connection, unless there are too many.
func (s *Server) accept(n net.Conn) {
	addr := addrOf(n)
	c := newConn(s, n, addr)
	s.mu.Lock()
	why := ""
	switch {
	case s.closed:
		why = "closed"
	case s.config.MaxConns > 0 && len(s.conns) >= s.config.MaxConns:
		why = "too many connections"
	case s.config.MaxConnsPerAddr > 0 && s.perAddr[addr] >= s.config.MaxConnsPerAddr:
		why = "too many connections from this address"
	default:
		s.conns[c] = struct{}{}
		s.perAddr[addr]++
		s.workers.Add(1)
	}
	s.mu.Unlock()
	if why != "" {
		s.config.Logger.Info("zookeeper client refused", "remote", n.RemoteAddr(), "reason", why)
		_ = n.Close()
		return
	}
	go func() {
		defer s.workers.Done()
		c.serve()
	}()
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.perAddr[c.addr]--; s.perAddr[c.addr] <= 0 {
		delete(s.perAddr, c.addr)
	}
}

// addrOf returns the address of the other side, without the port.
func addrOf(n net.Conn) string {
	if a, ok := n.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return ""
}

// watchMode ends all connections once the host has not served for a while: another
// member may be able to. It sees to it that reads are served from then on, if they are to
// be, until the host serves again.
func (s *Server) watchMode() {
	timer := time.NewTimer(s.config.SyncTimeout)
	timer.Stop()
	defer timer.Stop()
	serving := true
	for {
		mode, changed := s.host.Mode()
		if was := serving; was != (mode != "") {
			if serving = !was; serving {
				timer.Stop()
				s.served()
			} else {
				timer.Reset(s.config.SyncTimeout)
			}
		}
		select {
		case <-changed:
		case <-timer.C:
			timer.Reset(s.config.SyncTimeout)
			s.unserved()
		case <-s.stop:
			return
		}
	}
}

func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// Close closes all listeners and connections, and returns after the last goroutine.
// It is idempotent. Sessions go on: their clients turn to other members.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	var errs []error
	var listeners []net.Listener
	for l := range s.listeners {
		listeners = append(listeners, l)
	}
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	for _, l := range listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, c := range s.all() {
		c.fail("server is closed", slog.LevelDebug)
	}
	s.workers.Wait()
	return errors.Join(errs...)
}
