package zab

import "github.com/zabtree/zabtree/zab/protocol"

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

// What a Storage returns, and what it writes and reads snapshots with.
type (
	Recovered      = protocol.Recovered
	SnapshotWriter = protocol.SnapshotWriter
	SnapshotReader = protocol.SnapshotReader
)

// Errors of storages.
var (
	ErrNoSpace   = protocol.ErrNoSpace
	ErrNoEntries = protocol.ErrNoEntries
	// ErrInUse: the directory is in use by a live process or storage.
	ErrInUse = protocol.ErrInUse
	// ErrForeign: the storage belongs to another replica or another ensemble, or the
	// directory to something else altogether.
	ErrForeign = protocol.ErrForeign
)
