package difftest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// Config says what is compared with what, and how much.
type Config struct {
	Seed     uint64
	Round    int  // the first round
	Ops      int  // requests in all
	Sessions int  // of each round; 0 means three to five
	StopAt   int  // if not 0, the number of steps in a round
	NoIP     bool // leave out ACLs of scheme ip
	Serial   bool // one request at a time: see notGenerated
	Failures int  // stop after so many unexplained differences; 0 means one

	// A is the reference, B what is judged by it. They start a server afresh.
	A, B func(context.Context) (*server.Process, error)

	Progress func(r *Report) // called after each round, if not nil
}

// roundOps is the length of a round. Rounds do not depend on each other, so what is
// found in one can be found again in that one alone.
const roundOps = 400

// A Failure is an unexplained difference, and the steps that lead to it.
type Failure struct {
	Difference
	Steps []*Step
}

// runner holds two servers and what is said to them.
type runner struct {
	cfg    Config
	procs  [2]*server.Process
	sides  [2]*side
	report *Report
}

// Run compares the two servers. An error says that it could not be done; what was
// found is in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	r := &runner{cfg: cfg, report: newReport(cfg.Seed)}
	defer r.stop()
	if err := r.restart(ctx); err != nil {
		return r.report, err
	}
	start := time.Now()
	for round := cfg.Round; r.report.Requests < cfg.Ops && ctx.Err() == nil; round++ {
		failure, err := r.round(round)
		if err == nil {
			err = r.clean(ctx)
		}
		r.report.Elapsed = time.Since(start)
		if err != nil {
			return r.report, fmt.Errorf("seed %d, round %d: %w", cfg.Seed, round, err)
		}
		r.report.Rounds++
		if failure != nil {
			r.report.Failures = append(r.report.Failures, failure)
			if len(r.report.Failures) > cfg.Failures-1 {
				return r.report, nil
			}
		}
		if cfg.Progress != nil {
			cfg.Progress(r.report)
		}
	}
	return r.report, ctx.Err()
}

// Script carries out steps of a given number of sessions on two fresh servers and
// returns the first unexplained difference, if any.
func Script(ctx context.Context, cfg Config, sessions int, steps []*Step) (*Difference, error) {
	r := &runner{cfg: cfg}
	defer r.stop()
	if err := r.restart(ctx); err != nil {
		return nil, err
	}
	d, err := r.replay(ctx, sessions, steps)
	return d, errors.Join(err, r.ended())
}

// replay carries out a round's steps and returns the first unexplained difference.
func (r *runner) replay(ctx context.Context, slots int, steps []*Step) (*Difference, error) {
	r.begin(slots)
	c := newComparer(r.sides[0], r.sides[1])
	var found *Difference
	for _, step := range steps {
		if _, found = r.step(c, step, nil); found != nil {
			break
		}
	}
	return found, r.clean(ctx)
}

func (r *runner) begin(slots int) {
	for _, s := range r.sides {
		s.startRound(slots)
	}
}

// round makes and compares one round, up to its first unexplained difference.
func (r *runner) round(n int) (*Failure, error) {
	g := newGenerator(&r.cfg, n)
	r.begin(len(g.hints.slots))
	c := newComparer(r.sides[0], r.sides[1])
	var steps []*Step
	for requests := 0; requests < roundOps && (r.cfg.StopAt == 0 || len(steps) < r.cfg.StopAt); {
		step := g.step()
		steps = append(steps, step)
		requests += max(1, len(step.Ops))
		r.report.Steps++
		r.report.Requests += max(1, len(step.Ops))
		out, d := r.step(c, step, r.report)
		if d != nil {
			d.Round = n
			return &Failure{Difference: *d, Steps: steps}, nil
		}
		g.hints.learn(step, out, r.sides[0])
	}
	return nil, r.ended()
}

// ended returns an error if a server is gone.
func (r *runner) ended() error {
	var errs []error
	for _, p := range r.procs {
		if p != nil {
			errs = append(errs, p.Ended())
		}
	}
	return errors.Join(errs...)
}

// step carries out one step at both servers at once, and returns what the reference
// answered, and the first difference that is not known.
func (r *runner) step(c *comparer, step *Step, report *Report) ([]SlotOutcome, *Difference) {
	var out [2][]SlotOutcome
	var errs [2]error
	var wg sync.WaitGroup
	for i := range r.sides {
		wg.Go(func() { out[i], errs[i] = r.sides[i].do(step) })
	}
	wg.Wait()
	if errs[0] != nil || errs[1] != nil {
		d := Difference{Step: step.ID, Slot: step.Slot, Op: string(step.Kind), Field: failedAt(errs), Request: step.String(), step: step}
		d.A, d.B = errorText(errs[0]), errorText(errs[1])
		report.add(&d)
		return out[0], &d
	}
	report.cover(step, out[0])
	var first *Difference
	for _, d := range c.compare(step, out[0], out[1]) {
		d.Known = explain(&d)
		report.add(&d)
		if d.Known == "" && first == nil {
			first = &d
		}
	}
	return out[0], first
}

// failedAt names what went wrong other than by another answer: no answer, or none
// that can be decoded.
func failedAt(errs [2]error) string {
	switch {
	case errs[0] == nil:
		return "failed at b"
	case errs[1] == nil:
		return "failed at a"
	}
	return "failed at both"
}

func errorText(err error) string {
	if err == nil {
		return "went on"
	}
	return err.Error()
}

// restart starts both servers afresh.
func (r *runner) restart(ctx context.Context) error {
	r.stop()
	for i, start := range []func(context.Context) (*server.Process, error){r.cfg.A, r.cfg.B} {
		p, err := start(ctx)
		if err != nil {
			return err
		}
		r.procs[i] = p
		r.sides[i] = newSide([]string{"a", "b"}[i], p.Addr)
	}
	return nil
}

func (r *runner) stop() {
	for i := range r.sides {
		if r.sides[i] != nil {
			r.sides[i].close()
		}
		if r.procs[i] != nil {
			r.procs[i].Close() // a server that has ended by itself was noticed in its round
			r.procs[i] = nil
		}
	}
}

// clean makes both servers as they were before the first round, as far as that can
// be seen, and afresh if they have become different.
func (r *runner) clean(ctx context.Context) error {
	a, errA := sweep(r.sides[0])
	b, errB := sweep(r.sides[1])
	if errA == nil && errB == nil && a == b {
		return nil
	}
	r.report.restarted()
	return r.restart(ctx)
}
