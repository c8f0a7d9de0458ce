package protocol

import (
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// Request is what the client side of a session sends to the host. A link begins
// with an [Open], or with any number of [Rearm] and an [Attach]; everything else
// may follow once that was answered.
//
// Requests are not changed once they are sent: over a direct call the host sees
// the sender's own value.
type Request interface{ requestKind() requestKind }

type requestKind uint8

// The numbers are part of the encoded form.
const (
	kindOpen requestKind = 1 + iota
	kindRearm
	kindAttach
	kindWrite
	kindRead
	kindAddAuth
	kindUnwatch
	kindCancel
	kindAcknowledge
	kindPing
	kindClose
)

// Open asks for a new session. It is answered by [Attached] or [Refused].
type Open struct {
	// Timeout is how long the session outlives its last ping, in nanoseconds. The
	// host may shorten or lengthen it.
	Timeout int64
	// Password is 128 random bits that prove whose session it is.
	Password tree.Password
	// LastSeen is a zxid that whoever opens the session has seen, in an earlier one
	// perhaps; the host waits until it has applied it.
	LastSeen int64
	// Identities are those that the session has from the start. They are taken at
	// their word: whoever passes on the requests of others says what they are.
	Identities []tree.ID
}

// MaxIdentities is how many identities one Open or Attach may name.
const MaxIdentities = 1024

// Watch is a watch as its session knows it.
type Watch struct {
	ID   uint64 // chosen by the client side, never used twice in a session
	Path string
	Kind watch.Kind
}

// MaxRearm is how many watches one Rearm may name.
const MaxRearm = 4096

// Rearm lists watches that the Attach which follows on the same link brings
// along. There may be several (ZOOKEEPER-706: a single list can be too long).
type Rearm struct {
	Watches []Watch
}

// Attach moves a session to this link. The host waits until it has applied
// LastSeen, so that the session's time never runs backwards, and has the move
// logged, which fences every earlier link of the session. It is answered by
// [Attached], before which come the events that the watches brought along have
// missed since LastSeen; or by [Refused].
type Attach struct {
	Session  int64
	Password tree.Password
	Timeout  int64 // as in Open, from now on; 0: as it is
	From     int64 // the attachment that the session knows of; 0: any
	LastSeen int64 // the zxid up to which the session has seen everything

	// AnsweredUpTo and LastSent say for which writes the session still waits:
	// those after the first, up to and including the second.
	AnsweredUpTo, LastSent uint64
	// Anew says instead that it waits for none, and does not know how many there were:
	// the next write has the sequence after Attached.LastSequence. So it is where a
	// connection begins that knows of the session by its id and password alone.
	Anew bool

	// Identities are those that the session has from now on, as in Open: in place of
	// all that it has if ReplaceIdentities is set, as where they belong to a
	// connection and are proved again over each; else besides them. What the watches
	// brought along have missed is filtered by what that makes.
	Identities        []tree.ID
	ReplaceIdentities bool
}

// Write is an operation that has its place in the log. It is answered by an
// [Answer].
type Write struct {
	ID       uint64 // rises with each request of a link; so for Read, AddAuth and Close
	Sequence uint64 // of the session's writes: 1, 2, 3...
	// AnsweredUpTo is the sequence up to which the session has every answer.
	AnsweredUpTo uint64
	Op           tree.Op
}

// ReadKind says what a Read asks for.
type ReadKind uint8

// The kinds of reads.
const (
	// ReadExists needs no permission, as in ZooKeeper before 3.9.2; of the others each
	// needs READ, and ReadACL READ or ADMIN.

	// ReadNothing is a place in the order of the session: to set a watch, or,
	// linearizable, to wait for all that was committed before (a sync).
	ReadNothing ReadKind = iota
	ReadData
	ReadExists
	ReadChildren
	ReadACL
	// ReadEphemerals asks for the paths of the session's own ephemeral znodes that
	// begin with Path, which need not be that of a znode; ReadDescendants for how many
	// znodes there are below Path, however deep, in time proportional to that.
	ReadEphemerals
	ReadDescendants
	// ReadIdentities asks for the session's identities.
	ReadIdentities
	// ReadMany asks for the Parts, made of one state.
	ReadMany
	readKinds
)

// Part is one of the reads of a ReadMany: of the kind ReadData, ReadExists,
// ReadChildren or ReadACL.
type Part struct {
	Kind ReadKind
	Path string
}

// MaxParts is how many parts a Read may have.
const MaxParts = 4096

// Read asks for something of the applied state, behind all earlier requests of
// the session and before all later ones. It is answered by an [Answer].
//
// A path that no znode can have is that of no znode, as in ZooKeeper: CodeNoNode, or
// nothing found by ReadExists, which alone refuses one with a zero byte with
// CodeBadPath. A watch on such a path is refused, as nothing would ever come of it.
type Read struct {
	ID   uint64
	Kind ReadKind
	Path string
	// After and Limit make a page of the children: the names after that one in
	// ascending order, and if Limit is above 0 at most so many.
	After string
	Limit int
	Parts []Part // of ReadMany

	// Linearizable asks for a state that holds whatever was committed anywhere
	// before the host was asked.
	Linearizable bool

	// Watch, if not 0, is the id of a watch of kind WatchKind on Path, to be armed
	// in one step with reading: it fires for every change after the answer's
	// zxid. If the read fails it is not armed, except that ReadExists may find
	// nothing.
	Watch     uint64
	WatchKind watch.Kind
	// Resume arms the watch as if it had been armed at zxid Since, from 0 on: what
	// it missed, or a Gap, comes before the answer. It is refused if the answer's
	// zxid is below Since.
	Resume bool
	Since  int64
}

// AddAuth gives the session an identity that a credential proves. It is answered
// by an [Answer].
type AddAuth struct {
	ID         uint64
	Scheme     string // "digest"; any other is refused with CodeInvalidACL
	Credential []byte // "user:password", up to tree.MaxIDBytes
}

// Unwatch removes a watch. There is no answer; events that are on their way may
// still come. A Read that was sent before and is not answered yet is answered, and
// does not arm it.
type Unwatch struct {
	Watch uint64
}

// Cancel withdraws a Read that nobody waits for any more, which may or may not
// be answered after that.
type Cancel struct {
	ID uint64
}

// Acknowledge says which answers the session has. Writes say so too; this is for
// a session that was told [Hold].
type Acknowledge struct {
	AnsweredUpTo uint64
}

// Ping asks the leader to count the session's timeout anew. It is answered by a
// [Pong], or not at all.
type Ping struct {
	N uint64
}

// Close ends the session, as the last of its writes. It is answered by [Ended].
type Close struct {
	ID           uint64
	Sequence     uint64
	AnsweredUpTo uint64
}

func (*Open) requestKind() requestKind        { return kindOpen }
func (*Rearm) requestKind() requestKind       { return kindRearm }
func (*Attach) requestKind() requestKind      { return kindAttach }
func (*Write) requestKind() requestKind       { return kindWrite }
func (*Read) requestKind() requestKind        { return kindRead }
func (*AddAuth) requestKind() requestKind     { return kindAddAuth }
func (*Unwatch) requestKind() requestKind     { return kindUnwatch }
func (*Cancel) requestKind() requestKind      { return kindCancel }
func (*Acknowledge) requestKind() requestKind { return kindAcknowledge }
func (*Ping) requestKind() requestKind        { return kindPing }
func (*Close) requestKind() requestKind       { return kindClose }
