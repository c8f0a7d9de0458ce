package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/zabtree/zabtree/internal/sim/plant"
	"github.com/zabtree/zabtree/internal/sim/plant/mutant"
)

// command is the folder of this command, in which plants are planted.
const command = "internal/sim/cmd/sim"

// runPlants plants bugs, each alone, or makes changes by itself, and says what finds
// them. It is run from the module's root.
func (o *options) runPlants(ctx context.Context) error {
	only, err := regexp.Compile(o.plants)
	if err != nil {
		return err
	}
	subjects, err := o.subjects(ctx, only)
	if err != nil {
		return err
	}
	r := plant.Runner{Root: ".", Budget: o.budget, Parallel: o.parallel, Each: func(r *plant.Report) {
		fmt.Fprintf(os.Stderr, "%s: %s %s (%.1f CPU s)\n", r.Name, r.Status, r.Checker, r.CPU)
	}}
	if len(subjects) == 0 {
		return fmt.Errorf("nothing to plant has a name like %q: is this the module's root?", o.plants)
	}
	reports := r.RunInTurn(ctx, subjects, o.finders()...)
	if o.json {
		return plant.WriteJSON(os.Stdout, reports)
	}
	if err := plant.WriteTable(os.Stdout, reports); err != nil {
		return err
	}
	if o.record {
		return plant.SaveRecord(filepath.Clean(plant.RecordFile), reports)
	}
	return nil
}

func (o *options) subjects(ctx context.Context, only *regexp.Regexp) ([]plant.Subject, error) {
	if o.mutants > 0 {
		var folders []string
		for _, f := range mutant.Folders() {
			if only.MatchString(f) {
				folders = append(folders, f)
			}
		}
		return mutant.Sample(ctx, ".", folders, o.mutants, o.from)
	}
	plants, err := plant.Load(os.DirFS(plant.Dir))
	if err != nil {
		return nil, err
	}
	var chosen []*plant.Plant
	for _, p := range plants {
		if only.MatchString(p.Name) && (!o.tapes || hasTape(p)) {
			chosen = append(chosen, p)
		}
	}
	return plant.Subjects(os.DirFS("."), chosen), nil
}

// hasTape has a plant found by the tape of its name, if there is one.
func hasTape(p *plant.Plant) bool {
	p.Tape = p.Name
	_, err := os.Stat(filepath.FromSlash(p.TapeFile()))
	return err == nil
}

// finders are what is to find a subject: seeds, or the explorer or a tape if that is
// named; of a mutant, most of which are coarse, the tests of its package first.
func (o *options) finders() []func(*plant.Subject) plant.Command {
	tests := func(s *plant.Subject) plant.Command { return plant.Tests{Package: s.Package} }
	seeds := func(s *plant.Subject) plant.Command {
		if len(s.Expect) > 0 && s.Expect[0] == plant.Explorer {
			return plant.Explore{Package: command}
		}
		return plant.Sim{Package: command, Tape: s.Tape}
	}
	switch {
	case o.unit:
		return []func(*plant.Subject) plant.Command{tests}
	case o.mutants > 0:
		return []func(*plant.Subject) plant.Command{tests, seeds}
	}
	return []func(*plant.Subject) plant.Command{seeds}
}
