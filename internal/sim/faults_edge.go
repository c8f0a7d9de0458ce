package sim

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Faults of which the moment is everything: chance hardly ever finds it.

// edges are the moments that are waited for.
type edges struct {
	late      *client       // is kept away until what it has not seen is no longer remembered
	lateFrom  *netsim.Fault // by this
	unsettled *member       // the next sync of its log fails
	resting   int64         // clients do nothing until then
}

// maxLateHistory is how many remembered changes one may wait to be dropped.
const maxLateHistory = 64

// returnLate keeps a client that watches everything from all members, while another one
// makes changes until its member remembers just what the first has not seen, or one
// change less; then the first comes back there. Everybody else rests.
func (f *faults) returnLate() bool {
	c, d := sched.Pick(f.rnd, f.w.clients), sched.Pick(f.rnd, f.w.clients)
	if c == d || c.gone() || d.gone() || f.late != nil || f.w.opts.HistoryChanges > maxLateHistory {
		return false
	}
	f.late = c
	c.work.observeAll(func(q *call) {
		if f.late = nil; q.Answer == nil || f.w.healing {
			return
		}
		f.late, f.lateFrom = c, f.w.net.Isolate(c.id, append(f.ids(), c.id), netsim.HowStall|netsim.HowCut)
		f.outlive(c, d)
	})
	return true
}

// outlive has d make one change after the other until what c has not seen fills what
// d's member remembers.
func (f *faults) outlive(c, d *client) {
	fault := f.lateFrom
	f.resting = f.w.sched.Now() + f.w.opts.SessionTimeout*8/10
	f.w.sched.At(f.resting, nil, sched.Work, func() { f.endLate(fault) })
	more := f.rnd.Chance(1, 3) // than it remembers
	var step func(q *call)
	step = func(q *call) {
		if f.lateFrom != fault {
			return
		}
		m := d.member()
		if q != nil && q.Answer == nil || f.w.healing || c.gone() || d.gone() || m == nil {
			f.endLate(fault)
			return
		}
		switch floor, seen := m.proc.host.HistoryFloor(), c.m.LastSeen(); {
		case floor < seen, floor == seen && more:
			d.work.submit(&call{Call: protocol.Call{Op: tree.Set{Path: "/"}}, then: step})
		case floor > seen+1:
			f.endLate(fault)
		default:
			f.w.mark("came back when the history began where it had left")
			f.endLate(fault)
			c.m.Move(int(m.id-1), c.now())
			c.carryOut()
		}
	}
	step(nil)
}

// endLate lets the client come back that is kept away by a fault, if it still is, and all
// others go on soon.
func (f *faults) endLate(fault *netsim.Fault) {
	if f.lateFrom != fault {
		return
	}
	fault.Heal()
	f.late, f.lateFrom = nil, nil
	f.resting = f.w.sched.Now() + f.duration()/2
}

// unsettle has a sync of a member's log fail, of which reads show what never gets to the
// disk; then its disk is found to be damaged behind that, and once this is repaired power
// fails.
func (f *faults) unsettle() bool {
	m := f.some()
	if m == nil || f.unsettled != nil || !f.mayDamage(m) {
		return false
	}
	f.unsettled = m
	return true
}

// unsettles is what befalls an operation of a disk because of unsettle.
func (f *faults) unsettles(m *member, op disk.Op) (fault disk.Fault, fails bool) {
	if f.unsettled != m || op.Kind != disk.OpSync || !strings.Contains(op.Name, "/log/") {
		return fault, false
	}
	f.unsettled = nil
	f.w.sched.After(f.rnd.Exp(20*millisecond), nil, sched.Work, func() {
		if f.w.healing || m.proc != nil || !f.mayDamage(m) {
			f.again(m)
			return
		}
		if f.spoilBehind(m, op.Name) {
			f.w.mark("damage behind what only reads show")
		}
		f.w.boot(m)
		if m.proc != nil {
			f.powerFails(m.proc, 50*millisecond)
		} else {
			f.again(m)
		}
	})
	return disk.Fault{Err: fmt.Errorf("%w: %w", errInjected, errIO), Lost: true}, true
}

// spoilBehind puts garbage into a file, well behind everything that was written to it.
func (f *faults) spoilBehind(m *member, name string) bool {
	done := false
	err := m.fs.Corrupt(name, func(b []byte) {
		last := len(b) - 1
		for last >= 0 && b[last] == 0 {
			last--
		}
		if free := len(b) - last - 2*disk.SectorSize; free > 0 {
			b[len(b)-1-f.rnd.IntN(free)] = 1
			done = true
		}
	})
	if err != nil || !done {
		return false
	}
	m.log("%s is damaged behind its end", name)
	m.damaged = true
	return true
}
