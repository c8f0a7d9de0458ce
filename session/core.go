package session

import (
	"cmp"
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/watch"
)

// core is the thin shell around a session's step machine: it feeds it events and
// carries out its effects, one at a time and in order.
type core struct {
	options Options
	base    time.Time // the machine's time is what has passed since
	room    *semaphore.Weighted
	done    chan struct{}

	connects     context.Context // of every Connect
	stopConnects context.CancelFunc
	connecting   sync.WaitGroup

	sending []protocol.Request // scratch of whoever carries out effects

	mu       sync.Mutex // over all below; nothing under it can block
	machine  *protocol.Client
	waiting  []protocol.Effect // to be carried out
	spare    []protocol.Effect
	busy     bool // somebody carries out effects
	backends []Backend
	link     Link // open, of number linkNo
	linkNo   uint64
	closedNo uint64 // links up to this one are not wanted any more
	watches  map[uint64]*stream
	timer    *time.Timer
	timerAt  int64
	lease    *leaseContext // nil before the first lease
	status   Status
	changed  chan struct{} // closed when status is out of date
	fault    error         // why it ended
}

// stream is the producer's end of one watch.
type stream struct {
	*watch.Stream
	id uint64
}

func (c *core) now() int64 { return int64(time.Since(c.base)) }

func (c *core) start(config protocol.ClientConfig) {
	c.mu.Lock()
	c.timerAt = math.MaxInt64
	c.timer = time.AfterFunc(math.MaxInt64, func() { c.step((*protocol.Client).Tick) })
	c.machine = protocol.NewClient(config, c.now())
	c.run()
}

// step feeds the machine one event and sees to its effects.
func (c *core) step(event func(m *protocol.Client, now int64)) {
	c.mu.Lock()
	event(c.machine, c.now())
	c.run()
}

// run carries out effects until there are none, unless somebody else is at it
// already: then they are left to them. It is entered with the mutex held, and
// leaves without.
func (c *core) run() {
	c.waiting = c.machine.TakeEffects(c.waiting)
	if c.busy {
		c.mu.Unlock()
		return
	}
	c.busy = true
	for len(c.waiting) > 0 {
		batch := c.waiting
		c.waiting, c.spare = c.spare[:0], nil
		c.mu.Unlock()
		c.carryOut(batch)
		clear(batch)
		c.mu.Lock()
		c.spare = batch[:0]
	}
	c.busy = false
	c.setTimer()
	c.mu.Unlock()
}

// setTimer has Tick called when the machine wants it. A timer that fires early
// finds nothing to do and is set again.
func (c *core) setTimer() {
	at := c.machine.Deadline()
	if at == c.timerAt || at > c.timerAt && c.timerAt > c.now() {
		return
	}
	c.timerAt = at
	if at == math.MaxInt64 {
		c.timer.Stop()
		return
	}
	c.timer.Reset(time.Duration(at - c.now()))
}

// carryOut does what effects say, in order, with no lock held.
func (c *core) carryOut(effects []protocol.Effect) {
	for i := 0; i < len(effects); i++ {
		switch e := &effects[i]; e.Kind {
		case protocol.EffectSend:
			i += c.sendAll(effects[i:]) - 1
		case protocol.EffectResolve:
			e.Call.Owner.(*Pending).resolved()
		case protocol.EffectEvents:
			switch w := c.stream(e.Watch); {
			case w == nil:
			case e.Replay != 0:
				w.Replay(e.Replay, e.Events...)
			default:
				w.Push(e.Events...)
			}
		case protocol.EffectEndWatch:
			c.endWatch(e.Watch, nil)
		case protocol.EffectConnect:
			number, backend := e.Link, e.Backend
			c.connecting.Go(func() { c.connect(number, backend) })
		case protocol.EffectDisconnect:
			c.disconnect(e.Link)
		case protocol.EffectAttached:
			c.setStatus(true, e.Backend)
		case protocol.EffectDetached:
			c.setStatus(false, 0)
		case protocol.EffectLease:
			c.renewLease(e.Until)
		case protocol.EffectLeaseLost:
			c.endLease(cmp.Or(faults[e.Fault], ErrLease))
		case protocol.EffectEnded:
			c.end(faults[e.Fault])
		}
	}
}

