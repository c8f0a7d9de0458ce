package netsim

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// Fault is something wrong with the network that can be put right: a fault of one
// directed pair, or a shape made of several.
type Fault struct {
	net    *Net
	undo   func()
	timer  sched.Handle // of what it still has in mind
	parts  []*Fault     // which are in the list of faults too
	healed bool
}

// newFault puts a fault in force.
func (n *Net) newFault(undo func()) *Fault {
	f := &Fault{net: n, undo: undo}
	n.faults = append(n.faults, f)
	return f
}

// Heal undoes the fault and all parts of it, and stops what it still had in mind.
// It may be called more than once.
func (f *Fault) Heal() {
	if f.healed {
		return
	}
	f.healed = true
	if i := slices.Index(f.net.faults, f); i >= 0 {
		f.net.faults = slices.Delete(f.net.faults, i, i+1)
	}
	f.timer.Cancel()
	f.healParts()
	if f.undo != nil {
		f.undo()
	}
}

func (f *Fault) healParts() {
	for _, p := range f.parts {
		p.Heal()
	}
	f.parts = nil
}

// Healed says whether the fault is over.
func (f *Fault) Healed() bool { return f.healed }

// Faults returns how many faults are in force, parts of shapes included.
func (n *Net) Faults() int { return len(n.faults) }

// HealAll heals every fault. Connections that were cut stay so.
func (n *Net) HealAll() {
	n.note(MarkHealAll, uint64(len(n.faults)))
	for len(n.faults) > 0 {
		n.faults[0].Heal()
	}
}

// Stall holds back everything in one direction, as when packets are lost and
// repeated in vain: bytes, ends, and what opens connections. When it heals, they
// flow. As acknowledgements are held back too, the other direction flows only
// until its window is full.
func (n *Net) Stall(from, to uint64) *Fault {
	l := n.link(from, to)
	l.stall()
	n.counts.Stalls++
	n.note(MarkStall, from, to, 1)
	return n.newFault(func() {
		n.note(MarkStall, from, to, 0)
		l.unstall()
	})
}

// StallThenCut is a Stall after which, in a while, all connections between the
// two are cut.
func (n *Net) StallThenCut(from, to uint64, after int64, tell Tell) *Fault {
	f := n.Stall(from, to)
	f.timer = n.sched.After(after, nil, sched.Work, func() { n.Cut(from, to, tell) })
	return f
}

// Refuse makes to refuse new connections from from.
func (n *Net) Refuse(from, to uint64) *Fault {
	l := n.link(from, to)
	l.refusals++
	n.counts.Refusals++
	n.note(MarkRefuse, from, to, 1)
	return n.newFault(func() {
		n.note(MarkRefuse, from, to, 0)
		l.refusals--
	})
}

// Blackhole makes every attempt of from to connect to to vanish for ever: neither
// Open nor Broken follows, also after it heals.
func (n *Net) Blackhole(from, to uint64) *Fault {
	l := n.link(from, to)
	l.blackholes++
	n.counts.Blackholes++
	n.note(MarkBlackhole, from, to, 1)
	return n.newFault(func() {
		n.note(MarkBlackhole, from, to, 0)
		l.blackholes--
	})
}

// Delay adds to the latency of everything that is sent from now on in one
// direction. Several add up.
func (n *Net) Delay(from, to uint64, extra int64) *Fault {
	l, extra := n.link(from, to), max(extra, 0)
	l.delay += extra
	n.counts.Delays++
	n.note(MarkDelay, from, to, uint64(extra))
	return n.newFault(func() {
		n.note(MarkDelay, from, to, 0)
		l.delay -= extra
	})
}

// Throttle limits the bandwidth in one direction, in bytes per second, at least 1.
// Of several the lowest counts.
func (n *Net) Throttle(from, to uint64, rate int64) *Fault {
	l := n.link(from, to)
	rate = max(rate, 1)
	l.rates = append(l.rates, rate)
	n.counts.Throttles++
	n.note(MarkThrottle, from, to, uint64(rate))
	return n.newFault(func() {
		n.note(MarkThrottle, from, to, 0)
		i := slices.Index(l.rates, rate)
		l.rates = slices.Delete(l.rates, i, i+1)
	})
}

// Tell says which sides of a connection learn that it was cut. A side that does
// not has a connection that is half open.
type Tell uint8

const (
	TellBoth Tell = iota
	TellFirst
	TellSecond
	TellNone
)

// RandomTell draws one: both in half of the cases.
func RandomTell(s *sched.Stream) Tell {
	return sched.Pick(s, []Tell{TellBoth, TellBoth, TellBoth, TellFirst, TellSecond, TellNone})
}

// Cut cuts all connections between two processes, of which a is the first, and
// returns how many.
func (n *Net) Cut(a, b uint64, tell Tell) int {
	var cut []*end
	for _, d := range n.link(a, b).conns {
		if !d.over || !d.peer.over {
			cut = append(cut, d)
		}
	}
	for _, d := range cut {
		first := d
		if d.host.id != a {
			first = d.peer
		}
		n.cut(first, tell)
	}
	return len(cut)
}

// CutConn cuts one connection: of what is on its way in each direction an
// arbitrary part arrives, up to any byte. Then each side that is told learns of it
// in its own time. The side of c is the first.
func (n *Net) CutConn(c Conn, tell Tell) {
	if c.e != nil && (!c.e.over || !c.e.peer.over) {
		n.cut(c.e, tell)
	}
}

func (n *Net) cut(first *end, tell Tell) {
	n.counts.Cuts++
	n.note(MarkCut, first.id, first.host.id, first.peer.host.id, uint64(tell))
	for _, e := range [2]*end{first, first.peer} {
		told := tell == TellBoth || tell == TellFirst && e == first || tell == TellSecond && e != first
		switch {
		case told:
			n.cutDirection(e.in, Reset, true)
		default:
			if !e.over {
				n.counts.HalfOpen++
			}
			n.cutDirection(e.in, 0, false)
		}
	}
}

// cutDirection lets an arbitrary part of what is on its way arrive, nothing of it
// if that is stalled, and behind it the end, unless reason is 0.
func (n *Net) cutDirection(p *pipe, reason Reason, forced bool) {
	if p.ended || p.receiver.over && !p.receiver.unborn {
		return
	}
	at := p.arrived
	if !p.stalled() {
		at = p.sent - n.rand.Range(0, p.sent-p.arrived)
	}
	p.truncate(at)
	if reason != 0 && !p.receiver.over {
		p.sendEnd(reason, n.breakDelay(p.link), forced)
	}
	p.receiver.forget()
}
