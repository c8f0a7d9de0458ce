package audit

import "fmt"

// Rule names what was broken.
type Rule string

// The rules of an Auditor.
const (
	// Feed: the simulator told something impossible, such as a frame of a member that is down.
	Feed Rule = "feed"
	// FrameForm: a frame that is not in the protocol's form.
	FrameForm Rule = "frame form"

	// BatchOrder: a batch does not fit what is on the disk: a gap, a cut outside the log.
	BatchOrder Rule = "batch order"
	// AcceptedMonotone: the accepted epoch never falls within an incarnation.
	AcceptedMonotone Rule = "accepted epoch monotone"
	// AcceptedCoversLog: accepted epoch >= epoch of the last entry.
	AcceptedCoversLog Rule = "accepted epoch covers the log"
	// IdentityKept: replica, incarnation, ensemble and founders, once written, stay.
	IdentityKept Rule = "identity kept"
	// RestartKeeps: what was durable is there after a restart, and nothing else.
	RestartKeeps Rule = "restart keeps what was durable"

	// PositionDurable: a position told is exactly the durable one.
	PositionDurable Rule = "position durable"
	// EpochTableDurable: a table of epochs told is exactly the durable one.
	EpochTableDurable Rule = "epoch table durable"
	// AcceptedDurable: an accepted epoch told is durable.
	AcceptedDurable Rule = "accepted epoch durable"
	// PromiseDurable: a promise, and a leader's offer, come after the accepted epoch is durable.
	PromiseDurable Rule = "promise durable"
	// PromiseRaised: a promise raised the accepted epoch, and is given once.
	PromiseRaised Rule = "promise raised the accepted epoch"
	// EpochHeld: who speaks in an epoch has durably accepted that one, and no later one.
	EpochHeld Rule = "epoch held"
	// AckDurable: an acknowledgement covers only what is durable of the epoch's stream.
	AckDurable Rule = "ack durable"
	// AckFalls: acknowledgements of a stream only grow.
	AckFalls Rule = "ack never falls"
	// ChunkAckDurable: chunks told or acknowledged are durable.
	ChunkAckDurable Rule = "chunk durable"
	// NoLaterPromise: who confirms an epoch has promised no later one.
	NoLaterPromise Rule = "no later promise"
)

// Violation is a broken rule.
type Violation struct {
	Rule   Rule
	Member uint64
	Detail string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s: member %d: %s", v.Rule, v.Member, v.Detail)
}
