package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"
)

// idleReport says what three replicas cost that have nothing to do.
type idleReport struct {
	Time       time.Duration `json:"time_ns"`
	CPU        time.Duration `json:"cpu_ns"`
	Share      float64       `json:"share_of_a_core"`
	Goroutines float64       `json:"goroutines_per_replica"`
}

// runIdle measures the whole process: the share of one core that it used, for
// all three replicas together.
func runIdle(o options) (report, error) {
	before := runtime.NumGoroutine()
	e, err := startEnsemble(o.dir)
	if err != nil {
		return nil, err
	}
	defer e.close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := e.ready(ctx); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // what starting began has ended
	start, used := time.Now(), cpuTime()
	time.Sleep(10 * time.Second)
	r := idleReport{Time: time.Since(start), CPU: cpuTime() - used}
	r.Share = float64(r.CPU) / float64(r.Time)
	r.Goroutines = float64(runtime.NumGoroutine()-before) / replicas
	return r, nil
}

func (r idleReport) print(w io.Writer) {
	fmt.Fprintf(w, "three idle replicas: %v of CPU in %v, %.2f %% of a core; %.1f goroutines per replica\n",
		r.CPU.Round(time.Millisecond), r.Time.Round(time.Millisecond), 100*r.Share, r.Goroutines)
}
