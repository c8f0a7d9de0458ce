package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// Server is a member of an ensemble, running, that hosts sessions. All its methods
// may be called at any time from any goroutine.
type Server struct {
	config  Config
	started time.Time
	machine machine
	bell    chan struct{} // capacity 1: somebody has messages to deliver
	stopped chan struct{} // closed after the last goroutine

	doneWrites atomic.Int64 // proposals that were applied, and the host was not told of
	crowded    atomic.Bool
	untold     atomic.Bool    // the same, of what came to nothing
	tasks      sync.WaitGroup // besides the goroutine; none begins once the replica is done

	mu       sync.Mutex // over all below; nothing under it can block
	host     *host.Host
	replica  *zab.Replica // nil while it is being started
	links    map[host.LinkID]*link
	lastLink host.LinkID
	ready    []*link // with messages to deliver, for the goroutine
	leaving  bool    // no new links
	noLinks  chan struct{}

	reconfiguring bool   // a client's change of membership is under way
	handingOver   bool   // because a member has asked for it
	telling       []byte // what is being written into /zookeeper/config
	toldVersion   uint64 // the version that was written last
}

// Start starts a member. It recovers what its storage holds, bounded by ctx, and
// goes on by itself; no other member is waited for. The error is that of
// Validate, or says what is wrong with the storage. Transport and Storage are
// closed if there is one.
func Start(ctx context.Context, config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, errors.Join(err, config.close())
	}
	d := config.withDefaults()
	s := &Server{
		config: d, started: time.Now(), bell: make(chan struct{}, 1), stopped: make(chan struct{}),
		links: map[host.LinkID]*link{},
	}
	s.machine.server = s
	s.machine.reset(tree.New(d.Settings))
	h, err := host.New(d.host(), s.machine.state.View())
	if err != nil {
		return nil, errors.Join(err, config.close())
	}
	s.host = h
	z := d.replica()
	if d.Dir != "" {
		z.Storage, err = zab.OpenDir(d.Dir, zab.DirOptions{Replica: d.ID, Ensemble: z.EnsembleID()})
		if err != nil {
			return nil, errors.Join(err, config.close())
		}
	}
	z.StateMachine = &s.machine
	z.OnMessage = s.onMessage
	z.OnStatus = s.onStatus
	z.OnTick = s.onTick
	r, err := zab.Start(ctx, z)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.replica = r
	s.finish()
	s.mu.Unlock()
	go s.run(r)
	return s, nil
}

// close closes what a server takes over.
func (c *Config) close() error {
	var errs []error
	if c.Transport != nil {
		errs = append(errs, c.Transport.Close())
	}
	if c.Storage != nil {
		errs = append(errs, c.Storage.Close())
	}
	return errors.Join(errs...)
}

// run is the server's goroutine.
func (s *Server) run(r *zab.Replica) {
	defer close(s.stopped)
	for {
		select {
		case <-s.bell:
		case <-r.Done():
			s.loseAll()
			s.tasks.Wait()
			return
		}
		s.deliverReady()
	}
}

// Ready waits until this member serves: it is synchronised with a leader, and has
// applied everything that it was told was committed then. The error is ctx's, or
// why the member has stopped.
func (s *Server) Ready(ctx context.Context) error { return s.replica.Ready(ctx) }

// ID returns the member's ID.
func (s *Server) ID() uint64 { return s.config.ID }

// Replica returns the replica that the server runs on, to look at or to change
// the membership. Do not close it, and propose nothing.
func (s *Server) Replica() *zab.Replica { return s.replica }

// View returns the whole tree as this member has it now, which may be behind
// what others have committed. It takes no time and no lock. Its bytes are shared
// and read-only, and ACLs are not looked at.
func (s *Server) View() *tree.View { return s.machine.view.Load() }

// Linearizable returns a view that holds everything that was committed anywhere
// before the call, confirmed by a quorum.
func (s *Server) Linearizable(ctx context.Context) (*tree.View, error) {
	z, err := s.replica.ReadPoint(ctx)
	if err == nil {
		err = s.replica.WaitApplied(ctx, z)
	}
	if err != nil {
		return nil, fmt.Errorf("server: linearizable view: %w", err)
	}
	return s.View(), nil
}

// NewSession opens a session at this server. It waits for a leader, as long as ctx
// allows.
func (s *Server) NewSession(ctx context.Context, o session.Options) (*session.Session, error) {
	return session.Open(ctx, s, o)
}

// ExpireSession ends a session at once, as an operator may want to. Its holder is
// told by its host, but not before others can see it: the lease is not waited for.
func (s *Server) ExpireSession(ctx context.Context, id int64) error {
	res, err := s.replica.Propose(ctx, tree.ExpireSessions{Sessions: []int64{id}}.AppendTo(nil))
	if err != nil {
		return fmt.Errorf("server: expire session: %w", err)
	}
	if o, ok := res.Value.(*tree.Outcome); ok && len(o.Ended) == 0 {
		return fmt.Errorf("server: expire session %d: %w", id, session.ErrExpired)
	}
	return nil
}

// Status is what is known of a server.
type Status struct {
	zab.Status
	// Sessions are those hosted here, Watches their watches.
	Sessions, Watches int
}

// Status returns what is known of the server, and a channel that is closed when
// its phase, leader, epoch or configuration is another, or it began or ceased to
// serve.
func (s *Server) Status() (Status, <-chan struct{}) {
	z, changed := s.replica.Status()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{z, s.host.Hosted(), s.host.Watches()}, changed
}

// Mode returns what the member is, in ZooKeeper's words: "leader", "follower",
// "observer", or "standalone" if there are no others; "" while it does not serve. The
// channel is closed when that may have changed.
func (s *Server) Mode() (string, <-chan struct{}) {
	z, changed := s.replica.Status()
	self := z.Config.Current.Find(s.config.ID)
	switch {
	case !z.Serving:
		return "", changed
	case len(z.Config.Current) == 1 && self != nil:
		return "standalone", changed
	case z.Leader == s.config.ID:
		return "leader", changed
	case self != nil && self.Role == zab.Voter:
		return "follower", changed
	}
	return "observer", changed
}

// Done is closed after the member has stopped, be it by Close or by a fault.
func (s *Server) Done() <-chan struct{} { return s.stopped }

// Err says why the member stops or stopped: zab.ErrClosed, or a *zab.FatalError;
// nil while it runs.
func (s *Server) Err() error { return s.replica.Err() }

// Shutdown stops the member with good manners, as far as ctx leaves the time:
// sessions that have other backends move to them, the others are closed, and
// leadership is handed over. Then it does what Close does.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	gone := make(chan struct{})
	if len(s.links) == 0 {
		close(gone)
	} else {
		s.noLinks = gone
	}
	s.mu.Unlock()
	s.step((*host.Host).GoAway)
	s.ring()
	select {
	case <-gone:
	case <-s.stopped:
	case <-ctx.Done():
	}
	err := s.replica.Shutdown(ctx)
	<-s.stopped
	return err
}

// Close stops the member and returns after its last goroutine. It waits for no
// other member. Sessions hosted here turn to their other backends; one that has
// none is over, and expires in time. It is idempotent. The error is what closing
// transport and storage failed with.
func (s *Server) Close() error {
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	err := s.replica.Close()
	<-s.stopped
	return err
}
