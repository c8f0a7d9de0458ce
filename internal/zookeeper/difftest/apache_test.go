package difftest

import (
	"context"
	"os"
	"testing"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
)

func apache(ctx context.Context) (*server.Process, error) {
	return server.StartApache(ctx, server.Options{EnforceQuota: true})
}

// TestApacheAgainstItself: two servers of the same kind do not differ. What does
// is no property of the server, and the comparison has to see past it.
func TestApacheAgainstItself(t *testing.T) {
	report, err := Run(t.Context(), Config{Seed: 1, Ops: 20000, A: apache, B: apache})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failures) > 0 {
		report.Print(os.Stdout)
		t.Fatal("a server differs from itself")
	}
}
