package sim

import (
	"fmt"
	"runtime/debug"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// World is a whole ensemble with its clients, in one goroutine.
type World struct {
	opts     Options
	sched    *sched.Scheduler
	source   *sched.Source
	trace    *sched.Trace
	net      *netsim.Net
	ensemble protocol.EnsembleID
	members  []*member // by ID - 1, those that may join included
	clients  []*client
	faults   faults
	observe  observers
	marks    map[string]int
	healing  bool // no new faults
	resting  bool // no new calls
}

// violation is a checker's verdict, raised to end the run.
type violation struct {
	checker, message string
}

// fail ends the run.
func (w *World) fail(checker, format string, args ...any) {
	panic(violation{checker, fmt.Sprintf(format, args...)})
}

func stack() []byte { return debug.Stack() }

// mark says that something happened which is to happen sometimes.
func (w *World) mark(what string) { w.marks[what]++ }

// Notes of the trace.
const (
	noteStart sched.Mark = 100 + iota
	noteCrash
	noteApplied
	noteAnswer
	noteFault
	notePhase
)

func (w *World) note(mark sched.Mark, args ...uint64) { w.trace.Note(w.sched.Now(), mark, args...) }

// newWorld makes the world of a seed, with everybody up and nothing founded.
func newWorld(source *sched.Source, opts Options, lines int) *World {
	w := &World{opts: opts, sched: &sched.Scheduler{}, source: source, trace: sched.NewTrace(lines), marks: map[string]int{}}
	w.trace.Define(noteStart, "%d: starts, life %d")
	w.trace.Define(noteCrash, "%d: crashes")
	w.trace.Define(noteApplied, "%d: applied up to %d, digest %x")
	w.trace.Define(noteAnswer, "client %d: call %d answered at %d")
	w.trace.Define(noteFault, "fault %d befalls %d")
	w.trace.Define(notePhase, "phase %d")
	w.ensemble = protocol.EnsembleID{1: 1}
	w.net = netsim.New(w.sched, source.Stream("net"), netsim.Config{
		Latency: opts.NetMin, Jitter: opts.NetMean, BreakDelay: 5 * opts.NetMean, Trace: w.trace,
	})
	w.observe.begin(w)
	w.faults.begin(w)
	for i := range opts.Voters + opts.Observers + spareMembers {
		w.members = append(w.members, w.newMember(uint64(i+1)))
	}
	for i := range opts.Clients {
		w.clients = append(w.clients, w.newClient(i))
	}
	return w
}

// spareMembers are machines that belong to no founding list, and may join.
const spareMembers = 1

func (w *World) newMember(id uint64) *member {
	name := func(what string) *sched.Stream { return w.source.Stream(fmt.Sprintf("%s-%d", what, id)) }
	m := &member{w: w, id: id, net: name("lag"), disk: name("disk"), random: name("random")}
	m.clock.ppm = m.random.Range(-w.opts.ClockPPM, w.opts.ClockPPM)
	m.clock.base = -m.random.Range(0, 1000*second)
	m.wipe()
	return m
}

// wipe gives a member an empty disk.
func (m *member) wipe() {
	m.fs = disk.NewMem()
	m.fs.SetHook(m.hook)
	m.fs.SetCapacity(m.w.opts.Capacity)
	m.fates, m.garbles, m.armed = nil, false, 0
}

func (w *World) newClient(i int) *client {
	c := &client{w: w, name: i, id: firstClient + uint64(i), rnd: w.source.Stream(fmt.Sprintf("client-%d", i))}
	c.more = w.source.Stream(fmt.Sprintf("more-%d", i))
	c.clock.ppm = c.rnd.Range(-w.opts.ClockPPM, w.opts.ClockPPM)
	c.clock.base = -c.rnd.Range(0, 1000*second)
	w.net.Start(c.id, c)
	return c
}

// boot starts a member's process, if it has none.
func (w *World) boot(m *member) {
	if m.proc != nil {
		return
	}
	m.lives++
	m.removed, m.writes = false, nil
	w.note(noteStart, m.id, uint64(m.lives))
	m.start()
}

// run lets time pass.
func (w *World) run(d int64) { w.sched.RunUntil(w.sched.Now() + d) }

// until lets time pass until something is so, and returns false if it is not in
// time.
func (w *World) until(limit int64, so func() bool) bool {
	end := w.sched.Now() + limit
	for !so() {
		next, ok := w.sched.Next()
		if !ok || next > end {
			w.sched.RunUntil(end)
			return so()
		}
		w.sched.Step()
	}
	return true
}
