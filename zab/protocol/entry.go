package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// EntryKind says what an entry is.
type EntryKind uint8

const (
	// KindCommand is a command for the state machine.
	KindCommand EntryKind = iota + 1
	// KindOpen opens an epoch: ZAB's NEWLEADER as a real log entry
	// (ZOOKEEPER-2832). The first one of all carries the founding membership.
	KindOpen
	// KindMembership changes the configuration; without Data, it says that the
	// change before it is committed.
	KindMembership
)

// Entry is one operation of the log. Its encoding carries a checksum over all
// of it, the zxid before it included, is made once by the leader, and is kept
// and passed on unchanged by everybody else.
type Entry struct {
	Zxid      Zxid
	PrevEpoch uint32 // the epoch of the entry before it, whose counter is one less
	Kind      EntryKind

	// Wall is the leader's wall clock in nanoseconds since 1970, which may jump.
	// Clock never falls: nanoseconds for which the ensemble has had a leader.
	Wall, Clock int64

	// Origin and Request name the proposal: the replica that took it in, and
	// that replica's own number for it.
	Origin, Request uint64

	// Data is opaque here. In an entry that was decoded it aliases the encoding.
	Data []byte
}

// Prev is the zxid of the entry before e.
func (e *Entry) Prev() Zxid { return Zxid{e.PrevEpoch, e.Zxid.Counter - 1} }

// ErrCorruptEntry is wrapped by every error about an entry's encoding.
var ErrCorruptEntry = errors.New("protocol: corrupt entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	entryFields = 10
	// The array's header and the checksum in its fixed form come first.
	entryPrefix = 1 + 5
	// EntryOverhead is the most that an encoded entry is longer than its Data.
	EntryOverhead = entryPrefix + 5 + 9 + 5 + 1 + 9 + 9 + 9 + 9 + 5
)

// AppendEntry appends e's encoding to dst: a MessagePack array whose first value
// is the CRC-32C of all that follows it.
func AppendEntry(dst []byte, e *Entry) []byte {
	start := len(dst)
	dst = codec.AppendArray(dst, entryFields)
	dst = codec.AppendFixed32(dst, 0)
	dst = codec.AppendUint(dst, uint64(e.Kind))
	dst = codec.AppendUint(dst, uint64(e.Zxid.Epoch))
	dst = codec.AppendUint(dst, e.Zxid.Counter)
	dst = codec.AppendUint(dst, uint64(e.PrevEpoch))
	dst = codec.AppendInt(dst, e.Wall)
	dst = codec.AppendInt(dst, e.Clock)
	dst = codec.AppendUint(dst, e.Origin)
	dst = codec.AppendUint(dst, e.Request)
	dst = codec.AppendBytes(dst, e.Data)
	body := dst[start+entryPrefix:]
	binary.BigEndian.PutUint32(dst[start+2:], crc32.Checksum(body, castagnoli))
	return dst
}

// DecodeEntry decodes the entry at the head of b and returns how many bytes it
// takes. The entry's Data aliases b. A wrong checksum is ErrCorruptEntry.
func DecodeEntry(b []byte) (Entry, int, error) {
	r := codec.NewReader(b)
	r.Fields(entryFields)
	sum := r.Uint32()
	var e Entry
	e.Kind = EntryKind(r.Uint8())
	e.Zxid.Epoch = r.Uint32()
	e.Zxid.Counter = r.Uint()
	e.PrevEpoch = r.Uint32()
	e.Wall = r.Int()
	e.Clock = r.Int()
	e.Origin = r.Uint()
	e.Request = r.Uint()
	e.Data = r.Bytes()
	if err := r.Err(); err != nil {
		return Entry{}, 0, fmt.Errorf("%w: %w", ErrCorruptEntry, err)
	}
	n := r.Offset()
	if b[1] != 0xce || crc32.Checksum(b[entryPrefix:n], castagnoli) != sum {
		return Entry{}, 0, fmt.Errorf("%w: checksum of %v", ErrCorruptEntry, e.Zxid)
	}
	return e, n, nil
}

// maxGuess is for how many entries at once there is memory before they are seen.
const maxGuess = 1024

// DecodeEntries appends the entries that raw is made of to dst, and checks that
// each follows the one before it. The entries' Data alias raw.
func DecodeEntries(dst []Entry, raw []byte) ([]Entry, error) {
	first := len(dst)
	for len(raw) > 0 {
		e, n, err := DecodeEntry(raw)
		if err != nil {
			return dst[:first], err
		}
		if len(dst) > first && dst[len(dst)-1].Zxid != e.Prev() {
			return dst[:first], fmt.Errorf("%w: %v does not follow %v", ErrCorruptEntry, e.Zxid, dst[len(dst)-1].Zxid)
		}
		if len(dst) == cap(dst) { // most entries of a batch are about as long as its first
			dst = slices.Grow(dst, min(len(raw)/n, maxGuess))
		}
		dst, raw = append(dst, e), raw[n:]
	}
	return dst, nil
}
