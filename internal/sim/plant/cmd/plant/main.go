// Command plant plants bugs in the product and says what finds them: the simulator,
// or with -unit the product's own tests. With -mutants it makes changes by itself
// instead. It is run from the module's root, and writes nothing there but with
// -record.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"

	"github.com/zabtree/zabtree/internal/sim/plant"
	"github.com/zabtree/zabtree/internal/sim/plant/mutant"
)

type options struct {
	root, only, sim, json string
	unit, record, list    bool
	budget                time.Duration
	parallel, mutants     int
	seed                  uint64
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "the module's root")
	flag.StringVar(&o.only, "only", "", "plants, or folders of mutants, whose name has this regular expression")
	flag.StringVar(&o.sim, "sim", "internal/sim/cmd/sim", "folder of the simulator's command")
	flag.StringVar(&o.json, "json", "", "write the reports to this file as well")
	flag.BoolVar(&o.unit, "unit", false, "run the tests of the package instead of the simulator")
	flag.BoolVar(&o.record, "record", false, "with -unit: write down which test finds which plant")
	flag.BoolVar(&o.list, "list", false, "list what would be run")
	flag.DurationVar(&o.budget, "budget", time.Minute, "CPU time for each")
	flag.IntVar(&o.parallel, "parallel", 1, "how many at a time")
	flag.IntVar(&o.mutants, "mutants", 0, "run so many mutants instead of the plants")
	flag.Uint64Var(&o.seed, "seed", 1, "which sample of the mutants")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	subjects, err := o.subjects(ctx, only)
	if err != nil {
		return err
	}
	if o.list {
		for i := range subjects {
			fmt.Println(subjects[i].Room, subjects[i].Name)
		}
		return nil
	}
	r := plant.Runner{Root: o.root, Command: o.command, Budget: o.budget, Parallel: o.parallel, Each: func(r *plant.Report) {
		fmt.Fprintf(os.Stderr, "%s: %s %s (%.1f CPU s)\n", r.Name, r.Status, r.Checker, r.CPU)
	}}
	reports := r.Run(ctx, subjects)
	if err := plant.WriteTable(os.Stdout, reports); err != nil {
		return err
	}
	if o.unit && o.record {
		if err := plant.SaveRecord(filepath.Join(o.root, plant.RecordFile), reports); err != nil {
			return err
		}
	}
	if o.json == "" {
		return nil
	}
	f, err := os.Create(o.json)
	if err != nil {
		return err
	}
	if err := plant.WriteJSON(f, reports); err != nil {
		return err
	}
	return f.Close()
}

func (o *options) subjects(ctx context.Context, only *regexp.Regexp) ([]plant.Subject, error) {
	if o.mutants > 0 {
		var folders []string
		for _, f := range mutant.Folders() {
			if only.MatchString(f) {
				folders = append(folders, f)
			}
		}
		return mutant.Sample(ctx, o.root, folders, o.mutants, o.seed)
	}
	plants, err := plant.Load(os.DirFS(filepath.Join(o.root, plant.Dir)))
	if err != nil {
		return nil, err
	}
	var chosen []*plant.Plant
	for _, p := range plants {
		if only.MatchString(p.Name) {
			chosen = append(chosen, p)
		}
	}
	return plant.Subjects(os.DirFS(o.root), chosen), nil
}

func (o *options) command(s *plant.Subject) plant.Command {
	if o.unit {
		return plant.Tests{Package: s.Package}
	}
	return plant.Sim{Package: o.sim}
}
