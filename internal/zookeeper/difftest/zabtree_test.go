package difftest

import (
	"context"
	"os"
	"testing"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

// root is the repository, seen from this package's tests.
const root = "../../.."

// zabtree builds examples/server and returns what starts it.
func zabtree(t *testing.T, o server.Options) func(context.Context) (*server.Process, error) {
	t.Helper()
	bin, err := server.BuildZabtree(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) (*server.Process, error) { return server.StartZabtree(ctx, bin, o) }
}

// TestDifferential: Zabtree answers as Apache ZooKeeper does, but for what
// knownDifferences lists.
func TestDifferential(t *testing.T) {
	cfg := Config{Seed: 2, Ops: 50000, Serial: true, A: apache, B: zabtree(t, options())}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range report.Failures {
		if report.Failures[i], err = Shrink(t.Context(), cfg, f); err != nil {
			t.Error(err)
		}
	}
	report.Print(os.Stdout)
	if len(report.Failures) > 0 {
		t.Fatal("Zabtree differs from Apache ZooKeeper")
	}
	complete(t, report)
}

// TestDifferentialTime: what goes away by itself goes away in the same way.
func TestDifferentialTime(t *testing.T) {
	d, err := Script(t.Context(), Config{A: quick, B: zabtree(t, often())}, 3, timeScript())
	if err != nil {
		t.Fatal(err)
	}
	if d != nil {
		t.Fatalf("%s: %s and %s, asked %s", d.Kind(), d.A, d.B, d.Request)
	}
}
