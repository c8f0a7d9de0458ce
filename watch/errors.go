package watch

import "errors"

// Errors of this package, to be told apart with errors.Is. A path that no znode
// can have is tree.ErrBadPath.
var (
	// ErrBadKind: not one of the kinds of watches.
	ErrBadKind = errors.New("watch: unknown kind")
	// ErrWatchExists: the owner has a watch of that id already.
	ErrWatchExists = errors.New("watch: id in use")
	// ErrTooMany: the table's limit for one owner or for all is reached.
	ErrTooMany = errors.New("watch: too many watches")

	// ErrGone: the history no longer reaches back to the zxid.
	ErrGone = errors.New("watch: history gone")
	// ErrBadZxid: a zxid below 0, which no entry has.
	ErrBadZxid = errors.New("watch: zxid below 0")
	// ErrAhead: the zxid lies beyond what was applied here.
	ErrAhead = errors.New("watch: zxid not reached yet")
	// ErrOrder: changes that do not follow those before, or each other.
	ErrOrder = errors.New("watch: changes out of order")

	// ErrClosed: the watch was closed by its consumer.
	ErrClosed = errors.New("watch: closed")
	// ErrMalformed: bytes that are not an encoded event.
	ErrMalformed = errors.New("watch: malformed event")
)
