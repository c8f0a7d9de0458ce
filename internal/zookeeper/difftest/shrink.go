package difftest

import (
	"context"
	"slices"
	"strings"
)

// shrinkReplays bounds how often a failure's steps are tried.
const shrinkReplays = 250

// Shrink cuts steps and requests out of a failure as long as a difference of the
// same kind stays, and returns what is left. If the steps alone do not show the
// difference again, it depends on the rounds before, and f comes back unchanged.
func Shrink(ctx context.Context, cfg Config, f *Failure) (*Failure, error) {
	r := &runner{cfg: cfg}
	defer r.stop()
	if err := r.restart(ctx); err != nil {
		return f, err
	}
	s := &shrinker{runner: r, slots: slotsOf(f.Steps), best: f}
	err := s.run(ctx)
	return s.best, err
}

func slotsOf(steps []*Step) int {
	n := 0
	for _, s := range steps {
		n = max(n, s.Slot+1)
	}
	return n
}

type shrinker struct {
	runner  *runner
	slots   int
	best    *Failure
	replays int
}

func (s *shrinker) run(ctx context.Context) error {
	if ok, err := s.try(ctx, s.best.Steps); !ok || err != nil {
		return err
	}
	for before := 0; before != s.size() && s.replays < shrinkReplays; {
		before = s.size()
		if err := s.cutSteps(ctx); err != nil {
			return err
		}
		if err := s.cutOps(ctx); err != nil {
			return err
		}
	}
	return nil
}

// size counts what can be cut.
func (s *shrinker) size() int {
	n := 0
	for _, step := range s.best.Steps {
		n += 1 + len(step.Ops)
		for i := range step.Ops {
			n += len(step.Ops[i].Ops)
		}
	}
	return n
}

// try replays steps, and takes them if they show the difference.
func (s *shrinker) try(ctx context.Context, steps []*Step) (bool, error) {
	s.replays++
	if strings.HasPrefix(s.best.Field, "failed") {
		s.replays += 5 // each may take as long as a server may think
	}
	if s.replays > shrinkReplays {
		return false, nil
	}
	d, err := s.runner.replay(ctx, s.slots, steps)
	if err != nil || d == nil || d.Kind() != s.best.Kind() {
		return false, err
	}
	d.Round = s.best.Round
	end := slices.IndexFunc(steps, func(step *Step) bool { return step.ID == d.Step })
	s.best = &Failure{Difference: *d, Steps: steps[:end+1]}
	return true, nil
}

// cutSteps tries without ever smaller runs of steps, from the end.
func (s *shrinker) cutSteps(ctx context.Context) error {
	for n := len(s.best.Steps) / 2; n > 0; n /= 2 {
		for end := len(s.best.Steps) - 1; end > 0; end -= n {
			end = min(end, len(s.best.Steps)-1)
			steps := slices.Delete(slices.Clone(s.best.Steps), max(0, end-n), end)
			if _, err := s.try(ctx, steps); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutOps tries without single requests, and members of multis.
func (s *shrinker) cutOps(ctx context.Context) error {
	for i := len(s.best.Steps) - 1; i >= 0; i-- {
		for j := len(s.best.Steps[i].Ops) - 1; j >= 0; j-- {
			step := *s.best.Steps[i]
			if len(step.Ops) > 1 {
				step.Ops = slices.Delete(slices.Clone(step.Ops), j, j+1)
				if _, err := s.tryStep(ctx, i, &step); err != nil {
					return err
				}
			}
			if err := s.cutMembers(ctx, i, j); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shrinker) cutMembers(ctx context.Context, i, j int) error {
	if j >= len(s.best.Steps[i].Ops) {
		return nil
	}
	for k := len(s.best.Steps[i].Ops[j].Ops) - 1; k >= 0; k-- {
		step := *s.best.Steps[i]
		step.Ops = slices.Clone(step.Ops)
		step.Ops[j].Ops = slices.Delete(slices.Clone(step.Ops[j].Ops), k, k+1)
		if _, err := s.tryStep(ctx, i, &step); err != nil {
			return err
		}
	}
	return nil
}

func (s *shrinker) tryStep(ctx context.Context, i int, step *Step) (bool, error) {
	steps := slices.Clone(s.best.Steps)
	steps[i] = step
	return s.try(ctx, steps)
}
