package sim

import (
	"errors"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/zab/protocol"
)

// wake has the loop run soon, for everything that has come by then.
func (p *process) wake() {
	if p.looping {
		return
	}
	p.looping = true
	p.after(p.m.net.Exp(p.m.w.opts.LoopLag)+p.starved.loop, p.loop)
}

// tickIn has a tick counted after a time of the member's own clock.
func (p *process) tickIn(wait int64) {
	p.ticker.Cancel()
	p.ticker = p.idly(p.m.lasts(wait)+1, func() {
		p.in.ticks = 1 // a late one counts as one
		p.tickIn(p.pace.Ticked(p.m.mono()))
		p.wake()
	})
}

// inStep counts a tick with the leader's heartbeat, if one is about due.
func (p *process) inStep() {
	p.heard = false
	due, wait := p.pace.Heard(p.m.mono())
	p.tickIn(wait)
	if due {
		p.in.ticks = 1
		p.wake()
	}
}

// loop takes in all that has arrived, and passes on what is to be done.
func (p *process) loop() {
	p.looping = false
	p.machine.SetTime(p.m.mono(), p.m.wall())
	in := p.in
	p.in = inbox{}
	p.takeIn(&in)
	if in.ticks > 0 {
		p.machine.Tick(p.look)
		p.ticked()
		p.notify(notice{tick: true})
	}
	p.settle()
	if p.heard && p.alive() {
		p.inStep()
	}
}

// ticked takes note of what a leader has committed at a tick: who has that is synchronised.
func (p *process) ticked() {
	p.committed = 0
	if p.status.Leader == p.m.id && p.status.Phase == protocol.Broadcasting {
		p.committed = p.machine.Status().Commit.Counter
	}
}

func (p *process) takeIn(in *inbox) {
	p.machine.Propose(in.proposals)
	if len(in.rounds) > 0 {
		id := p.machine.ReadPoint()
		p.reads[id] = in.rounds
		p.m.w.observe.readAsked(p.m, id)
	}
	for _, f := range in.calls {
		f()
	}
	p.receive(in.control)
	p.receive(in.bulk)
	for _, b := range in.broken {
		p.machine.Broken(b.link, b.err)
	}
	for _, h := range in.arrivals {
		p.machine.Connected(h)
	}
	if in.durable > p.written {
		p.written = in.durable
		p.machine.Durable(in.durable)
		p.work() // somebody may wait for that
	}
}

func (p *process) receive(frames []inFrame) {
	for _, f := range frames {
		l := p.links[f.link]
		if l == nil {
			continue
		}
		p.m.w.observe.delivered(p.m, l, f.frame)
		if err := p.machine.Receive(f.link, f.frame); err != nil {
			p.m.w.fail(noHalt, "member %d refuses a frame of %d: %v", p.m.id, l.peer.ID, err)
		}
	}
}

// settle passes on what is to be done until there is nothing more.
func (p *process) settle() {
	for again := true; again; again = p.machine.More() {
		p.machine.Take(&p.out)
		if halt := p.out.Halt; halt != nil {
			p.halted(halt)
			return
		}
		p.perform(&p.out)
	}
	if low := p.store.LowSpace(); low != p.low {
		p.low, p.scarce = low, true
		p.machine.SetLowSpace(low)
		p.wake()
	}
}

// halted ends the process for what the core found.
func (p *process) halted(why error) {
	if !errors.Is(why, protocol.ErrNotMember) {
		p.m.w.fail(noHalt, "member %d: %v", p.m.id, why)
	}
	p.m.removed = true
	p.fatal("removed", why)
}

func (p *process) perform(out *driver.Output[waiter]) {
	for i := range out.Links {
		p.link(&out.Links[i])
	}
	if out.Publish {
		p.publish()
	}
	p.heard = p.heard || out.Heard
	if out.Install != nil {
		p.m.w.observe.installed(p.m, out.Install)
	}
	p.feed(out)
	if len(out.Writes) > 0 {
		for i := range out.Writes {
			p.m.log("writes %v", writeText{&out.Writes[i]})
			p.issued = append(p.issued, out.Writes[i].Batch)
		}
		p.plan.Add(out.Writes)
		p.write()
	}
	for i := range out.Sends {
		p.send(&out.Sends[i])
	}
	for i := range out.ReadEntries {
		p.jobs = append(p.jobs, job{entries: &out.ReadEntries[i]})
	}
	for i := range out.ReadChunks {
		p.jobs = append(p.jobs, job{chunk: &out.ReadChunks[i]})
	}
	for i := range out.StoreChunks {
		p.jobs = append(p.jobs, job{store: &out.StoreChunks[i]})
	}
	p.work()
	for _, a := range out.Reads {
		p.m.w.observe.readAnswered(p.m, &a)
		for _, round := range p.reads[a.ID] {
			p.notify(notice{read: &a, round: round})
		}
		delete(p.reads, a.ID)
	}
	if out.Members != nil {
		p.share(out.Members)
	}
	if out.SnapshotNamed {
		p.applier.SnapshotNamed()
		p.apply()
	}
}

// feed tells the applier, and whoever proposed what has no effect.
func (p *process) feed(out *driver.Output[waiter]) {
	for _, a := range out.Accepted {
		if a.Waiter.change == nil {
			p.numbers[a.Waiter.n] = a.Request
		}
	}
	var ended []driver.Resolution[waiter]
	for _, r := range out.Rejected {
		ended = append(ended, driver.Resolution[waiter]{Waiter: r.Waiter, Outcome: driver.NotApplied, Err: r.Err})
	}
	ended, news := p.applier.Feed(out, ended)
	if news {
		p.apply()
	}
	for i := range ended {
		p.notify(notice{ended: &ended[i]})
	}
}

// publish tells the server who leads.
func (p *process) publish() {
	p.status = p.machine.Status()
	p.m.w.observe.status(&p.status)
	p.serving.Protocol(&p.status)
	p.tellHost()
}

// tellHost tells the server's side of the replica's role, if that is new.
func (p *process) tellHost() {
	var known host.Status
	if p.serving.Serves() {
		known = host.Status{Leader: p.status.Leader, Epoch: p.status.Epoch, Leading: p.status.Leader == p.m.id}
	}
	if known != p.told {
		p.told = known
		p.notify(notice{status: &known})
	}
}
