package session

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// stage is a Backend whose host is the test.
type stage struct {
	mu       sync.Mutex
	refuse   error
	block    chan struct{} // Connect waits for it, whatever its ctx says
	links    []*stageLink
	onlyOpen bool // answer Open, and nothing else
}

type stageLink struct {
	stage *stage
	r     Receiver

	mu     sync.Mutex
	sent   []protocol.Request
	closed bool
}

func (s *stage) Connect(ctx context.Context, r Receiver) (Link, error) {
	s.mu.Lock()
	block, refuse := s.block, s.refuse
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	if refuse != nil {
		return nil, refuse
	}
	l := &stageLink{stage: s, r: r}
	s.mu.Lock()
	s.links = append(s.links, l)
	s.mu.Unlock()
	return l, nil
}

func (l *stageLink) Send(requests ...protocol.Request) {
	for _, r := range requests {
		l.mu.Lock()
		l.sent = append(l.sent, r)
		l.mu.Unlock()
		l.stage.mu.Lock()
		answer := l.stage.onlyOpen
		l.stage.mu.Unlock()
		if _, ok := r.(*protocol.Open); ok && answer {
			l.r.Receive([]protocol.Message{&protocol.Attached{Session: 1, Attachment: 1, Timeout: int64(10 * time.Second)}})
		}
	}
}

func (l *stageLink) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
}

func (l *stageLink) first() protocol.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent[0]
}

func (l *stageLink) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (s *stage) last() *stageLink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[len(s.links)-1]
}

// The lease of a process that was stopped is seen to be over before any timer has
// run.
func TestLeaseContextLooksAtTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := time.Now()
		l := newLease(base, int64(time.Second)) // that no timer belongs to
		child, cancel := context.WithCancel(l)
		defer cancel()
		require.NoError(t, l.Err())
		require.Equal(t, base.Add(time.Second), l.deadline())
		time.Sleep(time.Second - 1)
		require.NoError(t, l.Err())
		time.Sleep(time.Nanosecond)
		require.Zero(t, l.deadline())
		require.ErrorIs(t, l.Err(), context.Canceled)
		require.ErrorIs(t, context.Cause(l), ErrLease)
		<-l.Done()
		<-child.Done()
		require.ErrorIs(t, context.Cause(child), ErrLease)
	})
}

// A lease that was seen to be over stays so, even if the answer to a ping that
// would have renewed it comes after all; a new one begins.
func TestLeaseSeenOverStaysOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &core{base: time.Now()}
		c.renewLease(int64(time.Second))
		first := c.leaseContext()
		c.renewLease(int64(2 * time.Second))
		require.Same(t, first, c.leaseContext())
		time.Sleep(2 * time.Second)
		require.Error(t, first.Err())
		c.renewLease(int64(3 * time.Second))
		require.Error(t, first.Err())
		require.NoError(t, c.leaseContext().Err())
	})
}

func TestLeaseOfSilentHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{onlyOpen: true}
		start := time.Now()
		sess, err := Open(t.Context(), s, Options{})
		require.NoError(t, err)
		st, _ := sess.Status()
		require.Equal(t, start.Add(9500*time.Millisecond), st.Lease)
		ctx := sess.Context()
		<-ctx.Done()
		require.Equal(t, 9500*time.Millisecond, time.Since(start))
		require.ErrorIs(t, context.Cause(ctx), ErrLease)
		require.NoError(t, sess.Err(), "it may be alive all the same")
		require.Equal(t, ErrCloseUnconfirmed, sess.Close())
		require.ErrorIs(t, sess.Err(), ErrClosed)
	})
}

// Whoever gives up opening leaves nothing behind, not even a Connect that does not
// come back for a while.
func TestOpenGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{block: make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.AfterFunc(time.Minute, func() { close(s.block) })
		_, err := Open(ctx, s, Options{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, s.last().isClosed(), "the link that came too late is closed")
	})
}

func TestOpenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &stage{refuse: errors.Join(errors.New("x"), ErrBackendClosed)}
		_, err := Open(t.Context(), gone, Options{Backends: []Backend{gone, gone}})
		require.ErrorIs(t, err, ErrUnreachable)
		require.True(t, NotApplied(err))

		// One that fails for the time being is tried again, ever more slowly.
		down := &stage{refuse: errors.New("down")}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(30*time.Second, func() {
			down.mu.Lock()
			down.refuse, down.onlyOpen = nil, true
			down.mu.Unlock()
		})
		start := time.Now()
		sess, err := Open(ctx, down, Options{Backends: []Backend{gone}})
		require.NoError(t, err)
		require.LessOrEqual(t, time.Since(start), 31*time.Second)
		require.Error(t, sess.Close())
	})
}

// A timeout that cannot be counted with is refused by name.
func TestTimeoutTooLong(t *testing.T) {
	for _, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1e6, protocol.MaxTimeout + 1} {
		_, err := Open(t.Context(), &stage{}, Options{Timeout: d})
		require.ErrorIs(t, err, ErrOptions)
		require.ErrorContains(t, err, "Timeout is ")
	}
	require.NoError(t, Options{Timeout: protocol.MaxTimeout}.Validate())
	require.ErrorContains(t, Options{MaxEvents: 1<<24 + 1}.Validate(), "MaxEvents")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), &stage{onlyOpen: true}, Options{Timeout: protocol.MaxTimeout})
		require.NoError(t, err)
		s.c.step((*protocol.Client).Abandon)
		s.c.stop()
	})
}

// A host that talks nonsense is left, and a write that was sent to it is unknown
// to who stops waiting.
func TestNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{onlyOpen: true}
		sess, err := Open(t.Context(), s, Options{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = sess.Create(ctx, "/a", nil, tree.Persistent)
		require.ErrorIs(t, err, ErrUnknownOutcome)
		l := s.last()
		l.r.Receive([]protocol.Message{&protocol.Refused{}})
		synctest.Wait()
		require.True(t, l.isClosed())
		time.Sleep(time.Second)
		require.NotSame(t, l, s.last())
		require.IsType(t, &protocol.Attach{}, s.last().first())
		s.last().r.Receive([]protocol.Message{&protocol.Refused{Reason: protocol.RefusedExpired}})
		<-sess.Done()
		require.ErrorIs(t, sess.Err(), ErrExpired)
		require.NoError(t, sess.Close())
	})
}
