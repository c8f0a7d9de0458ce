package zab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

const (
	// greetingElections is how long a connection may take for its hello, in election
	// timeouts.
	greetingElections = 4
	// maxGreeting is how many accepted connections may be about to say hello.
	maxGreeting = 64
)

type dialEvent struct {
	kind dialKind
	id   uint64
}

type dialKind uint8

const (
	dialMembers dialKind = iota
	dialUp
	dialDown
)

// dial is the goroutine that decides whom to dial; each attempt has one of its
// own while it lasts, so that a slow one holds up no other.
func (r *Replica) dial() {
	tick := int64(r.cfg.Tick)
	p := dialPlan{self: r.cfg.ID, first: max(tick/8, int64(time.Millisecond)), longest: tick * int64(r.cfg.ElectionTicks)}
	now := func() int64 { return int64(time.Since(r.started)) }
	var events []dialEvent
	for {
		events = r.dialing.take(events)
		for _, e := range events {
			switch e.kind {
			case dialMembers:
				p.members(r.members.Load().peers, now())
			case dialUp:
				p.up(e.id, now())
			case dialDown:
				p.down(e.id, now())
			}
		}
		for _, to := range p.due(now()) {
			r.run("invariant", func() { r.dialOne(to) })
		}
		if !r.untilDial(&p, now()) {
			return
		}
	}
}

// untilDial waits until there may be somebody to dial.
func (r *Replica) untilDial(p *dialPlan, now int64) bool {
	var due <-chan time.Time
	if at, ok := p.next(); ok {
		timer := time.NewTimer(time.Duration(max(0, at-now)))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-r.dialing.bell:
	case <-due:
	case <-r.stop:
		return false
	}
	return true
}

// dialOne makes both connections of a link.
func (r *Replica) dialOne(to transport.Endpoint) {
	nonce := rand.Uint64()
	var made []arrival
	for lane := range protocol.Lanes {
		a, err := r.dialLane(to, lane, nonce)
		if err != nil {
			for _, a := range made {
				a.conn.Close()
			}
			if r.ctx.Err() == nil {
				r.notConnected(to, err)
				r.dialing.put(dialEvent{dialDown, to.ID})
			}
			return
		}
		made = append(made, a)
	}
	for _, a := range made {
		r.arrived(a)
	}
}

func (r *Replica) dialLane(to transport.Endpoint, lane protocol.Lane, nonce uint64) (arrival, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.greetingTime())
	defer cancel()
	conn, err := r.cfg.Transport.Dial(ctx, to)
	if err != nil {
		return arrival{}, err
	}
	// From here on the deadline, or the end of this replica, closes the connection.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	h := r.hello(to.ID, lane, nonce)
	answer, err := r.exchange(conn, &h)
	if err == nil && (answer.lane != lane || answer.nonce != nonce) {
		err = &refusal{refusedHello, "the answer is to another hello"}
	}
	if err == nil {
		g := r.greeting()
		err = g.check(&answer, to.ID, conn.Peer())
	}
	if err == nil && answer.refused != "" {
		err = errors.New("refused: " + answer.refused)
	}
	if !stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		conn.Close()
		return arrival{}, err
	}
	g := r.greeting()
	return arrival{half{peer: protocol.Peer{ID: answer.from, Incarnation: answer.incarnation}, nonce: nonce, lane: lane, vouched: g.vouched(&answer)}, conn, true}, nil
}

// exchange sends a hello and receives the other side's.
func (r *Replica) exchange(conn transport.Conn, h *hello) (hello, error) {
	if err := conn.Send(h.encode()); err != nil {
		return hello{}, err
	}
	frame, err := conn.Recv()
	if err != nil {
		return hello{}, err
	}
	return decodeHello(frame)
}

// accept is the goroutine that takes connections from others.
func (r *Replica) accept() {
	crowd := make(chan struct{}, maxGreeting)
	for {
		conn, err := r.cfg.Transport.Accept(r.ctx)
		if err != nil {
			if r.ctx.Err() == nil {
				r.fail("transport", err)
			}
			return
		}
		select {
		case crowd <- struct{}{}:
			r.run("invariant", func() {
				defer func() { <-crowd }()
				r.welcome(conn)
			})
		default:
			conn.Close()
			r.refused(conn, &refusal{refusedCrowd, fmt.Sprintf("%d have not said hello yet", maxGreeting)})
		}
	}
}

// welcome exchanges hellos with whoever dialed.
func (r *Replica) welcome(conn transport.Conn) {
	ctx, cancel := context.WithTimeout(r.ctx, r.greetingTime())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	h, err := r.answer(conn)
	if !stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		conn.Close()
		r.refused(conn, err)
		return
	}
	g := r.greeting()
	r.arrived(arrival{half{peer: protocol.Peer{ID: h.from, Incarnation: h.incarnation}, nonce: h.nonce, lane: h.lane, vouched: g.vouched(&h)}, conn, false})
}

func (r *Replica) answer(conn transport.Conn) (hello, error) {
	frame, err := conn.Recv()
	if err != nil {
		return hello{}, err
	}
	h, err := decodeHello(frame)
	if err != nil {
		return hello{}, err
	}
	g := r.greeting()
	err = g.check(&h, 0, conn.Peer())
	mine := r.hello(h.from, h.lane, h.nonce)
	if err != nil {
		mine.refused = err.Error() // for the other's log
	}
	return h, errors.Join(err, conn.Send(mine.encode()))
}

func (r *Replica) arrived(a arrival) {
	if !r.box.ask(func(in *inbox) { in.arrivals = append(in.arrivals, a) }) {
		a.conn.Close()
	}
}

func (r *Replica) hello(to uint64, lane protocol.Lane, nonce uint64) hello {
	members := r.members.Load()
	return hello{min: protocolVersion, max: protocolVersion, ensemble: r.ensemble, from: r.cfg.ID,
		incarnation: r.hard.Incarnation, to: to, lane: lane, nonce: nonce,
		config: members.version, lists: members.lists(to)}
}

func (r *Replica) greeting() greeting {
	members := r.members.Load()
	return greeting{self: r.cfg.ID, ensemble: r.ensemble, member: members.has, config: members.version}
}

func (r *Replica) greetingTime() time.Duration {
	return greetingElections * time.Duration(r.cfg.ElectionTicks) * r.cfg.Tick
}

// notConnected logs why a member that was dialed is not linked.
func (r *Replica) notConnected(to transport.Endpoint, err error) {
	if held, ok := r.refusals.note(refusalKey{kindOf(err, refusedDial), to.ID}, time.Now()); ok {
		r.log.Warn("not connected", "peer", to.ID, "addr", to.Addr, "err", err, "more", held)
	}
}

// kindOf returns the kind of a refusal, or what everything else is.
func kindOf(err error, other refusalKind) refusalKind {
	var why *refusal
	if errors.As(err, &why) {
		return why.kind
	}
	return other
}

// refused logs why a connection that another dialed was closed before it was one of a link.
func (r *Replica) refused(conn transport.Conn, err error) {
	if r.ctx.Err() != nil {
		return
	}
	if held, ok := r.refusals.note(refusalKey{kindOf(err, refusedHello), 0}, time.Now()); ok {
		r.log.Warn("connection refused", "remote", conn.Remote(), "err", err, "more", held)
	}
}
