package zab

import "sync"

// queue hands values to one goroutine, in order. The mutex is held for an append
// or a swap only. The bell rings when an empty queue got something.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	bell  chan struct{} // capacity 1
}

func newQueue[T any]() *queue[T] { return &queue[T]{bell: make(chan struct{}, 1)} }

func (q *queue[T]) put(items ...T) {
	if len(items) == 0 {
		return
	}
	q.mu.Lock()
	q.items = append(q.items, items...)
	q.mu.Unlock()
	ring(q.bell)
}

// take returns everything that is queued, and keeps spare's memory for what
// comes next: two slices go round.
func (q *queue[T]) take(spare []T) []T {
	clear(spare)
	q.mu.Lock()
	items := q.items
	q.items = spare[:0]
	q.mu.Unlock()
	return items
}

// ring wakes who waits on a bell; a bell that rings already is left alone.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
