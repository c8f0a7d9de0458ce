package netsim

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// What Send can fail with.
var (
	ErrNotOpen  = errors.New("netsim: the connection is not open")
	ErrTooLarge = errors.New("netsim: the frame is too large")
)

// Conn is one side of a connection. Two are equal if they are the same side of the
// same connection. The zero Conn is none: it is not open.
type Conn struct{ e *end }

// end is what a Conn stands for.
type end struct {
	net      *Net
	id       uint64 // of the connection: the same at both ends
	host     *host
	peer     *end
	in, out  *pipe
	port     uint32
	dialed   bool
	unborn   bool // of an acceptor: what opens the connection has not come yet
	told     bool // Accept or Open was called
	over     bool // closed, broken or crashed, or unborn
	deaf     bool // does not read
	busy     bool // deliver is running
	waiting  bool // a Send said that it is backed up
	writable bool // and now it is not any more
}

// What end.Fire is called for.
const (
	fireLook = iota
	fireWritable
)

// Dial begins a connection between two processes. The port is for the acceptor to
// tell kinds of connections apart. What follows is Open, Broken, or nothing at
// all, as from an ID that was never started: give up with Close. A process that is
// not up gets a Conn that is over.
func (n *Net) Dial(from, to uint64, port uint32) Conn {
	n.conns++
	there, back := n.link(from, to), n.link(to, from)
	d := &end{net: n, id: n.conns, host: n.host(from), port: port, dialed: true}
	a := &end{net: n, id: n.conns, host: n.host(to), port: port, peer: d, over: true, unborn: true}
	d.peer = a
	d.out = &pipe{net: n, link: there, sender: d, receiver: a}
	d.in = &pipe{net: n, link: back, sender: a, receiver: d}
	a.in, a.out = d.out, d.in
	if !d.host.up {
		d.over = true
		return Conn{d}
	}
	d.host.ends = append(d.host.ends, d)
	there.conns = append(there.conns, d)
	if back != there {
		back.conns = append(back.conns, d)
	}
	n.counts.Dials++
	n.note(MarkDial, d.id, from, to, uint64(port))
	if there.blackholes > 0 {
		n.counts.Blackholed++
		d.out.truncate(0)
		return Conn{d}
	}
	d.out.sendOpening()
	return Conn{d}
}

// ID returns the number of the connection, from 1. Both sides have the same.
func (c Conn) ID() uint64 {
	if c.e == nil {
		return 0
	}
	return c.e.id
}

// Local returns the ID of the process at this side.
func (c Conn) Local() uint64 {
	if c.e == nil {
		return 0
	}
	return c.e.host.id
}

// Peer returns the ID of the process at the other side.
func (c Conn) Peer() uint64 {
	if c.e == nil {
		return 0
	}
	return c.e.peer.host.id
}

// Port returns what was given to Dial.
func (c Conn) Port() uint32 {
	if c.e == nil {
		return 0
	}
	return c.e.port
}

// Dialed says whether this is the side that dialed.
func (c Conn) Dialed() bool { return c.e != nil && c.e.dialed }

// IsOpen says whether frames can be sent: Accept or Open was called, and nothing
// has ended it that this side knows of.
func (c Conn) IsOpen() bool { return c.e != nil && c.e.told && !c.e.over }

// Over says whether nothing will come any more.
func (c Conn) Over() bool { return c.e == nil || c.e.over }

// Backlog returns how many bytes wait for the window to open.
func (c Conn) Backlog() int {
	if c.e == nil || c.e.over {
		return 0
	}
	return int(c.e.out.queued - c.e.out.sent)
}

// Send copies a frame into the stream and returns how many bytes are backed up
// behind a full window after it. There is no bound but the caller's, who may wait
// for Writable. On a connection that is not open the error is ErrNotOpen; a frame
// longer than Config.MaxFrame is ErrTooLarge, and not sent.
func (c Conn) Send(frame []byte) (backlog int, err error) {
	if !c.IsOpen() {
		return 0, ErrNotOpen
	}
	e := c.e
	if limit := e.net.cfg.MaxFrame; len(frame) > limit {
		return 0, fmt.Errorf("%w: %d bytes of at most %d", ErrTooLarge, len(frame), limit)
	}
	backlog = e.out.send(frame)
	if backlog > 0 {
		e.waiting = true
	}
	return backlog, nil
}

