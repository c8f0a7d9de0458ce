package tree

import (
	"time"

	"github.com/zabtree/zabtree/internal/codec"
)

// Command is what an entry of the log holds: one of the types below, encoded
// by its AppendTo. All replicas apply the same commands in the same order.
type Command interface {
	// AppendTo appends the encoded command to dst. It copies everything.
	AppendTo(dst []byte) []byte
	commandKind() commandKind
}

type commandKind uint8

// The numbers are part of the encoded formats.
const (
	kindCreateSession commandKind = 1 + iota
	kindAttach
	kindCloseSession
	kindExpireSessions
	kindWrite
	kindAddAuth
	kindDeleteNode
	kindChangeSettings
	kindRaiseApplyVersion
	kindSetConfig
)

// Password proves that a session may be attached elsewhere: 128 random bits,
// drawn by whoever creates the session.
type Password [16]byte

// CreateSession begins a session. Its id, and its first attachment, are the
// zxid of the entry; its first write has the sequence 1.
//
// Refused with ErrInvalidACL and ErrLimit, both for its identities.
type CreateSession struct {
	Timeout  time.Duration // whole milliseconds are kept
	Password Password
	Server   uint64 // the server that hosts it
	// Identities are those that the session has from the start, verified by the
	// server: that of its connection, say.
	Identities []ID
}

// Attach moves a session to a server. The zxid of the entry becomes its
// attachment, and what still comes under an earlier one is refused with
// ErrSessionMoved.
//
// Refused with ErrInvalidACL, ErrSessionExpired (no such session, or another
// password), ErrSessionMoved (From) and ErrLimit.
type Attach struct {
	Session  int64
	Password Password
	Server   uint64
	// From is the attachment that this one takes over from, as far as the
	// session knows; 0 for any. It keeps an attach that was long under way from
	// taking the session away from a server to which it moved since
	// (ZOOKEEPER-710).
	From int64
	// Identities are those that the server has verified, from this entry on: in
	// place of all that the session has if Replace is set, as in ZooKeeper, where
	// they belong to a connection; else besides them.
	Identities []ID
	Replace    bool
	// Timeout is the session's from this entry on, in whole milliseconds; 0: as it is.
	Timeout time.Duration
}

// CloseSession ends a session, with all of its ephemeral znodes.
//
// Refused with ErrSessionExpired, ErrSessionMoved, and ErrResend.
type CloseSession struct {
	Session    int64
	Attachment int64 // 0: whatever it is
	// Sequence puts the end behind the session's writes: it is the last write's
	// plus one. 0 ends it out of order.
	Sequence uint64
}

// ExpireSessions ends sessions whose time is up. Sessions that are gone already
// are passed over. It is never refused.
type ExpireSessions struct {
	Sessions []int64
}

// Write is an operation of a session, applied once however often it is logged,
// and in the order of its sequence.
//
// Besides the operation's own errors: ErrSessionExpired, ErrSessionMoved,
// ErrResend (the sequence is not the next one; see Outcome.Next), ErrAnswered
// and ErrLimit, all of which say that this entry had no effect.
type Write struct {
	Session    int64
	Attachment int64
	Sequence   uint64 // 1, 2, 3...
	// AnsweredUpTo is the last sequence up to which the session has every
	// answer; results are kept for those after it only.
	AnsweredUpTo uint64
	Op           Op
}

// AddAuth gives a session identities that its server has verified, all or none;
// giving one again changes nothing. It is fenced by the attachment and not sequenced.
//
// Refused with ErrInvalidACL, ErrSessionExpired, ErrSessionMoved, ErrLimit.
type AddAuth struct {
	Session    int64
	Attachment int64
	Identities []ID
}

// DeleteNode deletes a container or TTL znode that nobody uses any more, if it
// is still the one that was found: see [View.Expired].
//
// Refused with ErrNoNode, ErrBadVersion (another znode by now, or set since,
// or not due) and ErrNotEmpty.
type DeleteNode struct {
	Path  string
	Czxid int64
	Mzxid int64
}

// ChangeSettings replaces the replicated settings. It is never refused.
type ChangeSettings struct {
	Settings Settings
}

