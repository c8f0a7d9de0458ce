package sim

import (
	"errors"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Ports of members.
const (
	portPeer uint32 = iota + 1
	portClient
)

// First bytes of frames that are not the protocol's own.
const (
	frameMessage byte = 0xa0
	framePing    byte = 0xa1
)

// Bounds of what waits to be sent, in bytes for each lane.
var maxBacklog = [protocol.Lanes]int{protocol.Control: 8 << 20, protocol.Bulk: 64 << 20}

// peerConn is a connection to another member, from its making on.
type peerConn struct {
	conn     netsim.Conn
	to       uint64
	lane     protocol.Lane
	nonce    uint64
	deadline sched.Handle
	first    *peerConn // the other lane, made before
	second   *peerConn // or after
	half     driver.Half
	believed bool
	early    [][]byte  // frames that came before it was part of a link
	link     *peerLink // once it is part of one
	heard    bool      // since the last look
	sent     bool
}

// peerLink is a link that is up.
type peerLink struct {
	id   protocol.LinkID
	peer protocol.Peer
	// shared is the name of the link that both ends know: its first connection's.
	shared protocol.LinkID
	lanes  [protocol.Lanes]*peerConn
}

var (
	errSlowLink = errors.New("too much is waiting to be sent")
	errBroken   = errors.New("connection broken")
)

// share tells those who dial and accept who the members are.
func (p *process) share(m *driver.Members) {
	p.members = m
	p.dials.Members(m.Peers, p.m.mono())
	p.dial()
}

// dial is the dialer: it begins what is due and waits for what is due next.
func (p *process) dial() {
	now := p.m.mono()
	for _, to := range p.dials.Due(now) {
		p.dialLane(&peerConn{to: to.ID, nonce: p.m.unique()})
	}
	p.dialing.Cancel()
	if at, ok := p.dials.Next(); ok {
		p.dialing = p.idly(p.m.lasts(max(at-now, 0))+1, p.dial)
	}
}

// dialLane makes one of the two connections of a link, after the one before it.
func (p *process) dialLane(c *peerConn) {
	c.conn = p.m.w.net.Dial(p.m.id, c.to, portPeer)
	p.peers[c.conn] = c
	p.greet(c)
}

// greet bounds the time for a connection's hello.
func (p *process) greet(c *peerConn) {
	const elections = 4
	d := elections * int64(p.m.w.opts.ElectionTicks) * p.m.w.opts.Tick
	c.deadline = p.idly(p.m.lasts(d), func() {
		p.m.w.mark("hello timed out")
		p.giveUp(c)
	})
}

// giveUp closes a connection that is part of no link, and the one made before it.
func (p *process) giveUp(c *peerConn) {
	c.deadline.Cancel()
	c.conn.Close()
	delete(p.peers, c.conn)
	if c.first != nil {
		p.giveUp(c.first)
		return
	}
	if c.to != 0 {
		p.redial(c.to)
	}
}

func (p *process) redial(id uint64) {
	p.dials.Down(id, p.m.mono())
	p.dial()
}

// Accept implements netsim.Handler.
func (p *process) Accept(conn netsim.Conn) {
	if conn.Port() == portClient {
		p.acceptClient(conn)
		return
	}
	c := &peerConn{conn: conn}
	p.peers[conn] = c
	p.greet(c)
}

// Open implements netsim.Handler.
func (p *process) Open(conn netsim.Conn) {
	if c := p.peers[conn]; c != nil {
		conn.Send(p.identity.Hello(p.members, c.to, c.lane, c.nonce))
	}
}

// Writable implements netsim.Handler: what is backed up is bounded when it is sent.
func (p *process) Writable(netsim.Conn) {}

// Frame implements netsim.Handler.
func (p *process) Frame(conn netsim.Conn, frame []byte) {
	p.guard(func() {
		c := p.peers[conn]
		switch {
		case c == nil:
			p.clientFrame(conn, frame)
		case c.link != nil:
			p.laneFrame(c, frame)
		case c.believed:
			c.early = append(c.early, frame) // its other lane is still to come
		case conn.Dialed():
			p.answered(c, frame)
		default:
			p.welcome(c, frame)
		}
	})
}

// answered takes the hello of a member that was dialed.
func (p *process) answered(c *peerConn, frame []byte) {
	half, err := p.identity.Answered(p.members, frame, c.to, c.lane, c.nonce, c.conn.Peer())
	if err != nil {
		p.m.log("not connected to %d: %v", c.to, err)
		p.giveUp(c)
		return
	}
	c.deadline.Cancel()
	c.half, c.believed = half, true
	if c.lane+1 < protocol.Lanes {
		c.second = &peerConn{to: c.to, lane: c.lane + 1, nonce: c.nonce, first: c}
		p.dialLane(c.second)
		return
	}
	p.arrived(c.first)
	p.arrived(c)
}

// welcome takes the hello of a member that dialed.
func (p *process) welcome(c *peerConn, frame []byte) {
	half, answer, err := p.identity.Welcome(p.members, frame, c.conn.Peer())
	if answer != nil {
		c.conn.Send(answer)
	}
	if err != nil {
		p.m.log("refuses %d: %v", c.conn.Peer(), err)
		p.m.w.mark("hello refused")
		p.giveUp(c)
		return
	}
	c.deadline.Cancel()
	c.half, c.believed = half, true
	p.arrived(c)
}

// arrived gives a connection that was believed to the loop.
func (p *process) arrived(c *peerConn) {
	p.lastConn++
	c.half.Conn = p.lastConn
	p.conns[p.lastConn] = c
	p.in.arrivals = append(p.in.arrivals, c.half)
	p.wake()
}

// link does what is to be done about connections.
func (p *process) link(e *driver.LinkEffect) {
	switch e.Do {
	case driver.LinkUp:
		p.linkUp(e)
	case driver.LinkDown:
		p.linkDown(e)
	case driver.LinkRefuse:
		c := p.conns[e.Conn]
		delete(p.conns, e.Conn)
		p.m.log("connection of %d closed: %v", c.half.Peer.ID, e.Err)
		c.conn.Close()
		delete(p.peers, c.conn)
		if c.to != 0 {
			p.redial(c.to)
		}
	case driver.LinkPing:
		if l := p.links[e.Link]; l != nil {
			for lane, ping := range e.Ping {
				if ping {
					p.put(l, protocol.Lane(lane), []byte{framePing})
				}
			}
		}
	}
}

func (p *process) linkUp(e *driver.LinkEffect) {
	l := &peerLink{id: e.Link, peer: e.Peer, shared: protocol.LinkID(p.conns[e.Conns[0]].conn.ID())}
	p.links[l.id] = l
	p.m.w.observe.linkUp(p.m, l)
	for lane, id := range e.Conns {
		c := p.conns[id]
		delete(p.conns, id)
		c.link, l.lanes[lane] = l, c
		if c.conn.Over() {
			p.lost(l)
			continue
		}
		early := c.early
		c.early = nil
		for _, frame := range early {
			p.laneFrame(c, frame)
		}
	}
	p.dials.Up(e.Peer.ID, p.m.mono())
	p.m.log("link %d to %d is up", l.id, l.peer.ID)
}

func (p *process) linkDown(e *driver.LinkEffect) {
	l := p.links[e.Link]
	delete(p.links, e.Link)
	for _, c := range l.lanes {
		c.conn.Close()
		delete(p.peers, c.conn)
	}
	p.m.w.observe.linkDown(p.m, l)
	p.m.log("link %d to %d is down: %v", l.id, l.peer.ID, e.Err)
	p.redial(e.Peer.ID)
}

// laneFrame takes a frame of a link.
func (p *process) laneFrame(c *peerConn, frame []byte) {
	c.heard = true
	switch {
	case len(frame) > 0 && frame[0] == framePing:
		return
	case len(frame) > 0 && frame[0] == frameMessage:
		p.notify(notice{from: c.link.peer.ID, message: frame[1:]})
		return
	}
	f := inFrame{c.link.id, frame}
	if c.half.Lane == protocol.Control {
		p.in.control = append(p.in.control, f)
	} else {
		p.in.bulk = append(p.in.bulk, f)
	}
	p.wake()
}

// Broken implements netsim.Handler.
func (p *process) Broken(conn netsim.Conn, reason netsim.Reason) {
	p.guard(func() {
		c := p.peers[conn]
		switch {
		case c == nil:
			p.clientBroken(conn)
		case c.link != nil:
			p.lost(c.link)
		case c.half.Conn != 0: // the loop has it
		case c.believed && conn.Dialed(): // the other lane is being dialed
			if o := c.second; o != nil {
				p.giveUp(o)
			}
		default:
			p.giveUp(c)
		}
	})
}

// lost has the loop told that a link is broken.
func (p *process) lost(l *peerLink) {
	p.in.broken = append(p.in.broken, brokenLink{l.id, errBroken})
	p.wake()
}

// send sends a frame of the core's.
func (p *process) send(s *protocol.Send) {
	l := p.links[s.Link]
	if l == nil {
		return
	}
	p.m.w.observe.sent(p.m, l, s.Frame)
	p.put(l, s.Lane, s.Frame)
}

func (p *process) put(l *peerLink, lane protocol.Lane, frame []byte) {
	c := l.lanes[lane]
	c.sent = true
	if backlog, err := c.conn.Send(frame); err == nil && backlog > maxBacklog[lane] {
		p.m.w.mark("slow link broken")
		p.machine.Broken(l.id, errSlowLink)
	}
}

// sendMessage sends a message of the host's to another member's, or to itself.
func (p *process) sendMessage(to uint64, msg []byte) {
	if to == p.m.id {
		p.notify(notice{from: to, message: msg})
		return
	}
	if l := p.linkTo(to); l != nil {
		p.put(l, protocol.Control, append([]byte{frameMessage}, msg...))
	}
}

// linkTo returns the link to a member, or nil. There is one at most.
func (p *process) linkTo(id uint64) *peerLink {
	for _, l := range p.links {
		if l.peer.ID == id {
			return l
		}
	}
	return nil
}

// anyLink picks one of the links, or returns nil.
func (p *process) anyLink(s *sched.Stream) *peerLink {
	var list []*peerLink
	for id := range uint64(len(p.m.w.members)) {
		if l := p.linkTo(id + 1); l != nil {
			list = append(list, l)
		}
	}
	return sched.Pick(s, list)
}

// look says what happened on a lane since it was last asked.
func (p *process) look(id protocol.LinkID, lane protocol.Lane) (heard, sent bool) {
	l := p.links[id]
	if l == nil {
		return false, false
	}
	c := l.lanes[lane]
	heard, sent = c.heard, c.sent
	c.heard, c.sent = false, false
	return heard, sent
}
