package protocol

import (
	"github.com/zabtree/zabtree/tree"
)

// ClientConfig says what session to have.
type ClientConfig struct {
	Timeout  int64         // nanoseconds, above 0, up to MaxTimeout; what is asked of the host
	Password tree.Password // 128 random bits
	Backends int           // how many there are to choose from, at least 1
	Window   int           // how many calls may be under way at the host; 0: 1024
}

const defaultWindow = 1024

// MaxTimeout is the longest timeout that a Client counts with, in nanoseconds: 100
// years of 365 days. Twice that can still be added to a clock.
const MaxTimeout = 100 * 365 * 24 * 3600 * 1_000_000_000

type linkState uint8

const (
	linkNone       linkState = iota // waiting for retryAt
	linkConnecting                  // EffectConnect is under way
	linkJoining                     // Open or Attach is under way
	linkAttached
)

// Client is the client side of one session: it opens the session, pipelines
// calls in the order submitted, moves to another backend when one fails, sends
// again what was not answered, brings its watches along, pings, and knows until
// when it can be sure of its ephemerals.
//
// It is a step machine. Times are nanoseconds of one monotonic clock. Each
// method is an event; the effects so far are fetched with TakeEffects, and
// Deadline says when to call Tick at the latest. A Client is for one goroutine
// at a time.
type Client struct {
	config  ClientConfig
	now     int64
	effects []Effect

	session    int64 // 0: not open yet
	attachment int64
	timeout    int64
	limits     tree.Limits // the host's
	ended      bool
	ending     Fault
	closing    bool

	// The link. Its number is never used again.
	link     uint64
	state    linkState
	backend  int
	gone     []bool // backends that are closed for good
	failures int    // in a row, of links
	retryAt  int64  // for linkNone
	opened   bool   // an Open was sent
	openedAt int64  // when the first one was
	giveUpAt int64  // for the other states: when the link is as good as broken

	calls    queue
	inflight int
	nextID   uint64
	lastSeq  uint64 // the last sequence that was sent
	answered uint64 // the last sequence up to which there are all answers
	lastSeen int64

	watches   map[uint64]*clientWatch
	nextWatch uint64
	arriving  []Event  // of an Events with More
	removed   []uint64 // watches that the link has brought along and that are not wanted any more

	pings  []sentPing
	nextN  uint64
	pingAt int64
	leased bool
	until  int64 // of the lease
}

type sentPing struct {
	n  uint64
	at int64
}

// NewClient returns the client side of a session that does not exist yet, and
// begins to open it at the first backend.
func NewClient(config ClientConfig, now int64) *Client {
	if config.Window <= 0 {
		config.Window = defaultWindow
	}
	config.Timeout = min(config.Timeout, MaxTimeout)
	c := &Client{
		config: config, now: now, timeout: config.Timeout,
		watches: map[uint64]*clientWatch{}, gone: make([]bool, config.Backends),
	}
	c.connect()
	return c
}

func (c *Client) emit(e Effect) { c.effects = append(c.effects, e) }

// TakeEffects returns what is to be done since the last call, in order, and
// appends it to dst.
func (c *Client) TakeEffects(dst []Effect) []Effect {
	dst = append(dst, c.effects...)
	clear(c.effects)
	c.effects = c.effects[:0]
	return dst
}

// Session returns the session's id, 0 before it is open; Timeout what the host
// made of the timeout; LastSeen the zxid that the session has seen.
func (c *Client) Session() int64  { return c.session }
func (c *Client) Timeout() int64  { return c.timeout }
func (c *Client) LastSeen() int64 { return c.lastSeen }

// Limits returns what an Op must be held to before it is submitted.
func (c *Client) Limits() tree.Limits { return c.limits }

// Ended says whether the session is over, and Ending how it ended.
func (c *Client) Ended() bool { return c.ended }

// Ending returns FaultNone while the session is not over.
func (c *Client) Ending() Fault { return c.ending }

// Unanswered returns how many calls have no answer yet.
func (c *Client) Unanswered() int { return c.calls.len() }

// Submit puts a call behind all others. It resolves at once if the session is
// closing or over.
func (c *Client) Submit(call *Call, now int64) {
	c.now = now
	switch {
	case c.ended:
		c.resolve(call, c.ending, false)
	case c.closing:
		c.resolve(call, FaultClosed, false)
	default:
		c.enqueue(call)
	}
}

