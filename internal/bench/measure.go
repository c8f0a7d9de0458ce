package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// round is what one peer did in one round.
type round struct {
	Rate     float64 // writes per second
	P50, P99 time.Duration
	CPU      time.Duration // of the whole process, callers included, for each write
}

// load is how a peer is driven: callers that each make one write after the
// other, so that their number is the number of writes in flight.
type load struct {
	callers, size int
	warm, time    time.Duration
}

// measure drives p for one round and waits until every caller is done.
func (l load) measure(p peer) (round, error) {
	var (
		wg       sync.WaitGroup
		phase    atomic.Int32 // 0 warming up, 1 counting, 2 over
		hists    = make([]histogram, l.callers)
		failures = make([]error, l.callers)
	)
	for i := range l.callers {
		write, err := p.caller(i)
		if err != nil {
			phase.Store(2)
			wg.Wait()
			return round{}, err
		}
		wg.Go(func() {
			cmd := make([]byte, l.size)
			random := rand.New(rand.NewPCG(uint64(i), uint64(l.size)))
			for now := int32(0); now < 2; now = phase.Load() {
				fillCommand(cmd, random)
				start := time.Now()
				if failures[i] = write(cmd); failures[i] != nil {
					phase.Store(2)
					return
				}
				if now == 1 {
					hists[i].add(time.Since(start))
				}
			}
		})
	}
	wait(&phase, l.warm)
	phase.CompareAndSwap(0, 1)
	start, before := time.Now(), cpuTime()
	wait(&phase, l.time)
	phase.Store(2)
	elapsed, used := time.Since(start), cpuTime()-before
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		return round{}, fmt.Errorf("%s: %w", p.name(), err)
	}
	var all histogram
	for i := range hists {
		all.merge(&hists[i])
	}
	return round{
		Rate: float64(all.total) / elapsed.Seconds(),
		P50:  all.quantile(0.50),
		P99:  all.quantile(0.99),
		CPU:  used / time.Duration(max(all.total, 1)),
	}, nil
}

// wait waits for d, or less if the round is over because a write failed.
func wait(phase *atomic.Int32, d time.Duration) {
	const step = 50 * time.Millisecond
	for end := time.Now().Add(d); phase.Load() < 2; {
		left := time.Until(end)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, step))
	}
}

// fillCommand makes a new command of cmd: a random key, and a value of which no
// two are the same.
func fillCommand(cmd []byte, random *rand.Rand) {
	n := random.Uint64()
	binary.LittleEndian.PutUint64(cmd, n%keySpace)
	if len(cmd) >= 2*keyBytes {
		binary.LittleEndian.PutUint64(cmd[keyBytes:], n)
	}
}
