package zab

import "github.com/zabtree/zabtree/zab/protocol"

// The protocol's own types, under the names that users and implementers of
// Storage and StateMachine import.
type (
	Zxid          = protocol.Zxid
	Entry         = protocol.Entry
	EntryKind     = protocol.EntryKind
	HardState     = protocol.HardState
	EnsembleID    = protocol.EnsembleID
	Base          = protocol.Base
	Batch         = protocol.Batch
	SnapshotMeta  = protocol.SnapshotMeta
	Member        = protocol.Member
	Membership    = protocol.Membership
	Configuration = protocol.Configuration
	Role          = protocol.Role
	Phase         = protocol.Phase
	PeerStatus    = protocol.PeerStatus
)

// Kinds of entries, roles of members, and phases of replicas.
const (
	KindCommand    = protocol.KindCommand
	KindOpen       = protocol.KindOpen
	KindMembership = protocol.KindMembership

	Voter    = protocol.Voter
	Observer = protocol.Observer

	Looking       = protocol.Looking
	Discovering   = protocol.Discovering
	Synchronising = protocol.Synchronising
	Broadcasting  = protocol.Broadcasting
)
