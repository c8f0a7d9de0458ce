package transport

import (
	"math/rand/v2"
	"sync"
	"time"
)

// memoryOverhead is what a frame counts beside its length, so that empty frames
// are bounded too.
const memoryOverhead = 64

// memoryPipe is one direction of a connection: a queue of frames, each with the
// time at which it arrives. Everything in it is guarded by the connection's mutex.
//
// The first ready frames have arrived and stay so, whatever happens to the
// network; the others arrive when their time comes while it is not silent. The
// end, once there is one, comes behind the last frame.
type memoryPipe struct {
	path  memoryPath
	fault memoryFault
	seeds [3]uint64
	rng   *rand.Rand // made at the first draw

	queue []memoryFrame // from head on
	head  int
	ready int
	used  int // bytes held, overhead included
	limit int
	taken time.Time // with a slow reader, when the next frame can be taken

	ended bool      // nothing is sent any more
	endAt time.Time // when the receiver may know, as of a frame
	over  bool      // the receiver may know
	cause error     // what it then knows
	gone  bool      // the receiver closed: what is still sent vanishes

	sender, receiver memoryWaiter
}

type memoryFrame struct {
	data []byte
	at   time.Time // zero: without delay
}

// memoryFault is what is wrong with one direction.
type memoryFault struct {
	silent bool
	delay  memoryDelay
	drop   float64
	slow   int
}

func (p *memoryPipe) init(path memoryPath, limit int, seeds [3]uint64) {
	*p = memoryPipe{path: path, limit: limit, seeds: seeds}
	p.sender.wake = make(chan struct{}, 1)
	p.receiver.wake = make(chan struct{}, 1)
}

// random returns the direction's own source: what it draws depends on nothing
// but the seeds and the frames sent.
func (p *memoryPipe) random() *rand.Rand {
	if p.rng == nil {
		const a, b, c = 0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb
		hi := p.seeds[0]*a ^ p.path.from*b ^ p.seeds[1]*c
		lo := p.seeds[0]*c ^ p.path.to*a ^ p.seeds[2]*b
		p.rng = rand.New(rand.NewPCG(hi, lo))
	}
	return p.rng
}

// setFault puts a fault in force and reports whether anything is new.
func (p *memoryPipe) setFault(f memoryFault) bool {
	if f == p.fault {
		return false
	}
	p.advance() // what arrived before stays arrived
	if f.slow == 0 {
		p.taken = time.Time{}
	}
	p.fault = f
	return true
}

// room reports whether a frame of n bytes fits.
func (p *memoryPipe) room(n int) bool {
	return p.used == 0 || p.used+n+memoryOverhead <= p.limit
}

// loses draws whether the next frame is lost.
func (p *memoryPipe) loses() bool {
	return p.fault.drop > 0 && p.random().Float64() < p.fault.drop
}

// push queues a frame, which belongs to the receiver from here on, and reports
// whether the receiver has to look.
func (p *memoryPipe) push(data []byte) bool {
	p.used += len(data) + memoryOverhead
	if p.gone {
		return false
	}
	waiting := p.head == len(p.queue)
	p.queue = append(p.queue, memoryFrame{data, p.arrival()})
	return waiting
}

// arrival returns when something would arrive that is sent now, if nothing were
// before it in the queue.
func (p *memoryPipe) arrival() time.Time {
	d := p.fault.delay
	if d == (memoryDelay{}) {
		return time.Time{}
	}
	at := time.Now().Add(d.fixed)
	if d.jitter > 0 {
		at = at.Add(time.Duration(p.random().Int64N(int64(d.jitter))))
	}
	return at
}

// advance lets arrive what has arrived by now. Nothing passes what is before it,
// so a shorter delay changes no order.
func (p *memoryPipe) advance() {
	if p.fault.silent {
		return
	}
	var now time.Time
	arrived := func(at time.Time) bool {
		if at.IsZero() {
			return true
		}
		if now.IsZero() {
			now = time.Now()
		}
		return !now.Before(at)
	}
	for p.head+p.ready < len(p.queue) {
		if !arrived(p.queue[p.head+p.ready].at) {
			return
		}
		p.ready++
	}
	if p.ended && !p.over {
		p.over = arrived(p.endAt)
	}
}

// pop takes the next frame. Without one it returns why there will be none, or
// when to look again: zero if only others can change anything.
func (p *memoryPipe) pop() (frame []byte, when time.Time, err error) {
	if p.ready == 0 {
		p.advance()
	}
	if p.ready == 0 {
		if p.over {
			return nil, when, p.cause
		}
		if p.fault.silent {
			return nil, when, nil
		}
		if p.head < len(p.queue) {
			return nil, p.queue[p.head].at, nil
		}
		return nil, p.endTime(), nil
	}
	frame = p.queue[p.head].data
	if p.fault.slow > 0 {
		now := time.Now()
		if now.Before(p.taken) {
			return nil, p.taken, nil
		}
		seconds := float64(len(frame)) / float64(p.fault.slow)
		p.taken = now.Add(time.Duration(seconds * float64(time.Second)))
	}
	p.queue[p.head] = memoryFrame{}
	p.head++
	p.ready--
	p.used -= len(frame) + memoryOverhead
	p.shift()
	return frame, when, nil
}

// shift uses the front of the queue again.
func (p *memoryPipe) shift() {
	switch {
	case p.head == len(p.queue):
		p.queue, p.head = p.queue[:0], 0
	case p.head >= 64 && p.head >= len(p.queue)/2:
		n := copy(p.queue, p.queue[p.head:])
		clear(p.queue[n:])
		p.queue, p.head = p.queue[:n], 0
	}
}

// end lets nothing follow what was sent; the receiver learns of it behind that.
func (p *memoryPipe) end(cause error) {
	if p.ended {
		return
	}
	p.ended, p.cause = true, cause
	p.endAt = p.arrival()
	for _, f := range p.queue[p.head:] {
		if f.at.After(p.endAt) {
			p.endAt = f.at
		}
	}
}

// endTime returns when the news of the end arrives, or zero if that is not known
// or over.
func (p *memoryPipe) endTime() time.Time {
	if !p.ended || p.over || p.fault.silent {
		return time.Time{}
	}
	return p.endAt
}

// discard frees what is held for a receiver that will not take it. The space
// stays used: only news of the end may unblock the sender.
func (p *memoryPipe) discard() {
	p.queue, p.head, p.ready = nil, 0, 0
	p.gone = true
}

// memoryWaiter is where one goroutine waits, the sender or the receiver of a
// direction. Should there be more, they wake each other.
type memoryWaiter struct {
	wake    chan struct{} // holds one token
	waiting int
	timer   *time.Timer // made at the first wait for a time
}

// notify wakes the goroutine that waits, if one does.
func (w *memoryWaiter) notify() {
	if w.waiting > 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// wait lets go of mu until notify, or until a time that is not zero. It may also
// return for no reason.
func (w *memoryWaiter) wait(mu *sync.Mutex, until time.Time) {
	var expired <-chan time.Time
	if !until.IsZero() {
		d := time.Until(until)
		if w.timer == nil {
			w.timer = time.NewTimer(d)
		} else {
			w.timer.Reset(d)
		}
		expired = w.timer.C
	}
	w.waiting++
	mu.Unlock()
	select {
	case <-w.wake:
	case <-expired:
	}
	mu.Lock()
	w.waiting--
	if expired != nil {
		w.timer.Stop()
	}
}
