package watch

import "sync"

// queue is what a Stream and its Watcher share: a bounded ring of events that
// collapses to a Gap when it overflows, a terminal error, and a doorbell.
type queue struct {
	maxEvents int
	maxBytes  int64
	path      string
	bell      chan struct{} // holds a token whenever there is something to take

	mu      sync.Mutex // over all below; nothing under it can block
	ring    []Event    // one slot more than maxEvents, for the Gap, once fully grown
	head, n int
	bytes   int64
	taken   int64 // zxid of the last event handed out, -1 before the first
	gaps    uint64
	err     error // terminal: after the queued events there is only this
	onClose func()
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
	fits := q.n+len(evs) <= q.maxEvents && (q.n == 0 || q.bytes+size <= q.maxBytes)
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

// add puts ev at the end; whether it may is decided before.
func (q *queue) add(ev *Event) {
	if q.n == len(q.ring) {
		bigger := make([]Event, min(max(8, 2*len(q.ring)), q.maxEvents+1))
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

// collapse replaces what is queued and evs by one Gap. An entry of which a part
// has been handed out keeps the rest, if it is all there, so that the Gap begins
// between entries and resuming at its Since repeats nothing.
func (q *queue) collapse(evs []Event) {
	keep := 0
	for keep < q.n && q.at(keep).Zxid == q.taken && q.at(keep).Type != Gap {
		keep++
	}
	if keep == q.n && evs[0].Zxid == q.taken {
		keep = 0 // the producer is still at that entry
	}
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
	q.bytes -= eventBytes(&ev)
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
		q.ring, q.head, q.n, q.bytes = nil, 0, 0, 0
	}
	first := q.err == nil
	if first {
		q.err = err
	}
	q.ringBell()
	return first
}
