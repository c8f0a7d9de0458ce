package protocol

import (
	"fmt"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// Message is what a host sends to the client side of a session. The zxids of a
// link's messages never fall, and an event comes before every message with the
// zxid of its change or a later one that reflects the change.
//
// Messages are not changed once they are sent: over a direct call the client
// sees the host's own value, which may share bytes with the tree.
type Message interface{ messageKind() messageKind }

type messageKind uint8

// The numbers are part of the encoded form.
const (
	kindAttached messageKind = 1 + iota
	kindRefused
	kindAnswer
	kindEvents
	kindPong
	kindHold
	kindGoingAway
	kindEnded
)

// Attached answers Open and Attach: from here on this link speaks for the
// session.
type Attached struct {
	Session    int64
	Attachment int64 // the zxid of the entry that attached it here
	Timeout    int64 // nanoseconds
	// LastSequence is the last of the session's writes that was applied by then.
	LastSequence uint64
	// Limits are what the host holds operations to. A write beyond them ends the
	// link.
	Limits tree.Limits
}

// Refusal is why a session cannot be attached.
type Refusal uint8

// The refusals.
const (
	// RefusedExpired: there is no such session any more, or the password is not
	// its own.
	RefusedExpired Refusal = 1 + iota
	// RefusedMoved: the session is attached elsewhere, and not where it thought.
	RefusedMoved
	// RefusedProtocol: the request cannot be understood here.
	RefusedProtocol
	refusals
)

// String returns what r says.
func (r Refusal) String() string {
	switch r {
	case RefusedExpired:
		return "session expired"
	case RefusedMoved:
		return "session moved"
	case RefusedProtocol:
		return "protocol error"
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}

// Refused answers Open and Attach. The link is of no further use.
type Refused struct {
	Reason     Refusal
	Attachment int64  // for RefusedMoved: the current one
	Fates      []Fate // for RefusedExpired: of the writes that Attach named
}

// Fate is what became of a write of a session that has ended.
type Fate struct {
	Sequence uint64
	// Known is false if that can no longer be said. Applied says whether the write
	// took effect, and Record, if not nil, is its result for tree.DecodeRecord.
	Known, Applied bool
	Record         []byte
}

// Answer answers a Write, a Read or an AddAuth. Answers come in the order of the
// requests.
type Answer struct {
	ID   uint64
	Zxid int64 // the state that the answer reflects
	// Code is not CodeOK for a Read or AddAuth that failed and for a Write that
	// was never applied. Why a write that was applied failed is in its Record.
	Code   tree.Code
	Record []byte // of a Write, for tree.DecodeRecord
	Read   *Reading
	// WatchRefused says that everything is as asked for but the watch: it was to
	// resume at a zxid above this answer's, or the session or the host has too
	// many.
	WatchRefused bool
}

// Reading is what a Read found.
type Reading struct {
	Exists bool // for ReadExists
	Stat   tree.Stat
	Data   []byte
	Names  []string // children, or paths of ephemerals, in ascending order
	More   bool     // there are more children behind these
	ACL    []tree.ACL
	Armed  bool // the watch asked for is armed

	Count      int64         // of ReadDescendants
	Identities []tree.ID     // of ReadIdentities
	Parts      []PartReading // of ReadMany, in the order of its parts
}

// PartReading is what one part of a ReadMany found: a Reading, without parts, if Code
// is CodeOK.
type PartReading struct {
	Code tree.Code
	Read *Reading
}

// Event is an event of one of the session's watches.
type Event struct {
	Watch uint64
	Event watch.Event
}

// MaxEvents is how many events one Events may hold.
const MaxEvents = 4096

// Events are what one log entry, or a stretch of history that is caught up with,
// means to the session's watches. If More is set the rest comes in the
// following messages, and the whole counts as received only with the last.
type Events struct {
	Zxid   int64 // of the last event
	Events []Event
	More   bool
}

// Pong answers a Ping: the leader has counted the timeout from a moment after
// the Ping was sent, and has led since.
type Pong struct {
	N uint64
}

// Hold asks for an Acknowledge: more results are kept for the session than the
// ensemble allows.
type Hold struct{}

// GoingAway says that the host will stop soon. The session should move, or end
// if it has nowhere to go.
type GoingAway struct{}

// End is why a link's session ended.
type End uint8

// The ends.
const (
	EndClosed  End = 1 + iota // by its own Close
	EndExpired                // by the leader, or by somebody else
	EndMoved                  // not at all: it is attached elsewhere
	ends
)

// String returns what e says.
func (e End) String() string {
	switch e {
	case EndClosed:
		return "closed"
	case EndExpired:
		return "expired"
	case EndMoved:
		return "moved"
	}
	return fmt.Sprintf("End(%d)", uint8(e))
}

// Ended is the last message of a link.
type Ended struct {
	Reason End
	Zxid   int64  // the entry that ended it; 0 with EndMoved
	Fates  []Fate // of the writes without an answer, unless EndMoved
}

func (*Attached) messageKind() messageKind  { return kindAttached }
func (*Refused) messageKind() messageKind   { return kindRefused }
func (*Answer) messageKind() messageKind    { return kindAnswer }
func (*Events) messageKind() messageKind    { return kindEvents }
func (*Pong) messageKind() messageKind      { return kindPong }
func (*Hold) messageKind() messageKind      { return kindHold }
func (*GoingAway) messageKind() messageKind { return kindGoingAway }
func (*Ended) messageKind() messageKind     { return kindEnded }
