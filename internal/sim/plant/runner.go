package plant

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Subject is a change of the source tree that is to be found out: a plant, or a
// mutant.
type Subject struct {
	Name    string
	Room    string
	Package string // folder that it is in
	// Expect are the checkers that may find it, the named one first. Empty: any.
	Expect []string
	Tape   string // that is to find it, a file below the module's root; "": none
	Files  []File
	Err    error // it cannot be applied
}

// Subjects applies plants to the module at root.
func Subjects(root fs.FS, plants []*Plant) []Subject {
	subjects := make([]Subject, len(plants))
	for i, p := range plants {
		files, err := p.Apply(root)
		subjects[i] = Subject{Name: p.Name, Room: p.Room(), Package: p.Package(), Expect: p.Checkers, Tape: p.TapeFile(), Files: files, Err: err}
	}
	return subjects
}

// Runner builds subjects and runs a command on each.
type Runner struct {
	Root string // of the module
	// Command says what to build and run for a subject.
	Command func(*Subject) Command
	Budget  time.Duration // of CPU time, for each run; 0 is a minute
	// Parallel is how many are built and run at a time; 0 is one. More than one
	// makes what a run costs in CPU time less exact.
	Parallel int
	// Each is told of a report as soon as it is there, by one goroutine at a time. It
	// may be nil.
	Each func(*Report)
}

// Run runs all the subjects and returns a report for each, in their order. It stops
// early only when ctx is done; reports that are missing then have that as their
// error.
func (r *Runner) Run(ctx context.Context, subjects []Subject) []Report {
	reports := make([]Report, len(subjects))
	var mu sync.Mutex // guards Each
	var wg sync.WaitGroup
	next := make(chan int)
	for range max(1, min(r.Parallel, len(subjects))) {
		wg.Go(func() {
			for i := range next {
				reports[i] = r.one(ctx, &subjects[i])
				if r.Each != nil {
					mu.Lock()
					r.Each(&reports[i])
					mu.Unlock()
				}
			}
		})
	}
	for i := range subjects {
		next <- i
	}
	close(next)
	wg.Wait()
	return reports
}

// one builds a subject and runs its command.
func (r *Runner) one(ctx context.Context, s *Subject) Report {
	report := Report{Name: s.Name, Room: s.Room, Expect: s.Expect}
	if err := errors.Join(s.Err, ctx.Err()); err != nil {
		return report.failed(err)
	}
	dir, err := os.MkdirTemp("", "plant-")
	if err != nil {
		return report.failed(err)
	}
	defer os.RemoveAll(dir)
	budget := r.Budget
	if budget == 0 {
		budget = time.Minute
	}
	c := r.Command(s)
	begun := time.Now()
	binary, err := Build(ctx, r.Root, dir, c.Target(), s.Files)
	report.Build = seconds(time.Since(begun))
	if err != nil {
		return report.failed(err)
	}
	work, err := r.workDir(dir, c.Dir())
	if err != nil {
		return report.failed(err)
	}
	e, err := run(ctx, binary, work, c.Args(budget), budget)
	report.CPU, report.Wall = seconds(e.CPU), seconds(e.Wall)
	if err != nil {
		return report.failed(err)
	}
	v, err := c.Judge(&e)
	if err != nil {
		return report.failed(err)
	}
	return report.judged(&v)
}

// workDir returns where to run a command: the module's root, or a copy in dir of a
// folder, since tests leave things behind when they fail.
func (r *Runner) workDir(dir, folder string) (string, error) {
	if folder == "" {
		return r.Root, nil
	}
	work := filepath.Join(dir, "work")
	return work, os.CopyFS(work, os.DirFS(filepath.Join(r.Root, filepath.FromSlash(folder))))
}
