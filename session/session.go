package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/zabtree/zabtree/session/protocol"
)

// Session is a session with the ensemble. It lives until it is closed or expires,
// whatever becomes of connections, replicas and leaders.
type Session struct {
	c            *core
	linearizable bool
}

// Open opens a session at b, or at another of o.Backends if b fails. It waits for
// a leader; ctx bounds that and nothing else.
func Open(ctx context.Context, b Backend, o Options) (*Session, error) {
	if b == nil {
		return nil, fmt.Errorf("%w: Backend is nil", ErrOptions)
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &notApplied{err}
	}
	o = o.withDefaults()
	c := &core{
		options:  o,
		base:     time.Now(),
		backends: append([]Backend{b}, o.Backends...),
		watches:  map[uint64]*stream{},
		room:     semaphore.NewWeighted(int64(o.MaxPending)),
		done:     make(chan struct{}),
		changed:  make(chan struct{}),
	}
	config := protocol.ClientConfig{Timeout: int64(o.Timeout), Backends: len(c.backends)}
	rand.Read(config.Password[:])
	c.connects, c.stopConnects = context.WithCancel(context.WithoutCancel(ctx))
	c.start(config)

	for {
		st, changed := c.currentStatus()
		switch {
		case st.Attached:
			return &Session{c, o.Linearizable}, nil
		case c.ended():
			c.stop()
			return nil, &notApplied{c.endError()}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			// If it was opened all the same, it owns nothing and will expire.
			c.step((*protocol.Client).Abandon)
			c.stop()
			return nil, &notApplied{fmt.Errorf("session: open: %w", ctx.Err())}
		}
	}
}

// ID returns the session's id: the zxid of the log entry that opened it. It is
// the EphemeralOwner of its ephemerals.
func (s *Session) ID() int64 {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.machine.Session()
}

// Timeout returns what the host made of Options.Timeout.
func (s *Session) Timeout() time.Duration {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return time.Duration(s.c.machine.Timeout())
}

// LastZxid returns the zxid up to which the session has seen everything.
func (s *Session) LastZxid() int64 {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.machine.LastSeen()
}

// Linearizable returns the same session with linearizable reads: each sees
// everything that was committed anywhere before it was called. It costs a round
// of the leader with a quorum, shared with others that are under way.
func (s *Session) Linearizable() *Session { return &Session{s.c, true} }

// Local returns the same session with local reads.
func (s *Session) Local() *Session { return &Session{s.c, false} }

// Status is what is known of a session's connection.
type Status struct {
	// Attached says that a backend hosts the session now: Backend, as numbered in
	// order of Open's argument, Options.Backends, and the calls of Move.
	Attached bool
	Backend  int
	// Lease is until when nobody else can hold what the session holds; zero if
	// that time has passed.
	Lease time.Time
}

// Status returns the status, and a channel that is closed when Attached or
// Backend has changed since.
func (s *Session) Status() (Status, <-chan struct{}) { return s.c.currentStatus() }

// Done returns a channel that is closed when the session is over: closed,
// expired, or with no backend left.
func (s *Session) Done() <-chan struct{} { return s.c.done }

// Err returns why the session is over: ErrClosed, ErrExpired or ErrUnreachable; nil
// while it is not.
func (s *Session) Err() error {
	select {
	case <-s.c.done:
		return s.c.endError()
	default:
		return nil
	}
}

// Context returns a context that is done before anybody else can hold what the
// session holds by its ephemerals, and at the latest when the session is over.
// Give it to work that only the holder may do. Its cause is ErrLease, ErrExpired,
// ErrClosed or ErrUnreachable.
//
// Its Err looks at the clock, and so tells the truth also in the instant after the
// process was stopped for long, before any timer has run.
//
// A session whose lease has run out may turn out to be alive: then Context
// returns a new context, and the old one stays done.
func (s *Session) Context() context.Context { return s.c.leaseContext() }

// Move moves the session to another backend, with its ephemerals, its watches
// and the operations under way, and waits until that has happened. Should b fail
// the session goes on to other backends, then or later; Move returns an error
// only if ctx is done or the session over. The session keeps the backends it had.
func (s *Session) Move(ctx context.Context, b Backend) error {
	if b == nil {
		return fmt.Errorf("%w: Backend is nil", ErrOptions)
	}
	target := s.c.move(b)
	for {
		st, changed := s.c.currentStatus()
		switch {
		case st.Attached && st.Backend == target:
			return nil
		case s.c.ended():
			return s.c.endError()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("session: move: %w", ctx.Err())
		}
	}
}

// Close ends the session behind all operations that were submitted, and waits
// until its end is committed, at most the session's timeout. After that the error
// is ErrCloseUnconfirmed. It may be called more than once. A session that is over
// already closes without an error.
func (s *Session) Close() error {
	c := s.c
	c.step((*protocol.Client).Close)
	timer := time.NewTimer(s.Timeout())
	defer timer.Stop()
	var err error
	select {
	case <-c.done:
	case <-timer.C:
		c.step((*protocol.Client).Abandon)
		if err = c.endError(); errors.Is(err, ErrClosed) {
			err = ErrCloseUnconfirmed
		}
	}
	c.stop()
	return err
}
