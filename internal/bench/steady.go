package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// steadyReport says whether a leader stays in office on a machine that is busy.
type steadyReport struct {
	Time      time.Duration `json:"time_ns"`
	Callers   int           `json:"callers"`
	Busy      int           `json:"busy_loops"`
	Rate      float64       `json:"writes_per_second"`
	P99       time.Duration `json:"p99_ns"`
	Elections int           `json:"elections"`
}

const (
	steadyTime  = time.Minute
	steadyLoops = 4
)

// runSteady writes with the most callers of the list for a minute, beside four
// processes that do nothing but keep the machine busy, and counts the epochs
// that were opened meanwhile.
func runSteady(o options) (report, error) {
	p, err := newZabtree(o.dir)
	if err != nil {
		return nil, err
	}
	defer p.close()
	e := p.(zabtree)
	stop, err := keepBusy(steadyLoops)
	if err != nil {
		return nil, err
	}
	defer stop()
	before, err := e.epoch()
	if err != nil {
		return nil, err
	}
	callers := o.callers[len(o.callers)-1]
	got, err := load{callers: callers, size: o.size, time: steadyTime}.measure(p)
	if err != nil {
		return nil, err
	}
	after, err := e.epoch()
	if err != nil {
		return nil, err
	}
	return steadyReport{
		Time: steadyTime, Callers: callers, Busy: steadyLoops,
		Rate: got.Rate, P99: got.P99, Elections: int(after) - int(before),
	}, p.settle()
}

// epoch is the current leader's.
func (e *ensemble) epoch() (uint32, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	i, err := e.leader(ctx)
	if err != nil {
		return 0, err
	}
	s, _ := e.replica[i].Status()
	return s.Epoch, nil
}

// busyFlag makes the command a busy loop, until its standard input ends.
const busyFlag = "-busy-loop"

// keepBusy starts processes that loop, and returns what ends them.
func keepBusy(n int) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var ends []func()
	stop = func() {
		for _, end := range ends {
			end()
		}
	}
	for range n {
		c := exec.Command(self, busyFlag)
		in, err := c.StdinPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			stop()
			return nil, err
		}
		ends = append(ends, func() {
			in.Close()
			c.Wait() // ended by us: how does not matter
		})
	}
	return stop, nil
}

func busyLoop(in io.Reader) {
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, in)
		over.Store(true)
	}()
	for !over.Load() {
	}
}

func (r steadyReport) print(w io.Writer) {
	fmt.Fprintf(w, "%v of writes with %d in flight beside %d busy loops: %d elections, %.0f writes/s, p99 %v\n",
		r.Time, r.Callers, r.Busy, r.Elections, r.Rate, r.P99.Round(time.Microsecond))
}
