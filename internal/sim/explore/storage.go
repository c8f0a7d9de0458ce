package explore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// storage is what a replica's disk holds, or will hold once all that is queued is
// done. It is a value: nothing that it refers to is ever changed.
type storage struct {
	hs           protocol.HardState
	base, latest protocol.Base
	log          []uint32 // entries after the base
	snapshots    []protocol.SnapshotMeta
	partial      protocol.SnapshotMeta
	chunks       uint64 // of partial
}

var errStorage = errors.New("a batch that the storage cannot carry out")

// apply carries out a batch.
func (s storage) apply(entries *entries, b *protocol.Batch, p *plant) (storage, error) {
	if b.HardState != nil {
		s.hs = *b.HardState
	}
	if b.Base != nil {
		s.log = s.logFrom(entries, b.Base.Zxid())
		s.base = *b.Base
	}
	if b.Latest != nil {
		s.latest = *b.Latest
	}
	if b.Truncate != nil && !p.dropTruncate {
		n := b.Truncate.Counter - s.base.Zxid().Counter
		if n > uint64(len(s.log)) {
			return s, fmt.Errorf("%w: it truncates to %v", errStorage, b.Truncate)
		}
		s.log = s.log[:n:n]
	}
	for i := range b.Entries {
		raw := protocol.AppendEntry(nil, &b.Entries[i])
		id, err := entries.intern(raw)
		if err != nil {
			return s, err
		}
		at := b.Entries[i].Zxid.Counter - s.base.Zxid().Counter - 1
		if at > uint64(len(s.log)) {
			return s, fmt.Errorf("%w: a gap before %v", errStorage, b.Entries[i].Zxid)
		}
		if p.dropTruncate && at < uint64(len(s.log)) {
			s.log = slices.Clone(s.log)
			s.log[at] = id
			continue
		}
		s.log = append(s.log[:at:at], id)
	}
	return s, nil
}

// logFrom is what is left of the log when it begins after z.
func (s *storage) logFrom(entries *entries, z protocol.Zxid) []uint32 {
	base := s.base.Zxid()
	if z == base {
		return s.log
	}
	if n := z.Counter - base.Counter; z.Counter > base.Counter && n <= uint64(len(s.log)) && entries.at(s.log[n-1]).zxid == z {
		return s.log[n:len(s.log):len(s.log)]
	}
	return nil
}

// last is the end of the log.
func (s *storage) last(entries *entries) protocol.Zxid {
	if n := len(s.log); n > 0 {
		return entries.at(s.log[n-1]).zxid
	}
	return s.base.Zxid()
}

// prefix is the log up to a counter.
func (s *storage) prefix(counter uint64) (prefix, bool) {
	b := s.base.Zxid().Counter
	if counter < b || counter-b > uint64(len(s.log)) {
		return prefix{}, false
	}
	return prefix{base: b, digest: s.base.Snapshot.Digest, log: s.log[: counter-b : counter-b]}, true
}

// recovery hands what is on the disk to a core that starts.
func (s *storage) recovery(entries *entries) (*protocol.Recovery, error) {
	rec := protocol.NewRecovery(s.hs, s.base, s.latest, s.partial, s.chunks)
	for _, id := range s.log {
		if err := rec.Add(entries.at(id).raw); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

func (s *storage) appendKey(dst []byte) []byte {
	dst = protocol.AppendHardState(dst, &s.hs)
	dst = protocol.AppendBase(protocol.AppendBase(dst, &s.base), &s.latest)
	dst = codec.AppendArray(dst, len(s.log))
	for _, id := range s.log {
		dst = codec.AppendUint(dst, uint64(id))
	}
	dst = codec.AppendArray(dst, len(s.snapshots))
	for _, m := range s.snapshots {
		dst = appendMeta(dst, m)
	}
	return codec.AppendUint(appendMeta(dst, s.partial), s.chunks)
}

func appendMeta(dst []byte, m protocol.SnapshotMeta) []byte {
	return codec.AppendUint(appendZxid(dst, m.Zxid), m.Digest)
}

func appendZxid(dst []byte, z protocol.Zxid) []byte {
	return codec.AppendUint(codec.AppendUint(dst, uint64(z.Epoch)), z.Counter)
}

// appendBatch appends what decides what a batch does.
func appendBatch(dst []byte, entries *entries, b *protocol.Batch) []byte {
	flag := func(set bool) bool { dst = codec.AppendBool(dst, set); return set }
	if flag(b.HardState != nil) {
		dst = protocol.AppendHardState(dst, b.HardState)
	}
	if flag(b.Base != nil) {
		dst = protocol.AppendBase(dst, b.Base)
	}
	if flag(b.Latest != nil) {
		dst = protocol.AppendBase(dst, b.Latest)
	}
	if flag(b.Truncate != nil) {
		dst = appendZxid(dst, *b.Truncate)
	}
	return codec.AppendBytes(dst, b.Raw)
}
