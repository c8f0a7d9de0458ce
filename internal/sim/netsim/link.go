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

// pipe returns the direction of a connection that goes over the link.
func (l *link) pipe(d *end) *pipe {
	if d.out.link == l {
		return d.out
	}
	return d.in
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
	for _, d := range l.conns {
		l.pipe(d).arm()
	}
}

func (l *link) unstall() {
	l.stalls--
	if l.stalls > 0 {
		return
	}
	now := l.net.sched.Now()
	for _, d := range l.conns {
		p := l.pipe(d)
		late := p.arrived
		for i := p.segments.head; i < len(p.segments.items) && p.segments.items[i].at < now; i++ {
			late = p.segments.items[i].end
		}
		l.net.counts.StalledBytes += uint64(late - p.arrived)
		p.arm()
		p.back().acknowledge()
	}
}
