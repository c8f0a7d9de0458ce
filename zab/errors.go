package zab

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Errors of a Replica. NotApplied tells which of them say that a proposal
// certainly has no effect.
var (
	ErrNoLeader      = protocol.ErrNoLeader
	ErrOverloaded    = protocol.ErrOverloaded
	ErrTooLarge      = protocol.ErrTooLarge
	ErrConflict      = protocol.ErrConflict
	ErrBadMembership = protocol.ErrBadMembership
	ErrNotMember     = protocol.ErrNotMember

	// ErrClosed: the replica was closed, or stopped by a fault (see Replica.Err).
	ErrClosed = errors.New("zab: replica is closed")
	// ErrUnknownOutcome: the proposal may or may not have an effect, now or later.
	ErrUnknownOutcome = errors.New("zab: outcome unknown")
	// ErrLowSpace: a leader's storage has only its reserve left.
	ErrLowSpace = protocol.ErrLowSpace
)

// FatalError is why a replica stopped by itself.
type FatalError struct {
	// Op is what failed: "log", "apply", "restore", "transport", "callback" (of
	// Config), "invariant" (of the protocol, or of this package), or "removed": the
	// ensemble goes on without this replica, and Err wraps ErrNotMember.
	Op  string
	Err error
}

func (e *FatalError) Error() string { return fmt.Sprintf("zab: replica stopped: %s: %v", e.Op, e.Err) }
func (e *FatalError) Unwrap() error { return e.Err }

// notApplied marks an error as one that leaves no effect.
type notApplied struct{ err error }

func (e *notApplied) Error() string { return e.err.Error() }
func (e *notApplied) Unwrap() error { return e.err }

// NotApplied says that the proposal that failed with err has no effect and never
// will: it may be proposed again. If it is false the outcome is unknown.
func NotApplied(err error) bool {
	var n *notApplied
	return errors.As(err, &n)
}
