package explore

import "github.com/zabtree/zabtree/zab/protocol"

// plant is a fault that tests build into a driver or a network, to see whether it
// is found. The zero plant is none.
type plant struct {
	// durableEarly tells a core that a write is durable when it is only queued.
	durableEarly func(n *node, w *protocol.Write) bool
	// restart changes the hard state that a crashed replica finds.
	restart func(s *storage, entries *entries)
	// sameIncarnation lets a wiped replica come back as if it had not been.
	sameIncarnation bool
	// dropTruncate makes a storage forget to truncate.
	dropTruncate bool
	// rewrite changes a frame on its way.
	rewrite func(frame []byte) []byte
	// without are invariants that are not checked, so that others may find the harm.
	without []Invariant
}
