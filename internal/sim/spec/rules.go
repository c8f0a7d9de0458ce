package spec

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/sim/audit"
)

// Rule names what was broken.
type Rule = audit.Rule

// Violation is a broken rule.
type Violation = audit.Violation

// The rules of a Spec. Those that ZAB's specification (Zab.tla) has bear its names.
const (
	// Feed: the simulator told something impossible.
	Feed Rule = audit.Feed
	// FrameForm: a frame or an entry that is not in the protocol's form.
	FrameForm Rule = audit.FrameForm

	// OneLeader (Leadership1 and 2): over all time one leader, in one run, opens an epoch.
	OneLeader Rule = "one leader an epoch"
	// PromiseRaised: a promise of an epoch is durable and raised the accepted epoch, and is
	// given to one leader.
	PromiseRaised Rule = audit.PromiseRaised
	// PositionDurable: a join tells the end of the durable log.
	PositionDurable Rule = audit.PositionDurable
	// PromiseQuorum: an epoch is opened with promises of a quorum of the current and of the
	// pending membership, counted by (ID, incarnation).
	PromiseQuorum Rule = "promises of a quorum"
	// PromiseKept: who promised an epoch takes and acknowledges nothing of an earlier one.
	PromiseKept Rule = "promise kept"
	// BestHistory: no voter that promised has a better history than the leader.
	BestHistory Rule = "best history of the promisers"
	// Completeness: a leader has all that was committed in lower epochs.
	Completeness Rule = "leader completeness"
	// FoundingAll: the first epoch takes all the founding voters, empty, with one list.
	FoundingAll Rule = "founding with all voters"
	// FoundingOnce: an ensemble is founded once.
	FoundingOnce Rule = "founding once"

	// Integrity: what is in a log or delivered was broadcast by the leader of its epoch.
	Integrity Rule = "integrity"
	// Contiguous: a log has no gap.
	Contiguous Rule = "contiguous log"
	// PrefixConsistency: committed histories are prefixes of one another.
	PrefixConsistency Rule = "prefix consistency"
	// Agreement: two members deliver the same entry at the same place.
	Agreement Rule = "agreement"
	// TotalOrder: entries are delivered in the order of the log, without a gap.
	TotalOrder Rule = "total order"
	// LocalPrimaryOrder: entries of one epoch are proposed and delivered in the order in
	// which they were broadcast.
	LocalPrimaryOrder Rule = "local primary order"
	// GlobalPrimaryOrder: an entry of an earlier epoch is not delivered after one of a later.
	GlobalPrimaryOrder Rule = "global primary order"
	// PrimaryIntegrity: a leader broadcasts only once its opening entry, and so all that
	// was committed in earlier epochs, is committed.
	PrimaryIntegrity Rule = "primary integrity"
	// ProcessConsistency: who acknowledges a leader's log has a prefix of it.
	ProcessConsistency Rule = "process consistency"

	// CommitQuorum: what is told, applied or put into a snapshot as committed is committed:
	// acknowledged by a quorum of every membership in force, in the epoch of a leader whose
	// opening entry is among it.
	CommitQuorum Rule = "commit with a quorum"
	// CommittedKept: nothing committed is cut off a log.
	CommittedKept Rule = "committed never truncated"
	// ApplyDurable: a replica applies what is durable in its own log.
	ApplyDurable Rule = "applied is durable"
	// StateKept: a restart finds what was durable.
	StateKept Rule = "state kept"

	// LastCommon: a follower is synchronised from the last common entry.
	LastCommon Rule = "last common entry"
	// StreamOrder: a link carries one contiguous stream of the leader's log.
	StreamOrder Rule = "one contiguous stream"

	// OneChange: one change of membership at a time.
	OneChange Rule = "one change at a time"
	// ChangeForm: a change is a membership, keeps a voter and the leader.
	ChangeForm Rule = "form of a change"
	// Promotion: a new voter is synchronised, under the incarnation it is named with.
	Promotion Rule = "promotion of the synchronised"
	// BaseConfig: a base carries the configuration of its place in the log.
	BaseConfig Rule = "configuration of a base"

	// StaleRead: a read point is no older than what was committed when it was asked for.
	StaleRead Rule = "stale read"
	// ReadConfirmed: a read point is confirmed by a quorum in a round begun after the request.
	ReadConfirmed Rule = "read confirmed"
)

func (s *Spec) violated(rule Rule, member uint64, format string, args ...any) error {
	if s.err == nil {
		s.err = &Violation{Rule: rule, Member: member, Detail: fmt.Sprintf(format, args...)}
	}
	return s.err
}
