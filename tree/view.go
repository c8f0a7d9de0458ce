package tree

import (
	"io"
	"iter"
	"time"
)

// View is the whole replicated state at one zxid. It never changes, costs
// nothing to hold but the memory of what was replaced since, and any number of
// goroutines may use it. ACLs are not enforced here, but by those who read for a
// session: see [View.Permit].
type View struct {
}

// Zxid returns the zxid of the last entry applied; 0 if there is none.
func (v *View) Zxid() int64

// Clock returns the ensemble's clock at that entry, in nanoseconds.
func (v *View) Clock() int64

// Digest returns a 64-bit sum over everything replicated. Replicas that have
// applied the same entries have the same digest. It finds faults; it is no
// protection against someone who looks for two states with one digest.
func (v *View) Digest() uint64

// ComputeDigest computes Digest anew from everything there is, in time
// proportional to that.
func (v *View) ComputeDigest() uint64

// ApplyVersion returns the version of the rules of apply in force.
func (v *View) ApplyVersion() uint32

// Settings returns the replicated settings in force.
func (v *View) Settings() Settings

// Len returns the number of znodes, the four that always exist included.
func (v *View) Len() int

// Lookup returns the znode at path, nil if there is none.
func (v *View) Lookup(path string) *Znode

// Get returns the data, shared and read-only with its capacity clipped, and the
// Stat of the znode at path, or an Error with ErrNoNode.
func (v *View) Get(path string) ([]byte, Stat, error)

// Exists returns the Stat of the znode at path, and whether there is one.
func (v *View) Exists(path string) (Stat, bool)

// Children returns the names of the znode's children in ascending order of
// their bytes. It is empty if there is no such znode.
func (v *View) Children(path string) iter.Seq[string]

// ChildNodes is Children with the znodes themselves.
func (v *View) ChildNodes(path string) iter.Seq[*Znode]

// Walk returns the znode at root and all below it: parents before children,
// siblings in ascending order. It is empty if there is no such znode.
func (v *View) Walk(root string) iter.Seq2[string, Stat]

// WalkNodes is Walk with the znodes themselves.
func (v *View) WalkNodes(root string) iter.Seq[*Znode]

// GetACL returns the ACL, shared and read-only, and the Stat of the znode at
// path, or an Error with ErrNoNode. World(PermAll) stands for no ACL.
func (v *View) GetACL(path string) ([]ACL, Stat, error)

// Permit returns nil if the znode at path gives the session at least one of
// perms, else an Error with ErrNoNode or ErrNoAuth. A session that does not
// exist has no identities.
func (v *View) Permit(session int64, path string, perms Perms) error

// Expired returns the container and TTL znodes that are due at the clock, the
// longest due first, as the commands that delete them. Finding them takes time
// proportional to their number. They may be applied late or twice: each names
// the znode's Czxid and Mzxid.
func (v *View) Expired(clock int64) iter.Seq[DeleteNode]

// SessionInfo is the replicated part of a session.
type SessionInfo struct {
	ID         int64 // the zxid of its CreateSession
	Timeout    time.Duration
	Password   Password
	Server     uint64 // that it is attached to
	Attachment int64  // the zxid of its last Attach, or of its CreateSession

	LastSequence uint64 // of the last write applied
	AnsweredUpTo uint64 // results are held for the sequences after it
	ResultBytes  int    // of the results held

	Identities []ID // shared and read-only
}

// Session returns what is known of a session, and whether it is alive.
func (v *View) Session(id int64) (SessionInfo, bool)

// Sessions returns the sessions that are alive, in ascending order of id.
func (v *View) Sessions() iter.Seq[SessionInfo]

// Ephemerals returns the paths of the session's ephemeral znodes, in ascending
// order.
func (v *View) Ephemerals(session int64) iter.Seq[string]

// Fate is what is known of a session's write.
type Fate uint8

const (
	// FateUnknown: there is no such session any more, and no tombstone of it.
	FateUnknown Fate = iota
	// FatePending: the session is alive and the write was not applied yet.
	FatePending
	// FateApplied: the write was applied, and its result is still there.
	FateApplied
	// FateAnswered: the write was applied; the session had its answer.
	FateAnswered
	// FateNever: the session ended without the write. It will never be applied.
	FateNever
)

// Fate says whether a write of a session was applied, also for some time after
// the session ended: see [Settings]. For FateApplied the Outcome is the one
// that the write would have now. The answer is as new as the View: ask one that
// a linearizable read returned.
func (v *View) Fate(session int64, sequence uint64) (Fate, Outcome)

// WriteSnapshot writes the whole state to w, the same bytes on every replica
// that has it, in pieces of at most 64 KiB but for a znode's or a result's own
// bytes. It needs no memory in proportion to the state and may run beside
// Apply. The error is w's, or says that shared bytes were written to.
func (v *View) WriteSnapshot(w io.Writer) error
