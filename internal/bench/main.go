package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// options are the command line's.
type options struct {
	dir       string
	callers   []int
	peers     []string
	size      int
	rounds    int
	roundTime time.Duration
	json      bool
	profile   string
}

// A workload runs and returns what it found, which can print itself.
type workload struct {
	name, about string
	run         func(options) (report, error)
}

// A report prints itself as text, and as JSON by its exported fields.
type report interface {
	print(io.Writer)
}

func workloads() []workload {
	return []workload{
		{"w1", "durable writes against the floor, by callers in flight", runWrites},
		{"failover", "from a leader's death to the next write", runFailover},
		{"idle", "what three replicas cost that have nothing to do", runIdle},
		{"start", "from nothing to the first write", runStart},
		{"steady", "a minute of writes beside busy loops: elections", runSteady},
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == busyFlag {
		busyLoop(os.Stdin)
		return
	}
	if len(os.Args) == 3 && os.Args[1] == serveFlag {
		if err := servePort(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	name, o, err := parse(args)
	if err != nil {
		return err
	}
	for _, w := range workloads() {
		if w.name != name {
			continue
		}
		base, err := os.MkdirTemp(o.dir, "zabtree-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(base)
		o.dir = base
		return runWorkload(w, o, out)
	}
	return fmt.Errorf("no workload %q: -h lists them", name)
}

func runWorkload(w workload, o options, out io.Writer) error {
	m, err := describeMachine(o.dir)
	if err != nil {
		return err
	}
	if !o.json {
		m.print(out)
	}
	stop, err := startProfile(o.profile)
	if err != nil {
		return err
	}
	result, err := w.run(o)
	err = errors.Join(err, stop())
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(out, w.name, m, result)
	}
	result.print(out)
	return nil
}

func parse(args []string) (string, options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	var about strings.Builder
	for _, w := range workloads() {
		fmt.Fprintf(&about, "\n%s: %s", w.name, w.about)
	}
	name := fs.String("workload", "w1", "what to measure:"+about.String()+"\n")
	callers := fs.String("callers", "1,128,1024", "writes in flight, a list")
	peers := fs.String("peers", "", "which peers, a list: floor, zabtree and session are the default, port and apache there are besides")
	fs.StringVar(&o.dir, "dir", "", "where logs go, in a directory that is removed again (default: the system's temporary directory)")
	fs.IntVar(&o.size, "size", 100, "bytes of a command, at least 8")
	fs.IntVar(&o.rounds, "rounds", 5, "rounds of every peer, or repetitions")
	fs.DurationVar(&o.roundTime, "round-time", 2*time.Second, "how long a round is measured")
	fs.BoolVar(&o.json, "json", false, "print JSON")
	fs.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the workload to this file")
	if err := fs.Parse(args); err != nil {
		return "", o, err
	}
	for _, s := range splitList(*callers) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return "", o, fmt.Errorf("-callers %q: not a number above 0", s)
		}
		o.callers = append(o.callers, n)
	}
	o.peers = splitList(*peers)
	switch {
	case fs.NArg() > 0:
		return "", o, fmt.Errorf("unknown argument %q", fs.Arg(0))
	case o.size < keyBytes:
		return "", o, fmt.Errorf("-size %d: below %d", o.size, keyBytes)
	case o.rounds < 1:
		return "", o, fmt.Errorf("-rounds %d: below 1", o.rounds)
	case o.roundTime <= 0:
		return "", o, fmt.Errorf("-round-time %v: not above 0", o.roundTime)
	}
	return *name, o, nil
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
