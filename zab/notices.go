package zab

import (
	"sync"
)

// notice is something to tell the program that runs the replica; one of the
// callbacks is set, or msg.
type notice struct {
	from   uint64
	msg    []byte
	status *Status
	answer resolution
	tick   bool
	read   func(Zxid, error)
	zxid   Zxid
	err    error
}

// maxNoticeBytes bounds the messages that wait for OnMessage.
const maxNoticeBytes = 64 << 20

// notices is the queue of the goroutine that calls callbacks, so that a slow one
// holds up no heartbeat. (Results of applied proposals are told by the applier.)
type notices struct {
	mu    sync.Mutex
	items []notice
	bytes int
	tick  bool // one is queued
	bell  chan struct{}
}

func (q *notices) put(n notice) {
	q.mu.Lock()
	q.items = append(q.items, n)
	q.mu.Unlock()
	ring(q.bell)
}

// ticked queues a tick, unless there is one.
func (q *notices) ticked() {
	q.mu.Lock()
	if !q.tick {
		q.tick = true
		q.items = append(q.items, notice{tick: true})
	}
	q.mu.Unlock()
	ring(q.bell)
}

// message queues a message and returns false if too much is waiting.
func (q *notices) message(from uint64, msg []byte) bool {
	q.mu.Lock()
	if q.bytes > maxNoticeBytes {
		q.mu.Unlock()
		return false
	}
	q.bytes += len(msg) + frameOverhead
	q.items = append(q.items, notice{from: from, msg: msg})
	q.mu.Unlock()
	ring(q.bell)
	return true
}

func (q *notices) take(spare []notice) []notice {
	clear(spare)
	q.mu.Lock()
	items := q.items
	q.items, q.bytes, q.tick = spare[:0], 0, false
	q.mu.Unlock()
	return items
}

// notify is the goroutine of the callbacks. When the replica stops it tells what
// is there, and ends.
func (r *Replica) notify() {
	var items []notice
	for {
		items = r.notices.take(items)
		for i := range items {
			r.tell(&items[i])
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-r.notices.bell:
		case <-r.stop:
			return
		}
	}
}

func (r *Replica) tell(n *notice) {
	switch {
	case n.msg != nil:
		if r.cfg.OnMessage != nil {
			r.cfg.OnMessage(n.from, n.msg)
		}
	case n.status != nil:
		r.cfg.OnStatus(*n.status)
	case n.tick:
		r.cfg.OnTick()
	case n.read != nil:
		n.read(n.zxid, n.err)
	default:
		deliver(&n.answer)
	}
}
