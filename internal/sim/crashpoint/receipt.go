package crashpoint

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/zab/protocol"
)

// receipts are what may be found of snapshots that are being received: as long as
// nothing of a new one was acknowledged the one before may be there.
type receipts struct {
	may  []receipt
	none bool // or nothing
}

// receipt is so many bytes of a snapshot, or more, up to another number.
type receipt struct {
	meta   protocol.SnapshotMeta
	lo, hi int64
}

// begins says that bytes of a snapshot up to some are about to be stored.
func (r *receipts) begins(q *protocol.StoreChunk, chunkBytes int) {
	hi := int64(q.N)*int64(chunkBytes) + int64(len(q.Data))
	may, known := make([]receipt, len(r.may), len(r.may)+1), false
	for i, x := range r.may {
		if x.meta == q.Meta {
			x.hi, known = max(x.hi, hi), true
		}
		may[i] = x
	}
	if !known {
		may, r.none = append(may, receipt{q.Meta, 0, hi}), true
	}
	r.may, r.none = may, r.none || q.Last
}

// durable says that they are.
func (r *receipts) durable(q *protocol.StoreChunk, chunkBytes int) {
	if q.Last {
		*r = receipts{none: true}
		return
	}
	hi := int64(q.N)*int64(chunkBytes) + int64(len(q.Data))
	for _, x := range r.may {
		if x.meta == q.Meta {
			hi = max(hi, x.hi)
		}
	}
	*r = receipts{may: []receipt{{q.Meta, hi / snapshot.ChunkBytes * snapshot.ChunkBytes, hi}}}
}

// failed says that they may be or not, and that what was there may be given up.
func (r *receipts) failed() {
	may := make([]receipt, len(r.may))
	for i, x := range r.may {
		may[i] = receipt{x.meta, 0, x.hi}
	}
	*r = receipts{may, true}
}

// differs says what is wrong with a receipt that was found.
func (r *receipts) differs(o *outcome) error {
	meta, size := o.disk.Partial, o.partial
	if meta.IsZero() && r.none {
		return nil
	}
	for _, x := range r.may {
		if x.meta == meta && x.lo <= size && size <= x.hi {
			return nil
		}
	}
	return fmt.Errorf("%d bytes received of snapshot %v, not one of %+v (or none: %v)", size, meta.Zxid, r.may, r.none)
}
