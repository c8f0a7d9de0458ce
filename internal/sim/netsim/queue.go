package netsim

// queue is a list that is appended to and taken from at both ends, in place.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) front() *T { return &q.items[q.head] }

func (q *queue[T]) back() *T { return &q.items[len(q.items)-1] }

func (q *queue[T]) push(v T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *queue[T]) pop() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v
}

func (q *queue[T]) popBack() T {
	var none T
	last := len(q.items) - 1
	v := q.items[last]
	q.items[last] = none
	q.items = q.items[:last]
	return v
}