// sendAll sends the requests at the head of effects that are for one link, and
// returns how many there were.
func (c *core) sendAll(effects []protocol.Effect) int {
	n := 1
	for n < len(effects) && effects[n].Kind == protocol.EffectSend && effects[n].Link == effects[0].Link {
		n++
	}
	c.mu.Lock()
	link := c.link
	if c.linkNo != effects[0].Link {
		link = nil
	}
	c.mu.Unlock()
	if link == nil {
		return n
	}
	for i := range n {
		c.sending = append(c.sending, effects[i].Request)
	}
	link.Send(c.sending...)
	clear(c.sending)
	c.sending = c.sending[:0]
	return n
}

// connect opens a link and reports it.
func (c *core) connect(number uint64, backend int) {
	c.mu.Lock()
	b := c.backends[backend]
	wanted := number > c.closedNo
	c.mu.Unlock()
	if !wanted {
		return
	}
	link, err := b.Connect(c.connects, &receiver{c, number})
	if err != nil {
		c.step(func(m *protocol.Client, now int64) {
			if errors.Is(err, ErrBackendClosed) {
				m.Gone(backend, now)
			}
			m.Lost(number, now)
		})
		return
	}
	c.mu.Lock()
	if number <= c.closedNo {
		c.mu.Unlock()
		link.Close()
		return
	}
	c.link, c.linkNo = link, number
	c.machine.Connected(number, c.now())
	c.run()
}

func (c *core) disconnect(number uint64) {
	c.mu.Lock()
	c.closedNo = max(c.closedNo, number)
	var link Link
	if c.linkNo == number {
		link, c.link = c.link, nil
	}
	c.mu.Unlock()
	if link != nil {
		link.Close()
	}
}

// receiver takes the messages of one link.
type receiver struct {
	c      *core
	number uint64
}

func (r *receiver) Receive(messages []protocol.Message) {
	r.c.step(func(m *protocol.Client, now int64) {
		for _, msg := range messages {
			m.Receive(r.number, msg, now)
		}
	})
}

func (r *receiver) Lost(error) {
	r.c.step(func(m *protocol.Client, now int64) { m.Lost(r.number, now) })
}

func (c *core) move(b Backend) int {
	var target int
	c.step(func(m *protocol.Client, now int64) {
		for target = 0; target < len(c.backends); target++ {
			if c.backends[target] == b {
				break
			}
		}
		if target == len(c.backends) {
			c.backends = append(c.backends, b)
			m.AddBackend()
		}
		if !c.status.Attached || c.status.Backend != target {
			m.Move(target, now)
		}
	})
	return target
}

func (c *core) currentStatus() (Status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	if c.lease != nil {
		st.Lease = c.lease.deadline()
	}
	return st, c.changed
}

func (c *core) setStatus(attached bool, backend int) {
	c.mu.Lock()
	c.status = Status{Attached: attached, Backend: backend}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
}

func (c *core) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *core) endError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// end is the end of the session: everybody who waits is told.
func (c *core) end(why error) {
	c.endLease(why)
	c.mu.Lock()
	c.fault = why
	streams := c.watches
	c.watches = map[uint64]*stream{}
	close(c.done)
	close(c.changed)
	c.changed = make(chan struct{})
	c.timer.Stop()
	c.mu.Unlock()
	for _, w := range streams {
		w.Fail(why)
	}
	c.stopConnects()
}

// stop waits for what still runs after the end.
func (c *core) stop() {
	<-c.done
	c.timer.Stop()
	c.connecting.Wait()
}
