package zab

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/zabtree/zabtree/zab/protocol"
)

// memoryStorage is a Storage in memory. mu guards everything; nothing that it is
// held across can block. What was appended is never changed, so that lengths and
// bytes of entries are shared with whoever gave them.
type memoryStorage struct {
	mu     sync.Mutex
	inUse  bool
	life   uint64 // how often it was loaded
	head   protocol.Head
	log    []memoryEntry // after the base
	parts  map[SnapshotMeta][]byte
	kept   SnapshotMeta // receipt that is not whole
	part   []byte       // its bytes up to the last Sync
	latest SnapshotMeta // committed receipt that is not named yet
}

type memoryEntry struct {
	zxid Zxid
	raw  []byte
}

// NewMemoryStorage returns an empty storage in memory, for tests and for ensembles
// that may forget. It lasts as long as the value does: after Close it may be loaded
// again, by the next life of the same replica, and everything that was durable is
// there. While it is loaded, Load fails with ErrInUse. It keeps the entries' encoded
// bytes as they were appended, without a copy. There are no goroutines.
func NewMemoryStorage() Storage {
	return &memoryStorage{parts: map[SnapshotMeta][]byte{}}
}

// Load implements Storage.
func (s *memoryStorage) Load() (Recovered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse {
		return Recovered{}, fmt.Errorf("%w: it is loaded already", ErrInUse)
	}
	s.inUse = true
	s.life++
	s.latest = SnapshotMeta{}
	s.drop(func(m SnapshotMeta) bool { return true })
	h := s.head.Clone()
	return Recovered{
		HardState: h.HardState, Base: h.Base, Latest: h.Latest, Last: s.last().Counter,
		Partial: s.kept, PartialSize: int64(len(s.part)),
	}, nil
}

// last is the zxid with which the log ends. The caller has the mutex.
func (s *memoryStorage) last() Zxid {
	if n := len(s.log); n > 0 {
		return s.log[n-1].zxid
	}
	return s.head.Base.Zxid()
}

// find returns the index of an entry in the log, or where it would be, which may be
// negative. The caller has the mutex.
func (s *memoryStorage) find(counter uint64) int {
	return int(counter - s.head.Base.Zxid().Counter - 1)
}

// Append implements Storage.
func (s *memoryStorage) Append(b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inUse {
		return errStorageClosed
	}
	log := s.log
	last := s.last()
	start := s.head.Base.Zxid()
	if b.Base != nil && b.Base.Zxid() != start {
		z := b.Base.Zxid()
		if i := s.find(z.Counter); i >= 0 && i < len(log) && log[i].zxid == z {
			log = slices.Clone(log[i+1:]) // lets go of the others
		} else {
			log, last = nil, z
		}
		start = z
	}
	if b.Truncate != nil && b.Truncate.Counter < last.Counter {
		n := 0
		if b.Truncate.Counter > start.Counter {
			n = int(b.Truncate.Counter - start.Counter)
		}
		if log, last = log[:n:n], start; n > 0 { // what is behind may be being read
			last = log[n-1].zxid
		}
	}
	lengths, _, err := b.Lengths(nil, last)
	if err != nil {
		return err
	}
	raw := b.Raw
	for i, n := range lengths {
		log = append(log, memoryEntry{b.Entries[i].Zxid, raw[:n:n]})
		raw = raw[n:]
	}
	before := s.head
	s.log, s.head = log, s.head.With(&b)
	if b.Base != nil || b.Latest != nil {
		if s.named(s.latest) {
			s.latest = SnapshotMeta{}
		}
		newest := s.head.Latest.Zxid().Counter
		s.drop(func(m SnapshotMeta) bool {
			return before.Base.Snapshot == m || before.Latest.Snapshot == m || (m != s.latest && m.Zxid.Counter < newest)
		})
	}
	return nil
}

func (s *memoryStorage) named(m SnapshotMeta) bool {
	return m == s.head.Base.Snapshot || m == s.head.Latest.Snapshot
}

// drop drops snapshots that are not named. The caller has the mutex.
func (s *memoryStorage) drop(stale func(SnapshotMeta) bool) {
	for m := range s.parts {
		if !s.named(m) && stale(m) {
			delete(s.parts, m)
		}
	}
}

// Read implements Storage.
func (s *memoryStorage) Read(after uint64, maxBytes int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inUse {
		return nil, errStorageClosed
	}
	first := s.find(after + 1)
	if after < s.head.Base.Zxid().Counter || first >= len(s.log) {
		return nil, fmt.Errorf("%w: %d is not in (%d, %d]", ErrNoEntries, after+1, s.head.Base.Zxid().Counter, s.last().Counter)
	}
	size, end := 0, first
	for end < len(s.log) && (end == first || size+len(s.log[end].raw) <= maxBytes) {
		size += len(s.log[end].raw)
		end++
	}
	raw := make([]byte, 0, size)
	for _, e := range s.log[first:end] {
		raw = append(raw, e.raw...)
	}
	return raw, nil
}

// LowSpace implements Storage.
func (s *memoryStorage) LowSpace() bool { return false }

// Close implements Storage.
func (s *memoryStorage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse = false
	return nil
}

// OpenSnapshot implements Storage.
func (s *memoryStorage) OpenSnapshot(meta SnapshotMeta) (SnapshotReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inUse {
		return nil, errStorageClosed
	}
	b, ok := s.parts[meta]
	if !ok {
		return nil, fmt.Errorf("zab: snapshot %v: %w", meta.Zxid, fs.ErrNotExist)
	}
	return newMemoryReader(b), nil
}

// CreateSnapshot implements Storage.
func (s *memoryStorage) CreateSnapshot() (SnapshotWriter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inUse {
		return nil, errStorageClosed
	}
	return &memoryWriter{s: s, life: s.life}, nil
}

// ReceiveSnapshot implements Storage.
func (s *memoryStorage) ReceiveSnapshot(meta SnapshotMeta) (SnapshotWriter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inUse {
		return nil, errStorageClosed
	}
	if s.kept != meta {
		s.kept, s.part = meta, nil
	}
	return &memoryWriter{s: s, life: s.life, receipt: meta, receiving: true, buf: s.part[:len(s.part):len(s.part)]}, nil
}

var (
	errStorageClosed = errors.New("zab: storage is closed")
	errWriterClosed  = errors.New("zab: snapshot writer is closed")
)
