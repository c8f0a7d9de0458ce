package zabtest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/zabtree/zabtree/zab"
	"github.com/zabtree/zabtree/zab/protocol"
)

// OpenStorage opens the storage that is kept under a directory's name, or makes it.
// Whatever was durable under that name when it was last closed must be there. A
// storage that is not kept in directories takes the name as no more than that. The
// suite closes it.
type OpenStorage func(t *testing.T, dir string) zab.Storage

// TestStorage checks that a storage keeps the contract of zab.Storage: batches that
// are there whole and in the order of their parts, contiguity, what Base, Latest
// and Truncate do to log and snapshots, reads and their limits, receipts that are
// resumed, ownership of bytes, use from several goroutines, and that all of it is
// found again after Close. What a crash does is for the implementer to test: the
// suite cannot make one.
func TestStorage(t *testing.T, open OpenStorage) {
	t.Helper()
	mustHave(t, open != nil, "TestStorage", "open")
	for _, c := range storageChecks {
		t.Run(c.name, func(t *testing.T) {
			s := &storageTest{T: t, open: open, dir: t.TempDir()}
			s.load()
			defer s.close()
			c.check(s)
		})
	}
}

// storageTest is one check's storage, and what should be in it.
type storageTest struct {
	*testing.T
	open OpenStorage
	dir  string

	zab.Storage
	found zab.Recovered

	hard         *zab.HardState
	base, latest zab.Base
	log          []zab.Entry // after base
}

func (s *storageTest) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// load opens the storage and compares what it has with what it should have.
func (s *storageTest) load() {
	s.Helper()
	s.Storage = s.open(s.T, s.dir)
	if s.Storage == nil {
		s.Fatal("open returned a nil storage")
	}
	found, err := s.Storage.Load()
	s.check(err)
	s.found = found
	if found.Damage != nil {
		s.Fatalf("Load: damage without a cause: %v", found.Damage)
	}
	s.compare()
}

func (s *storageTest) close() {
	s.Helper()
	if s.Storage != nil {
		if err := s.Storage.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
		s.Storage = nil
	}
}

func (s *storageTest) reload() {
	s.Helper()
	s.close()
	s.load()
}

// compare compares what Load found, and everything that can be read, with what
// should be there.
func (s *storageTest) compare() {
	s.Helper()
	f := &s.found
	if got, want := encodeHard(f.HardState), encodeHard(s.hard); !bytes.Equal(got, want) {
		s.Fatalf("Load: hard state is %+v, want %+v", f.HardState, s.hard)
	}
	for _, b := range []struct {
		name      string
		got, want *zab.Base
	}{{"base", &f.Base, &s.base}, {"latest", &f.Latest, &s.latest}} {
		if !bytes.Equal(protocol.AppendBase(nil, b.got), protocol.AppendBase(nil, b.want)) {
			s.Fatalf("Load: %s is %+v, want %+v", b.name, b.got, b.want)
		}
	}
	if f.Last != s.last().Counter {
		s.Fatalf("Load: last is %d, want %v", f.Last, s.last())
	}
	s.compareLog()
}

func (s *storageTest) compareLog() {
	s.Helper()
	after := s.base.Zxid().Counter
	for _, e := range s.log {
		s.expectEntries(after, 0, []zab.Entry{e})
		after++
	}
	for _, max := range []int{300, 1 << 20} {
		s.compareReads(max)
	}
	s.expectNone(after)
	if after := s.base.Zxid().Counter; after > 0 {
		s.expectNone(after - 1)
	}
}

// compareReads reads the whole log in steps.
func (s *storageTest) compareReads(maxBytes int) {
	s.Helper()
	for rest := s.log; len(rest) > 0; {
		raw, err := s.Read(rest[0].Zxid.Counter-1, maxBytes)
		s.check(err)
		got, err := protocol.DecodeEntries(nil, raw)
		s.check(err)
		if len(got) == 0 || len(got) > len(rest) {
			s.Fatalf("Read: %d entries after %d, of %d", len(got), rest[0].Zxid.Counter-1, len(rest))
		}
		if len(got) > 1 && len(raw) > maxBytes {
			s.Fatalf("Read: %d entries with %d bytes, at most %d", len(got), len(raw), maxBytes)
		}
		if len(got) < len(rest) {
			if next := protocol.AppendEntry(nil, &rest[len(got)]); len(raw)+len(next) <= maxBytes/4 {
				s.Fatalf("Read: stops after %d of %d bytes", len(raw), maxBytes)
			}
		}
		if want := encode(rest[:len(got)]); !bytes.Equal(raw, want) {
			s.Fatalf("Read after %d: other bytes than were appended", rest[0].Zxid.Counter-1)
		}
		rest = rest[len(got):]
	}
}

