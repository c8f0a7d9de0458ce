package dirstore

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/internal/wal"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Options are options of Open. Users know them as zab.DirOptions.
type Options struct {
	// SegmentBytes is the size of the log's files; 0 is wal.DefaultSegmentBytes.
	SegmentBytes int

	// SnapshotChunkBytes is how many bytes of a snapshot share a checksum; 0 is
	// snapshot.ChunkBytes.
	SnapshotChunkBytes int

	// Replica and Ensemble, if they are not zero, say whose directory it must be, or
	// become.
	Replica  uint64
	Ensemble protocol.EnsembleID

	// NewID returns a new random number, for the identities of files: bytes that an
	// older file left behind are told from a newer one's by them. It must be set. It
	// is called by whatever makes a file, thus by several goroutines at once if
	// background has one.
	NewID func() uint64
}

// MinSegmentBytes is the smallest size of the log's files that users may ask for.
// Smaller ones, from wal.MinSegmentBytes on, are for those who know what they do.
const MinSegmentBytes = 64 << 10

// Validate returns every reason why o cannot be used, joined.
func (o *Options) Validate() error {
	var errs []error
	if n := o.SegmentBytes; n != 0 && (n < wal.MinSegmentBytes || n > wal.MaxSegmentBytes || n%disk.SectorSize != 0) {
		errs = append(errs, fmt.Errorf("zab: DirOptions.SegmentBytes is %d: want a multiple of %d from %d to %d, or 0 for %d",
			n, disk.SectorSize, MinSegmentBytes, wal.MaxSegmentBytes, wal.DefaultSegmentBytes))
	}
	if n := o.SnapshotChunkBytes; n != 0 && (n < snapshot.MinChunkBytes || n > snapshot.MaxChunkBytes) {
		errs = append(errs, fmt.Errorf("dirstore: Options.SnapshotChunkBytes is %d: want %d to %d, or 0 for %d",
			n, snapshot.MinChunkBytes, snapshot.MaxChunkBytes, snapshot.ChunkBytes))
	}
	if o.NewID == nil {
		errs = append(errs, errors.New("dirstore: Options.NewID is nil"))
	}
	return errors.Join(errs...)
}
