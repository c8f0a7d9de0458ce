package difftest

import (
	"context"
	"os"
	"testing"

	"github.com/zabtree/zabtree/internal/zookeeper/server"
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

func options() server.Options { return server.Options{EnforceQuota: true} }

func apache(ctx context.Context) (*server.Process, error) { return server.StartApache(ctx, options()) }

// TestApacheAgainstItself: two servers of the same kind do not differ. What does
// is no property of the server, and the comparison has to see past it.
func TestApacheAgainstItself(t *testing.T) {
	report, err := Run(t.Context(), Config{Seed: 1, Ops: 20000, Serial: true, A: apache, B: apache})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Failures) > 0 || len(report.Known) > 0 {
		report.Print(os.Stdout)
		t.Fatal("a server differs from itself")
	}
	complete(t, report)
}

// complete: a run of this length has asked for everything, and got every answer
// that a server without an ensemble around it gives.
func complete(t *testing.T, r *Report) {
	t.Helper()
	for _, op := range []zkwire.Opcode{
		zkwire.Create, zkwire.Create2, zkwire.CreateContainer, zkwire.CreateTTL, zkwire.Delete, zkwire.Exists, zkwire.GetData,
		zkwire.SetData, zkwire.GetACL, zkwire.SetACL, zkwire.GetChildren, zkwire.GetChildren2, zkwire.Sync, zkwire.Ping,
		zkwire.Multi, zkwire.MultiRead, zkwire.CheckWatches, zkwire.RemoveWatches, zkwire.Auth, zkwire.SetWatches, zkwire.SetWatches2,
		zkwire.AddWatch, zkwire.WhoAmI, zkwire.GetEphemerals, zkwire.GetAllChildrenNumber, zkwire.SASL, zkwire.CloseSession,
	} {
		if r.Answers[op.String()][0] == 0 {
			t.Errorf("%v never succeeded", op)
		}
	}
	errs := map[int32]int{}
	for _, answers := range r.Answers {
		for err, n := range answers {
			errs[err] += n
		}
	}
	for _, err := range []int32{0, -2, -5, -6, -8, -101, -102, -103, -108, -110, -111, -114, -115, -121, -125} {
		if errs[err] == 0 {
			t.Errorf("no answer had error %d", err)
		}
	}
	for name, n := range map[string]int{
		"created": r.Events["created"], "deleted": r.Events["deleted"], "data changed": r.Events["data changed"],
		"children changed": r.Events["children changed"], "accepted": r.Handshakes["accepted"],
		"no such session": r.Handshakes["no such session"], "closed without an answer": r.Handshakes["closed without an answer"],
		"too large a frame": r.Closed["setData"], "no frame": r.Closed["bytes"],
	} {
		if n == 0 {
			t.Errorf("never seen: %s", name)
		}
	}
}
