package zab

import "io"

// StateMachine is what the log is applied to. Its methods are called by one
// goroutine at a time; only a Snapshot may be written beside them. Implementations
// run the suite zab/zabtest.TestStateMachine.
type StateMachine interface {
	// Apply applies committed entries in order and sets results[i] for entries[i];
	// the result of a command reaches the caller that proposed it on this replica.
	// All kinds of entries are passed, so that a state machine can see who opened
	// an epoch; only KindCommand has Data for it. Apply must depend on nothing
	// but the state and the entries: no clock, no randomness, no map order. It
	// must not block, and may keep the entries' Data but not change it.
	//
	// Apply cannot fail. A result of type Halt stops the replica: for a command of
	// a kind that it does not know, which must not be skipped.
	Apply(entries []Entry, results []any)

	// Snapshot captures the state after the last applied entry, in O(1): it holds
	// up the replica. It is written out later.
	Snapshot() (Snapshot, error)

	// Restore replaces the state by the one that a Snapshot wrote, read from r to its
	// end. meta.Digest is the digest that the state must have: build the new state
	// aside, compare its digest with meta.Digest, and take it over only then. If
	// Restore returns an error, for bytes that end early, are not a snapshot or do not
	// have that digest, the state is as it was before, its Digest included. The bytes
	// may have come from another replica. After a Restore without an error the replica
	// compares Digest with meta.Digest too, and takes a difference for a failure.
	Restore(meta SnapshotMeta, r io.Reader) error

	// Digest is a checksum of the state, equal on all replicas after the same
	// entry.
	Digest() uint64
}

// Snapshot is a captured state. It is written while the state machine goes on.
type Snapshot interface {
	// WriteTo writes the snapshot. Two replicas that captured after the same
	// entry should write the same bytes: then one can continue what the other
	// began to send.
	io.WriterTo
	// Digest is the digest of the captured state.
	Digest() uint64
	// Release frees what the snapshot holds. It is called exactly once.
	Release()
}

// Halt is a result of StateMachine.Apply that stops the replica.
type Halt struct{ Err error }
