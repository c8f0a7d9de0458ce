package sessiontest

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zabtree/zabtree/session"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab"
)

// Ensemble is an ensemble that belongs to a test.
type Ensemble struct {
	t       testing.TB
	options Options
	net     *transport.Memory
	founded zab.Membership
	members []*member // by number, from 1
	started time.Time
	label   string // of its goroutines, outside of a bubble

	mu       sync.Mutex // over all below, and the members' fields
	closing  bool
	sessions []*session.Session
	timeline timeline
}

// member is one of them, running or not.
type member struct {
	e       *Ensemble
	id      uint64
	storage zab.Storage // in memory; nil with Options.Dir
	dir     string
	srv     *server.Server // nil while it does not run
	watched chan struct{}  // closed when nobody notes srv's roles any more
	gate    gate
}

// Start starts an ensemble in real time, and waits until it has a leader that
// serves. It is closed when the test ends; a goroutine that is left over then
// fails the test.
func Start(t testing.TB, o Options) *Ensemble {
	t.Helper()
	e := newEnsemble(t, o.withDefaults(realTick))
	e.label = "sessiontest " + strconv.FormatInt(time.Now().UnixNano(), 36) + " " + t.Name()
	t.Cleanup(e.close)
	e.labelled(e.startAll)
	return e
}

// Run runs f with an ensemble in a bubble of fake time: see testing/synctest for
// what may be done there.
func Run(t *testing.T, o Options, f func(t *testing.T, e *Ensemble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newEnsemble(t, o.withDefaults(fakeTick))
		t.Cleanup(e.close)
		e.startAll()
		f(t, e)
	})
}

func newEnsemble(t testing.TB, o Options) *Ensemble {
	e := &Ensemble{
		t: t, options: o, started: time.Now(),
		net: transport.NewMemory(transport.MemoryOptions{Seed: o.Seed}),
	}
	e.members = append(e.members, nil)
	for i := 1; i <= o.Members; i++ {
		m := &member{e: e, id: uint64(i)}
		if o.Dir {
			m.dir = filepath.Join(t.TempDir(), "member-"+strconv.Itoa(i))
		} else {
			m.storage = zab.NewMemoryStorage()
		}
		e.members = append(e.members, m)
		e.founded = append(e.founded, zab.Member{ID: m.id})
	}
	return e
}

func (e *Ensemble) startAll() {
	e.t.Helper()
	for _, m := range e.members[1:] {
		m.start()
	}
	e.Leader(context.Background())
}

func (m *member) start() {
	e := m.e
	e.t.Helper()
	c := server.Config{
		ID: m.id, Name: "sessiontest", Members: e.founded, Transport: e.net.Endpoint(m.id),
		Dir: m.dir, Storage: m.storage, Tick: e.options.Tick,
	}
	if e.options.Config != nil {
		e.options.Config(&c)
	}
	srv, err := server.Start(context.Background(), c)
	if err != nil {
		e.t.Fatalf("sessiontest: member %d: %v", m.id, err)
	}
	watched := make(chan struct{})
	e.mu.Lock()
	m.srv, m.watched = srv, watched
	e.mu.Unlock()
	go e.watchRoles(m, srv, watched)
}

// stop closes a member and returns when nothing of it is left.
func (m *member) stop() {
	e := m.e
	e.t.Helper()
	e.mu.Lock()
	srv, watched := m.srv, m.watched
	m.srv = nil
	e.mu.Unlock()
	if srv == nil {
		return
	}
	if err := srv.Close(); err != nil {
		e.t.Errorf("sessiontest: member %d: close: %v", m.id, err)
	}
	<-watched
	if err := srv.Err(); !isClosed(err) {
		e.t.Errorf("sessiontest: member %d had stopped: %v", m.id, err)
	}
}

// close closes everything. Sessions go last: with no member left they are over at
// once, whatever state the ensemble was in.
func (e *Ensemble) close() {
	e.t.Helper()
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.net.Heal()
	for _, m := range e.members[1:] {
		m.gate.open()
		m.stop()
	}
	e.mu.Lock()
	sessions := e.sessions
	e.mu.Unlock()
	for _, s := range sessions {
		_ = s.Close()
	}
	if e.t.Failed() {
		e.t.Log(e.timeline.String())
	}
	e.checkLeaks()
}

// member returns a member by number.
func (e *Ensemble) member(i int) *member {
	e.t.Helper()
	if i < 1 || i >= len(e.members) {
		e.t.Fatalf("sessiontest: there is no member %d of %d", i, len(e.members)-1)
	}
	return e.members[i]
}

// Members returns how many members there are; they are numbered from 1.
func (e *Ensemble) Members() int { return len(e.members) - 1 }

// Network returns the network, for faults that there is no method for here.
func (e *Ensemble) Network() *transport.Memory { return e.net }

// Server returns a member that runs; nil if it does not.
func (e *Ensemble) Server(i int) *server.Server {
	e.t.Helper()
	m := e.member(i)
	e.mu.Lock()
	defer e.mu.Unlock()
	return m.srv
}

// Session opens a session at a member, with the others to move to, in order.
func (e *Ensemble) Session(i int) *session.Session {
	e.t.Helper()
	return e.SessionWith(i, session.Options{})
}

// SessionWith is Session with options. A Timeout or Backends that are not set are
// as by Session.
func (e *Ensemble) SessionWith(i int, o session.Options) *session.Session {
	e.t.Helper()
	if o.Timeout == 0 {
		o.Timeout = e.options.SessionTimeout
	}
	if o.Backends == nil {
		n := e.Members()
		for k := range n - 1 {
			o.Backends = append(o.Backends, e.Backend((i+k)%n+1))
		}
	}
	var s *session.Session
	var err error
	e.labelled(func() { s, err = session.Open(e.t.Context(), e.Backend(i), o) })
	if err != nil {
		e.t.Fatalf("sessiontest: session at member %d: %v", i, err)
	}
	e.mu.Lock()
	e.sessions = append(e.sessions, s)
	e.mu.Unlock()
	return s
}

// Backend returns a member as a place for sessions. It stays the same when the
// member is killed and restarted; in between, nothing can connect.
func (e *Ensemble) Backend(i int) session.Backend {
	e.t.Helper()
	return e.member(i)
}
