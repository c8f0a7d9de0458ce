package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/zabtree/zabtree/internal/sim"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// runOne runs one seed and shows how it went.
func (o *options) runOne(seed uint64) (bool, error) {
	if o.aim == "" {
		return o.show(sim.Run(seed)), nil
	}
	c, err := sim.ParseCell(o.aim)
	if err != nil {
		return false, err
	}
	return o.show(sim.RunDirected(seed, c)), nil
}

func (o *options) runTape() (bool, error) {
	b, err := os.ReadFile(o.tape)
	if err != nil {
		return false, err
	}
	tape, err := sched.DecodeTape(b)
	if err != nil {
		return false, err
	}
	r := sim.Replay(tape)
	if o.json {
		s := sweep{o: o}
		s.add(r)
		s.writeJSON()
		return r.Failure == nil, nil
	}
	return o.show(r), nil
}

// show prints all that is known of a run.
func (o *options) show(r *sim.Report) bool {
	if r.Failure != nil {
		o.keep(r)
		fmt.Println(r.Failure.Story())
	}
	fmt.Printf("seed %#x: %d events, %.1f s simulated, hash %x\n%v\n", r.Seed, r.Events, float64(r.Time)/1e9, r.Hash, &r.Options)
	if r.Failure == nil {
		return true
	}
	fmt.Printf("%s: %s\n", r.Failure.Checker, r.Failure.Message)
	return false
}

// keep writes the tape of a run that failed.
func (o *options) keep(r *sim.Report) {
	if o.save == "" {
		return
	}
	if r.Directed != nil {
		fmt.Fprintln(os.Stderr, "a directed run has no tape")
		return
	}
	tape := r.Tape
	if o.shrink > 0 {
		tape = sim.Shrink(tape, o.shrink)
	}
	if err := os.WriteFile(o.save, tape.Append(nil), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// sweep is the running of many seeds.
type sweep struct {
	o     *options
	mu    sync.Mutex
	next  uint64
	over  bool
	total sim.Totals
	first *sim.Report // that failed, of the lowest seed
}

// runSeeds runs seeds, several at a time, until they or the time are up.
func (o *options) runSeeds(ctx context.Context) bool {
	s := &sweep{o: o, next: o.from}
	start := time.Now()
	var wg sync.WaitGroup
	for range o.parallel {
		wg.Go(func() { s.work(ctx) })
	}
	wg.Wait()
	if o.coverage {
		s.directed()
	}
	ok := s.first == nil
	if !ok {
		o.keep(s.first)
		if !o.json {
			fmt.Println(s.first.Failure.Story())
			fmt.Printf("%v\n", &s.first.Options)
		}
		fmt.Printf("seed %#x: %s: %s\nrun it again: go run ./internal/sim/cmd/sim -seed %#x%s\n",
			s.first.Seed, s.first.Failure.Checker, s.first.Failure.Message, s.first.Seed, aimOf(s.first))
	}
	s.total.WriteTable(os.Stdout, time.Since(start).Seconds(), cpuSeconds())
	if missing := s.total.Missing(); o.coverage && len(missing) > 0 {
		fmt.Printf("never happened, of what is to happen sometimes: %q\n", missing)
		ok = false
	}
	if o.json {
		s.writeJSON()
	}
	return ok
}

// aimOf is the option that directs a run as one was.
func aimOf(r *sim.Report) string {
	if r.Directed == nil {
		return ""
	}
	return fmt.Sprintf(" -aim %v", r.Directed)
}

func (s *sweep) work(ctx context.Context) {
	for {
		s.mu.Lock()
		seed := s.next
		s.over = s.over || seed-s.o.from >= s.o.seeds || ctx.Err() != nil ||
			s.o.minutes > 0 && cpuSeconds() > 60*s.o.minutes
		over := s.over
		s.next++
		s.mu.Unlock()
		if over {
			return
		}
		s.add(sim.Run(seed))
	}
}

// directedTries is how many directed seeds are tried for a cell.
const directedTries = 60

// directed runs seeds that are directed at the cells which the others have not
// reached, and says how many only those have.
func (s *sweep) directed() {
	missed := s.total.MissingCells()
	for _, c := range missed {
		if s.total.Cells[c] == 0 {
			s.add(sim.Direct(c, directedTries))
		}
	}
	fmt.Printf("%-38s %d\n", "cells reached by directed seeds only", len(missed)-len(s.total.MissingCells()))
}

func (s *sweep) add(r *sim.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Add(r)
	if s.total.Seeds%100 == 0 {
		fmt.Fprintf(os.Stderr, "%d seeds, %d million events, %.0f s of CPU time\n", s.total.Seeds, s.total.Events/1e6, cpuSeconds())
	}
	if r.Failure == nil {
		return
	}
	if s.first == nil || r.Seed < s.first.Seed {
		s.first = r
	}
	s.over = s.over || s.o.failFast
}

// writeJSON writes what programs want to know.
func (s *sweep) writeJSON() {
	type failure struct {
		Seed    string `json:"seed"`
		Checker string `json:"checker"`
		Message string `json:"message"`
	}
	out := struct {
		Seeds   uint64     `json:"seeds"`
		Events  uint64     `json:"events"`
		CPU     float64    `json:"cpu_seconds"`
		Totals  sim.Totals `json:"totals"`
		Failure *failure   `json:"failure"`
	}{s.total.Seeds, s.total.Events, cpuSeconds(), s.total, nil}
	if r := s.first; r != nil {
		out.Failure = &failure{fmt.Sprintf("%#x", r.Seed), r.Failure.Checker, r.Failure.Message}
	}
	line, err := json.Marshal(out)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Printf("%s\n", line)
}