// Close ends the connection for this side: nothing comes any more. What was sent
// still flows to the other side, and behind it the end.
func (c Conn) Close() {
	if c.Over() {
		return
	}
	e := c.e
	e.host.ends = without(e.host.ends, e)
	e.net.note(MarkClose, e.id, e.host.id)
	if e.peer.unborn && e.out.stalled() {
		e.out.truncate(0) // nobody repeats the attempt until the stall is over
	}
	e.vanish()
	if !e.peer.over || e.peer.unborn {
		e.host.lingering = append(e.host.lingering, e)
	}
	e.out.closing = true
	e.out.finish()
}

// PauseRead stops reading: no frame and no end comes for this Conn, the window
// fills, and the other side backs up.
func (c Conn) PauseRead() {
	if !c.Over() && !c.e.deaf {
		c.e.deaf = true
		c.e.net.counts.ReadPauses++
	}
}

// ResumeRead ends PauseRead.
func (c Conn) ResumeRead() {
	if !c.Over() && c.e.deaf {
		c.e.deaf = false
		c.e.look()
	}
}

// vanish ends this side: whatever still comes for it is thrown away.
func (e *end) vanish() {
	e.over = true
	e.in.abandon()
	e.forget()
}

// forget takes a connection off its links once neither side is left.
func (e *end) forget() {
	d := e
	if !d.dialed {
		d = e.peer
	}
	if d.over && d.peer.over && !d.peer.unborn {
		d.out.link.remove(d)
		d.in.link.remove(d)
		d.host.lingering = without(d.host.lingering, d)
		d.peer.host.lingering = without(d.peer.host.lingering, d.peer)
	}
}

// look makes the process look at what is there, in an event of its own.
func (e *end) look() {
	e.net.sched.Post(e.net.sched.Now(), nil, sched.Work, e, fireLook)
}

// Fire implements sched.Target.
func (e *end) Fire(what uint64) {
	if what == fireWritable {
		e.writable = true
	}
	e.deliver()
}

// deliver gives the process everything that is there for it, unless it is stopped
// or not reading. Each call of the handler may change anything.
func (e *end) deliver() {
	if e.busy {
		return
	}
	e.busy = true
	for e.deliverOne() {
	}
	e.busy = false
	e.in.acknowledge()
}

func (e *end) deliverOne() bool {
	if e.over || e.host.paused {
		return false
	}
	c, p, n := Conn{e}, e.in, e.net
	switch {
	case !e.told && p.opened:
		e.told = true
		if e.dialed {
			n.note(MarkOpen, e.id, e.host.id)
			e.host.handler.Open(c)
		} else {
			n.counts.Accepted++
			n.note(MarkAccept, e.id, e.host.id, e.peer.host.id)
			e.host.handler.Accept(c)
		}
	case e.writable && e.told:
		e.writable = false
		if !e.waiting { // for more, since
			e.host.handler.Writable(c)
		}
	case e.deaf:
		return false
	case p.readable():
		frame := p.read()
		n.counts.Frames++
		n.note(MarkFrame, e.id, e.host.id, uint64(len(frame)), uint64(p.consumed))
		e.host.handler.Frame(c, frame)
	case p.ended:
		e.broken(p.reason)
		return false
	default:
		return false
	}
	return true
}

// broken ends this side and tells the process.
func (e *end) broken(reason Reason) {
	h := e.host
	h.ends = without(h.ends, e)
	e.vanish()
	n := e.net
	switch reason {
	case Refused:
		n.counts.Refused++
	case Closed:
		n.counts.Closed++
	case Reset:
		n.counts.Resets++
	}
	n.note(MarkBroken, e.id, h.id, uint64(reason))
	h.handler.Broken(Conn{e}, reason)
}
