package protocol

import (
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// EnsembleID names an ensemble: a hash of what it was founded as.
type EnsembleID [16]byte

// Founder is a voter of the first membership and the incarnation with which it
// was there.
type Founder struct {
	ID, Incarnation uint64
}

// HardState is what a replica remembers besides its log and its snapshots. It
// is always written as a whole. The current epoch is not part of it: that is
// the epoch of the log's last entry.
type HardState struct {
	Ensemble    EnsembleID
	Replica     uint64
	Incarnation uint64 // drawn at random at the first start; not zero
	// AcceptedEpoch is the highest epoch that was promised.
	AcceptedEpoch uint32
	// Founders is the list with which this replica promised or led a first
	// epoch; it takes part in no other first epoch. Nil if there was none, empty if
	// there may have been one that is lost: then it takes part in none at all.
	Founders []Founder
}

// SnapshotMeta identifies a snapshot by its content: two snapshots with equal
// metas have the same bytes, whoever wrote them.
type SnapshotMeta struct {
	Zxid   Zxid   // the last entry that it holds, exactly
	Digest uint64 // the state machine's digest at that zxid
	Size   int64  // bytes
	Sum    uint64 // CRC-64 (ECMA) of all its bytes
}

// IsZero says whether m names no snapshot.
func (m SnapshotMeta) IsZero() bool { return m == SnapshotMeta{} }

// EpochEnd says which was the last counter of an epoch in a log.
type EpochEnd struct {
	Epoch uint32
	Last  uint64
}

// Base is a snapshot and all that the protocol must know of the entries it
// replaces. The zero Base is that of an empty log.
type Base struct {
	Snapshot SnapshotMeta
	Clock    int64 // the ensemble's clock at Snapshot.Zxid
	Config   Configuration
}

// Zxid is the last entry that the base holds.
func (b *Base) Zxid() Zxid { return b.Snapshot.Zxid }

// Batch is one durable step of a replica's storage: all of it or nothing is
// there after a crash. Nil and empty parts change nothing. In one batch, Base
// and Truncate come before Entries.
type Batch struct {
	HardState *HardState

	// Base says that the log begins after a snapshot: entries up to its zxid may
	// be dropped. If the log does not hold the base's zxid the whole log is
	// dropped.
	Base *Base
	// Latest names a newer snapshot than Base without moving the log's beginning.
	Latest *Base
	// Truncate drops every entry after it.
	Truncate *Zxid

	// Entries are appended. Raw has the same entries encoded, one behind the
	// other; it is never nil when Entries is not empty. Storage may keep Raw,
	// but not Entries, whose memory is used again; it must not change either.
	Entries []Entry
	Raw     []byte
}

// AppendHardState appends h's encoding.
func AppendHardState(dst []byte, h *HardState) []byte {
	dst = codec.AppendArray(dst, 5)
	dst = codec.AppendBytes(dst, h.Ensemble[:])
	dst = codec.AppendUint(dst, h.Replica)
	dst = codec.AppendUint(dst, h.Incarnation)
	dst = codec.AppendUint(dst, uint64(h.AcceptedEpoch))
	return appendFounders(dst, h.Founders)
}

func appendFounders(dst []byte, fs []Founder) []byte {
	if fs == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, 2*len(fs))
	for _, f := range fs {
		dst = codec.AppendUint(codec.AppendUint(dst, f.ID), f.Incarnation)
	}
	return dst
}

func readFounders(r *codec.Reader) []Founder {
	if r.Nil() {
		return nil
	}
	fs := make([]Founder, r.Array(2*MaxMembers)/2)
	for i := range fs {
		fs[i] = Founder{r.Uint(), r.Uint()}
	}
	return fs
}

// ReadHardState takes a HardState from r.
func ReadHardState(r *codec.Reader) HardState {
	var h HardState
	r.Fields(5)
	if copy(h.Ensemble[:], r.Bytes()) != len(h.Ensemble) {
		r.Fail("ensemble ID of a wrong length")
	}
	h.Replica = r.Uint()
	h.Incarnation = r.Uint()
	h.AcceptedEpoch = r.Uint32()
	h.Founders = readFounders(r)
	return h
}

// AppendBase appends b's encoding.
func AppendBase(dst []byte, b *Base) []byte {
	dst = codec.AppendArray(dst, 3)
	dst = appendSnapshotMeta(dst, b.Snapshot)
	dst = codec.AppendInt(dst, b.Clock)
	return appendConfiguration(dst, &b.Config)
}

// ReadBase takes a Base from r.
func ReadBase(r *codec.Reader) Base {
	r.Fields(3)
	return Base{Snapshot: readSnapshotMeta(r), Clock: r.Int(), Config: readConfiguration(r)}
}

func appendZxid(dst []byte, z Zxid) []byte {
	return codec.AppendUint(codec.AppendUint(dst, uint64(z.Epoch)), z.Counter)
}

func readZxid(r *codec.Reader) Zxid { return Zxid{r.Uint32(), r.Uint()} }

func appendSnapshotMeta(dst []byte, m SnapshotMeta) []byte {
	dst = appendZxid(codec.AppendArray(dst, 5), m.Zxid)
	dst = codec.AppendUint(dst, m.Digest)
	dst = codec.AppendInt(dst, m.Size)
	return codec.AppendUint(dst, m.Sum)
}

func readSnapshotMeta(r *codec.Reader) SnapshotMeta {
	r.Fields(5)
	return SnapshotMeta{Zxid: readZxid(r), Digest: r.Uint(), Size: r.Int(), Sum: r.Uint()}
}

func (h HardState) clone() HardState {
	h.Founders = slices.Clone(h.Founders)
	return h
}
