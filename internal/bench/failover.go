package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// failoverReport says for how long nothing commits after the leader died.
type failoverReport struct {
	Election time.Duration   `json:"election_timeout_ns"`
	Times    []time.Duration `json:"times_ns"`
	Median   float64         `json:"median_election_timeouts"`
	Max      float64         `json:"max_election_timeouts"`
}

// runFailover kills the leader again and again while a caller at another replica
// writes, and measures from the kill to the first write that was begun after it
// and is acknowledged.
func runFailover(o options) (report, error) {
	e, err := startEnsemble(o.dir)
	if err != nil {
		return nil, err
	}
	defer e.close()
	r := failoverReport{Election: e.election}
	for range o.rounds {
		took, err := failOver(e, o.size)
		if err != nil {
			return nil, err
		}
		r.Times = append(r.Times, took)
		r.Max = max(r.Max, float64(took)/float64(r.Election))
	}
	r.Median = float64(median(r.Times)) / float64(r.Election)
	return r, e.settle()
}

func failOver(e *ensemble, size int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := e.ready(ctx); err != nil {
		return 0, fmt.Errorf("before the kill: %w", err)
	}
	old, err := e.leader(ctx)
	if err != nil {
		return 0, err
	}
	survivor := e.replica[(old+1)%replicas]
	for range 100 {
		if _, err := survivor.Propose(ctx, make([]byte, size)); err != nil {
			return 0, fmt.Errorf("before the kill: %w", err)
		}
	}
	start := time.Now()
	killed := make(chan error, 1)
	go func() { killed <- e.kill(old) }()
	for {
		_, err := survivor.Propose(ctx, make([]byte, size))
		if s, _ := survivor.Status(); err == nil && s.Leader != uint64(old+1) {
			break
		}
		if err != nil && ctx.Err() != nil {
			return 0, fmt.Errorf("after the kill: %w", err)
		}
	}
	took := time.Since(start)
	if err := <-killed; err != nil {
		return 0, err
	}
	return took, e.restart(old)
}

func (r failoverReport) print(w io.Writer) {
	fmt.Fprintf(w, "leader killed %d times: to the next committed write median %v, max %v;\n", len(r.Times),
		median(r.Times).Round(time.Millisecond), time.Duration(r.Max*float64(r.Election)).Round(time.Millisecond))
	fmt.Fprintf(w, "in election timeouts (%v): median %.2f, max %.2f\n", r.Election, r.Median, r.Max)
}
