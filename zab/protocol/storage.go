package protocol

import (
	"errors"
	"fmt"
	"io"

	"github.com/zabtree/zabtree/internal/codec"
)

// What storages have in common is here, so that they need not import package zab,
// whose Storage says what they do.

// Recovered is what a storage holds when it is loaded.
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

// Head is what a storage keeps beside entries and snapshots: the newest that
// batches said of each.
type Head struct {
	HardState    *HardState // nil if nothing was ever written
	Base, Latest Base
}

// With returns the head after a batch, of which it keeps nothing. A base that is
// newer than the latest snapshot is the latest.
func (h Head) With(b *Batch) Head {
	if b.HardState != nil {
		hard := b.HardState.clone()
		h.HardState = &hard
	}
	if b.Base != nil {
		h.Base = b.Base.clone()
		if z := h.Base.Zxid(); h.Latest.Zxid().Counter < z.Counter || z.IsZero() {
			h.Latest = h.Base
		}
	}
	if b.Latest != nil {
		h.Latest = b.Latest.clone()
	}
	return h
}

// Clone returns a copy that shares nothing with h.
func (h Head) Clone() Head {
	return h.With(&Batch{HardState: h.HardState, Base: &h.Base, Latest: &h.Latest})
}

func (b Base) clone() Base {
	b.Config = b.Config.Clone()
	return b
}

// Lengths appends the lengths of b's entries in Raw to dst, and returns them and the
// zxid of the last entry. The entries must follow last, and one another: a gap is
// never written. Without entries, Raw must be empty too, and last is returned.
func (b *Batch) Lengths(dst []uint32, last Zxid) ([]uint32, Zxid, error) {
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.Prev() != last {
			return dst, last, fmt.Errorf("zab: entry %v cannot follow %v in the log", e.Zxid, last)
		}
		last = e.Zxid
	}
	first := len(dst)
	dst, err := entryLengths(dst, b.Raw)
	if n := len(dst) - first; err == nil && n != len(b.Entries) {
		err = fmt.Errorf("zab: batch of %d entries has %d encoded", len(b.Entries), n)
	}
	return dst, last, err
}

// entryLengths appends the lengths of entries that are encoded one behind the
// other. It looks at their frames alone: checksums are verified where entries come
// in from outside.
func entryLengths(dst []uint32, raw []byte) ([]uint32, error) {
	r := codec.NewReader(raw)
	for r.Len() > 0 {
		begin := r.Offset()
		r.Fields(entryFields)
		for range 5 { // checksum, kind, epoch, counter, epoch before
			r.Uint()
		}
		r.Int()
		r.Int()
		r.Uint()
		r.Uint()
		r.Bytes()
		if err := r.Err(); err != nil {
			return dst, fmt.Errorf("%w: %w", ErrCorruptEntry, err)
		}
		dst = append(dst, uint32(r.Offset()-begin))
	}
	return dst, nil
}
