package sim

import (
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// image draws what becomes of what is not durable on a member's disk; nil if only
// the process dies. A sector that was being written and holds neither the old nor the
// new is damage, and so comes only to those whose disks may be damaged.
func (f *faults) image(m *member) disk.Image {
	switch f.rnd.IntN(8) {
	case 0:
		return disk.KeepNothing
	case 1:
		return disk.KeepMetadata
	case 2:
		return disk.KeepData
	case 3:
		if !f.mayDamage(m) {
			return disk.KeepNothing
		}
		m.garbles = true
		return disk.GarbleLast
	case 4:
		return disk.KeepFirst(f.rnd.IntN(20))
	case 5:
		return disk.KeepSome(f.rnd.Uint64())
	case 6:
		return disk.KeepAll
	}
	return nil
}

// again starts a member some time later.
func (f *faults) again(m *member) bool {
	return f.lasting(func() {
		f.w.boot(m)
	})
}

func (f *faults) crash() bool {
	m := f.some()
	if m == nil {
		return false
	}
	m.fates = f.image(m)
	m.crash()
	return f.again(m)
}

// crashAtDisk has a process crash in the middle of what it does with its disk.
func (f *faults) crashAtDisk() bool {
	m := f.some()
	if m == nil {
		return false
	}
	m.fates, m.armed = f.image(m), 1+f.rnd.IntN(30)
	return f.lasting(func() { f.w.boot(m) })
}

// crashRecovering has one that is down crash while it recovers.
func (f *faults) crashRecovering() bool {
	m := f.anyone()
	if m.proc != nil {
		m.fates = f.image(m)
		m.crash()
	}
	m.fates, m.armed = f.image(m), 1+f.rnd.IntN(60)
	f.w.boot(m)
	return f.lasting(func() { f.w.boot(m) })
}

func (f *faults) crashAll() bool {
	for _, m := range f.w.members {
		m.fates = f.image(m)
		m.crash()
		f.again(m)
	}
	return true
}

// stop ends a process in good order.
func (f *faults) stop() bool {
	m := f.some()
	if m == nil {
		return false
	}
	m.proc.guard(m.proc.stop)
	return f.again(m)
}

func (f *faults) pause() bool {
	m := f.some()
	if m == nil || m.proc.owner.Paused() {
		return false
	}
	f.w.pause(m)
	return f.lasting(func() { f.w.resume(m) })
}

func (w *World) pause(m *member) {
	if m.proc != nil {
		m.proc.owner.Pause()
		w.net.Pause(m.id)
	}
}

func (w *World) resume(m *member) {
	if m.proc != nil && m.proc.owner.Paused() {
		m.proc.owner.Resume()
		w.net.Resume(m.id)
	}
}

// jump moves a wall clock; nothing but times in stats may depend on it.
func (f *faults) jump() bool {
	f.anyone().clock.wall += f.rnd.Range(-3600*second, 3600*second)
	return true
}

func (f *faults) handOver() bool {
	l := f.w.leader()
	if l == nil {
		return false
	}
	f.target = l
	l.proc.call(func() { _ = l.proc.machine.Handover(0) })
	return true
}

// change is a change of membership that somebody asked for.
type change struct{ w *World }

func (c *change) ended(o any) { c.w.mark("membership change answered") }

// change asks a leader for a small change of the membership.
func (f *faults) change() bool {
	l := f.w.leader()
	if l == nil || f.w.opts.Voters < 3 {
		return false
	}
	config := l.proc.status.Config
	next := config.Current.Clone()
	x := f.anyone()
	at := next.Find(x.id)
	voters := 0
	for i := range next {
		if next[i].Role == protocol.Voter {
			voters++
		}
	}
	switch {
	case at == nil:
		next = addMember(next, protocol.Member{ID: x.id, Role: protocol.Observer})
	case at.Role == protocol.Observer && f.rnd.Chance(2, 3):
		at.Role, at.Incarnation = protocol.Voter, x.incarnation
	case at.Role == protocol.Voter && voters <= 3:
		return false // to keep enough of them for what is to be survived
	case at.Role == protocol.Voter:
		at.Role = protocol.Observer
	default:
		next = removeMember(next, x.id)
	}
	f.w.boot(x)
	f.target = l
	version := config.Version
	l.proc.call(func() {
		if err := l.proc.machine.Reconfigure(version, next, waiter{change: &change{f.w}}); err != nil {
			l.log("change of membership refused: %v", err)
		}
	})
	return true
}

func addMember(list protocol.Membership, x protocol.Member) protocol.Membership {
	i := 0
	for i < len(list) && list[i].ID < x.ID {
		i++
	}
	return append(list[:i:i], append(protocol.Membership{x}, list[i:]...)...)
}

func removeMember(list protocol.Membership, id uint64) protocol.Membership {
	var left protocol.Membership
	for _, x := range list {
		if x.ID != id {
			left = append(left, x)
		}
	}
	return left
}

func (f *faults) crashClient() bool {
	c := sched.Pick(f.rnd, f.w.clients)
	if c.gone() {
		return false
	}
	c.abandon()
	f.w.sched.After(f.duration(), nil, sched.Work, c.open)
	return true
}

func (f *faults) moveClient() bool {
	c := sched.Pick(f.rnd, f.w.clients)
	if c.gone() {
		return false
	}
	c.m.Move(f.rnd.IntN(len(f.w.members)), c.now())
	c.carryOut()
	return true
}
