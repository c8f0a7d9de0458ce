package zab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
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
	p := driver.DialPlan{Self: r.cfg.ID, First: max(tick/8, int64(time.Millisecond)), Longest: tick * int64(r.cfg.ElectionTicks)}
	now := func() int64 { return int64(time.Since(r.started)) }
	var events []dialEvent
	for {
		events = r.dialing.take(events)
		for _, e := range events {
			switch e.kind {
			case dialMembers:
				p.Members(r.members.Load().Peers, now())
			case dialUp:
				p.Up(e.id, now())
			case dialDown:
				p.Down(e.id, now())
			}
		}
		for _, to := range p.Due(now()) {
			r.run("invariant", func() { r.dialOne(to) })
		}
		if !r.untilDial(&p, now()) {
			return
		}
	}
}

// untilDial waits until there may be somebody to dial.
func (r *Replica) untilDial(p *driver.DialPlan, now int64) bool {
	var due <-chan time.Time
	if at, ok := p.Next(); ok {
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
	half, err := r.exchange(conn, to.ID, lane, nonce)
	if !stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		conn.Close()
		return arrival{}, err
	}
	return arrival{half, conn, true}, nil
}

// exchange sends a hello and receives the answer.
func (r *Replica) exchange(conn transport.Conn, to uint64, lane protocol.Lane, nonce uint64) (driver.Half, error) {
	if err := conn.Send(r.identity.Hello(r.members.Load(), to, lane, nonce)); err != nil {
		return driver.Half{}, err
	}
	frame, err := conn.Recv()
	if err != nil {
		return driver.Half{}, err
	}
	return r.identity.Answered(r.members.Load(), frame, to, lane, nonce, conn.Peer())
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
			r.refused(conn, &driver.Refusal{Kind: driver.RefusedCrowd, Detail: fmt.Sprintf("%d have not said hello yet", maxGreeting)})
		}
	}
}

// welcome exchanges hellos with whoever dialed.
func (r *Replica) welcome(conn transport.Conn) {
	ctx, cancel := context.WithTimeout(r.ctx, r.greetingTime())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	half, err := r.answer(conn)
	if !stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		conn.Close()
		r.refused(conn, err)
		return
	}
	r.arrived(arrival{half, conn, false})
}

func (r *Replica) answer(conn transport.Conn) (driver.Half, error) {
	frame, err := conn.Recv()
	if err != nil {
		return driver.Half{}, err
	}
	half, answer, err := r.identity.Welcome(r.members.Load(), frame, conn.Peer())
	if answer != nil {
		err = errors.Join(err, conn.Send(answer))
	}
	return half, err
}

func (r *Replica) arrived(a arrival) {
	if !r.box.ask(func(in *inbox) { in.arrivals = append(in.arrivals, a) }) {
		a.conn.Close()
	}
}

func (r *Replica) greetingTime() time.Duration {
	return greetingElections * time.Duration(r.cfg.ElectionTicks) * r.cfg.Tick
}

// notConnected logs why a member that was dialed is not linked.
func (r *Replica) notConnected(to transport.Endpoint, err error) {
	if held, ok := r.refusals.note(refusalKey{kindOf(err, driver.RefusedDial), to.ID}, time.Now()); ok {
		r.log.Warn("not connected", "peer", to.ID, "addr", to.Addr, "err", err, "more", held)
	}
}

// kindOf returns the kind of a refusal, or what everything else is.
func kindOf(err error, other driver.RefusalKind) driver.RefusalKind {
	var why *driver.Refusal
	if errors.As(err, &why) {
		return why.Kind
	}
	return other
}

// refused logs why a connection that another dialed was closed before it was one of a link.
func (r *Replica) refused(conn transport.Conn, err error) {
	if r.ctx.Err() != nil {
		return
	}
	if held, ok := r.refusals.note(refusalKey{kindOf(err, driver.RefusedHello), 0}, time.Now()); ok {
		r.log.Warn("connection refused", "remote", conn.Remote(), "err", err, "more", held)
	}
}
