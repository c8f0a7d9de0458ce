package sim

import (
	"github.com/zabtree/zabtree/internal/sim/netsim"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// client is a program with one session at a time, on a machine of its own: the
// client side's step machine, over a connection to some member.
type client struct {
	w     *World
	id    uint64 // for the network
	name  int
	life  int // its session, to the checkers
	rnd   *sched.Stream
	more  *sched.Stream // for workload.more
	clock clock
	owner *sched.Owner // of this session's life

	m       *protocol.Client
	timer   sched.Handle
	conn    netsim.Conn
	link    uint64 // that conn is for
	work    *workload
	calls   uint64 // so far
	last    *call
	waiting []*call         // for answers
	pinged  int64           // when, the last time, in true time
	asking  map[uint64]bool // what is under way on the link
	until   int64           // of the lease, in true time
	effects []protocol.Effect
	busy    bool // carrying them out
	leased  bool
}

// firstClient is where the network's numbers of clients begin.
const firstClient = 1000

func (c *client) now() int64 { return c.clock.mono(c.w.sched.Now()) }

// open begins a session.
func (c *client) open() {
	c.owner = c.w.sched.NewOwner()
	c.pinged = 0
	c.link, c.conn, c.leased, c.waiting, c.last = 0, netsim.Conn{}, false, nil, nil
	var p tree.Password
	for i := range p {
		p[i] = byte(c.rnd.IntN(256))
	}
	c.m = protocol.NewClient(protocol.ClientConfig{
		Timeout: c.w.opts.SessionTimeout, Password: p, Backends: len(c.w.members), Window: c.w.opts.Window,
	}, c.now())
	c.m.Move(c.rnd.IntN(len(c.w.members)), c.now())
	c.work = &workload{c: c}
	c.w.observe.opened(c)
	c.carryOut()
	c.work.begin()
}

// abandon is the end of the program, without a word to anybody.
func (c *client) abandon() {
	c.owner.Kill()
	c.hangUp()
	c.w.observe.abandoned(c)
}

// carryOut does what the client side wants. What an effect leads to joins the end.
func (c *client) carryOut() {
	if c.busy {
		return
	}
	c.busy = true
	for {
		c.effects = c.m.TakeEffects(c.effects[:0])
		if len(c.effects) == 0 {
			break
		}
		for i := range c.effects {
			c.effect(&c.effects[i])
		}
	}
	c.busy = false
	c.w.observe.seen(c)
	c.timer.Cancel()
	c.timer = c.w.sched.At(c.clock.truly(c.m.Deadline()), c.owner, sched.Idle, func() {
		c.m.Tick(c.now())
		c.carryOut()
	})
}

func (c *client) effect(e *protocol.Effect) {
	switch e.Kind {
	case protocol.EffectConnect:
		c.connect(e.Link, e.Backend)
	case protocol.EffectDisconnect:
		if c.link == e.Link {
			c.hangUp()
		}
	case protocol.EffectSend:
		if c.link == e.Link {
			c.asked(e.Request)
			if _, ok := e.Request.(*protocol.Ping); ok {
				c.pinged = c.w.sched.Now()
			}
			c.conn.Send(protocol.AppendRequest(nil, e.Request))
		}
	case protocol.EffectResolve:
		c.work.resolved(e.Call.Owner.(*call))
	case protocol.EffectEvents:
		c.w.observe.events(c, e.Watch, e.Events)
	case protocol.EffectAttached:
		c.pinged = c.w.sched.Now() // it counts as one
		c.w.observe.attached(c)
	case protocol.EffectLease:
		c.leased, c.until = true, c.clock.truly(e.Until)
		c.w.observe.lease(c)
	case protocol.EffectLeaseLost:
		c.leased = false
		c.work.leaseLost()
		c.w.observe.leaseLost(c)
	case protocol.EffectEnded:
		c.ended(e.Fault)
	}
}

// ended is the end of the session; the program opens another one.
func (c *client) ended(fault protocol.Fault) {
	c.w.observe.ended(c, fault)
	c.owner.Kill()
	c.hangUp()
	c.w.sched.After(max(c.rnd.Exp(100*millisecond), millisecond), nil, sched.Work, c.open)
}

// leasedNow says whether the client may believe in its session at this moment.
func (c *client) leasedNow() bool { return c.leased && c.w.sched.Now() < c.until }
