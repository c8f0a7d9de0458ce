package sim

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/check"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/internal/sim/spec"
)

// Report is what came of a run.
type Report struct {
	Seed    uint64
	Options Options
	Events  uint64 // deliveries, completions, faults and steps of clients
	Time    int64  // simulated, in nanoseconds
	Hash    uint64 // of everything that happened
	Marks   map[string]int
	Faults  map[string]int
	Cells   map[Cell]int
	Checked check.Stats
	Spec    spec.Stats
	Failure *Failure // nil if nothing was wrong
	Tape    *sched.Tape

	Directed *Cell // that the run was directed at; its tape says nothing of it
}

// Failure is what a checker found.
type Failure struct {
	Checker, Message string
	Timeline         []string
}

// Story is the end of the timeline.
func (f *Failure) Story() string { return strings.Join(f.Timeline, "\n") }

// timelineLines is how much of the end of a run a failure shows.
const timelineLines = 300

// Run plays the run of a seed.
func Run(seed uint64) *Report { return runWith(seed, nil) }

// runWith plays the run of a seed in a world that was changed before it begins.
func runWith(seed uint64, change func(*World)) *Report { return play(sched.NewSource(seed), change) }

// Replay plays a tape again.
func Replay(tape *sched.Tape) *Report { return replay(tape, 0) }

// tooLong is what a run fails with that takes more events than it may.
const tooLong = "too-long"

// replay plays a tape again, for so many events at most if that is not 0.
func replay(tape *sched.Tape, events uint64) *Report {
	return play(sched.Replay(tape, sched.Calm), func(w *World) { w.limit(events) })
}

// limit ends the run after so many events if that is not 0.
func (w *World) limit(events uint64) {
	if events != 0 {
		w.sched.Limit(events, func() { w.fail(tooLong, "more than %d events", events) })
	}
}

func play(source *sched.Source, change func(*World)) (r *Report) {
	r = &Report{Seed: source.Seed(), Tape: source.Record()}
	r.Options = Derive(source.Stream("options"))
	w := newWorld(source, r.Options, timelineLines)
	defer func() {
		r.Events, r.Time, r.Hash, r.Marks = w.sched.Events(), w.sched.Now(), w.trace.Hash(), w.marks
		r.Cells, r.Checked, r.Spec = w.faults.cells, w.observe.check.Stats(), w.observe.spec.Stats()
		r.Faults = map[string]int{}
		for k, n := range w.faults.done {
			r.Faults[faultTable[k].name] += n
		}
		switch v := recover().(type) {
		case nil:
		case violation:
			r.Failure = &Failure{v.checker, v.message, w.trace.Lines()}
		default:
			r.Failure = &Failure{noPanic, fmt.Sprintf("%v\n%s", v, stack()), w.trace.Lines()}
		}
	}()
	if change != nil {
		change(w)
	}
	w.play()
	return r
}
