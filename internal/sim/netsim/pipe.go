package netsim

import (
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// header is what a frame takes on the wire beside its payload.
const header = 4

// pipe is one direction of a connection: a stream of bytes, of which positions
// count. Always consumed <= arrived <= sent <= queued, and acked <= consumed. What
// lies between sent and queued is backed up in the sender's kernel; the window is
// what lies between acked and sent.
type pipe struct {
	net              *Net
	link             *link
	sender, receiver *end

	queued, sent, arrived, consumed, acked int64

	frames   queue[frame]   // sent or queued, and not yet read
	segments queue[segment] // on their way

	opening bool  // the opening segment is on its way
	openAt  int64 // and arrives then
	opened  bool  // it did

	closing bool // the sender closed: behind what is queued comes the end
	ending  bool // the end is on its way
	endAt   int64
	forced  bool // it passes a stall
	reason  Reason
	ended   bool // the end arrived

	dead  bool // what is sent from now on vanishes
	timer sched.Handle
	at    int64 // of the timer
}

// frame is a frame in the stream, which ends at a position.
type frame struct {
	data []byte
	end  int64
}

// segment is what arrives at a time, or with the one before it if that is later:
// everything up to a position.
type segment struct{ end, at int64 }

func (p *pipe) stalled() bool { return p.link.stalls > 0 }

// back is the other direction of the connection, on whose link acknowledgements
// of this one travel.
func (p *pipe) back() *pipe { return p.receiver.out }

// sendOpening sends the segment that opens the connection.
func (p *pipe) sendOpening() {
	p.opening = true
	p.openAt = p.net.sched.Now() + p.net.latency(p.link)
	p.arm()
}

// send queues a frame and returns what is backed up.
func (p *pipe) send(data []byte) int {
	p.queued += int64(len(data)) + header
	if !p.dead {
		p.frames.push(frame{p.net.copyFrame(data), p.queued})
	}
	p.pump()
	p.net.counts.Sent++
	backlog := p.queued - p.sent
	p.net.counts.MaxBacklog = max(p.net.counts.MaxBacklog, backlog)
	return int(backlog)
}

// pump puts on the wire what the window lets through.
func (p *pipe) pump() {
	n := min(p.acked+int64(p.net.cfg.Window)-p.sent, p.queued-p.sent)
	if n > 0 {
		p.sent += n
		if !p.dead {
			p.segments.push(segment{p.sent, p.link.transmit(n) + p.net.latency(p.link)})
			p.arm()
		}
	}
	if p.sent < p.queued {
		p.net.counts.WindowFull++
		return
	}
	if s := p.sender; s.waiting {
		s.waiting = false
		if !s.over {
			p.net.sched.Post(p.net.sched.Now(), nil, sched.Idle, s, fireWritable)
		}
	}
	p.finish()
}

// finish sends the end behind the last byte of a sender that closed.
func (p *pipe) finish() {
	if p.closing && p.sent == p.queued && !p.dead {
		p.dead = true
		p.sendEnd(Closed, p.net.latency(p.link), false)
	}
}

// sendEnd lets the receiver know that there is no more, after a delay or with the
// last of what was sent if that is later.
func (p *pipe) sendEnd(reason Reason, delay int64, forced bool) {
	p.ending, p.reason, p.forced = true, reason, forced
	p.endAt = p.net.sched.Now() + delay
	p.arm()
}

// arm sets the timer for what arrives next, if anything can.
func (p *pipe) arm() {
	at, passes := int64(0), !p.stalled()
	switch {
	case p.opening:
		at = p.openAt
	case p.segments.len() > 0:
		at = p.segments.front().at
	case p.ending:
		at, passes = p.endAt, passes || p.forced
	default:
		passes = false
	}
	if !passes {
		p.timer.Cancel()
		return
	}
	if at == p.at && p.timer.Pending() {
		return
	}
	p.timer.Cancel()
	p.at = at
	p.timer = p.net.sched.Post(at, nil, sched.Work, p, 0)
}

// release lets flow what a stall held back, acknowledgements of the other
// direction included.
func (p *pipe) release() {
	now, late := p.net.sched.Now(), p.arrived
	for i := p.segments.head; i < len(p.segments.items) && p.segments.items[i].at < now; i++ {
		late = p.segments.items[i].end
	}
	p.net.counts.StalledBytes += uint64(late - p.arrived)
	p.arm()
	p.back().acknowledge()
}

// Fire implements sched.Target: something arrives.
func (p *pipe) Fire(uint64) {
	now := p.net.sched.Now()
	if p.opening && p.openAt <= now {
		p.opening = false
		p.open()
	}
	for p.segments.len() > 0 && p.segments.front().at <= now {
		p.arrived = p.segments.front().end
		p.segments.pop()
	}
	if p.ending && !p.opening && p.segments.len() == 0 && p.endAt <= now {
		p.ending, p.ended = false, true
	}
	p.arm()
	p.receiver.deliver()
}

// open is the arrival of the opening segment: the kernel of the acceptor answers
// it, that of the dialer takes the answer.
func (p *pipe) open() {
	r, n := p.receiver, p.net
	if r.dialed {
		p.opened = true
		return
	}
	r.unborn = false
	switch h := r.host; {
	case h.up && p.link.refusals == 0:
		p.opened = true
		r.over = false
		h.ends = append(h.ends, r)
		r.out.sendOpening()
		return
	case h.up || !h.dark:
		p.truncate(0)
		r.out.dead = true
		if !r.peer.over {
			r.out.sendEnd(Refused, n.latency(r.out.link), false)
		}
	default:
		n.counts.Unanswered++
		p.truncate(0)
		r.out.dead = true
	}
	r.forget()
}

// readable says whether the next frame is there, whole.
func (p *pipe) readable() bool { return p.frames.len() > 0 && p.frames.front().end <= p.arrived }

func (p *pipe) read() []byte {
	f := p.frames.pop()
	p.consumed = f.end
	return f.data
}

// acknowledge takes off the wire what the receiver has read, the beginning of a
// frame included, and opens the window unless the way back is stalled.
func (p *pipe) acknowledge() {
	r := p.receiver
	if r.over {
		return
	}
	if r.told && !r.deaf && !r.host.paused {
		p.consumed = p.arrived
	}
	if p.acked < p.consumed && !p.back().stalled() {
		p.acked = p.consumed
		p.pump()
	}
}

// truncate makes nothing arrive behind a position: neither what is on its way, nor
// an end, nor what is sent from now on.
func (p *pipe) truncate(at int64) {
	p.dead, p.ending = true, false
	p.opening = p.opening && at > 0 // which comes before the first byte
	p.receiver.unborn = p.receiver.unborn && p.opening
	for p.segments.len() > 0 && p.segments.back().end > at {
		s := p.segments.popBack()
		before := p.arrived
		if p.segments.len() > 0 {
			before = p.segments.back().end
		}
		if before < at {
			p.segments.push(segment{at, s.at})
			break
		}
	}
	for p.frames.len() > 0 && p.frames.back().end > at {
		f := p.frames.popBack()
		p.net.counts.FramesLost++
		if f.end-int64(len(f.data))-header < at {
			p.net.counts.CutsInFrame++
		}
	}
	p.arm()
}

// abandon throws everything away: there is no receiver any more.
func (p *pipe) abandon() {
	p.dead, p.ending, p.ended, p.opening = true, false, false, false
	p.net.counts.FramesLost += uint64(p.frames.len())
	p.frames, p.segments = queue[frame]{}, queue[segment]{}
	p.timer.Cancel()
}
