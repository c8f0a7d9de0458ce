package protocol

import (
	"cmp"
	"fmt"
)

// Zxid identifies a log entry: the epoch of the leader that wrote it and its
// index in the log. The counter goes on from one epoch to the next and never
// overflows, so that no election is ever forced by it (ZOOKEEPER-1277). Among
// committed entries the counter alone is unique; two entries that were never
// both committed may share one, so what is not yet committed is always named by
// both halves.
type Zxid struct {
	Epoch   uint32
	Counter uint64
}

// Compare orders by epoch, then by counter.
func (z Zxid) Compare(o Zxid) int {
	if c := cmp.Compare(z.Epoch, o.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(z.Counter, o.Counter)
}

// Less says whether z comes before o.
func (z Zxid) Less(o Zxid) bool { return z.Compare(o) < 0 }

// IsZero says whether z is the position before the first entry.
func (z Zxid) IsZero() bool { return z == Zxid{} }

// String returns "epoch:counter".
func (z Zxid) String() string { return fmt.Sprintf("%d:%d", z.Epoch, z.Counter) }
