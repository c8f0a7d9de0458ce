// Command difftest sends the same operations to two servers and shows where their
// answers differ.
//
//	go run ./cmd/difftest -seed 7 -ops 50000
//
// The first server is the reference, Apache ZooKeeper from Debian's package; the
// second is Zabtree's examples/server, built from the repository two folders up. With
// -a or -b the server at an address is used in place of one of them; it cannot be
// started again after a difference, and should have nothing but its first znodes. With
// -self Apache ZooKeeper is compared with itself.
//
// An unexplained difference ends the run with status 1, after the steps that lead to
// it have been cut down to those that are needed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/zabtree/zabtree/internal/zookeeper/difftest"
	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// errDifferent says that the servers differ, which has been printed.
var errDifferent = errors.New("the servers differ")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "difftest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var cfg difftest.Config
	f := flag.NewFlagSet("difftest", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Uint64Var(&cfg.Seed, "seed", 1, "seed of the operations")
	f.IntVar(&cfg.Round, "round", 0, "first round of the seed")
	f.IntVar(&cfg.Ops, "ops", 20000, "operations in all")
	f.IntVar(&cfg.Sessions, "sessions", 0, "sessions of each round; 0 means three to five")
	f.IntVar(&cfg.StopAt, "stop-at", 0, "if not 0, steps in a round")
	f.IntVar(&cfg.Failures, "failures", 1, "unexplained differences after which to stop")
	f.BoolVar(&cfg.Serial, "serial", false, "one request at a time")
	f.BoolVar(&cfg.NoIP, "no-ip", false, "leave out scheme ip, of which the two servers may see different addresses")
	a := f.String("a", "", "address of the reference")
	b := f.String("b", "", "address of the server that is compared with it")
	self := f.Bool("self", false, "compare Apache ZooKeeper with itself")
	shrink := f.Bool("shrink", true, "cut failures down")
	list := f.Bool("list", false, "print what may differ and what is not compared")
	asJSON := f.Bool("json", false, "print the report as JSON")
	root := f.String("root", "../..", "the repository, to build examples/server from")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *list {
		difftest.List(stdout)
		return nil
	}
	dir, err := os.MkdirTemp("", "difftest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg.A, cfg.B = startAt(*a), startAt(*b)
	if *a == "" {
		cfg.A = startApache
	}
	switch {
	case *b != "":
	case *self:
		cfg.B = startApache
	default:
		bin, err := server.BuildZabtree(ctx, *root, dir)
		if err != nil {
			return err
		}
		cfg.B = func(ctx context.Context) (*server.Process, error) {
			return server.StartZabtree(ctx, bin, options())
		}
	}
	cfg.Progress = func(r *difftest.Report) {
		fmt.Fprintf(stderr, "\r%d rounds, %d requests, %.0f/s, %d failures ", r.Rounds, r.Requests,
			float64(r.Requests)/r.Elapsed.Seconds(), len(r.Failures))
	}
	return compare(ctx, cfg, *shrink, *asJSON, stdout, stderr)
}

func compare(ctx context.Context, cfg difftest.Config, shrink, asJSON bool, stdout, stderr io.Writer) error {
	report, err := difftest.Run(ctx, cfg)
	fmt.Fprintln(stderr)
	for i, f := range report.Failures {
		if !shrink || err != nil {
			break
		}
		fmt.Fprintf(stderr, "cutting down failure %d of %d: %d steps\n", i+1, len(report.Failures), len(f.Steps))
		report.Failures[i], err = difftest.Shrink(ctx, cfg, f)
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = errors.Join(err, e.Encode(report))
	} else {
		report.Print(stdout)
	}
	if err == nil && len(report.Failures) > 0 {
		return errDifferent
	}
	return err
}

func options() server.Options { return server.Options{EnforceQuota: true} }

func startApache(ctx context.Context) (*server.Process, error) {
	return server.StartApache(ctx, options())
}

// startAt uses a server that runs already.
func startAt(addr string) func(context.Context) (*server.Process, error) {
	return func(context.Context) (*server.Process, error) { return server.At(addr), nil }
}
