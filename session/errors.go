package session

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Errors of sessions, for errors.Is. What is wrong with an operation itself is a
// *tree.Error around one of package tree's sentinels.
var (
	// ErrExpired: the session has expired; its ephemerals are gone.
	ErrExpired = errors.New("session: expired")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("session: closed")
	// ErrLease is why a Context is done when the session's lease has run out: it
	// may or may not expire.
	ErrLease = errors.New("session: lease has run out")
	// ErrUnknownOutcome: nobody waited for the answer to a write that was on its
	// way. It has taken effect, will, or never will, but not twice.
	ErrUnknownOutcome = errors.New("session: outcome unknown")
	// ErrUnreachable: every backend of the session is closed for good. The session
	// itself may live on until it expires.
	ErrUnreachable = errors.New("session: no backend left")
	// ErrCloseUnconfirmed: Close has given up waiting. The session ends by its
	// timeout, if it has not ended already.
	ErrCloseUnconfirmed = errors.New("session: end not confirmed")
	// ErrOptions is wrapped by what Options.Validate returns.
	ErrOptions = errors.New("session: bad options")
	// ErrTooManyWatches: the session or its host has as many as it may have.
	ErrTooManyWatches = errors.New("session: too many watches")
	// ErrBackendClosed is for a Backend's Connect: it will not open links ever
	// again.
	ErrBackendClosed = errors.New("session: backend is closed")
)

// notApplied marks an error as one that leaves no effect.
type notApplied struct{ err error }

func (e *notApplied) Error() string { return e.err.Error() }
func (e *notApplied) Unwrap() error { return e.err }

// NotApplied says that what failed with err has no effect and never will: it may
// be submitted again. So it is for every *tree.Error, as a failed operation
// changes nothing. If it is false for the error of a write, the outcome is
// unknown.
func NotApplied(err error) bool {
	var n *notApplied
	var t *tree.Error
	return errors.As(err, &n) || errors.As(err, &t)
}

// unknown is an ErrUnknownOutcome with the reason.
func unknown(err error) error { return fmt.Errorf("%w: %w", ErrUnknownOutcome, err) }

var faults = map[protocol.Fault]error{
	protocol.FaultExpired:     ErrExpired,
	protocol.FaultClosed:      ErrClosed,
	protocol.FaultUnreachable: ErrUnreachable,
}

// faultError is the error of a call that has no answer; cancelled is why its
// caller stopped waiting, if that was it.
func faultError(call *protocol.Call, cancelled error) error {
	err := faults[call.Fault]
	if call.Fault == protocol.FaultCancelled || err == nil {
		err = cancelled
	}
	if call.Unknown {
		return unknown(err)
	}
	return &notApplied{err}
}