func (c *Client) enqueue(call *Call) {
	c.nextID++
	call.id = c.nextID
	c.calls.push(call)
	c.pump()
}

// Cancel resolves a call that nobody wants to wait for any longer. A write that
// was sent goes on all the same.
func (c *Client) Cancel(call *Call, now int64) {
	c.now = now
	if call.resolved {
		return
	}
	if call.counted && !call.write() {
		c.send(&Cancel{ID: call.id})
		c.inflight--
	}
	c.dropPendingWatch(call)
	c.resolve(call, FaultCancelled, call.everSent && call.write())
	c.calls.trim()
	c.pump()
}

// Close asks for the end of the session behind all calls that were submitted.
func (c *Client) Close(now int64) {
	c.now = now
	if c.ended || c.closing {
		return
	}
	c.closing = true
	c.enqueue(&Call{closing: true})
	if c.state == linkNone {
		c.connect()
	}
}

// Abandon ends the session on this side alone.
func (c *Client) Abandon(now int64) {
	c.now = now
	if !c.ended {
		c.end(FaultClosed, nil)
	}
}

func (c *Client) resolve(call *Call, fault Fault, unknown bool) {
	if call.resolved {
		return
	}
	call.resolved, call.Fault, call.Unknown = true, fault, unknown
	if !call.closing {
		c.emit(Effect{Kind: EffectResolve, Call: call})
	}
}

func (c *Client) send(r Request) {
	c.emit(Effect{Kind: EffectSend, Link: c.link, Request: r})
}

// pump sends what may be sent.
func (c *Client) pump() {
	if c.state != linkAttached {
		return
	}
	for c.calls.sent < c.calls.len() && c.inflight < c.config.Window {
		call := c.calls.at(c.calls.sent)
		c.calls.sent++
		if call.idle() {
			continue
		}
		call.everSent, call.counted = true, true
		c.inflight++
		c.send(c.request(call))
	}
}

// request builds the request for a call. A new one each time, as an earlier one
// may still be in the hands of another host.
func (c *Client) request(call *Call) Request {
	if call.write() && call.sequence == 0 {
		c.lastSeq++
		call.sequence = c.lastSeq
	}
	switch {
	case call.closing:
		return &Close{ID: call.id, Sequence: call.sequence, AnsweredUpTo: c.answered}
	case call.Op != nil:
		return &Write{ID: call.id, Sequence: call.sequence, AnsweredUpTo: c.answered, Op: call.Op}
	case call.Auth != nil:
		r := *call.Auth
		r.ID = call.id
		return &r
	}
	r := call.Read
	r.ID, r.Watch = call.id, call.watch()
	c.prepareWatch(&r)
	return &r
}

// answer takes an Answer; answers come in the order of the requests. It says
// whether that was so.
func (c *Client) answer(a *Answer) bool {
	if c.calls.len() > 0 && c.calls.at(0).id < a.ID { // the front is never idle
		return false
	}
	c.seen(a.Zxid)
	if c.calls.len() == 0 || c.calls.at(0).id != a.ID || c.calls.sent == 0 {
		return true // cancelled since
	}
	call := c.calls.pop()
	if call.closing {
		return false
	}
	c.inflight--
	if call.write() {
		c.answered = call.sequence
	}
	if !call.resolved {
		c.settleWatch(call, a)
		call.Answer = a
		c.resolve(call, FaultNone, false)
	}
	c.calls.trim()
	c.pump()
	return true
}

func (c *Client) seen(zxid int64) { c.lastSeen = max(c.lastSeen, zxid) }

// end is the end of the session. Fates are those of writes, if known.
func (c *Client) end(fault Fault, fates []Fate) {
	known := map[uint64]*Fate{}
	for i := range fates {
		known[fates[i].Sequence] = &fates[i]
	}
	c.ended, c.ending = true, fault
	c.drop()
	for c.calls.len() > 0 {
		call := c.calls.pop()
		f := known[call.sequence]
		switch {
		case call.sequence == 0:
			c.resolve(call, fault, false)
		case f == nil || !f.Known:
			c.resolve(call, fault, true)
		case f.Applied && f.Record != nil && !call.resolved:
			call.Answer = &Answer{ID: call.id, Record: f.Record}
			c.resolve(call, FaultNone, false)
		default:
			c.resolve(call, fault, f.Applied)
		}
	}
	c.loseLease(fault)
	c.emit(Effect{Kind: EffectEnded, Fault: fault})
}
