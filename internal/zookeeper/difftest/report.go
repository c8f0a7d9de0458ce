package difftest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// A Report is what a run has found and how far it came.
type Report struct {
	Seed     uint64
	Rounds   int
	Steps    int
	Requests int // sent to each server; a step without requests counts as one
	Restarts int
	Elapsed  time.Duration

	Kinds    map[string]int // unexplained differences by kind
	Known    map[string]int // known ones by name
	Failures []*Failure

	Answers    map[string]map[int32]int // of the reference: by opcode and error
	Events     map[string]int           // by type
	Handshakes map[string]int
	Closed     map[string]int // connections closed by the server, by what was asked
}

func newReport(seed uint64) *Report {
	return &Report{
		Seed: seed, Kinds: map[string]int{}, Known: map[string]int{}, Answers: map[string]map[int32]int{},
		Events: map[string]int{}, Handshakes: map[string]int{}, Closed: map[string]int{},
	}
}

// add counts a difference. A nil report counts nothing, as the other methods.
func (r *Report) add(d *Difference) {
	switch {
	case r == nil:
	case d.Known != "":
		r.Known[d.Known]++
	default:
		r.Kinds[d.Kind()]++
	}
}

func (r *Report) restarted() {
	if r != nil {
		r.Restarts++
	}
}

// cover counts what the reference answered.
func (r *Report) cover(step *Step, out []SlotOutcome) {
	if r == nil {
		return
	}
	own := &out[step.Slot]
	for i, reply := range own.Replies {
		req := &step.Ops[i].Request
		r.answer(req.Op.String(), reply.Err)
		for j := range reply.Results {
			if j < len(req.Ops) {
				err := reply.Results[j].Err
				if reply.Results[j].Count != nil {
					err = *reply.Results[j].Count
				}
				r.answer(fmt.Sprintf("%v[%v]", req.Op, req.Ops[j].Op), err)
			}
		}
	}
	for i := range out {
		for _, e := range out[i].Events {
			r.Events[eventName(e.Type)]++
		}
	}
	if step.Kind == Connect {
		r.Handshakes[handshakeName(own)]++
	}
	if own.Closed && step.Kind != Connect {
		what := string(step.Kind)
		if n := len(step.Ops); n > 0 {
			what = step.Ops[n-1].Op.String()
		}
		r.Closed[what]++
	}
}

func (r *Report) answer(op string, err int32) {
	if r.Answers[op] == nil {
		r.Answers[op] = map[int32]int{}
	}
	r.Answers[op][err]++
}

func eventName(t int32) string {
	switch t {
	case 1:
		return "created"
	case 2:
		return "deleted"
	case 3:
		return "data changed"
	case 4:
		return "children changed"
	}
	return fmt.Sprint("type ", t)
}

func handshakeName(out *SlotOutcome) string {
	switch {
	case out.Handshake == nil:
		return "closed without an answer"
	case out.Handshake.SessionID == 0:
		return "no such session"
	}
	return "accepted"
}

// Print writes the report as tables.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "seed %d: %d rounds, %d steps, %d requests to each server in %.1f s: %.0f/s; servers started again %d times\n",
		r.Seed, r.Rounds, r.Steps, r.Requests, r.Elapsed.Seconds(), float64(r.Requests)/r.Elapsed.Seconds(), r.Restarts)
	fmt.Fprintln(w, "\nanswers by opcode and error")
	for _, op := range slices.Sorted(maps.Keys(r.Answers)) {
		fmt.Fprintf(w, "  %-32s", op)
		for _, err := range slices.Backward(slices.Sorted(maps.Keys(r.Answers[op]))) {
			fmt.Fprintf(w, " %d:%d", err, r.Answers[op][err])
		}
		fmt.Fprintln(w)
	}
	printCounts(w, "events", r.Events)
	printCounts(w, "handshakes", r.Handshakes)
	printCounts(w, "connections closed by the server", r.Closed)
	printCounts(w, "known differences", r.Known)
	printCounts(w, "unexplained differences", r.Kinds)
	for _, f := range r.Failures {
		f.print(w)
	}
}

func printCounts(w io.Writer, title string, m map[string]int) {
	fmt.Fprintf(w, "\n%s: %d\n", title, total(m))
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
	for _, k := range keys {
		fmt.Fprintf(w, "  %7d  %s\n", m[k], k)
	}
}

func total(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func (f *Failure) print(w io.Writer) {
	fmt.Fprintf(w, "\nround %d, step %d: %s\n  request: %s\n  a: %s\n  b: %s\n", f.Round, f.Step, f.Kind(), f.Request, f.A, f.B)
	for _, s := range f.Steps[max(0, len(f.Steps)-30):] {
		fmt.Fprintf(w, "    %v\n", *s)
	}
}
