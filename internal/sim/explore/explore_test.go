package explore

import (
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	for _, cfg := range []Config{
		{Name: "cold", Voters: 3, MaxEpoch: 1, MaxStates: 5e6},
		{Name: "est", Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Crashes: 1, MaxStates: 5e6},
	} {
		begin := time.Now()
		r, err := Run(cfg, func(p Progress) {
			if p.Depth%5 == 0 {
				t.Logf("%v %+v", time.Since(begin), p)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s %v: %d states %d transitions depth %d complete %v; %s", cfg.Name, time.Since(begin), r.States, r.Transitions, r.Depth, r.Complete, r.Space)
		if r.Violation != nil {
			t.Errorf("%v", r.Violation)
		}
	}
}
