package protocol

import "errors"

// LinkID is the driver's name for one life of the connections to a peer; it is
// never used again. A link has two lanes, each of them ordered, without any
// order between the two. When either breaks the link is down.
type LinkID uint64

// Lane is one of a link's two connections.
type Lane uint8

const (
	// Control carries small frames that must not wait behind others: votes,
	// heartbeats and what belongs to reads.
	Control Lane = iota
	// Bulk carries everything between a follower and its leader: discovery,
	// synchronisation, proposals, entries, acknowledgements.
	Bulk
	// Lanes is their number.
	Lanes
)

// Peer is who is at the other end of a link.
type Peer struct {
	ID, Incarnation uint64
}

// Proposal is a command that wants to be in the log. Request is the origin's own
// number for it.
type Proposal struct {
	Request uint64
	Data    []byte
	// Essential proposals are taken also by a leader that is low on space.
	Essential bool
}

// Send is a frame to be sent on a lane of a link. Frames of one lane are sent in
// order. The frame may be shared with others and is never changed.
type Send struct {
	Link  LinkID
	Lane  Lane
	Frame []byte
}

// Write is a batch for the storage. Writes are carried out in the order of
// their numbers, and answered by Core.Durable; the driver may join the entries
// of several into one durable step, and then reports the last number.
type Write struct {
	Seq   uint64
	Batch Batch
}

// ReadEntries asks for encoded entries of the log from After on, to be answered
// by Core.EntriesRead. Entries that are being written count as there.
type ReadEntries struct {
	Link     LinkID
	Token    uint64
	After    uint64
	MaxBytes int
}

// ReadChunk asks for a chunk of a snapshot that is in storage, to be answered by
// Core.ChunkRead. Chunk n begins at byte n * ChunkBytes.
type ReadChunk struct {
	Link  LinkID
	Token uint64
	Meta  SnapshotMeta
	N     uint64
}

// StoreChunk asks for a received chunk to be made durable, to be answered by
// Core.ChunkStored. When Last is set the snapshot is whole: it is then verified
// against Meta and committed before the answer. A chunk may come that is durable
// already: it has the same bytes.
type StoreChunk struct {
	Meta  SnapshotMeta
	Token uint64
	N     uint64
	Data  []byte
	Last  bool
}

// ReadAnswer answers Core.ReadPoint: a state that has applied Zxid may be read,
// or Err says why there is no answer (ErrNoLeader).
type ReadAnswer struct {
	ID   uint64
	Zxid Zxid
	Err  error
}

// Refusal says that a proposal of this replica is certainly not in the log and
// never will be.
type Refusal struct {
	Request uint64
	Err     error
}

// CloseLink asks the driver to break a link, and says why.
type CloseLink struct {
	Link   LinkID
	Reason error
}

// Output is what the driver must do after the core took an event. The parts are
// independent of each other; within each, order matters.
type Output struct {
	Writes      []Write
	Sends       []Send
	ReadEntries []ReadEntries
	ReadChunks  []ReadChunk
	StoreChunks []StoreChunk
	// Install names a snapshot that has become the base of this replica's log,
	// durably: the state machine is to be restored from it before any entry after
	// it is applied.
	Install *Base
	// Apply is how far the log may be applied: committed and durable here. It is
	// given whether or not it moved.
	Apply Zxid
	// Barrier, if not 0, is a counter: of the proposals of this replica that were
	// handed to the core before, those that have not been applied when this
	// counter is, are not in the log and never will be. It replaces any barrier
	// before it, which may have been that of a history that came to nothing, and
	// it stands before Apply.
	Barrier uint64
	Reads   []ReadAnswer
	Refused []Refusal
	Close   []CloseLink
	// Heard says that the leader that is followed sent a heartbeat: a good time for
	// a tick that is about due.
	Heard bool
	// ConfigChanged says that the configuration is new: links to strangers may
	// have to be closed, and new ones made.
	ConfigChanged bool
	// StatusChanged says that what Status returns, apart from positions and Peers,
	// is new; PeersChanged that Peers is, when nothing else says so: a follower has
	// acknowledged more, begins anew, or follows no more.
	StatusChanged, PeersChanged bool
	// Halt, if not nil, ends this replica: an invariant was found broken.
	Halt error
}

// Errors of the core, in Refusal and ReadAnswer and returned by its methods.
var (
	// ErrNoLeader: there is no leader that is ready, as far as this replica knows.
	ErrNoLeader = errors.New("zab: no leader")
	// ErrOverloaded: the leader has too much that is not committed yet.
	ErrOverloaded = errors.New("zab: overloaded")
	// ErrTooLarge: a command over the limit.
	ErrTooLarge = errors.New("zab: command too large")
	// ErrLowSpace: the leader has room only for what frees some.
	ErrLowSpace = errors.New("zab: low on space")
	// ErrConflict: another change of membership is under way, or the version that
	// a change was based on is not the current one.
	ErrConflict = errors.New("zab: membership has changed or is changing")
	// ErrBadMembership: a change of membership that is not allowed.
	ErrBadMembership = errors.New("zab: membership not allowed")
	// ErrNotMember: the replica is not, or is no longer, a member.
	ErrNotMember = errors.New("zab: not a member of the ensemble")
)

// Phase is what a replica is doing.
type Phase uint8

// The phases of ZAB. A follower and an observer are told apart by their roles.
const (
	Looking       Phase = iota // election: no leader
	Discovering                // following or leading, epoch not agreed yet
	Synchronising              // history not yet complete
	Broadcasting               // a leader that is established, a follower that serves
)

func (p Phase) String() string {
	return [...]string{"looking", "discovering", "synchronising", "broadcasting"}[p&3]
}

// Status is a copy of what the core knows of itself.
type Status struct {
	ID, Incarnation uint64
	Phase           Phase
	// Leader is the leader that this replica follows, itself if it leads, or 0.
	Leader uint64
	// Epoch is the leader's epoch, or of the last entry if there is no leader.
	Epoch uint32
	// Serving says that this replica has been synchronised by its leader and has
	// committed all that the leader had when it told so; ServeAt is that point.
	Serving       bool
	ServeAt       Zxid
	AcceptedEpoch uint32
	Last          Zxid // the end of the log, durable or not
	Durable       Zxid
	Commit        Zxid
	Base          Zxid
	Config        Configuration
	// Settled says that the log says for ever that Config is in force, with nothing
	// pending. Before that a restart may yet need a quorum of the membership before.
	Settled bool
	Peers   []PeerStatus // linked ones, by ID
}

// PeerStatus is what the core knows of a linked peer.
type PeerStatus struct {
	Peer
	// Synchronised, Acked and Snapshot are the leader's view of a follower.
	Synchronised bool
	Acked        uint64 // counter
	Receiving    bool   // is being sent a snapshot
}
