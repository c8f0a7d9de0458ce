package zab

import (
	"errors"
	"io"
)

// Storage keeps a replica's log, its hard state and its snapshots. Append and
// Load are called by one goroutine at a time; Read and the snapshot methods may
// be called beside Append and beside each other. Implementations run the suite
// zab/zabtest.TestStorage. See NewMemoryStorage and OpenDir.
type Storage interface {
	// Load returns what is there. It is called once, before anything else.
	Load() (Recovered, error)

	// Append makes one batch durable, all of it or nothing, with at most one
	// fsync, before it returns. After ErrNoSpace nothing of the batch is there
	// and the storage is as good as before. Any other error is final: nothing is
	// known of the batch, and every later Append fails.
	//
	// When a batch names snapshots by Base and Latest, those that neither names
	// any more are removed.
	Append(Batch) error

	// Read returns entries that were appended, encoded, one behind the other,
	// beginning with the counter after the given one: at least one, and no more
	// than fit in maxBytes unless the first alone is larger. Without such an
	// entry it returns an error that wraps ErrNoEntries. The bytes are the
	// caller's.
	Read(after uint64, maxBytes int) ([]byte, error)

	// LowSpace says that only the reserve is left for the log, or not even that:
	// what adds data should be refused, what frees it still fits.
	LowSpace() bool

	// CreateSnapshot begins a snapshot of this replica's own state.
	CreateSnapshot() (SnapshotWriter, error)

	// ReceiveSnapshot begins or resumes the receipt of another replica's.
	// It drops what was received of any other.
	ReceiveSnapshot(SnapshotMeta) (SnapshotWriter, error)

	// OpenSnapshot opens a committed snapshot. If it is not there the error
	// wraps fs.ErrNotExist; if it is damaged, a later read says so. It can be
	// read to its end even if it is removed meanwhile.
	OpenSnapshot(SnapshotMeta) (SnapshotReader, error)

	// Close releases everything. It is idempotent.
	Close() error
}

// Recovered is what a Storage holds when it is loaded.
type Recovered struct {
	// HardState is nil if nothing was ever written.
	HardState *HardState
	// Base says what the log begins after, Latest the newest snapshot that was
	// named; both are zero if there is none, and they may be equal.
	Base, Latest Base
	// Last is the counter of the log's last entry, or of Base if it is empty.
	Last uint64
	// Partial is the snapshot whose receipt was begun, zero if none, and
	// PartialSize how many bytes of it are durable.
	Partial     SnapshotMeta
	PartialSize int64
	// Damage is not nil if something that was durable is lost or wrong. What the
	// other fields name is sound all the same, but there once may have been more.
	Damage error
}

// SnapshotWriter takes a snapshot's bytes in order.
type SnapshotWriter interface {
	io.Writer
	// Offset is where the next byte goes: not 0 when a receipt is resumed.
	Offset() int64
	// Sync makes what was written durable, so that a receipt may be resumed there.
	Sync() error
	// Commit makes the whole snapshot durable under its meta and closes the
	// writer. Until a batch names it, it may be removed at the next Load.
	Commit(SnapshotMeta) error
	// Abort closes the writer. What was received and synced may be resumed.
	Abort() error
}

// SnapshotReader reads a snapshot's bytes. Damaged ones are an error, never wrong
// bytes.
type SnapshotReader interface {
	io.ReaderAt
	io.Closer
}

// Errors of storages.
var (
	ErrNoSpace   = errors.New("zab: no space left for the log")
	ErrNoEntries = errors.New("zab: no such entries in the log")
	// ErrInUse: the directory is in use by a live process or storage.
	ErrInUse = errors.New("zab: storage is in use")
	// ErrForeign: the storage belongs to another replica or another ensemble, or the
	// directory to something else altogether.
	ErrForeign = errors.New("zab: storage belongs to another replica or ensemble")
)
