package netsim

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// Handler is what a process does with what its connections bring.
type Handler interface {
	// Accept tells of a connection that another process dialed. It is open.
	Accept(c Conn)
	// Open tells that a connection this process dialed is open.
	Open(c Conn)
	// Frame brings the next frame, which belongs to the handler.
	Frame(c Conn, frame []byte)
	// Writable tells that nothing is backed up any more after a Send that said
	// otherwise.
	Writable(c Conn)
	// Broken tells that the connection, or the attempt to make it, is over.
	Broken(c Conn, reason Reason)
}

// Reason says why a connection is over, as far as its side can know.
type Reason uint8

const (
	// Refused: the other machine is there and does not accept.
	Refused Reason = iota + 1
	// Closed: the other process closed it, and everything it had sent came.
	Closed
	// Reset: it broke; what was sent last did not come.
	Reset
)

func (r Reason) String() string {
	switch r {
	case Refused:
		return "refused"
	case Closed:
		return "closed"
	case Reset:
		return "reset"
	}
	return "unknown"
}

// Config is what a network without faults is like. Times are nanoseconds.
type Config struct {
	Latency   int64 // the least that every segment takes
	Jitter    int64 // mean of what is added to it, exponentially distributed
	Bandwidth int64 // bytes per second of each directed pair; 0: unlimited
	Window    int   // bytes in flight and unread in each direction; 0: 256 KiB
	MaxFrame  int   // longest frame; 0: 64 MiB
	// BreakDelay is the mean of the time after which a side learns of a cut or of a
	// crash of the other, beside the latency.
	BreakDelay int64
	// Trace, if not nil, gets a note of everything that happens, with the marks of
	// this package.
	Trace *sched.Trace
}

// Net is a network.
type Net struct {
	sched  *sched.Scheduler
	rand   *sched.Stream
	cfg    Config
	hosts  map[uint64]*host // found by ID; its order never shows
	links  map[pair]*link   // likewise
	faults []*Fault         // in force, oldest first
	conns  uint64           // the number of the last one
	counts Counts
	block  []byte // what small frames are carved out of
}

// pair is a direction between two processes.
type pair struct{ from, to uint64 }

// New returns a network without processes and faults.
func New(s *sched.Scheduler, rand *sched.Stream, cfg Config) *Net {
	if cfg.Window <= 0 {
		cfg.Window = 256 << 10
	}
	if cfg.MaxFrame <= 0 {
		cfg.MaxFrame = 64 << 20
	}
	if cfg.Trace != nil {
		defineMarks(cfg.Trace)
	}
	return &Net{sched: s, rand: rand, cfg: cfg, hosts: map[uint64]*host{}, links: map[pair]*link{}}
}

func (n *Net) link(from, to uint64) *link {
	p := pair{from, to}
	l := n.links[p]
	if l == nil {
		l = &link{net: n, pair: p}
		n.links[p] = l
	}
	return l
}

// host is a machine, and the process on it if it is up.
type host struct {
	id      uint64
	handler Handler
	up      bool
	dark    bool // down without anybody who would say so
	paused  bool
	ends    []*end // that are not over, in no order that means anything

	// lingering are those that the process closed, from which something may still
	// be sent.
	lingering []*end
}

func (n *Net) host(id uint64) *host {
	h := n.hosts[id]
	if h == nil {
		h = &host{id: id, dark: true}
		n.hosts[id] = h
	}
	return h
}

// Start makes a process of an ID run, in place of the one before, which crashes
// if it is still there.
func (n *Net) Start(id uint64, handler Handler) {
	n.Crash(id, false)
	h := n.host(id)
	h.handler, h.up, h.dark, h.paused = handler, true, false, false
	n.note(MarkStart, id)
}

// Crash ends a process: its connections vanish. The others learn of it after a
// delay, up to which an arbitrary part of what it had sent still comes. If silent,
// as when the machine loses power, they never do, and whoever dials it gets no
// answer until it is started again. A process that is not up can only become
// silent.
func (n *Net) Crash(id uint64, silent bool) {
	h := n.host(id)
	if !h.up {
		h.dark = h.dark || silent
		return
	}
	h.up, h.paused, h.dark, h.handler = false, false, silent, nil
	n.counts.Crashes++
	if silent {
		n.counts.SilentCrashes++
	}
	n.note(MarkCrash, id, flag(silent))
	ends := h.ends
	h.ends = nil
	for _, e := range ends {
		e.vanish()
		if silent {
			n.cutDirection(e.out, 0, false)
			n.counts.HalfOpen++
		} else {
			n.cutDirection(e.out, Reset, false)
		}
	}
	if silent {
		for _, e := range slices.Clone(h.lingering) {
			n.cutDirection(e.out, 0, false)
			n.counts.HalfOpen++
		}
	}
}

// Up says whether the process runs, paused or not.
func (n *Net) Up(id uint64) bool { h := n.hosts[id]; return h != nil && h.up }

// Pause stops a process as SIGSTOP does: its handler gets nothing, its kernel
// goes on, nobody sees a break.
func (n *Net) Pause(id uint64) {
	if h := n.host(id); h.up && !h.paused {
		h.paused = true
		n.counts.Pauses++
		n.note(MarkPause, id)
	}
}

// Resume ends a pause: everything that came meanwhile arrives now.
func (n *Net) Resume(id uint64) {
	h := n.host(id)
	if !h.paused {
		return
	}
	h.paused = false
	n.note(MarkResume, id)
	for _, e := range h.ends {
		e.look()
	}
}

// Paused says whether the process is stopped.
func (n *Net) Paused(id uint64) bool { h := n.hosts[id]; return h != nil && h.paused }

// without takes an end off a list; the last one takes its place.
func without(ends []*end, e *end) []*end {
	if i := slices.Index(ends, e); i >= 0 {
		last := len(ends) - 1
		ends[i] = ends[last]
		ends[last] = nil
		return ends[:last]
	}
	return ends
}

// latency draws how long a segment takes.
func (n *Net) latency(l *link) int64 {
	d := n.cfg.Latency + l.delay
	if n.cfg.Jitter > 0 {
		d += n.rand.Exp(n.cfg.Jitter)
	}
	return d
}

// breakDelay draws when a side learns that something broke.
func (n *Net) breakDelay(l *link) int64 { return n.latency(l) + n.rand.Exp(n.cfg.BreakDelay) }

// copyFrame copies a frame, small ones into a block that they share.
func (n *Net) copyFrame(frame []byte) []byte {
	const block, small = 4 << 10, 512
	size := len(frame)
	if size > small {
		return append(make([]byte, 0, size), frame...)
	}
	if len(n.block) < size || n.block == nil {
		n.block = make([]byte, block)
	}
	c := n.block[:size:size]
	n.block = n.block[size:]
	copy(c, frame)
	return c
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
