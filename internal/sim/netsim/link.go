package netsim

import "slices"

// link is a direction between two processes: the faults in force on it and the
// connections that use it.
type link struct {
	net   *Net
	pair  pair
	conns []*end // the dialers of those of which a side is left
	free  int64  // when what was sent last has left

	stalls, refusals, blackholes int
	delay                        int64
	rates                        []int64 // of Throttle
}

func (l *link) remove(d *end) {
	if i := slices.Index(l.conns, d); i >= 0 {
		l.conns = slices.Delete(l.conns, i, i+1)
	}
}

// pipes calls do with every direction of a connection that goes over the link:
// both of one that a process has with itself.
func (l *link) pipes(do func(p *pipe)) {
	for _, d := range l.conns {
		if d.out.link == l {
			do(d.out)
		}
		if d.in.link == l {
			do(d.in)
		}
	}
}

// transmit takes the time that n bytes need, behind those before them, and returns
// when they have left.
func (l *link) transmit(n int64) int64 {
	now := l.net.sched.Now()
	rate := l.net.cfg.Bandwidth
	for _, r := range l.rates {
		if rate <= 0 || r < rate {
			rate = r
		}
	}
	if rate <= 0 {
		return now
	}
	l.free = max(l.free, now) + n*1e9/rate
	return l.free
}

// stall adds a stall, unstall takes one away.
func (l *link) stall() {
	l.stalls++
	if l.stalls > 1 {
		return
	}
	l.pipes((*pipe).arm)
}

func (l *link) unstall() {
	l.stalls--
	if l.stalls == 0 {
		l.pipes((*pipe).release)
	}
}
