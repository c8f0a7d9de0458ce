package sim

import (
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/session/protocol"
)

// gone says that the client has no session that it could use.
func (c *client) gone() bool { return c.m == nil || c.owner.Killed() || c.m.Ended() }

// connect begins a connection to a member.
func (c *client) connect(link uint64, backend int) {
	c.conn = c.w.net.Dial(c.id, uint64(backend+1), portClient)
	c.link, c.asking = link, map[uint64]bool{}
}

// member returns the member that the client is connected to, or nil.
func (c *client) member() *member {
	if !c.conn.IsOpen() {
		return nil
	}
	if m := c.w.members[c.conn.Peer()-1]; m.proc != nil {
		return m
	}
	return nil
}

// hangUp ends the connection.
func (c *client) hangUp() {
	c.conn.Close()
	c.conn = netsim.Conn{}
}

// Accept implements netsim.Handler: nobody dials a client.
func (c *client) Accept(conn netsim.Conn) { conn.Close() }

// Writable implements netsim.Handler.
func (c *client) Writable(netsim.Conn) {}

// Open implements netsim.Handler.
func (c *client) Open(conn netsim.Conn) {
	if conn == c.conn {
		c.m.Connected(c.link, c.now())
		c.carryOut()
	}
}

// Frame implements netsim.Handler.
func (c *client) Frame(conn netsim.Conn, frame []byte) {
	if conn != c.conn {
		return
	}
	m, err := protocol.DecodeMessage(frame)
	if err != nil {
		c.w.fail(noHalt, "client %d: message: %v", c.name, err)
	}
	if a, ok := m.(*protocol.Answer); ok {
		delete(c.asking, a.ID)
	}
	c.m.Receive(c.link, m, c.now())
	c.carryOut()
}

// Broken implements netsim.Handler.
func (c *client) Broken(conn netsim.Conn, reason netsim.Reason) {
	if conn == c.conn {
		c.conn = netsim.Conn{}
		c.m.Lost(c.link, c.now())
		c.carryOut()
	}
}
