package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// startReport says how long it takes from nothing to the first write.
type startReport struct {
	Times  []time.Duration `json:"times_ns"`
	Median time.Duration   `json:"median_ns"`
	Max    time.Duration   `json:"max_ns"`
}

// runStart starts three new replicas with their storage in memory, from creating
// their listeners to the acknowledgement of a first write, again and again.
func runStart(o options) (report, error) {
	var r startReport
	for range o.rounds {
		took, err := startOnce(o.size)
		if err != nil {
			return nil, err
		}
		r.Times = append(r.Times, took)
	}
	r.Median, r.Max = median(r.Times), slices.Max(r.Times)
	return r, nil
}

func startOnce(size int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	e, err := startEnsemble("")
	if err != nil {
		return 0, err
	}
	defer e.close()
	if _, err := e.replica[0].Propose(ctx, make([]byte, size)); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

func (r startReport) print(w io.Writer) {
	fmt.Fprintf(w, "three replicas from nothing to the first committed write, storage in memory, %d times: median %v, max %v\n",
		len(r.Times), r.Median.Round(10*time.Microsecond), r.Max.Round(10*time.Microsecond))
}
