package sim

import (
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/session/protocol"
)

// clientConn is a client's connection at a member.
type clientConn struct {
	conn netsim.Conn
	id   host.LinkID
}

func (p *process) acceptClient(conn netsim.Conn) {
	p.lastHosted++
	c := &clientConn{conn, p.lastHosted}
	p.hosted[c.id], p.hostedBy[conn] = c, c
	p.host.Connect(c.id)
	p.finishHost()
}

func (p *process) clientFrame(conn netsim.Conn, frame []byte) {
	c := p.hostedBy[conn]
	if c == nil {
		return
	}
	r, err := protocol.DecodeRequest(frame)
	if err != nil {
		p.m.w.fail(noHalt, "member %d: request of client %d: %v", p.m.id, conn.Peer(), err)
	}
	p.host.Request(c.id, r)
	p.finishHost()
}

func (p *process) clientBroken(conn netsim.Conn) {
	if c := p.hostedBy[conn]; c != nil {
		p.unhost(c)
		p.host.Disconnect(c.id)
		p.finishHost()
	}
}

func (p *process) unhost(c *clientConn) {
	delete(p.hosted, c.id)
	delete(p.hostedBy, c.conn)
}

// deliver sends what the host has to say on a client's link.
func (p *process) deliver(d *host.Delivery) {
	c := p.hosted[d.Link]
	if c == nil {
		return
	}
	for _, m := range d.Messages {
		if events, ok := m.(*protocol.Events); ok {
			p.m.w.observe.gaps(c.conn.Peer(), events.Events, p.host.HistoryFloor())
		}
		c.conn.Send(protocol.AppendMessage(nil, m))
	}
	if d.Close {
		c.conn.Close()
		p.unhost(c)
	}
}
