package difftest

import (
	"context"
	"os"
	"testing"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// TestFindsAndShrinks: two servers that differ in one setting are told apart, and
// what is left of the round is about that setting.
func TestFindsAndShrinks(t *testing.T) {
	cfg := Config{Seed: 1, Ops: 40000, A: apache, B: func(ctx context.Context) (*server.Process, error) {
		return server.StartApache(ctx, server.Options{EnforceQuota: false})
	}}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failures) != 1 {
		t.Fatalf("%d failures", len(report.Failures))
	}
	f, err := Shrink(t.Context(), cfg, report.Failures[0])
	if err != nil {
		t.Fatal(err)
	}
	if f.Field != "err" || f.A != "-125" || f.B == "-125" {
		t.Errorf("found %s: %s and %s", f.Kind(), f.A, f.B)
	}
	// Sessions, the quota, its limits and its statistics, and what exceeds it.
	if len(f.Steps) > 20 {
		f.print(os.Stdout)
		t.Errorf("%d steps are left", len(f.Steps))
	}
}
