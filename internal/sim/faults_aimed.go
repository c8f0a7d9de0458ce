package sim

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// starved is how much longer steps of the goroutines take that a process is made of,
// besides those whose time the disk takes.
type starved struct{ loop, apply, notify, work int64 }

// starve has one goroutine of a process get hardly any time, while the others go on.
func (f *faults) starve() bool {
	m := f.some()
	if m == nil {
		return false
	}
	p := m.proc
	which := sched.Pick(f.rnd, []*int64{&p.starved.loop, &p.starved.apply, &p.starved.notify, &p.starved.work})
	*which = f.duration()
	return f.lasting(func() { *which = 0 })
}

// crashAgain tears a batch of a member's log, and has it crash a few more times soon
// after: what a crash leaves behind is met by what comes next.
func (f *faults) crashAgain() bool {
	m := f.some()
	if m == nil {
		return false
	}
	m.tearing = true
	f.crashNext(m, 500*millisecond+f.rnd.Exp(500*millisecond), 2+f.rnd.IntN(3))
	return true
}

func (f *faults) crashNext(m *member, wait int64, times int) {
	f.w.sched.After(wait, nil, sched.Work, func() {
		m.tearing = false
		if f.w.healing {
			return
		}
		if m.proc != nil {
			m.fates = disk.KeepSome(f.rnd.Uint64())
			m.crash()
		}
		f.w.boot(m)
		if times > 0 {
			f.crashNext(m, f.rnd.Exp(60*millisecond), times-1)
		} else {
			f.again(m)
		}
	})
}

// tear ends a member's process, and the power, between the writing of several sectors
// of its log and their sync.
func (f *faults) tear(m *member, op disk.Op) {
	switch {
	case !m.tearing || m.proc == nil || !strings.Contains(op.Name, "/log/"):
	case op.Kind == disk.OpWrite:
		m.sectors = op.Len / disk.SectorSize
	case op.Kind == disk.OpSync && m.sectors > 2:
		m.tearing, m.fates = false, disk.KeepSome(f.rnd.Uint64())
		f.w.mark("batch torn")
		panic(crashSignal{})
	}
}

// mute has nobody hear a client for about its session's timeout, or until its end is on
// its way into the log. Before that it is told of everything late.
func (f *faults) mute() bool {
	c := sched.Pick(f.rnd, f.w.clients)
	if c.gone() {
		return false
	}
	timeout := f.w.opts.SessionTimeout
	hears := f.rnd.Range(timeout/20, timeout*6/10)
	for _, m := range f.w.members {
		late := f.w.net.Stall(m.id, c.id)
		f.w.sched.After(hears, nil, sched.Work, late.Heal)
	}
	f.w.sched.After(f.rnd.Range(0, timeout*3/10), nil, sched.Work, func() {
		if f.w.healing {
			return
		}
		speaks := f.rnd.Range(timeout*8/10, timeout*16/10)
		if f.rnd.Chance(1, 2) {
			speaks += timeout
		}
		for _, m := range f.w.members {
			silent := f.w.net.Stall(c.id, m.id)
			f.muted = append(f.muted, silent)
			f.w.sched.After(speaks, nil, sched.Work, silent.Heal)
		}
	})
	return true
}

// ending is called when a leader proposes to end sessions: whoever could not be heard
// is heard now.
func (f *faults) ending() {
	muted := f.muted
	f.muted = nil
	if len(muted) > 0 && f.rnd.Chance(2, 3) {
		f.w.mark("heard while its session was being ended")
		for _, silent := range muted {
			silent.Heal()
		}
	}
}

