package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Defaults of MemoryOptions, and what a network in memory allows for.
const (
	defaultMemoryFrame  = 16 << 20
	defaultMemoryBuffer = 1 << 20
	memoryBacklog       = 64 // connections that wait for Accept at one endpoint
)

// MemoryOptions configure a Memory. The zero value is complete.
type MemoryOptions struct {
	// MaxFrame is the longest frame that can be sent, in bytes. 0: 16 MiB.
	MaxFrame int

	// Buffer bounds what one direction of a connection holds, in bytes, each
	// frame counting 64 more than its length: what is under way and what waits to
	// be received. Send blocks above it; a frame that is longer alone still passes
	// when nothing else is held. 0: 1 MiB.
	Buffer int

	// Seed decides every random choice: jitter, and the frames at which links
	// break. The draws of a direction of a connection depend on it, on the two IDs,
	// on how many connections they had before and on the frames sent, nothing else.
	Seed uint64
}

// Memory is a network inside one process, whose faults can be changed at any
// time from any goroutine. See the package's documentation.
type Memory struct {
	maxFrame int
	buffer   int
	seed     uint64

	mu        sync.Mutex
	endpoints map[uint64]*memoryEndpoint
	links     []*memoryLink // open connections, oldest first
	count     map[memoryPath]uint64
	faults    memoryFaults
	changed   chan struct{} // closed at the next change; nil if nobody waits
}

// memoryPath is a direction: who sends, who receives.
type memoryPath struct{ from, to uint64 }

// NewMemory returns a network without replicas and without faults.
func NewMemory(o MemoryOptions) *Memory {
	m := &Memory{
		maxFrame:  o.MaxFrame,
		buffer:    o.Buffer,
		seed:      o.Seed,
		endpoints: make(map[uint64]*memoryEndpoint),
		count:     make(map[memoryPath]uint64),
	}
	if m.maxFrame <= 0 {
		m.maxFrame = defaultMemoryFrame
	}
	if m.buffer <= 0 {
		m.buffer = defaultMemoryBuffer
	}
	return m
}

// Endpoint plugs replica id into the network. It is reached by Endpoint.ID; the
// address, the ID in decimal, is only for show. Closing what is returned is the
// replica's death as its peers see it: its connections end, unless the network
// hides that from them. After that the same id may be plugged in again; if it
// still is plugged in, the one before is closed first.
func (m *Memory) Endpoint(id uint64) Transport {
	e := &memoryEndpoint{net: m, id: id, done: make(chan struct{})}
	m.mu.Lock()
	old := m.endpoints[id]
	m.endpoints[id] = e
	m.mu.Unlock()
	if old != nil {
		old.Close()
	}
	return e
}

// change returns a channel that is closed at the next change of who is there and
// what is reachable. Memory.mu is held.
func (m *Memory) change() <-chan struct{} {
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

// notify wakes everyone who waits for a change. Memory.mu is held.
func (m *Memory) notify() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// forget drops a connection that both sides are done with.
func (m *Memory) forget(l *memoryLink) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links = slices.DeleteFunc(m.links, func(x *memoryLink) bool { return x == l })
}

// memoryEndpoint is one replica's plug: the Transport of a Memory.
type memoryEndpoint struct {
	net  *Memory
	id   uint64
	done chan struct{} // closed by Close

	closed  bool          // guarded by Memory.mu, as is backlog
	backlog []*memoryConn // dialed and not accepted yet
}

// Dial takes the time of a round trip, as a handshake would, and waits while
// either direction is silent.
func (e *memoryEndpoint) Dial(ctx context.Context, to Endpoint) (Conn, error) {
	err := ctx.Err()
	for travelled := false; err == nil; {
		var conn *memoryConn
		var trip time.Duration
		var changed <-chan struct{}
		conn, trip, changed, err = e.tryDial(to.ID, travelled)
		switch {
		case conn != nil:
			return conn, nil
		case err != nil:
		case trip > 0:
			travelled = true
			err = e.travel(ctx, trip)
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
	}
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: replica %d in memory: %w", ErrUnreachable, to.ID, err)
}

// errRefused is why a Dial fails that found its way and nobody there.
var errRefused = errors.New("nobody has that ID")

// tryDial connects if that can be done now. Otherwise it says how long the round
// trip takes that has to be made first, or what to wait for.
func (e *memoryEndpoint) tryDial(to uint64, travelled bool) (*memoryConn, time.Duration, <-chan struct{}, error) {
	m := e.net
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.closed {
		return nil, 0, nil, ErrClosed
	}
	if m.faults.silent(e.id, to) || m.faults.silent(to, e.id) {
		return nil, 0, m.change(), nil
	}
	if !travelled {
		trip := m.faults.delay.get(e.id, to).fixed + m.faults.delay.get(to, e.id).fixed
		if trip > 0 {
			return nil, trip, nil, nil
		}
	}
	peer := m.endpoints[to]
	if peer == nil {
		return nil, 0, nil, errRefused
	}
	if len(peer.backlog) >= memoryBacklog {
		return nil, 0, m.change(), nil
	}
	l := newMemoryLink(m, e, peer)
	m.links = append(m.links, l)
	peer.backlog = append(peer.backlog, &l.ends[1])
	m.notify()
	return &l.ends[0], 0, nil, nil
}

func (e *memoryEndpoint) travel(ctx context.Context, trip time.Duration) error {
	timer := time.NewTimer(trip)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.done:
		return ErrClosed
	}
}

func (e *memoryEndpoint) Accept(ctx context.Context) (Conn, error) {
	m := e.net
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.mu.Lock()
		if e.closed {
			m.mu.Unlock()
			return nil, ErrClosed
		}
		if len(e.backlog) > 0 {
			c := e.backlog[0]
			e.backlog = slices.Delete(e.backlog, 0, 1)
			m.notify()
			m.mu.Unlock()
			return c, nil
		}
		changed := m.change()
		m.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (e *memoryEndpoint) MaxFrame() int { return e.net.maxFrame }

func (e *memoryEndpoint) Close() error {
	m := e.net
	m.mu.Lock()
	if e.closed {
		m.mu.Unlock()
		return nil
	}
	e.closed = true
	e.backlog = nil
	close(e.done)
	if m.endpoints[e.id] == e {
		delete(m.endpoints, e.id)
	}
	var conns []*memoryConn
	for _, l := range m.links {
		for side := range l.ends {
			if l.ends[side].owner == e {
				conns = append(conns, &l.ends[side])
			}
		}
	}
	m.notify()
	m.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
	return nil
}
