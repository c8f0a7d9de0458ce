package zab

import (
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Status is a copy of what a replica knows of itself. Phase, Leader, Epoch,
// Serving and Config are exact; positions and Peers are at most one tick old,
// Applied is never older than what WaitApplied was told.
type Status struct {
	// Status is the protocol's. Serving is narrower here: this replica has also
	// applied all that it was told was committed when it was synchronised.
	protocol.Status
	// Applied is the last entry that the state machine has.
	Applied  Zxid
	Ensemble EnsembleID
	// LowSpace says that only the reserve is left to the storage.
	LowSpace bool
}

// Leading says whether this replica leads, established or not.
func (s *Status) Leading() bool { return s.Leader == s.ID && s.ID != 0 }

// statusView joins what the loop knows with what the applier knows. Both use it,
// under a mutex.
type statusView struct {
	now     Status
	serving driver.Serving
}

// protocol takes the core's status, and says whether anything that is waited for
// has changed.
func (v *statusView) protocol(s protocol.Status) bool {
	v.serving.Protocol(&s)
	old := v.now.Status
	v.now.Status = s
	v.now.Serving = v.serving.Serves()
	n := &v.now.Status
	return old.Phase != n.Phase || old.Leader != n.Leader || old.Epoch != n.Epoch || old.Serving != n.Serving ||
		old.Config.Version != n.Config.Version || old.Config.PendingAt != n.Config.PendingAt || old.Settled != n.Settled
}

// applied takes what the state machine has now, and says the same.
func (v *statusView) applied(z Zxid) bool {
	v.now.Applied = z
	v.serving.Applied(z)
	old := v.now.Serving
	v.now.Serving = v.serving.Serves()
	return old != v.now.Serving
}
