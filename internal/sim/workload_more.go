package sim

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// more does one of the less usual things instead of what step would do, now and then. It
// has draws of its own: where there are none it does nothing.
func (k *workload) more() bool {
	r := k.c.more
	if !r.Chance(1, 10) {
		return false
	}
	switch r.IntN(8) {
	case 0:
		k.readAs(protocol.Read{Kind: protocol.ReadChildren, After: sched.Pick(r, []string{"", "a", "m"}), Limit: r.IntN(4)})
	case 1:
		path := k.path()
		k.submit(&call{Call: protocol.Call{Read: protocol.Read{Kind: protocol.ReadEphemerals, Path: path[:1+r.IntN(len(path))]}}})
	case 2:
		k.readAs(protocol.Read{Kind: protocol.ReadDescendants})
	case 3:
		k.readAs(protocol.Read{Kind: protocol.ReadIdentities})
	case 4:
		read := protocol.Read{Kind: protocol.ReadMany}
		for range 1 + r.IntN(4) {
			read.Parts = append(read.Parts, protocol.Part{Kind: protocol.ReadKind(1 + r.IntN(4)), Path: k.path()})
		}
		k.readAs(read)
	case 5:
		k.resume()
	default:
		k.submit(&call{Call: protocol.Call{Op: k.quota()}})
	}
	return true
}

// readAs submits a read of some path.
func (k *workload) readAs(read protocol.Read) {
	read.Path, read.Linearizable = k.path(), k.c.more.Chance(1, 3)
	k.submit(&call{Call: protocol.Call{Read: read}})
}

// resume arms a watch as of some zxid: one of long ago, one of just now, or one to come.
func (k *workload) resume() {
	if len(k.watches) >= 8 {
		return
	}
	r := k.c.more
	read := protocol.Read{
		Path: k.path(), Resume: true, Watch: k.c.m.NewWatch(),
		WatchKind: sched.Pick(r, []watch.Kind{watch.Persistent, watch.PersistentRecursive, watch.Data, watch.Exist, watch.Children}),
	}
	switch seen := k.c.m.LastSeen(); r.IntN(4) {
	case 0:
	case 1:
		read.Since = r.Range(0, seen+1)
	case 2:
		read.Since = seen + r.Range(0, 3)
	default:
		read.Since = max(0, seen-r.Range(0, 10))
	}
	k.watches = append(k.watches, read.Watch)
	k.submit(&call{Call: protocol.Call{Read: read}, watch: read.Watch})
}

// quota is a write of a quota for the hot paths: its limits, which may be tight, or its
// count, which begins anew.
func (k *workload) quota() tree.Op {
	const at = "/zookeeper/quota/hot"
	r := k.c.more
	limits := fmt.Appendf(nil, "count=2,bytes=-1=;byteHardLimit=%d;countHardLimit=%d", sched.Pick(r, []int{-1, 100, 10_000}), 2+r.IntN(20))
	switch r.IntN(8) {
	case 0, 1:
		return tree.Multi{Ops: []tree.Op{
			tree.Create{Path: at}, tree.Create{Path: at + "/zookeeper_limits", Data: limits},
			tree.Create{Path: at + "/zookeeper_stats", Data: []byte("count=0,bytes=0")},
		}}
	case 2:
		return tree.Set{Path: at + "/zookeeper_limits", Data: limits}
	case 3:
		return tree.Multi{Ops: []tree.Op{
			tree.Delete{Path: at + "/zookeeper_stats"}, tree.Create{Path: at + "/zookeeper_stats", Data: []byte("count=0,bytes=0")},
		}}
	case 4:
		return tree.Set{Path: at + "/zookeeper_stats", Data: []byte("nothing")}
	case 5:
		return tree.Delete{Path: at + "/zookeeper_limits"}
	}
	return tree.Multi{Ops: []tree.Op{
		tree.Delete{Path: at + "/zookeeper_stats"}, tree.Delete{Path: at + "/zookeeper_limits"}, tree.Delete{Path: at},
	}}
}

// seen notes what is to happen sometimes.
func (k *workload) seen(q *call) {
	a := q.Answer
	switch {
	case a == nil:
	case q.Read.Resume && a.Read != nil && a.Read.Armed:
		k.c.w.mark("watch resumed")
	case q.Read.Resume && a.WatchRefused:
		k.c.w.mark("watch of a zxid to come refused")
	case q.Read.Kind == protocol.ReadMany && a.Read != nil:
		k.c.w.mark("several reads of one state")
	case a.Record != nil:
		results, _ := tree.DecodeRecord(a.Record) // which the checkers have read
		for i := range results {
			if errors.Is(results[i].Err, tree.ErrQuotaExceeded) {
				k.c.w.mark("over a quota")
			}
		}
	}
}
