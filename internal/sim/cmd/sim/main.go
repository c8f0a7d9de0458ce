// Command sim runs the simulator: seeds, a tape, or the simulator against planted
// bugs; or what is exhaustive. Run it from the module's root.
//
//	go run ./internal/sim/cmd/sim -seeds 1000            a thousand seeds
//	go run ./internal/sim/cmd/sim -seed 0x1f             one, with its timeline
//	go run ./internal/sim/cmd/sim -seed 0x1f -aim wipe/looking/voter   with one fault more
//	go run ./internal/sim/cmd/sim -minutes 480 -parallel 2   a night, on two cores
//	go run ./internal/sim/cmd/sim -tape FILE             a tape
//	go run ./internal/sim/cmd/sim -plants . -parallel 2  every planted bug
//	go run ./internal/sim/cmd/sim -plants . -tapes       those that have tapes, by them
//	go run ./internal/sim/cmd/sim -mutants 200           changes made by itself
//	go run ./internal/sim/cmd/sim -explore . -parallel 2 bounded configurations, to their end
//	go run ./internal/sim/cmd/sim -crashpoints           every crash of a replica's storage
//	go run ./internal/sim/cmd/sim -crashpoints -at 9/4   one of them
//
// It ends with 0 if nothing was found, with 1 if something was, and with 2 if it
// does not understand its arguments.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"
)

type options struct {
	seeds, from uint64
	seed, tape  string
	aim         string
	save        string
	minutes     float64
	parallel    int
	json        bool
	failFast    bool
	coverage    bool
	shrink      int

	explore string
	long    bool
	crashes bool
	at      string
	plants  string
	mutants int
	unit    bool
	tapes   bool
	record  bool
	budget  time.Duration
}

func main() {
	var o options
	flag.Uint64Var(&o.seeds, "seeds", 1000, "how many seeds to run")
	flag.Uint64Var(&o.from, "from", 1, "the first seed, the sample of mutants, or the seed of -crashpoints")
	flag.StringVar(&o.seed, "seed", "", "run one seed and show its timeline")
	flag.StringVar(&o.aim, "aim", "", "with -seed: direct the run at a cell, as in bit-flip/synchronising/leader")
	flag.StringVar(&o.tape, "tape", "", "run a tape and show its timeline")
	flag.StringVar(&o.save, "save", "", "write the tape of what failed to this file")
	flag.Float64Var(&o.minutes, "minutes", 0, "begin no seed after so many minutes of CPU time; 0: all of -seeds")
	flag.IntVar(&o.parallel, "parallel", 1, "how many to run at a time")
	flag.BoolVar(&o.json, "json", false, "end with one line of JSON")
	flag.BoolVar(&o.failFast, "fail-fast", false, "stop at the first failure")
	flag.BoolVar(&o.coverage, "coverage", false, "fail if something that is to happen sometimes never did")
	flag.IntVar(&o.shrink, "shrink", 0, "make the tape that is saved smaller, in at most so many runs")
	flag.StringVar(&o.explore, "explore", "", "explore the bounded configurations whose name has this regular expression, instead")
	flag.BoolVar(&o.long, "long", false, "with -explore: those that take long as well")
	flag.BoolVar(&o.crashes, "crashpoints", false, "crash a replica's storage at every operation of its disk, and recovery from that too, instead")
	flag.StringVar(&o.at, "at", "", "with -crashpoints: crash once, as a failure says, at OPERATION/IMAGE[/OPERATION/IMAGE]")
	flag.StringVar(&o.plants, "plants", "", "plant the bugs whose name has this regular expression, instead")
	flag.IntVar(&o.mutants, "mutants", 0, "make so many mutants, instead, for the tests and then for seeds")
	flag.BoolVar(&o.unit, "unit", false, "have planted bugs found by the tests of their package")
	flag.BoolVar(&o.tapes, "tapes", false, "have planted bugs found by the tapes of their names")
	flag.BoolVar(&o.record, "record", false, "with -unit: write down which test finds which")
	flag.DurationVar(&o.budget, "budget", time.Minute, "CPU time for each planted bug or mutant")
	flag.Parse()
	if flag.NArg() > 0 || o.parallel < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := o.run(ctx)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case !ok:
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) (ok bool, err error) {
	switch {
	case o.plants != "" || o.mutants > 0:
		return true, o.runPlants(ctx)
	case o.crashes:
		return o.runCrashPoints()
	case o.explore != "":
		return o.runExplore(ctx)
	case o.tape != "":
		return o.runTape()
	case o.seed != "":
		seed, err := strconv.ParseUint(o.seed, 0, 64)
		if err != nil {
			return false, err
		}
		return o.runOne(seed)
	}
	return o.runSeeds(ctx), nil
}
