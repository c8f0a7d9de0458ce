package explore

import (
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// node is one replica at one moment: its core, its disk, and what the disk has yet
// to do. Once it has a number it is never changed; what happens next is worked out
// on a copy.
type node struct {
	self   int // index; the ID is one more
	core   *protocol.Core
	gone   bool // told that it is no member any more: it never comes back
	disk   storage
	queue  []protocol.Write
	stores []protocol.StoreChunk // chunks of a snapshot, not yet durable
	links  uint32                // mask of the peers that are linked

	// What follows from the above:

	memory  storage // the disk once the queue is done
	applied uint64
	view    view
}

// view is what the explorer needs to know of a core.
type view struct {
	phase       protocol.Phase
	leads       bool
	follows     bool
	serving     bool
	epoch       uint32
	known       uint64 // how much of the log is committed as far as this replica knows
	established uint32 // the epoch that it leads, if established
	version     uint64 // of the configuration
	wipes       uint64
}

func incarnation(node int, wipes uint64) uint64 { return uint64(node+1)<<8 | wipes + 1 }

// linkID names the link between two nodes. A core that is told that a link is down
// has nothing left that names it, so that the next one may have the same name.
func linkID(a, b int) protocol.LinkID { return protocol.LinkID(1 + min(a, b)*maxNodes + max(a, b)) }

// peerOf returns the other end of a link.
func (n *node) peerOf(id protocol.LinkID) int {
	a, b := (int(id)-1)/maxNodes, (int(id)-1)%maxNodes
	if a == n.self {
		return b
	}
	return a
}

func (n *node) linked(peer int) bool { return n.links&(1<<peer) != 0 }

func (n *node) clone() *node {
	c := *n
	if n.core != nil {
		c.core = n.core.Clone()
	}
	c.queue = slices.Clone(n.queue)
	c.stores = slices.Clone(n.stores)
	return &c
}

// appendKey appends what tells this node from others. Cores that behave alike
// have equal keys.
func (n *node) appendKey(dst []byte, entries *entries) []byte {
	dst = append(dst, byte(n.self))
	dst = codec.AppendBool(dst, n.gone)
	dst = n.disk.appendKey(dst)
	if n.gone {
		return dst
	}
	dst = codec.AppendArray(dst, len(n.queue))
	for i := range n.queue {
		dst = appendBatch(dst, entries, &n.queue[i].Batch)
	}
	dst = codec.AppendArray(dst, len(n.stores))
	for _, s := range n.stores {
		dst = codec.AppendUint(codec.AppendUint(appendMeta(dst, s.Meta), s.Token), s.N)
	}
	dst = codec.AppendUint(dst, uint64(n.links))
	dst = codec.AppendUint(dst, n.applied)
	return n.core.AppendCanonical(dst)
}

// look brings view up to date.
func (n *node) look(entries *entries) {
	s := n.core.Status()
	known := s.Commit
	if s.Last.Less(known) {
		known = s.Last
	}
	n.view = view{phase: s.Phase, leads: s.Leader == s.ID, follows: s.Leader != 0 && s.Leader != s.ID, serving: s.Serving,
		epoch: s.Epoch, known: known.Counter, version: s.Config.Version, wipes: s.Incarnation&0xff - 1}
	if n.view.leads && s.Phase == protocol.Broadcasting {
		n.view.established = s.Epoch
	}
}
