package spec_test

import (
	"fmt"
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
	"testing"
)

func TestDbg(t *testing.T) {
	w := randomWorld(*seedFlag)
	w.lieSent = func(n *node, fr []byte) []byte {
		var f audit.Frame
		audit.Decode(&f, fr)
		if f.Kind != audit.Propose && f.Kind != audit.Ping && f.Kind != audit.Pong {
			fmt.Printf("%d sends %v e%d acc%d prom=%v last=%v commit=%v ctr=%d ends=%v common=%v disk=%v looking=%v\n", n.id, f.Kind, f.Epoch, f.Accepted, f.Promised, f.Last, f.Commit, f.Counter, f.Ends, f.Common, n.disk.Last, f.Looking)
		}
		return fr
	}
	w.lieDurable = func(n *node, b *protocol.Batch) bool {
		fmt.Printf("%d durable", n.id)
		if b.HardState != nil {
			fmt.Printf(" acc %d", b.HardState.AcceptedEpoch)
		}
		if b.Base != nil {
			fmt.Printf(" base %v", b.Base.Zxid())
		}
		if b.Truncate != nil {
			fmt.Printf(" trunc %v", *b.Truncate)
		}
		for _, e := range b.Entries {
			fmt.Printf(" %v(%d,%d)", e.Zxid, e.Kind, len(e.Data))
		}
		fmt.Println()
		return true
	}
	w.run(*stepsFlag)
	fmt.Println(w.err)
	for _, n := range w.nodes {
		if n.core != nil {
			fmt.Printf("%d %x %+v\n", n.id, n.disk.HardState.Incarnation, n.core.Status())
		}
	}
}
