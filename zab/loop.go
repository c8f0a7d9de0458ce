package zab

import (
	"slices"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// What a replica's driver is made of: whoever waits for a proposal is called back.
type (
	waiter     = func(Result, error)
	output     = driver.Output[waiter]
	proposal   = driver.Proposal[waiter]
	resolution = driver.Resolution[waiter]
)

// loop is the goroutine that owns the driver's machine, and the core in it. It
// takes everything that has arrived at once, hands it over, and passes on what is
// to be done; it never waits for anything but more to do. A tick is counted only
// after everything received before it, and a late one as one: time in which this
// process did not run is not taken for the silence of others.
type loop struct {
	r       *Replica
	machine *driver.Machine[waiter]
	out     output

	conns   map[driver.ConnID]arrival
	numbers driver.ConnID
	reads   map[uint64][]func(Zxid, error)

	taking   []proposal   // handed to the machine, until it has said what became of them
	changing []waiter     // the same of changes of membership
	resolved []resolution // scratch

	pace    driver.Pace
	heard   bool // the leader was, since the last look
	lowTold bool
}

func (l *loop) run() {
	r := l.r
	defer l.end()
	l.pace = driver.Pace{Tick: int64(r.cfg.Tick)}
	timer := time.NewTimer(time.Duration(l.pace.Ticked(l.now())))
	defer timer.Stop()
	spare := new(inbox)
	l.publish()
	for {
		tick := l.inStep(timer)
		if !tick {
			select {
			case <-r.stop:
				return
			case <-r.box.bell:
			case <-timer.C:
				tick = true
				timer.Reset(time.Duration(l.pace.Ticked(l.now())))
			}
		}
		r.box.gathering.Store(false)
		now := time.Now()
		l.machine.SetTime(int64(now.Sub(r.started)), now.UnixNano())
		in := r.box.take(spare)
		l.takeIn(in)
		if tick {
			l.tick()
		}
		l.settle()
		r.box.gathering.Store(l.machine.Gathering())
	}
}

// takeIn hands over everything that arrived, proposals before frames.
func (l *loop) takeIn(in *inbox) {
	if len(in.proposals) > 0 {
		l.taking = in.proposals
		l.machine.Propose(in.proposals)
	}
	if len(in.reads) > 0 {
		// One question for all who ask now.
		l.reads[l.machine.ReadPoint()] = slices.Clone(in.reads)
	}
	for _, f := range in.calls {
		f(l)
	}
	l.receive(in.control)
	l.receive(in.bulk)
	for _, b := range in.broken {
		l.machine.Broken(b.link, b.err)
	}
	for _, a := range in.arrivals {
		l.numbers++
		a.half.Conn = l.numbers
		l.conns[l.numbers] = a
		l.machine.Connected(a.half)
	}
	if in.durable != 0 {
		l.machine.Durable(in.durable)
	}
	for i := range in.disk {
		l.diskDone(&in.disk[i])
	}
	for i := range in.snapshots {
		l.snapshotDone(&in.snapshots[i])
	}
}

// receive hands over frames. A link's lanes begin to receive when it is up; what
// came before it went down is handed over before that is.
func (l *loop) receive(frames []inFrame) {
	for i := range frames {
		f := &frames[i]
		link := f.from.link
		if err := l.machine.Receive(link.id, f.frame); err != nil {
			l.r.log.Warn("link closed", "peer", link.peer.ID, "err", err)
		}
		f.from.seen(f.frame)
	}
}

func (l *loop) diskDone(d *diskDone) {
	switch {
	case d.job.entries != nil:
		l.machine.EntriesRead(d.job.entries, d.data, d.err)
	case d.job.chunk != nil:
		l.machine.ChunkRead(*d.job.chunk, d.data, d.err)
	default:
		l.machine.ChunkStored(*d.job.store, d.err)
	}
}

// inStep says whether a tick is to be counted at once because the leader was heard.
func (l *loop) inStep(timer *time.Timer) bool {
	if !l.heard {
		return false
	}
	l.heard = false
	due, wait := l.pace.Heard(l.now())
	timer.Reset(time.Duration(wait))
	return due
}

// tick counts one tick.
func (l *loop) tick() {
	l.machine.Tick(l.r.live.look)
	if l.r.cfg.OnTick != nil {
		l.r.notices.ticked()
	}
}

// now is the time as the pace wants it.
func (l *loop) now() int64 { return int64(time.Since(l.r.started)) }

// publish tells others what the core knows.
func (l *loop) publish() {
	s := l.machine.Status()
	l.r.box.low.Store(l.lowTold && s.Leader == s.ID)
	l.r.progress.set(s, l.lowTold)
}

// end is the end of all connections, and of what waits for the core's answer,
// when the loop ends.
func (l *loop) end() {
	for _, e := range l.machine.Disconnect(transport.ErrClosed) {
		switch e.Do {
		case driver.LinkDown:
			if link := l.r.live.remove(e.Link); link != nil {
				link.close()
			}
		case driver.LinkRefuse:
			l.conns[e.Conn].conn.Close()
		}
	}
	for _, p := range l.taking { // the core has panicked
		l.changing = append(l.changing, p.Waiter)
	}
	for _, w := range l.changing {
		l.r.finish(1)
		l.r.notices.put(notice{answer: resolution{Waiter: w, Outcome: driver.Unknown}})
	}
	for id := range l.reads {
		l.answerRead(&protocol.ReadAnswer{ID: id, Err: ErrClosed})
	}
}
