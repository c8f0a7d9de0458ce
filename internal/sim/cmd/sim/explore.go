package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/zabtree/zabtree/internal/sim/explore"
)

// explored is what came of a configuration.
type explored struct {
	Name     string  `json:"name"`
	States   uint64  `json:"states"`
	Depth    int     `json:"depth"`
	Complete bool    `json:"complete"`
	CPU      float64 `json:"cpu_seconds_so_far"`
	Broken   string  `json:"broken,omitempty"` // the invariant that does not hold
	Found    string  `json:"found,omitempty"`
}

// runExplore explores bounded configurations of the core to their end, several at a
// time. It returns false if one was not completed, or something was found.
func (o *options) runExplore(ctx context.Context) (bool, error) {
	only, err := regexp.Compile(o.explore)
	if err != nil {
		return false, err
	}
	var todo []explore.Config
	for _, c := range explore.Standard() {
		if only.MatchString(c.Name) && (o.long || !c.Long) {
			todo = append(todo, c)
		}
	}
	results := make([]explored, len(todo))
	next := make(chan int)
	var found atomic.Bool
	var wg sync.WaitGroup
	for range o.parallel {
		wg.Go(func() {
			for i := range next {
				results[i] = exploreOne(todo[i])
				if results[i].Found != "" {
					found.Store(true)
				}
			}
		})
	}
	for i := range todo {
		if ctx.Err() != nil || o.failFast && found.Load() {
			results = results[:i]
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return o.explored(results), ctx.Err()
}

func exploreOne(c explore.Config) explored {
	r, err := explore.Run(c, nil)
	e := explored{Name: c.Name, States: uint64(r.States), Depth: r.Depth, Complete: r.Complete, CPU: cpuSeconds()}
	switch {
	case err != nil:
		e.Found = err.Error()
	case r.Violation != nil:
		e.Broken, e.Found = string(r.Violation.Invariant), r.Violation.Detail+"\n"+r.Violation.Timeline
	}
	fmt.Fprintf(os.Stderr, "explored: %s, %d states\n", e.Name, e.States)
	return e
}

// explored shows the results.
func (o *options) explored(results []explored) bool {
	ok, total := true, uint64(0)
	for _, e := range results {
		total += e.States
		ok = ok && e.Complete && e.Found == ""
		if !o.json {
			fmt.Printf("%-66s %12d states, depth %3d, complete %v\n", e.Name, e.States, e.Depth, e.Complete)
			if e.Found != "" {
				fmt.Printf("%s: %s\n", e.Broken, e.Found)
			}
		}
	}
	if o.json {
		if line, err := json.Marshal(results); err == nil {
			fmt.Printf("%s\n", line)
		}
		return ok
	}
	fmt.Printf("%-66s %12d states, %.0f s of CPU time\n", fmt.Sprintf("%d configurations", len(results)), total, cpuSeconds())
	return ok
}