// RaiseApplyVersion makes all replicas apply what follows by newer rules. It is
// to be logged only when every member has them: a State that has not halts. A
// version that is in force already changes nothing.
type RaiseApplyVersion struct {
	Version uint32
}

// SetConfig sets the data of /zookeeper/config, which tells the members of the
// ensemble to those who read or watch it. As in ZooKeeper its version stays -1.
type SetConfig struct {
	Data []byte
}

func (CreateSession) commandKind() commandKind     { return kindCreateSession }
func (Attach) commandKind() commandKind            { return kindAttach }
func (CloseSession) commandKind() commandKind      { return kindCloseSession }
func (ExpireSessions) commandKind() commandKind    { return kindExpireSessions }
func (Write) commandKind() commandKind             { return kindWrite }
func (AddAuth) commandKind() commandKind           { return kindAddAuth }
func (DeleteNode) commandKind() commandKind        { return kindDeleteNode }
func (ChangeSettings) commandKind() commandKind    { return kindChangeSettings }
func (RaiseApplyVersion) commandKind() commandKind { return kindRaiseApplyVersion }
func (SetConfig) commandKind() commandKind         { return kindSetConfig }

func appendHead(dst []byte, kind commandKind, fields int) []byte {
	return append(codec.AppendArray(dst, fields+1), byte(kind))
}

// AppendTo implements Command.
func (c CreateSession) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindCreateSession, 4)
	dst = codec.AppendInt(dst, c.Timeout.Milliseconds())
	dst = codec.AppendBytes(dst, c.Password[:])
	dst = codec.AppendUint(dst, c.Server)
	return appendIDs(dst, c.Identities)
}

// AppendTo implements Command.
func (c Attach) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindAttach, 7)
	dst = codec.AppendInt(dst, c.Session)
	dst = codec.AppendBytes(dst, c.Password[:])
	dst = codec.AppendUint(dst, c.Server)
	dst = codec.AppendInt(dst, c.From)
	dst = appendIDs(dst, c.Identities)
	dst = codec.AppendBool(dst, c.Replace)
	return codec.AppendInt(dst, c.Timeout.Milliseconds())
}

// AppendTo implements Command.
func (c CloseSession) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindCloseSession, 3)
	dst = codec.AppendInt(dst, c.Session)
	dst = codec.AppendInt(dst, c.Attachment)
	return codec.AppendUint(dst, c.Sequence)
}

// AppendTo implements Command.
func (c ExpireSessions) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindExpireSessions, 1)
	dst = codec.AppendArray(dst, len(c.Sessions))
	for _, id := range c.Sessions {
		dst = codec.AppendInt(dst, id)
	}
	return dst
}

// AppendTo implements Command. An Op that [Validate] refuses as unknown is
// encoded as one that a State halts at.
func (c Write) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindWrite, 5)
	dst = codec.AppendInt(dst, c.Session)
	dst = codec.AppendInt(dst, c.Attachment)
	dst = codec.AppendUint(dst, c.Sequence)
	dst = codec.AppendUint(dst, c.AnsweredUpTo)
	return AppendOp(dst, c.Op)
}

// AppendTo implements Command.
func (c AddAuth) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindAddAuth, 3)
	dst = codec.AppendInt(dst, c.Session)
	dst = codec.AppendInt(dst, c.Attachment)
	return appendIDs(dst, c.Identities)
}

// AppendTo implements Command.
func (c DeleteNode) AppendTo(dst []byte) []byte {
	dst = appendHead(dst, kindDeleteNode, 3)
	dst = codec.AppendString(dst, c.Path)
	dst = codec.AppendInt(dst, c.Czxid)
	return codec.AppendInt(dst, c.Mzxid)
}

// AppendTo implements Command.
func (c ChangeSettings) AppendTo(dst []byte) []byte {
	return appendSettings(appendHead(dst, kindChangeSettings, 1), c.Settings)
}

// AppendTo implements Command.
func (c RaiseApplyVersion) AppendTo(dst []byte) []byte {
	return codec.AppendUint(appendHead(dst, kindRaiseApplyVersion, 1), uint64(c.Version))
}

// AppendTo implements Command.
func (c SetConfig) AppendTo(dst []byte) []byte {
	return codec.AppendBytes(appendHead(dst, kindSetConfig, 1), c.Data)
}
