package driver

import "github.com/zabtree/zabtree/zab/protocol"

// Serving decides whether a replica serves: once its core does, and the state
// machine has all that the replica was told was committed when it was synchronised.
// It is a step machine; the zero value does not serve.
type Serving struct {
	core    bool
	at      uint64 // and once this is applied
	applied uint64
}

// Protocol takes the core's status.
func (s *Serving) Protocol(st *protocol.Status) { s.core, s.at = st.Serving, st.ServeAt.Counter }

// Applied takes the last entry that the state machine has.
func (s *Serving) Applied(z protocol.Zxid) { s.applied = z.Counter }

// Serves says it.
func (s *Serving) Serves() bool { return s.core && s.applied >= s.at }
