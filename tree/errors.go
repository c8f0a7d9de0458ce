package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// Code is the result of applying something, as it is stored and sent. The
// numbers are part of the encoded formats and never change their meaning.
type Code uint8

// The codes, each with its sentinel error.
const (
	CodeOK                      Code = iota
	CodeNoNode                       // ErrNoNode
	CodeNodeExists                   // ErrNodeExists
	CodeNotEmpty                     // ErrNotEmpty
	CodeBadVersion                   // ErrBadVersion
	CodeNoChildrenForEphemerals      // ErrNoChildrenForEphemerals
	CodeBadPath                      // ErrBadPath
	CodeReserved                     // ErrReserved
	CodeBadMode                      // ErrBadMode
	CodeInvalidACL                   // ErrInvalidACL
	CodeNoAuth                       // ErrNoAuth
	CodeTooLarge                     // ErrTooLarge
	CodeUnknownOp                    // ErrUnknownOp
	CodeRuntimeInconsistency         // ErrRuntimeInconsistency
	CodeSessionExpired               // ErrSessionExpired
	CodeSessionMoved                 // ErrSessionMoved
	CodeResend                       // ErrResend
	CodeAnswered                     // ErrAnswered
	CodeLimit                        // ErrLimit
	CodeQuotaExceeded                // ErrQuotaExceeded
	codeEnd
)

// sentinel is an error that may also stand for a broader one of the standard
// library.
type sentinel struct {
	text    string
	broader error
}

func (e *sentinel) Error() string { return e.text }

func (e *sentinel) Is(target error) bool { return e.broader != nil && target == e.broader }

// What an operation or a command is refused with; compare with errors.Is. The
// comments name ZooKeeper's error where it has another name.
var (
	// ErrNoNode: there is no such znode, or no parent to create it under. It is
	// fs.ErrNotExist.
	ErrNoNode error = &sentinel{"tree: no such znode", fs.ErrNotExist}
	// ErrNodeExists: the path is taken. It is fs.ErrExist.
	ErrNodeExists error = &sentinel{"tree: znode exists", fs.ErrExist}
	// ErrNotEmpty: a znode with children cannot be deleted.
	ErrNotEmpty error = &sentinel{"tree: znode has children", nil}
	// ErrBadVersion: the znode's version is not the one the operation asked for.
	ErrBadVersion error = &sentinel{"tree: version does not match", nil}
	// ErrNoChildrenForEphemerals: the parent is ephemeral.
	ErrNoChildrenForEphemerals error = &sentinel{"tree: an ephemeral znode cannot have children", nil}
	// ErrBadPath: the path breaks the rules of [ValidatePath] (BADARGUMENTS). It
	// is fs.ErrInvalid.
	ErrBadPath error = &sentinel{"tree: invalid path", fs.ErrInvalid}
	// ErrReserved: the root and ZooKeeper's own znodes cannot be deleted
	// (BADARGUMENTS).
	ErrReserved error = &sentinel{"tree: znode is reserved", nil}
	// ErrBadMode: an unknown mode, or a TTL that is out of range or does not go
	// with the mode (BADARGUMENTS).
	ErrBadMode error = &sentinel{"tree: invalid mode or TTL", fs.ErrInvalid}
	// ErrInvalidACL: an empty ACL, an unknown scheme or permission, a malformed
	// identity, or the scheme auth without an identity of the session.
	ErrInvalidACL error = &sentinel{"tree: invalid ACL", fs.ErrInvalid}
	// ErrNoAuth: the ACL does not permit it. It is fs.ErrPermission.
	ErrNoAuth error = &sentinel{"tree: not permitted by the ACL", fs.ErrPermission}
	// ErrTooLarge: above a limit of [Limits]; a [SizeError] says which.
	ErrTooLarge error = &sentinel{"tree: too large", nil}
	// ErrUnknownOp: no such operation, or one that may not stand where it does:
	// a nil Op, a Multi within a Multi (UNIMPLEMENTED).
	ErrUnknownOp error = &sentinel{"tree: unknown operation", nil}
	// ErrRuntimeInconsistency: the operation stood behind the failing one of a
	// multi and was not tried.
	ErrRuntimeInconsistency error = &sentinel{"tree: not tried, an earlier operation of the multi failed", nil}
	// ErrSessionExpired: there is no such session: it was closed, it expired, or
	// the password is wrong.
	ErrSessionExpired error = &sentinel{"tree: session expired", nil}
	// ErrSessionMoved: the session is attached elsewhere by now.
	ErrSessionMoved error = &sentinel{"tree: session moved to another server", nil}
	// ErrResend: a write arrived before the one in front of it. It had no effect
	// and takes effect when the session sends everything again from Outcome.Next.
	ErrResend error = &sentinel{"tree: an earlier write of the session is missing", nil}
	// ErrAnswered: the write was applied when it came first, and its result was
	// dropped because the session said that it had the answer.
	ErrAnswered error = &sentinel{"tree: write was applied and answered before", nil}
	// ErrLimit: a limit of the replicated [Settings] is reached. Nothing had an
	// effect; a write may be sent again under the same sequence.
	ErrLimit error = &sentinel{"tree: limit of the session reached", nil}
	// ErrQuotaExceeded: a hard limit below /zookeeper/quota does not allow it.
	ErrQuotaExceeded error = &sentinel{"tree: quota exceeded", nil}

	// ErrUnknownCommand: an entry holds a command that this version does not
	// know. It is only ever seen in a [HaltError] or from a decoder.
	ErrUnknownCommand error = &sentinel{"tree: unknown command", nil}
	// ErrMalformed: bytes that are no command, result or snapshot.
	ErrMalformed error = &sentinel{"tree: malformed bytes", nil}
)

