package spec_test

import (
	"slices"
	"testing"

	"github.com/zabtree/zabtree/zab/protocol"
)

// busy is an ensemble of three with few faults.
func busy(hear func(*event) bool) *faulty {
	return &faulty{world: newWorld(1, 3, 0, protocol.Config{ElectionTicks: 10}, hear), crash: 1, cut: 1, snapshot: 1, tick: 20, disk: 80}
}

// record runs a busy ensemble of three and returns all that its checkers are told.
func record(tb testing.TB, steps int) (founding protocol.Membership, events []event) {
	tb.Helper()
	f := busy(func(e *event) bool {
		x := *e
		x.frame = slices.Clone(e.frame)
		events = append(events, x)
		return true
	})
	f.run(steps)
	if f.err != nil {
		tb.Fatal(f.err)
	}
	return f.cfg.Founding, events
}

// BenchmarkEvents is what the checkers take for an event of a run, all kinds mixed.
func BenchmarkEvents(b *testing.B) {
	founding, events := record(b, 200_000)
	kinds := [whats]int{}
	for i := range events {
		kinds[events[i].what]++
	}
	for w, n := range kinds {
		b.Logf("%d %v", n, what(w))
	}
	run := func(tell func(c *checkers, e *event) error) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			var c *checkers
			i := len(events)
			for b.Loop() {
				if i == len(events) {
					c, i = newCheckers(founding), 0
				}
				if err := tell(c, &events[i]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		}
	}
	b.Run("Spec", run((*checkers).tellSpec))
	b.Run("Auditors", run((*checkers).tellAudit))
}

// BenchmarkRun is a run of real cores with and without checkers.
func BenchmarkRun(b *testing.B) {
	for name, hear := range map[string]func(*event) bool{"Checked": nil, "Unchecked": func(*event) bool { return false }} {
		b.Run(name, func(b *testing.B) {
			f := busy(hear)
			for b.Loop() {
				f.step()
			}
		})
	}
}