// cutOldLeader cuts a leader and a client of its off from all others for longer than
// the client's session can last. The others learn of it at once; the leader does not.
func (f *faults) cutOldLeader() bool {
	l := f.w.leader()
	if l == nil {
		return false
	}
	f.target = l
	var c *client
	for _, x := range sched.Shuffled(f.rnd, f.w.clients) {
		if !x.gone() && x.conn.Peer() == l.id {
			c = x
			break
		}
	}
	if c == nil {
		x := sched.Pick(f.rnd, f.w.clients)
		if !x.gone() { // the next time there is one
			x.m.Move(int(l.id-1), x.now())
			x.carryOut()
		}
		return false
	}
	election := int64(f.w.opts.ElectionTicks) * f.w.opts.Tick
	for _, o := range f.w.members {
		if o == l {
			continue
		}
		f.w.net.Cut(l.id, o.id, netsim.TellSecond)
	}
	fault := f.w.net.Split(netsim.HowStall|netsim.HowBlackhole, []uint64{l.id, c.id}, except(f.ids(), l.id))
	f.w.sched.After(f.rnd.Range(election, 2*election+f.w.opts.SessionTimeout*15/10), nil, sched.Work, fault.Heal)
	return true
}

// staleLeader has a client be silent until its session's time is about up at the
// leader, and be heard again just when the leader is behind what it knows itself: with
// what it applies, or, having handed over, with all that its server is told.
func (f *faults) staleLeader() bool {
	l, c := f.w.leader(), sched.Pick(f.rnd, f.w.clients)
	if l == nil || c.gone() || !c.leased || c.pinged == 0 {
		return false
	}
	f.target = l
	var silent []*netsim.Fault
	for _, m := range f.w.members {
		silent = append(silent, f.w.net.Stall(c.id, m.id))
	}
	tick := f.w.opts.Tick
	up := max(c.pinged+f.w.opts.SessionTimeout+f.rnd.Range(tick/2, 3*tick), f.w.sched.Now())
	heard := func() {
		for _, x := range silent {
			x.Heal()
		}
	}
	f.w.sched.At(up, nil, sched.Work, func() {
		p := l.proc
		switch {
		case f.w.healing || f.w.leader() != l:
			heard()
			return
		case f.rnd.Chance(1, 2):
			heard()
			p.starved.apply = f.rnd.Range(4*tick, 40*tick)
		default:
			f.w.sched.After(f.rnd.Range(2*tick, 4*tick), nil, sched.Work, heard)
			f.w.sched.After(f.rnd.Range(tick, 2*tick), nil, sched.Work, func() { f.handOverTo(0) })
			p.starved.apply = f.rnd.Range(10*tick, 60*tick)
			p.starved.notify = p.starved.apply
		}
		f.w.sched.After(p.starved.apply, nil, sched.Work, func() { p.starved = starved{} })
	})
	return true
}

// lateLane has a leader not take in what somebody sent it in bulk before two others,
// one after the other, have been leaders.
func (f *faults) lateLane() bool {
	l := f.w.leader()
	if l == nil {
		return false
	}
	link := l.proc.anyLink(f.rnd)
	if link == nil {
		return false
	}
	f.target = l
	conn := link.lanes[protocol.Bulk].conn
	conn.PauseRead()
	election := int64(f.w.opts.ElectionTicks) * f.w.opts.Tick
	f.w.sched.After(f.rnd.Exp(f.w.opts.ThinkMean), nil, sched.Work, func() { f.handOverTo(0) })
	f.passBack(l, f.w.sched.Now()+8*election, func() {
		f.w.sched.After(f.rnd.Exp(2*election), nil, sched.Work, conn.ResumeRead)
	})
	return true
}

// passBack has whoever else leads hand over to a member until it leads, or a time.
func (f *faults) passBack(to *member, until int64, then func()) {
	election := int64(f.w.opts.ElectionTicks) * f.w.opts.Tick
	away := false
	var look func()
	look = func() {
		switch l := f.w.leader(); {
		case f.w.healing || f.w.sched.Now() > until || away && l == to:
			then()
			return
		case l != nil && l != to:
			away = true
			f.handOverTo(to.id)
		}
		f.w.sched.After(f.rnd.Exp(election/4)+millisecond, nil, sched.Work, look)
	}
	f.w.sched.After(election/4, nil, sched.Work, look)
}

