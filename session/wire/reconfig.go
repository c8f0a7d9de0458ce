package wire

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Reconfigurer changes who belongs to the ensemble, as clients ask for it. A
// *server.Server of package session/server is one.
type Reconfigurer interface {
	// Reconfig makes the change that a client's reconfig describes: joining and leaving
	// are lists with commas, members, if not nil, is the list of all that there are to be.
	// version is that of the configuration that is to be changed, -1 for whichever it is,
	// and permitted says whether the client may write /zookeeper/config. It waits until the
	// change is in force, and returns what is in /zookeeper/config then; sooner, when ctx
	// is done.
	//
	// An error with a method ZooKeeperCode() int32 says that nothing has changed, and by
	// which of ZooKeeper's numbers the client is told. Any other one leaves that open: the
	// connection ends, and the client looks for itself.
	Reconfig(ctx context.Context, joining, leaving string, members *string, version int64, permitted bool) (
		text []byte, stat tree.Stat, err error)
}

// configPath is the znode whose ACL says who may change the membership.
const configPath = "/zookeeper/config"

// change is a client's reconfig that is under way. It has two places in the host's
// order, each a read of nothing: once the first one is answered, so is everything before
// it, and the Reconfigurer is asked; when that is done, the second one gives the zxid of
// the answer, and lets the events of the change come before it. What the client asks for
// in between is held back from the host, but for pings. Of a second reconfig nothing is
// known before the first is answered: the connection is not read until then.
type change struct {
	last uint64 // the ID of the second place

	// Under the connection's mutex.
	placed bool               // the first place was passed on, and all before it
	cancel context.CancelFunc // of the question, once it is asked
	held   []protocol.Request
	code   errCode
	text   []byte
	stat   tree.Stat
}

// reconfig asks for a change of membership.
func (c *conn) reconfig(w awaited) {
	if c.s.config.Reconfig == nil {
		w.code = errReconfigDisabled
		c.place(w)
		return
	}
	c.flush()
	c.mu.Lock()
	for c.change != nil && !c.ended {
		c.room.Wait()
	}
	c.mu.Unlock()
	w.change = &change{}
	// Linearizable, so that a permission that was taken away anywhere before counts.
	c.read(w, protocol.Read{Linearizable: true}, false, 0)
	c.lastID++
	w.change.last = c.lastID
	c.mu.Lock()
	c.change = w.change
	c.mu.Unlock()
	c.flush()
}

// hold takes out of the batch what must wait for a change that is under way. c.mu is
// held.
func (c *conn) hold() {
	ch := c.change
	switch {
	case ch == nil:
		return
	case !ch.placed:
		ch.placed = true
		return
	}
	pings := c.batch[:0]
	for _, r := range c.batch {
		if _, ping := r.(*protocol.Ping); ping {
			pings = append(pings, r)
		} else {
			ch.held = append(ch.held, r)
		}
	}
	clear(c.batch[len(pings):])
	c.batch = pings
}

// pong answers a ping at once while a change is under way, which may last longer than
// clients wait for a sign of life. No client that asks for changes minds when the answer
// to a ping comes.
func (c *conn) pong() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.change == nil {
		return false
	}
	if c.ended {
		return true
	}
	c.out = appendReply(c.out, replyHeader{xid: xidPing, zxid: c.zxid})
	c.sent.Add(1)
	c.s.stats.sent.Add(1)
	if len(c.out) > c.s.config.MaxUnread {
		c.end("the client does not read what it is sent")
	}
	c.wake()
	return true
}

// begin takes the answer to a place of a change. It returns false if that was the second
// one. c.mu is held.
func (c *conn) begin(w *awaited) bool {
	ch := w.change
	if ch.cancel != nil {
		w.code = ch.code
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	ch.cancel = cancel
	q, session := w.q.(*reconfigRequest), c.session
	c.s.workers.Add(1)
	go func() {
		defer c.s.workers.Done()
		defer cancel()
		c.carryOut(ctx, ch, q, session)
	}()
	return true
}

// carryOut has a change made, and lets what was held back follow.
func (c *conn) carryOut(ctx context.Context, ch *change, q *reconfigRequest, session int64) {
	var members *string
	if q.whole {
		members = &q.members
	}
	permitted := c.s.host.View().Permit(session, configPath, tree.PermWrite) == nil
	text, stat, err := c.s.config.Reconfig.Reconfig(ctx, q.joining, q.leaving, members, q.config, permitted)
	var refused interface{ ZooKeeperCode() int32 }
	if err != nil && !errors.As(err, &refused) {
		c.fail("whether the membership was changed is not known: "+err.Error(), slog.LevelInfo)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch.text, ch.stat = text, stat; err != nil {
		ch.code = cmp.Or(errCode(refused.ZooKeeperCode()), errSystem)
	}
	// Linearizable: nothing that the host says from here on is older than stat.
	next := []protocol.Request{&protocol.Read{ID: ch.last, Linearizable: true}}
	for link := c.link; len(next) > 0 && !c.ended; {
		c.mu.Unlock()
		link.Send(next...)
		c.mu.Lock()
		next, ch.held = ch.held, nil
	}
	c.change = nil
	c.room.Broadcast()
}

// stop ends the question, if there is one. c.mu is held.
func (ch *change) stop() {
	if ch != nil && ch.cancel != nil {
		ch.cancel()
	}
}
