package check

import (
	"bytes"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// client is one session as its holder sees it.
type client struct {
	id      int
	session int64 // 0: not attached yet

	seen      int64 // the zxid up to which it was shown everything
	lastEvent int64
	submitted int // calls
	answered  int // the place of the last call that was answered, from 1
	calls     map[uint64]*call
	pending   []*call // in order; those at the front are not resolved

	// Writes in the order submitted, from the base-th on. Sequences are given to
	// them in this order, but for those that were never sent.
	writes   []*call
	base     int
	mapped   int    // how many of all writes are behind the last that was executed
	sequence uint64 // of that
	dropped  int64  // zxid of the last write that is not in writes any more
	repeated map[uint64]bool

	watches map[uint64]*watched
	due     dueHeap

	leased      bool
	until       int64
	silent      bool
	silentSince int64
	expired     int64 // zxid
	over        bool  // the session has ended, by what was applied
	ended       bool  // and the client knows
}

// call is something submitted.
type call struct {
	id    uint64
	place int    // among the client's calls, from 1
	floor int64  // what had been applied anywhere when it was submitted
	op    []byte // encoded; nil if it is no write
	auth  *protocol.AddAuth
	read  protocol.Read
	// before is how many writes of the session were submitted before.
	before   int
	resolved bool

	zxid      int64 // of a write: where it was executed
	record    []byte
	withdrawn bool // never to be executed

	sliced *SliceOp
}

func (c *Checker) client(id int) *client {
	cl := c.clients[id]
	if cl == nil {
		cl = &client{id: id, calls: map[uint64]*call{}, repeated: map[uint64]bool{}, watches: map[uint64]*watched{}}
		c.clients[id] = cl
		c.order = append(c.order, cl)
	}
	return cl
}

// Attached says that a client is attached to a session, and has seen everything up
// to zxid, which is not below the entry that attached it.
func (c *Checker) Attached(id int, session, zxid, now int64) error {
	if c.err != nil {
		return c.err
	}
	cl := c.client(id)
	c.stats.Attached++
	switch x := c.model.Session(session); {
	case x == nil || zxid > c.model.Last():
		return c.fail(SessionOrder, "client %d is attached to session %d at zxid %d, which nobody has applied", id, session, zxid)
	case cl.session != 0 && cl.session != session:
		return c.fail(SessionOrder, "client %d is attached to session %d, it has %d", id, session, cl.session)
	case c.bySession[session] != nil && c.bySession[session] != cl:
		return c.fail(SessionOrder, "client %d is attached to session %d of client %d", id, session, c.bySession[session].id)
	default:
		cl.session, cl.over = session, x.Ended != 0
	}
	c.bySession[session] = cl
	if z := c.expiries[session]; z != 0 {
		cl.expired = z
		if cl.leased && now < cl.until {
			return c.fail(Expiry, "client %d believes in a lease of session %d, which expired at zxid %d", id, session, z)
		}
	}
	return c.shown(cl, zxid, "attached")
}

// LastSeen says that a client says that it has seen everything up to zxid. It is
// called when all events that came with it were told.
func (c *Checker) LastSeen(id int, zxid int64) error {
	if c.err != nil {
		return c.err
	}
	return c.shown(c.client(id), zxid, "last seen")
}

// shown takes a zxid whose state a session is shown.
func (c *Checker) shown(cl *client, zxid int64, what string) error {
	switch {
	case zxid < cl.seen:
		return c.fail(SessionOrder, "client %d (session %d): %s at zxid %d after %d", cl.id, cl.session, what, zxid, cl.seen)
	case zxid > c.model.Last():
		return c.fail(Linearizability, "client %d is shown zxid %d, nobody has applied more than %d", cl.id, zxid, c.model.Last())
	}
	cl.seen = zxid
	c.acked = max(c.acked, zxid)
	return c.owing(cl, zxid)
}

// Submitted says that a call was submitted to a client, which sees it as the id.
func (c *Checker) Submitted(id int, callID uint64, what *protocol.Call) error {
	if c.err != nil {
		return c.err
	}
	cl := c.client(id)
	if cl.calls[callID] != nil {
		return c.fail(SessionOrder, "client %d: call %d was submitted already", id, callID)
	}
	cl.submitted++
	k := &call{
		id: callID, place: cl.submitted, floor: c.model.Last(), auth: what.Auth, read: what.Read,
		before: cl.base + len(cl.writes),
	}
	switch {
	case what.Op != nil:
		k.op = tree.AppendOp(nil, what.Op)
		cl.writes = append(cl.writes, k)
	case what.Auth == nil && what.Read.Watch != 0:
		c.watchAsked(cl, &what.Read)
	}
	cl.calls[callID] = k
	cl.pending = append(cl.pending, k)
	c.sliceSubmitted(cl, k, what)
	return c.err
}

// executed takes the write that an entry executes: it is the session's next.
func (c *Checker) executed(a *Applied, p *model.Prediction) error {
	if p.Repeated {
		c.stats.Repeated++
		if cl := c.bySession[p.Session]; cl != nil {
			cl.repeated[p.Sequence] = true
		}
	}
	if !p.Executed {
		return nil
	}
	z := a.Entry.Zxid
	cl := c.bySession[p.Session]
	if cl == nil {
		return c.fail(Linearizability, "zxid %d: a write of session %d, which nobody has", z, p.Session)
	}
	k := cl.nextWrite()
	if k == nil {
		return c.fail(Linearizability, "zxid %d: write %d of session %d is executed, which its client %d has not submitted, or was told is not applied",
			z, p.Sequence, p.Session, cl.id)
	}
	if p.Sequence != cl.sequence+1 {
		return c.fail(ExactlyOnce, "zxid %d: write %d of session %d is executed after %d", z, p.Sequence, p.Session, cl.sequence)
	}
	if op := tree.AppendOp(nil, p.Command.(tree.Write).Op); !bytes.Equal(op, k.op) {
		return c.fail(Linearizability, "zxid %d: write %d of session %d is not call %d of client %d, whose turn it is",
			z, p.Sequence, p.Session, k.id, cl.id)
	}
	if z <= k.floor {
		return c.fail(Linearizability, "zxid %d: call %d of client %d was submitted after zxid %d was applied", z, k.id, cl.id, k.floor)
	}
	cl.sequence = p.Sequence
	k.zxid, k.record = z, a.Outcome.Record()
	return nil
}

// nextWrite returns the write that has the next sequence, and passes over it.
func (cl *client) nextWrite() *call {
	for cl.mapped < cl.base+len(cl.writes) {
		k := cl.writes[cl.mapped-cl.base]
		cl.mapped++
		if !k.withdrawn {
			return k
		}
	}
	return nil
}

// Resolved says that a call has its answer, or that there is none.
func (c *Checker) Resolved(id int, callID uint64, what *protocol.Call) error {
	if c.err != nil {
		return c.err
	}
	cl := c.client(id)
	k := cl.calls[callID]
	if k == nil {
		return c.fail(SessionOrder, "client %d: call %d is resolved and not under way", id, callID)
	}
	delete(cl.calls, callID)
	k.resolved = true
	defer cl.forget()
	if what.Answer == nil {
		return c.unanswered(cl, k, what)
	}
	if k.place <= cl.answered {
		return c.fail(SessionOrder, "client %d: call %d is answered after one that was submitted later", id, callID)
	}
	cl.answered = k.place
	if cl.ended {
		return c.fail(SessionOrder, "client %d: call %d is answered after the session's end", id, callID)
	}
	var err error
	switch {
	case k.op != nil:
		err = c.writeAnswered(cl, k, what.Answer)
	case k.auth != nil:
		err = c.authAnswered(cl, k, what.Answer)
	default:
		err = c.readAnswered(cl, k, what.Answer)
	}
	if err == nil {
		err = c.sliceAnswered(k, what.Answer)
	}
	return err
}

// unanswered takes a call that has no answer.
func (c *Checker) unanswered(cl *client, k *call, what *protocol.Call) error {
	c.sliceUnanswered(k)
	switch {
	case k.op == nil:
		if k.auth == nil {
			c.watchDropped(cl, k.read.Watch)
		}
	case what.Unknown:
		c.stats.Unknown++
	default:
		c.stats.Withdrawn++
		k.withdrawn = true
		if k.zxid != 0 {
			return c.fail(Linearizability, "client %d: call %d is said not to be applied, and was at zxid %d", cl.id, k.id, k.zxid)
		}
	}
	return nil
}

func (c *Checker) writeAnswered(cl *client, k *call, a *protocol.Answer) error {
	c.stats.Writes++
	if k.zxid == 0 {
		return c.fail(Linearizability, "client %d: call %d is answered at zxid %d and nobody has applied it", cl.id, k.id, a.Zxid)
	}
	if !bytes.Equal(a.Record, k.record) {
		if cl.repeated[cl.sequenceOf(k)] || a.Record == nil {
			return c.fail(ExactlyOnce, "client %d: the answer of call %d is not the stored record of its first time, zxid %d: code %d, %x, should be %x",
				cl.id, k.id, k.zxid, a.Code, a.Record, k.record)
		}
		return c.fail(Linearizability, "client %d: the answer of call %d is not that of zxid %d: %x, should be %x",
			cl.id, k.id, k.zxid, a.Record, k.record)
	}
	c.acked = max(c.acked, k.zxid)
	if a.Zxid == 0 { // by what was left of the session after its end
		return nil
	}
	if a.Zxid < k.zxid {
		return c.fail(SessionOrder, "client %d: call %d is answered at zxid %d, and was applied at %d", cl.id, k.id, a.Zxid, k.zxid)
	}
	return c.shown(cl, a.Zxid, "write answered")
}

// sequenceOf finds the sequence of a write that was executed.
func (cl *client) sequenceOf(k *call) uint64 {
	seq := cl.sequence
	for i := cl.mapped - cl.base - 1; i >= 0; i-- {
		switch w := cl.writes[i]; {
		case w == k:
			return seq
		case w.zxid != 0:
			seq--
		}
	}
	return 0
}

func (c *Checker) authAnswered(cl *client, k *call, a *protocol.Answer) error {
	if err := c.shown(cl, a.Zxid, "auth answered"); err != nil {
		return err
	}
	user, password, _ := bytes.Cut(k.auth.Credential, []byte(":"))
	id := tree.DigestID(string(user), string(password))
	if a.Code == tree.CodeOK && !c.model.Has(cl.session, id, a.Zxid) {
		return c.fail(SessionOrder, "client %d: call %d is answered at zxid %d, and the session has not the identity", cl.id, k.id, a.Zxid)
	}
	return nil
}

// Ended says that a client knows that its session is over.
func (c *Checker) Ended(id int, fault protocol.Fault) error {
	if c.err != nil {
		return c.err
	}
	cl := c.client(id)
	cl.ended = true
	for _, w := range cl.watches {
		w.removed = true
	}
	c.sweep(cl)
	if fault != protocol.FaultExpired {
		return nil
	}
	if x := c.model.Session(cl.session); cl.session != 0 && x != nil && x.Ended == 0 {
		return c.fail(Expiry, "client %d is told that session %d expired, which is alive", id, cl.session)
	}
	if cl.leased {
		return c.fail(Expiry, "client %d is told that session %d expired while it believes in its lease", id, cl.session)
	}
	return nil
}

// forget drops calls that say nothing any more.
func (cl *client) forget() {
	n := 0
	for n < len(cl.pending) && cl.pending[n].resolved {
		cl.pending[n] = nil
		n++
	}
	cl.pending = cl.pending[n:]
	needed := cl.base + len(cl.writes)
	if len(cl.pending) > 0 {
		needed = cl.pending[0].before
	}
	for len(cl.writes) > 0 && cl.base < needed {
		w := cl.writes[0]
		if !w.resolved || w.zxid == 0 && !w.withdrawn {
			return
		}
		cl.dropped = max(cl.dropped, w.zxid)
		cl.writes[0] = nil
		cl.writes = cl.writes[1:]
		cl.base++
		cl.mapped = max(cl.mapped, cl.base)
	}
}
