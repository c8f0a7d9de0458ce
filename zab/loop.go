package zab

import (
	"slices"
	"time"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// loop is the goroutine that owns the core. It takes everything that has arrived
// at once, hands it to the core, and passes on what the core wants done; it never
// waits for anything but more to do. A tick is counted only after everything
// received before it, and a late one as one: time in which this process did not
// run is not taken for the silence of others.
type loop struct {
	r    *Replica
	core *protocol.Core

	links   linkTable
	conns   map[connID]arrival
	numbers connID

	requests uint64 // the last number given to a proposal
	reads    map[uint64][]func(Zxid, error)
	readID   uint64
	batch    []protocol.Proposal
	taking   []proposal // being handed to the core; zero where that is done

	barrier  readBarrier
	named    SnapshotMeta // written, and given to the core to be named by the log
	naming   uint64       // the write that does so
	upkeepIn int          // ticks
	heard    bool         // the leader was, since the last look
	pace     pace
	moved    bool // positions changed since the last status
	lowTold  bool
	applyEnd Zxid // the last Output.Apply
}

func (l *loop) run() {
	r := l.r
	defer l.end()
	l.pace.tick = r.cfg.Tick
	timer := time.NewTimer(l.pace.ticked(time.Now()))
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
				timer.Reset(l.pace.ticked(time.Now()))
			}
		}
		r.box.gathering.Store(false)
		now := time.Now()
		l.core.SetTime(int64(now.Sub(r.started)), now.UnixNano())
		in := r.box.take(spare)
		l.takeIn(in)
		if tick {
			l.tick()
		}
		l.settle()
		r.box.gathering.Store(l.core.Gathering())
	}
}

// takeIn hands over everything that arrived. Proposals come first: what the
// frames behind them tell about proposals handed over before is then about all of
// them.
func (l *loop) takeIn(in *inbox) {
	if len(in.proposals) > 0 {
		l.propose(in.proposals)
	}
	if len(in.reads) > 0 {
		l.readPoint(in.reads)
	}
	for _, f := range in.calls {
		f(l)
	}
	l.receive(in.control)
	l.receive(in.bulk)
	if len(in.arrivals) > 0 || len(in.broken) > 0 {
		l.connect(in)
	}
	if in.durable != 0 {
		l.durable(in.durable)
	}
	for i := range in.disk {
		l.diskDone(&in.disk[i])
	}
	for i := range in.snapshots {
		l.snapshotDone(&in.snapshots[i])
	}
}

// receive hands frames to the core. A link's lanes begin to receive when it is
// up; what came before it went down is handed over before that is.
func (l *loop) receive(frames []inFrame) {
	for i := range frames {
		f := &frames[i]
		link := f.from.link
		if l.r.live.byID(link.id) == nil {
			continue
		}
		if err := l.core.Receive(link.id, f.frame); err != nil {
			l.r.log.Warn("link closed", "peer", link.peer.ID, "err", err)
			l.links.breakLink(link.id, err)
			l.linkEffects()
		}
		f.from.seen(f.frame)
	}
}

// connect takes new connections and broken ones.
func (l *loop) connect(in *inbox) {
	for _, b := range in.broken {
		l.links.breakLink(b.link, b.err)
		l.linkEffects()
	}
	for _, a := range in.arrivals {
		l.numbers++
		a.half.conn = l.numbers
		l.conns[l.numbers] = a
		l.links.add(a.half)
		l.linkEffects()
	}
}

func (l *loop) durable(seq uint64) {
	l.core.Durable(seq)
	l.moved = true
	if l.naming != 0 && seq >= l.naming {
		l.snapshotNamed()
	}
}

func (l *loop) diskDone(d *diskDone) {
	switch {
	case d.job.entries != nil:
		l.core.EntriesRead(*d.job.entries, d.data, d.err)
	case d.job.chunk != nil:
		l.core.ChunkRead(*d.job.chunk, d.data, d.err)
	default:
		l.core.ChunkStored(*d.job.store, d.err)
	}
}

// tick counts one tick, and does what is due from time to time.
func (l *loop) tick() {
	l.core.Tick()
	if l.r.cfg.OnTick != nil {
		l.r.notices.ticked()
	}
	if l.upkeepIn--; l.upkeepIn <= 0 {
		l.upkeepIn = l.r.cfg.ElectionTicks
		l.links.upkeep(l.r.live.look, l.isMember)
		l.linkEffects()
	}
	if l.moved {
		l.publish()
	}
}

// isMember says whether links to a replica are wanted.
func (l *loop) isMember(id uint64) bool {
	return l.core.Known(id) != nil || l.core.Known(l.r.cfg.ID) == nil
}

// propose hands proposals to the core, in batches. All of them get numbers that
// go up, so that the log's answers are found again.
func (l *loop) propose(ps []proposal) {
	l.taking = ps
	for len(ps) > 0 {
		n, bytes := 0, 0
		l.batch = l.batch[:0]
		for n < len(ps) && ps[n].err == nil && (n == 0 || bytes+len(ps[n].data) <= maxBatchBytes) {
			bytes += len(ps[n].data)
			l.batch = append(l.batch, protocol.Proposal{Request: l.requests + uint64(n) + 1, Data: ps[n].data, Essential: ps[n].essential})
			n++
		}
		if n == 0 {
			l.refuse(ps[:1], ps[0].err)
			clear(ps[:1])
			ps = ps[1:]
			continue
		}
		epoch, err := l.core.Propose(l.batch)
		if err != nil {
			l.refuse(ps[:n], err)
		} else {
			l.pend(ps[:n], epoch)
		}
		clear(l.batch)
		clear(ps[:n])
		ps = ps[n:]
	}
	l.taking = nil
}

// pend notes proposals that the core took.
func (l *loop) pend(ps []proposal, epoch uint32) {
	s := &l.r.state
	s.mu.Lock()
	for i := range ps {
		l.requests++
		s.pending.add(l.requests, epoch, ps[i].done)
	}
	s.mu.Unlock()
}

// refuse answers proposals of which the core took none.
func (l *loop) refuse(ps []proposal, err error) {
	l.r.finish(len(ps))
	for i := range ps {
		l.r.notices.put(notice{answer: resolution{ps[i].done, Result{}, &notApplied{err}}})
	}
}

// readPoint asks the core once for all who ask now.
func (l *loop) readPoint(reads []func(Zxid, error)) {
	l.readID++
	l.reads[l.readID] = slices.Clone(reads)
	l.core.ReadPoint(l.readID)
}

// publish tells others what the core knows.
func (l *loop) publish() {
	l.moved = false
	s := l.core.Status()
	low := l.r.lowSpace.Load()
	l.lowTold = low
	l.core.SetLowSpace(low)
	l.r.box.low.Store(low && s.Leader == s.ID)
	l.r.progress.set(s, low)
}

// end is the end of all connections, and of what waits for the core's answer,
// when the loop ends.
func (l *loop) end() {
	l.links.breakAll(transport.ErrClosed)
	for _, e := range l.links.take() {
		switch e.do {
		case linkDown:
			if link := l.r.live.remove(e.link); link != nil {
				link.close()
			}
		case linkRefuse:
			l.conns[e.conn].conn.Close()
		}
	}
	for _, p := range l.taking { // the core has panicked over them
		if p.done != nil {
			l.r.finish(1)
			l.r.notices.put(notice{answer: resolution{p.done, Result{}, ErrUnknownOutcome}})
		}
	}
	for id := range l.reads {
		l.answerRead(&protocol.ReadAnswer{ID: id, Err: ErrClosed})
	}
}