func (s *storageTest) expectEntries(after uint64, maxBytes int, want []zab.Entry) {
	s.Helper()
	raw, err := s.Read(after, maxBytes)
	s.check(err)
	if !bytes.Equal(raw, encode(want)) {
		s.Fatalf("Read(%d, %d): %d bytes, want the %d of %d entries", after, maxBytes, len(raw), len(encode(want)), len(want))
	}
}

func (s *storageTest) expectNone(after uint64) {
	s.Helper()
	if raw, err := s.Read(after, 1000); !errors.Is(err, zab.ErrNoEntries) {
		s.Fatalf("Read(%d): %d bytes, %v; want ErrNoEntries", after, len(raw), err)
	}
}

// last is the zxid with which the log should end.
func (s *storageTest) last() zab.Zxid {
	if n := len(s.log); n > 0 {
		return s.log[n-1].Zxid
	}
	return s.base.Zxid()
}

// apply does to the model what a batch should do to the storage.
func (s *storageTest) apply(b *zab.Batch) {
	if b.HardState != nil {
		h := *b.HardState
		s.hard = &h
	}
	if b.Base != nil {
		z := b.Base.Zxid()
		i := slices.IndexFunc(s.log, func(e zab.Entry) bool { return e.Zxid == z })
		switch {
		case z == s.base.Zxid():
		case i >= 0:
			s.log = s.log[i+1:]
		default:
			s.log = nil
		}
		s.base = *b.Base
		if s.latest.Zxid().Counter < z.Counter || z.IsZero() {
			s.latest = s.base
		}
	}
	if b.Latest != nil {
		s.latest = *b.Latest
	}
	if b.Truncate != nil {
		if i := slices.IndexFunc(s.log, func(e zab.Entry) bool { return e.Zxid.Counter > b.Truncate.Counter }); i >= 0 {
			s.log = s.log[:i]
		}
	}
	s.log = slices.Concat(s.log, b.Entries)
}

// put appends a batch, which must not change it.
func (s *storageTest) put(b zab.Batch) {
	s.Helper()
	if b.Entries != nil && b.Raw == nil {
		b.Raw = encode(b.Entries)
	}
	raw := bytes.Clone(b.Raw)
	lent := b
	lent.Entries = slices.Clone(b.Entries)
	if err := s.Append(lent); err != nil {
		s.Fatalf("Append: %v", err)
	}
	clear(lent.Entries)
	if !bytes.Equal(raw, b.Raw) {
		s.Fatal("Append changed the batch's bytes")
	}
	s.apply(&b)
}

// entries makes n entries of an epoch that follow the log.
func (s *storageTest) entries(epoch uint32, n, size int) []zab.Entry {
	return entriesAfter(s.last(), epoch, n, size)
}

func entriesAfter(last zab.Zxid, epoch uint32, n, size int) []zab.Entry {
	var es []zab.Entry
	for range n {
		e := zab.Entry{
			Zxid: zab.Zxid{Epoch: epoch, Counter: last.Counter + 1}, PrevEpoch: last.Epoch, Kind: zab.KindCommand,
			Wall: 1700000000, Clock: int64(last.Counter), Origin: 2, Request: last.Counter * 3,
			Data: bytes.Repeat([]byte{byte(last.Counter)}, size),
		}
		es, last = append(es, e), e.Zxid
	}
	return es
}

func encode(es []zab.Entry) []byte {
	var raw []byte
	for i := range es {
		raw = protocol.AppendEntry(raw, &es[i])
	}
	return raw
}

