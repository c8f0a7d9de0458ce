package explore

import (
	"os"
	"encoding/json"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	var cfgs []Config
	if err := json.Unmarshal([]byte(os.Getenv("CFGS")), &cfgs); err != nil { t.Fatal(err) }
	for _, cfg := range cfgs {
		begin := time.Now()
		r, err := Run(cfg, func(p Progress) {
			if p.Depth%10 == 0 {
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
