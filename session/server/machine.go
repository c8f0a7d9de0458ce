package server

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// machine is the tree as the replica's state machine. It belongs to the replica's
// applying goroutine, but for view.
type machine struct {
	server  *Server
	state   *tree.State
	view    atomic.Pointer[tree.View]
	entries []tree.Entry
}

func (m *machine) reset(state *tree.State) {
	m.state = state
	m.view.Store(state.View())
}

// Apply implements zab.StateMachine. It applies in one go as much as the host lets
// it, and tells the host what became of that.
func (m *machine) Apply(entries []zab.Entry, results []any) {
	for len(entries) > 0 {
		n := m.server.beforeApply(entries)
		if !m.applySome(entries[:n], results[:n]) {
			return
		}
		entries, results = entries[n:], results[n:]
	}
}

func (m *machine) applySome(entries []zab.Entry, results []any) bool {
	m.entries = m.entries[:0]
	for i := range entries {
		e := &entries[i]
		t := tree.Entry{Zxid: int64(e.Zxid.Counter), Wall: e.Wall, Clock: e.Clock}
		if e.Kind == zab.KindCommand {
			t.Data = host.Command(e.Zxid.Epoch, e.Data)
		}
		m.entries = append(m.entries, t)
	}
	outcomes, changes, err := m.state.Apply(m.entries)
	clear(m.entries)
	for i := range outcomes {
		results[i] = &outcomes[i]
	}
	if n := len(outcomes); n > 0 {
		view := m.state.View()
		m.view.Store(view)
		m.server.applied(host.Applied{
			Outcomes: outcomes, Changes: changes, View: view, Epoch: entries[n-1].Zxid.Epoch,
		})
	}
	if err != nil {
		results[min(len(outcomes), len(results)-1)] = zab.Halt{Err: err}
		return false
	}
	return true
}

// beforeApply asks the host how many entries to apply in one go.
func (s *Server) beforeApply(entries []zab.Entry) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.host.Blocking() {
		return len(entries)
	}
	commands := make([][]byte, len(entries))
	for i := range entries {
		if e := &entries[i]; e.Origin == s.config.ID && e.Kind == zab.KindCommand {
			commands[i] = e.Data
		}
	}
	n := s.host.BeforeApply(commands)
	s.finish()
	return n
}

func (s *Server) applied(a host.Applied) {
	s.step(func(h *host.Host) { h.Applied(a) })
	s.ring()
}

// Snapshot implements zab.StateMachine.
func (m *machine) Snapshot() (zab.Snapshot, error) { return snapshot{m.state.View()}, nil }

// Digest implements zab.StateMachine.
func (m *machine) Digest() uint64 { return m.state.View().Digest() }

// Restore implements zab.StateMachine.
func (m *machine) Restore(meta zab.SnapshotMeta, r io.Reader) error {
	state, err := tree.ReadSnapshot(r)
	if err != nil {
		return err
	}
	view := state.View()
	if view.Zxid() != int64(meta.Zxid.Counter) || view.Digest() != meta.Digest {
		return fmt.Errorf("%w: snapshot of zxid %d with digest %x, not %d with %x",
			tree.ErrMalformed, view.Zxid(), view.Digest(), meta.Zxid.Counter, meta.Digest)
	}
	m.reset(state)
	m.server.step(func(h *host.Host) { h.Restored(view) })
	m.server.ring()
	return nil
}

// snapshot is a view, to be written beside whatever goes on.
type snapshot struct{ view *tree.View }

func (s snapshot) WriteTo(w io.Writer) (int64, error) {
	c := counter{w: w}
	err := s.view.WriteSnapshot(&c)
	return c.n, err
}

func (s snapshot) Digest() uint64 { return s.view.Digest() }
func (s snapshot) Release()       {}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}
