package sim

import (
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// starved is how much longer steps of the goroutines take that a process is made of,
// besides those whose time the disk takes.
type starved struct{ apply, notify, work int64 }

// starve has one goroutine of a process get hardly any time, while the others go on.
func (f *faults) starve() bool {
	m := f.some()
	if m == nil {
		return false
	}
	p := m.proc
	which := sched.Pick(f.rnd, []*int64{&p.starved.apply, &p.starved.notify, &p.starved.work})
	*which = f.duration()
	return f.lasting(func() { *which = 0 })
}

// crashAgain has a process crash in the middle of what it does with its disk, again
// and again, each time soon after its start: what a crash leaves behind is met by the
// next one.
func (f *faults) crashAgain() bool {
	m := f.some()
	if m == nil {
		return false
	}
	f.crashSoon(m, 2+f.rnd.IntN(4))
	return true
}

func (f *faults) crashSoon(m *member, times int) {
	switch {
	case f.w.healing:
		return
	case times == 0:
		f.again(m)
		return
	}
	m.fates, m.armed = f.tornImage(), 1+f.rnd.IntN(20)
	f.w.boot(m)
	f.w.sched.After(f.rnd.Exp(20*millisecond), nil, sched.Work, func() { f.crashSoon(m, times-1) })
}

// tornImage is an image in which of a write that was under way a part is there.
func (f *faults) tornImage() disk.Image {
	switch f.rnd.IntN(4) {
	case 0:
		return disk.KeepFirst(f.rnd.IntN(20))
	case 1:
		return disk.KeepAll
	}
	return disk.KeepSome(f.rnd.Uint64())
}

// mute has nobody hear a client for about its session's timeout. Before that it is
// told of everything late.
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
		for _, m := range f.w.members {
			silent := f.w.net.Stall(c.id, m.id)
			f.w.sched.After(speaks, nil, sched.Work, silent.Heal)
		}
	})
	return true
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

// except returns a list without one of it.
func except(list []uint64, id uint64) (rest []uint64) {
	for _, x := range list {
		if x != id {
			rest = append(rest, x)
		}
	}
	return rest
}
