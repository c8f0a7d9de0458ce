package watch

import "sync"

// queue is what a Stream and its Watcher share: a ring of events that is bounded,
// but for those that a registration replays, and collapses to a Gap when it
// overflows; a terminal error; and a doorbell.
type queue struct {
	maxEvents int
	maxBytes  int64
	path      string
	bell      chan struct{} // holds a token whenever there is something to take

	mu      sync.Mutex // over all below; nothing under it can block
	ring    []Event    // one slot more than maxEvents, for the Gap, once fully grown
	head, n int
	bytes   int64 // of the waiting events that are not replayed
	replay  replay
	taken   int64 // zxid of the last event handed out, -1 before the first
	gaps    uint64
	err     error // terminal: after the queued events there is only this
	onClose func()
}

// replay is where the replayed events wait: behind the first ahead of the queue
// there are n of them. They do not count against the bounds.
type replay struct {
	registration uint64 // whose events they are; 0 once live events have followed
	ahead, n     int
}

func (r *replay) popped() (replayed bool) {
	switch {
	case r.n == 0:
		return false
	case r.ahead > 0:
		r.ahead--
		return false
	}
	r.n--
	return true
}

func eventBytes(ev *Event) int64 {
	n := len(ev.Path)
	if ev.Before != nil {
		n += len(ev.Before.Data())
	}
	if ev.After != nil {
		n += len(ev.After.Data())
	}
	return int64(n)
}

// push queues evs, or collapses the queue. It says whether all were queued.
func (q *queue) push(evs []Event) bool {
	var size int64
	for i := range evs {
		size += eventBytes(&evs[i])
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil || len(evs) == 0 {
		return q.err == nil
	}
	q.replay.registration = 0
	live := q.n - q.replay.n
	fits := live+len(evs) <= q.maxEvents && (live == 0 || q.bytes+size <= q.maxBytes)
	if fits {
		for i := range evs {
			q.add(&evs[i])
		}
		q.bytes += size
	} else {
		q.collapse(evs)
	}
	q.ringBell()
	return fits
}

// pushReplay queues evs beyond the bounds, unless those of an earlier
// registration still wait, which would leave the queue without any bound: then,
// and if they are a Gap, they are like all others.
func (q *queue) pushReplay(registration uint64, evs []Event) bool {
	q.mu.Lock()
	r := &q.replay
	if q.err != nil || len(evs) == 0 || evs[0].Type == Gap || r.n > 0 && r.registration != registration {
		q.mu.Unlock()
		return q.push(evs)
	}
	defer q.mu.Unlock()
	if r.n == 0 {
		*r = replay{registration: registration, ahead: q.n}
	}
	for i := range evs {
		q.add(&evs[i])
	}
	r.n += len(evs)
	q.ringBell()
	return true
}

// add puts ev at the end; whether it may is decided before.
func (q *queue) add(ev *Event) {
	if q.n == len(q.ring) {
		size := max(8, 2*len(q.ring))
		if q.n <= q.maxEvents {
			size = min(size, q.maxEvents+1)
		}
		bigger := make([]Event, size)
		k := copy(bigger, q.ring[q.head:])
		copy(bigger[k:], q.ring[:q.head])
		q.ring, q.head = bigger, 0
	}
	*q.at(q.n) = *ev
	q.n++
}

func (q *queue) at(i int) *Event {
	if i += q.head; i >= len(q.ring) {
		i -= len(q.ring)
	}
	return &q.ring[i]
}

// collapse replaces what is queued and evs by one Gap. What was replayed, and
// what waits before that, stays: it was asked for because of a Gap. An entry of
// which a part has been handed out keeps the rest, if it is all there, so that
// the Gap begins between entries and resuming at its Since repeats nothing.
func (q *queue) collapse(evs []Event) {
	keep := q.kept(evs)
	first, last := &evs[0], &evs[len(evs)-1]
	if keep < q.n {
		first = q.at(keep)
	}
	gap := Event{Type: Gap, Path: q.path, Zxid: last.Zxid, Since: max(first.Zxid-1, 0)}
	if first.Type == Gap {
		gap.Since = first.Since
	}
	for i := keep; i < q.n; i++ {
		q.bytes -= eventBytes(q.at(i))
		*q.at(i) = Event{}
	}
	q.n = keep
	q.add(&gap)
	q.bytes += eventBytes(&gap)
	q.gaps++
}

// kept returns how many of the waiting events an overflow by evs spares.
func (q *queue) kept(evs []Event) int {
	if q.replay.n > 0 {
		return q.replay.ahead + q.replay.n
	}
	keep := 0
	for keep < q.n && q.at(keep).Zxid == q.taken && q.at(keep).Type != Gap {
		keep++
	}
	if keep == q.n && evs[0].Zxid == q.taken {
		keep = 0 // the producer is still at that entry
	}
	return keep
}

// pop takes the oldest event, or the terminal error if there is none.
func (q *queue) pop() (ev Event, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		if q.err == nil {
			return Event{}, false, nil
		}
		q.ringBell() // for the next one who waits
		return Event{}, false, q.err
	}
	slot := q.at(0)
	ev = *slot
	*slot = Event{}
	if q.head++; q.head == len(q.ring) {
		q.head = 0
	}
	q.n--
	if !q.replay.popped() {
		q.bytes -= eventBytes(&ev)
	}
	if q.n == 0 && len(q.ring) > q.maxEvents+1 {
		q.ring, q.head = nil, 0 // it grew for a replay
	}
	q.taken = ev.Zxid
	q.ringBell()
	return ev, true, nil
}

// ringBell makes the bell say whether there is something to take. The mutex is
// held.
func (q *queue) ringBell() {
	if q.n > 0 || q.err != nil {
		select {
		case q.bell <- struct{}{}:
		default:
		}
		return
	}
	select {
	case <-q.bell:
	default:
	}
}

// end makes err terminal unless something is, and says whether it did. What is
// queued is dropped if discard.
func (q *queue) end(err error, discard bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if discard {
		q.ring, q.head, q.n, q.bytes, q.replay = nil, 0, 0, 0, replay{}
	}
	first := q.err == nil
	if first {
		q.err = err
	}
	q.ringBell()
	return first
}