func (f *faults) handOverTo(id uint64) {
	if l := f.w.leader(); l != nil && !f.w.healing {
		p := l.proc
		p.call(func() { _ = p.machine.Handover(id) })
	}
}

// leaveBehind has a follower's applier get no time before the follower, which is cut
// off for a while, has had a snapshot take the place of its log; and then at once.
func (f *faults) leaveBehind() bool {
	m := f.some()
	if m == nil || f.w.leader() == m {
		return false
	}
	p, alone := m.proc, f.rnd.Range(second/2, 4*second)
	p.starved.apply, p.behind = 3*alone, true
	f.w.sched.After(f.rnd.Exp(200*millisecond), nil, sched.Work, func() {
		if f.w.healing {
			return
		}
		cut := f.w.net.Isolate(m.id, f.ids(), netsim.HowStall|netsim.HowCut)
		if f.rnd.Chance(1, 2) { // it comes back to a log in which an epoch has ended
			f.w.sched.After(f.rnd.Range(0, alone), nil, sched.Work, func() { f.handOverTo(0) })
		}
		f.w.sched.After(alone, nil, sched.Work, func() {
			cut.Heal()
			if l := f.w.leader(); l != nil && l != m && !f.w.healing {
				f.holdUp(l)
			}
		})
	})
	f.w.sched.After(2*alone, nil, sched.Work, func() { p.starved.apply, p.behind = 0, false })
	return true
}

// holdUp has a leader read its log slowly for a while, for those who have been away.
func (f *faults) holdUp(l *member) {
	p := l.proc
	p.starved.work = f.rnd.Range(0, 2*second)
	f.w.sched.After(p.starved.work, nil, sched.Work, func() { p.starved.work = 0 })
}

// replaced is called when a snapshot has durably taken the place of a log, before
// anybody else knows.
func (p *process) replaced() {
	f := &p.m.w.faults
	if p.behind {
		p.behind, p.starved.apply = false, 0
		if p.applying {
			p.m.w.mark("log replaced with entries that wait to be applied")
		}
		p.starved.loop = f.rnd.Exp(20 * millisecond)
		p.after(f.rnd.Range(0, p.starved.loop), func() {
			p.starved.loop = 0
			p.applyStep()
		})
	}
	if f.receiver == p.m {
		f.powerFails(p, 100*millisecond)
	}
}

// powerFails ends a process, and the power, in a while.
func (f *faults) powerFails(p *process, while int64) {
	f.receiver = nil
	f.w.sched.After(f.rnd.Exp(while), p.owner, sched.Work, func() {
		p.m.fates = disk.KeepNothing
		p.m.crash()
		f.again(p.m)
	})
}

// failReceipt has a sync of a snapshot that is being received fail, whenever there is
// one, and the power after a later one, or once the snapshot is whole all the same.
func (f *faults) failReceipt() bool {
	if f.receipt {
		return false
	}
	f.receipt = true
	return true
}

// receiptFails is what befalls an operation of a disk because of failReceipt.
func (f *faults) receiptFails(m *member, op disk.Op) (fault disk.Fault, fails bool) {
	if !strings.Contains(op.Name, "/receipt") {
		return fault, false
	}
	if f.receiver == m && m.proc != nil && op.Kind == disk.OpSync && f.rnd.Chance(1, 4) {
		f.powerFails(m.proc, 10*millisecond)
	}
	if !f.receipt {
		return fault, false
	}
	if op.Kind == disk.OpWrite {
		f.content = op.Offset > 0 // the first sync is of the header alone
	}
	if op.Kind != disk.OpSync || !f.content {
		return fault, false
	}
	f.receipt, f.content = false, false
	f.w.mark("sync of a received snapshot failed")
	f.receiver = m
	return disk.Fault{Err: fmt.Errorf("%w: %w", errInjected, errIO), Lost: true}, true
}

// except returns a list without one of it.
func except(list []uint64, id uint64) (rest []uint64) {
	for _, x := range list {
		if x != id {
			rest = append(rest, x)
		}
	}
	return rest
}