var codeErrors = [codeEnd]error{
	CodeNoNode: ErrNoNode, CodeNodeExists: ErrNodeExists, CodeNotEmpty: ErrNotEmpty,
	CodeBadVersion: ErrBadVersion, CodeNoChildrenForEphemerals: ErrNoChildrenForEphemerals,
	CodeBadPath: ErrBadPath, CodeReserved: ErrReserved, CodeBadMode: ErrBadMode,
	CodeInvalidACL: ErrInvalidACL, CodeNoAuth: ErrNoAuth, CodeTooLarge: ErrTooLarge,
	CodeUnknownOp: ErrUnknownOp, CodeRuntimeInconsistency: ErrRuntimeInconsistency,
	CodeSessionExpired: ErrSessionExpired, CodeSessionMoved: ErrSessionMoved,
	CodeResend: ErrResend, CodeAnswered: ErrAnswered, CodeLimit: ErrLimit,
	CodeQuotaExceeded: ErrQuotaExceeded,
}

// Err returns the code's sentinel, nil for CodeOK.
func (c Code) Err() error {
	if c < codeEnd {
		return codeErrors[c]
	}
	return fmt.Errorf("%w: result code %d", ErrMalformed, uint8(c))
}

// CodeOf returns the code of the sentinel in err's chain. It is false if err is
// not nil and has none.
func CodeOf(err error) (Code, bool) {
	if err == nil {
		return CodeOK, true
	}
	for c := CodeOK + 1; c < codeEnd; c++ {
		if errors.Is(err, codeErrors[c]) {
			return c, true
		}
	}
	return 0, false
}

// Error says which operation on which path failed, like fs.PathError.
type Error struct {
	Op    string // "create", "set", ...: [OpName]; for a session's own commands "attach", ...
	Path  string // as the caller gave it; empty if there is none
	Index int    // place in the multi, from 0; 0 outside of one
	Err   error  // a sentinel of this package, or wraps one
}

// Error reads like "create /a/b: tree: no such znode".
func (e *Error) Error() string {
	text := e.Op
	if e.Path != "" {
		text += " " + strconv.Quote(e.Path)
	}
	if e.Index > 0 {
		text += " (operation " + strconv.Itoa(e.Index) + " of a multi, from 0)"
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// SizeError is an ErrTooLarge with its figures.
type SizeError struct {
	What  string // "data", "operations of a multi" or "bytes of a command"
	Size  int
	Limit int
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("tree: too large: %d %s, the limit is %d", e.Size, e.What, e.Limit)
}

// Is makes a SizeError an ErrTooLarge.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }

// HaltError is why a [State] stopped for good: an entry that it cannot apply
// and must not skip.
type HaltError struct {
	Zxid int64 // the entry
	Err  error
}

func (e *HaltError) Error() string {
	return fmt.Sprintf("tree: halted at zxid %d: %v", e.Zxid, e.Err)
}

// Unwrap returns e.Err.
func (e *HaltError) Unwrap() error { return e.Err }
