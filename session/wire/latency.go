package wire

import (
	"sync/atomic"
	"time"
)

// latency is how long answers took.
type latency struct {
	n, total, low, high atomic.Int64 // nanoseconds; low is one more than it is, 0 is none
}

func (l *latency) add(d time.Duration) {
	v := max(0, int64(d))
	l.n.Add(1)
	l.total.Add(v)
	for low := l.low.Load(); low == 0 || v+1 < low; low = l.low.Load() {
		if l.low.CompareAndSwap(low, v+1) {
			break
		}
	}
	for high := l.high.Load(); v > high; high = l.high.Load() {
		if l.high.CompareAndSwap(high, v) {
			break
		}
	}
}

// figures returns the least, the mean and the greatest, in milliseconds.
func (l *latency) figures() (low, mean, high float64) {
	ms := func(v int64) float64 { return float64(v) / float64(time.Millisecond) }
	n := l.n.Load()
	if n == 0 {
		return 0, 0, 0
	}
	return ms(l.low.Load() - 1), ms(l.total.Load()) / float64(n), ms(l.high.Load())
}

func (l *latency) reset() {
	l.n.Store(0)
	l.total.Store(0)
	l.low.Store(0)
	l.high.Store(0)
}
