package sim

import (
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

func (f *faults) pair() (a, b uint64) {
	return sched.Pick(f.rnd, f.ids()), sched.Pick(f.rnd, f.nodes())
}

func (f *faults) cut() bool {
	a, b := f.pair()
	return f.w.net.Cut(a, b, netsim.RandomTell(f.rnd)) > 0
}

// until heals a fault of the network after a while.
func (f *faults) until(fault *netsim.Fault) bool { return f.lasting(fault.Heal) }

func (f *faults) how() netsim.How { return netsim.RandomHow(f.rnd) }

// whom is everybody, or the members alone.
func (f *faults) whom() []uint64 {
	if f.rnd.Chance(1, 2) {
		return f.nodes()
	}
	return f.ids()
}

func (f *faults) oneWay() bool { return f.until(netsim.OneWay(f.w.net, f.rnd, f.whom(), f.how())) }

func (f *faults) isolate() bool {
	return f.until(netsim.IsolateOne(f.w.net, f.rnd, f.whom(), f.how()))
}

func (f *faults) split() bool {
	if f.rnd.Chance(1, 2) {
		return f.until(netsim.UniformSplit(f.w.net, f.rnd, f.whom(), f.how()))
	}
	return f.until(netsim.MinoritySplit(f.w.net, f.rnd, f.whom(), f.how()))
}

func (f *faults) bridge() bool {
	if f.rnd.Chance(1, 3) {
		return f.until(netsim.Ring(f.w.net, f.rnd, f.whom(), f.how()))
	}
	return f.until(netsim.Bridge(f.w.net, f.rnd, f.whom(), f.how()))
}

// flap has the leader lose and find one of the others again and again, about as
// fast as elections are.
func (f *faults) flap() bool {
	l := f.w.leader()
	if l == nil {
		return false
	}
	f.target = l
	election := int64(f.w.opts.ElectionTicks) * f.w.opts.Tick
	fault := netsim.FlapOne(f.w.net, f.rnd, l.id, f.ids(), election/2, 2*election, f.how())
	f.w.sched.After(5*f.duration(), nil, sched.Work, fault.Heal)
	return true
}

func (f *faults) swizzle() bool {
	return f.until(netsim.Swizzle(f.w.net, f.rnd, f.whom(), f.duration()/4, f.how()))
}

func (f *faults) refuse() bool {
	a, b := f.pair()
	if f.rnd.Chance(1, 2) {
		return f.until(f.w.net.Refuse(b, a))
	}
	return f.until(f.w.net.Blackhole(b, a))
}

func (f *faults) slowNet() bool {
	a, b := f.pair()
	if f.rnd.Chance(1, 2) {
		return f.until(f.w.net.Delay(a, b, f.rnd.Exp(100*millisecond)))
	}
	return f.until(f.w.net.Throttle(a, b, f.rnd.Range(1000, 1_000_000)))
}

func (f *faults) slowReader() bool {
	m := f.some()
	if m == nil {
		return false
	}
	l := m.proc.anyLink(f.rnd)
	if l == nil {
		return false
	}
	conn := sched.Pick(f.rnd, l.lanes[:]).conn
	conn.PauseRead()
	return f.lasting(conn.ResumeRead)
}