func encodeHard(h *zab.HardState) []byte {
	if h == nil {
		return nil
	}
	return protocol.AppendHardState(nil, h)
}

var ecma = crc64.MakeTable(crc64.ECMA)

// snapshotOf returns bytes of a snapshot at a zxid, and its meta.
func snapshotOf(z zab.Zxid, size int) (zab.SnapshotMeta, []byte) {
	rng := rand.New(rand.NewPCG(z.Counter, uint64(z.Epoch)))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return zab.SnapshotMeta{Zxid: z, Digest: rng.Uint64(), Size: int64(size), Sum: crc64.Checksum(b, ecma)}, b
}

// baseOf returns a base with that snapshot.
func baseOf(m zab.SnapshotMeta) *zab.Base {
	return &zab.Base{Snapshot: m, Clock: int64(m.Zxid.Counter), Config: zab.Configuration{
		Version: 1, Current: zab.Membership{{ID: 1, Incarnation: 11, Addr: "a:1"}, {ID: 2, Incarnation: 12, Addr: "b:2"}},
	}}
}

// commit writes a snapshot of this replica's own.
func (s *storageTest) commit(z zab.Zxid, size int) zab.SnapshotMeta {
	s.Helper()
	meta, b := snapshotOf(z, size)
	w, err := s.CreateSnapshot()
	s.check(err)
	s.write(w, b)
	s.check(w.Commit(meta))
	return meta
}

func (s *storageTest) write(w zab.SnapshotWriter, b []byte) {
	s.Helper()
	if n, err := w.Write(b); n != len(b) || err != nil {
		s.Fatalf("Write: %d of %d bytes, %v", n, len(b), err)
	}
}

// expectSnapshot reads a snapshot, whole and in part.
func (s *storageTest) expectSnapshot(meta zab.SnapshotMeta) {
	s.Helper()
	r, err := s.OpenSnapshot(meta)
	s.check(err)
	s.expectContent(r, meta)
	s.check(r.Close())
}

func (s *storageTest) expectContent(r zab.SnapshotReader, meta zab.SnapshotMeta) {
	s.Helper()
	_, want := snapshotOf(meta.Zxid, int(meta.Size))
	got, err := io.ReadAll(io.NewSectionReader(r, 0, meta.Size+1))
	s.check(err)
	if !bytes.Equal(got, want) {
		s.Fatalf("snapshot %v: other bytes than were written", meta.Zxid)
	}
	if n, err := r.ReadAt(make([]byte, 10), meta.Size); n != 0 || err != io.EOF {
		s.Fatalf("snapshot %v: reading behind its end gives %d, %v; want io.EOF", meta.Zxid, n, err)
	}
	if at := meta.Size / 3; at > 0 {
		b := make([]byte, at)
		if n, err := r.ReadAt(b, at); n != len(b) || !bytes.Equal(b, want[at:2*at]) {
			s.Fatalf("snapshot %v: reading %d bytes at %d: %d, %v", meta.Zxid, len(b), at, n, err)
		}
	}
}

func (s *storageTest) expectNoSnapshot(meta zab.SnapshotMeta) {
	s.Helper()
	if _, err := s.OpenSnapshot(meta); !errors.Is(err, fs.ErrNotExist) {
		s.Fatalf("OpenSnapshot(%v): %v; want fs.ErrNotExist", meta.Zxid, err)
	}
}

func hardState(accepted uint32) *zab.HardState {
	return &zab.HardState{
		Ensemble: zab.EnsembleID{1, 2, 3}, Replica: 2, Incarnation: 77, AcceptedEpoch: accepted,
		Founders: []protocol.Founder{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 77}},
	}
}

func describe(b *zab.Batch) string {
	d := fmt.Sprintf("%d entries", len(b.Entries))
	if b.HardState != nil {
		d += ", hard state"
	}
	if b.Base != nil {
		d += fmt.Sprintf(", base %v", b.Base.Zxid())
	}
	if b.Latest != nil {
		d += fmt.Sprintf(", latest %v", b.Latest.Zxid())
	}
	if b.Truncate != nil {
		d += fmt.Sprintf(", truncate after %v", *b.Truncate)
	}
	return d
}
