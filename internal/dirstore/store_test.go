package dirstore

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

const testStore = "/store"

// content is everything that a storage has, in one string.
func content(t *testing.T, s *Store, rec *protocol.Recovered) string {
	var b []byte
	if rec.HardState != nil {
		b = protocol.AppendHardState(b, rec.HardState)
	}
	b = protocol.AppendBase(protocol.AppendBase(b, &rec.Base), &rec.Latest)
	for after := rec.Base.Zxid().Counter; after < rec.Last; {
		raw, err := s.Read(after, 1<<20)
		require.NoError(t, err)
		es, err := protocol.DecodeEntries(nil, raw)
		require.NoError(t, err)
		b, after = append(b, raw...), after+uint64(len(es))
	}
	for _, base := range []protocol.Base{rec.Base, rec.Latest} {
		if !base.Snapshot.IsZero() {
			r, err := s.OpenSnapshot(base.Snapshot)
			require.NoError(t, err)
			data := make([]byte, base.Snapshot.Size)
			_, err = r.ReadAt(data, 0)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			b = append(b, data...)
		}
	}
	return fmt.Sprintf("%x", b)
}

func atOnce(f func())      { f() }
func inGoroutine(f func()) { go f() }

func testOptions() Options { return Options{SegmentBytes: MinSegmentBytes, NewID: rand.Uint64} }

func loadStore(t *testing.T, fsys disk.FS) (*Store, protocol.Recovered) {
	t.Helper()
	s, err := Open(fsys, testStore, testOptions(), atOnce)
	require.NoError(t, err)
	rec, err := s.Load()
	require.NoError(t, err)
	return s, rec
}

func testEntries(last protocol.Zxid, epoch uint32, n, size int) ([]protocol.Entry, []byte) {
	var es []protocol.Entry
	var raw []byte
	for range n {
		e := protocol.Entry{Zxid: protocol.Zxid{Epoch: epoch, Counter: last.Counter + 1}, PrevEpoch: last.Epoch, Kind: protocol.KindCommand, Data: make([]byte, size)}
		es, raw, last = append(es, e), protocol.AppendEntry(raw, &e), e.Zxid
	}
	return es, raw
}

func testSnapshot(t *testing.T, s *Store, z protocol.Zxid, size int) *protocol.Base {
	meta := protocol.SnapshotMeta{Zxid: z, Digest: 1, Size: int64(size), Sum: 2}
	w, err := s.CreateSnapshot()
	require.NoError(t, err)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, w.Commit(meta))
	return &protocol.Base{Snapshot: meta, Clock: 3}
}

// expected is what content says of a storage with these entries.
func expected(rec *protocol.Recovered, log []protocol.Entry) string {
	var b []byte
	if rec.HardState != nil {
		b = protocol.AppendHardState(b, rec.HardState)
	}
	b = protocol.AppendBase(protocol.AppendBase(b, &rec.Base), &rec.Latest)
	for i := range log {
		b = protocol.AppendEntry(b, &log[i])
	}
	return fmt.Sprintf("%x", append(b, make([]byte, rec.Base.Snapshot.Size+rec.Latest.Snapshot.Size)...))
}

// Crash points between and in the steps of a storage's life: hard states,
// entries, snapshots, bases and truncations that were acknowledged are there, those
// that were not are there whole or not at all, and no crash is taken for damage.
func TestSurvivesCrashes(t *testing.T) {
	mem := disk.NewMem()
	acked, next := "", "" // a snapshot of n bytes is n zeros here
	points := 0
	mem.SetHook(func(op disk.Op) disk.Fault {
		if op.Kind == disk.OpRead || op.Kind == disk.OpList || op.Kind == disk.OpOpen || acked == "" {
			return disk.Fault{}
		}
		points++
		for i, image := range []disk.Image{disk.KeepNothing, disk.KeepAll, disk.KeepMetadata, disk.KeepSome(uint64(op.N)), disk.KeepSome(uint64(op.N) + 7)} {
			s, rec := loadStore(t, mem.Crash(image))
			require.NoError(t, rec.Damage)
			require.Contains(t, []string{acked, next}, content(t, s, &rec), "operation %+v, image %d", op, i)
			require.NoError(t, s.Close())
		}
		return disk.Fault{}
	})
	s, rec := loadStore(t, mem)
	acked = content(t, s, &rec)
	next = acked

	var model protocol.Recovered
	var log []protocol.Entry
	step := func(b protocol.Batch) {
		if b.HardState != nil {
			model.HardState = b.HardState
		}
		if b.Base != nil {
			model.Base = *b.Base
			log = slices.DeleteFunc(log, func(e protocol.Entry) bool { return e.Zxid.Compare(b.Base.Zxid()) <= 0 })
		}
		if b.Latest != nil {
			model.Latest = *b.Latest
		}
		if b.Truncate != nil {
			log = slices.DeleteFunc(log, func(e protocol.Entry) bool { return e.Zxid.Counter > b.Truncate.Counter })
		}
		log = append(log, b.Entries...)
		next = expected(&model, log)
		require.NoError(t, s.Append(b))
		acked = next
	}
	entries := func(epoch uint32, n, size int) {
		es, raw := testEntries(s.last, epoch, n, size)
		step(protocol.Batch{Entries: es, Raw: raw})
	}
	step(protocol.Batch{HardState: &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 1}})
	for range 4 {
		entries(1, 3, 9000)
	}
	b := testSnapshot(t, s, s.last, 3000)
	step(protocol.Batch{Latest: b})
	entries(1, 2, 9000)
	step(protocol.Batch{Base: b, Latest: b})
	cut := protocol.Zxid{Epoch: 1, Counter: s.last.Counter - 1}
	es, raw := testEntries(cut, 2, 2, 700)
	step(protocol.Batch{Truncate: &cut, Entries: es, Raw: raw, HardState: &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 2}})
	b = testSnapshot(t, s, protocol.Zxid{Epoch: 3, Counter: 500}, 700)
	step(protocol.Batch{Base: b, Latest: b})
	entries(3, 2, 10)
	require.NoError(t, s.Close())
	require.Greater(t, points, 60)
}

// Rot anywhere in the log of a storage: it is reported, or what it hit was of no
// use; and after the repairing batch the storage is sound.
func TestDamage(t *testing.T) {
	mem := disk.NewMem()
	s, _ := loadStore(t, mem)
	require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 1}}))
	var log []protocol.Entry
	for i := range 30 {
		es, raw := testEntries(s.last, 1, 3, 1000+i)
		require.NoError(t, s.Append(protocol.Batch{Entries: es, Raw: raw}))
		log = append(log, es...)
	}
	rec := protocol.Recovered{HardState: s.head.HardState, Last: s.last.Counter}
	want := content(t, s, &rec)
	require.NoError(t, s.Close())
	names, err := mem.List(testStore + "/log")
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 1))
	damaged := 0
	for _, name := range names {
		for range 40 {
			bad := mem.Clone()
			at := rng.IntN(MinSegmentBytes)
			require.NoError(t, bad.Corrupt(filepath.Join(testStore, "log", name), func(b []byte) { b[at] ^= 0x20 }))
			s, rec := loadStore(t, bad)
			if rec.Damage == nil {
				require.Equal(t, want, content(t, s, &rec))
				require.NoError(t, s.Close())
				continue
			}
			damaged++
			require.Equal(t, uint64(2), rec.HardState.Replica, "whose it is is known in any case")
			require.Equal(t, protocol.EnsembleID{1}, rec.HardState.Ensemble)
			require.Equal(t, expected(&rec, log[:rec.Last]), content(t, s, &rec))
			h := protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2, Incarnation: 4, AcceptedEpoch: 1}
			require.NoError(t, s.Append(protocol.Batch{HardState: &h}))
			require.NoError(t, s.Close())
			s, again := loadStore(t, bad)
			require.NoError(t, again.Damage)
			require.Equal(t, &h, again.HardState)
			require.Equal(t, rec.Last, again.Last)
			require.NoError(t, s.Close())
		}
	}
	require.Greater(t, damaged, 40)
}

// A log that is gone is damage: there was one.
func TestLogLost(t *testing.T) {
	mem := disk.NewMem()
	s, rec := loadStore(t, mem)
	require.NoError(t, rec.Damage)
	require.Nil(t, rec.HardState)
	require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2, Incarnation: 3}}))
	require.NoError(t, s.Close())
	names, err := mem.List(testStore + "/log")
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, mem.Remove(filepath.Join(testStore, "log", name)))
	}
	s, rec = loadStore(t, mem)
	require.ErrorContains(t, rec.Damage, "hard state is lost")
	require.Equal(t, &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 2}, rec.HardState)
	require.NoError(t, s.Close())

	// Another replica's log in this directory.
	other := disk.NewMem()
	s, _ = loadStore(t, other)
	require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Ensemble: protocol.EnsembleID{1}, Replica: 9, Incarnation: 3}}))
	require.NoError(t, s.Close())
	id := identity{ensemble: protocol.EnsembleID{1}, replica: 2}
	require.NoError(t, disk.WriteFile(other, filepath.Join(testStore, identityName), id.encode()))
	s, err = Open(other, testStore, Options{NewID: rand.Uint64}, atOnce)
	require.NoError(t, err)
	_, err = s.Load()
	require.ErrorIs(t, err, protocol.ErrForeign)
	require.NoError(t, s.Close())

	// A damaged identity is written again; one of a later version is refused.
	require.NoError(t, other.Corrupt(filepath.Join(testStore, identityName), func(b []byte) { b[20] ^= 1 }))
	s, rec = loadStore(t, other)
	require.NoError(t, rec.Damage)
	require.NoError(t, s.Append(protocol.Batch{}))
	require.NoError(t, s.Close())
	_, err = Open(other, testStore, Options{Replica: 2, NewID: rand.Uint64}, atOnce)
	require.ErrorIs(t, err, protocol.ErrForeign)
	require.NoError(t, other.Corrupt(filepath.Join(testStore, identityName), func(b []byte) {
		b[9]++
		copy(b[len(b)-sumBytes:], codec.AppendFixed32(nil, crc32.Checksum(b[:len(b)-sumBytes], castagnoli)))
	}))
	_, err = Open(other, testStore, Options{NewID: rand.Uint64}, atOnce)
	require.ErrorContains(t, err, "version 2")
}

// A full disk is ErrNoSpace and LowSpace, and passes when there is space again; a
// failing one is final.
func TestFullAndFailing(t *testing.T) {
	mem := disk.NewMem()
	s, _ := loadStore(t, mem)
	last := protocol.Zxid{}
	put := func(size int) error {
		es, raw := testEntries(last, 1, 1, size)
		err := s.Append(protocol.Batch{Entries: es, Raw: raw})
		if err == nil {
			last = es[0].Zxid
		}
		return err
	}
	require.NoError(t, put(10))
	mem.SetCapacity(5 * MinSegmentBytes)
	var err error
	low := uint64(0) // the entry after which it is known
	for err == nil {
		if err = put(3000); low == 0 && s.LowSpace() {
			low = last.Counter
		}
	}
	require.ErrorIs(t, err, protocol.ErrNoSpace)
	require.NotZero(t, low)
	require.Greater(t, (last.Counter-low)*3000, uint64(MinSegmentBytes), "a whole segment is in reserve")
	require.True(t, s.LowSpace())
	_, err = s.CreateSnapshot()
	if err == nil {
		w, err := s.ReceiveSnapshot(protocol.SnapshotMeta{Size: 1 << 20})
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 1<<20))
		require.ErrorIs(t, err, protocol.ErrNoSpace)
		require.NoError(t, w.Abort())
	}
	// What frees space still fits.
	mem.SetCapacity(8 * MinSegmentBytes)
	b := testSnapshot(t, s, last, 100)
	require.NoError(t, s.Append(protocol.Batch{Latest: b, Base: b}))
	require.NoError(t, put(3000))

	mem.SetHook(func(op disk.Op) disk.Fault {
		if op.Kind == disk.OpSync {
			return disk.Fault{Err: syscall.EIO}
		}
		return disk.Fault{}
	})
	err = put(10)
	require.ErrorIs(t, err, syscall.EIO)
	require.NotErrorIs(t, err, protocol.ErrNoSpace)
	mem.SetHook(nil)
	require.Equal(t, err, put(10))
	require.NoError(t, s.Close())
}

func FuzzHead(f *testing.F) {
	h := protocol.Head{HardState: &protocol.HardState{Replica: 1, Founders: []protocol.Founder{{ID: 1, Incarnation: 2}}}, Base: protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 1, Counter: 2}}}}
	f.Add(appendHead(nil, &h))
	f.Add((&identity{ensemble: protocol.EnsembleID{1}, replica: 2}).encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHead(b); err == nil {
			again, err := decodeHead(appendHead(nil, &h))
			require.NoError(t, err)
			require.Equal(t, h, again)
		}
		if id, err := decodeIdentity(b); err == nil {
			again, err := decodeIdentity(id.encode())
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
	})
}

// With the same random numbers and no goroutine, the same calls do the same to the
// file system, one operation after the other.
func TestDeterministic(t *testing.T) {
	run := func(seed uint64) (ops []disk.Op, files map[string]string) {
		mem := disk.NewMem()
		mem.SetHook(func(op disk.Op) disk.Fault {
			ops = append(ops, op)
			return disk.Fault{}
		})
		opts := Options{SegmentBytes: MinSegmentBytes, NewID: rand.New(rand.NewPCG(seed, 0)).Uint64}
		last := protocol.Zxid{}
		for life := range uint64(3) {
			s, err := Open(mem, testStore, opts, atOnce)
			require.NoError(t, err)
			_, err = s.Load()
			require.NoError(t, err)
			require.NoError(t, s.Append(protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 1 + life}}))
			for range 20 {
				es, raw := testEntries(last, 1, 3, 3000)
				require.NoError(t, s.Append(protocol.Batch{Entries: es, Raw: raw}))
				last = es[2].Zxid
			}
			b := testSnapshot(t, s, last, 700)
			require.NoError(t, s.Append(protocol.Batch{Base: b, Latest: b}))
			_, err = s.ReceiveSnapshot(protocol.SnapshotMeta{Zxid: protocol.Zxid{Epoch: 1, Counter: last.Counter + 5}, Size: 3})
			require.NoError(t, err)
			require.NoError(t, s.Close())
		}
		mem.SetHook(nil)
		files = map[string]string{}
		for _, dir := range []string{testStore, testStore + "/log", testStore + "/snapshots"} {
			names, err := mem.List(dir)
			require.NoError(t, err)
			for _, name := range names {
				b, err := disk.ReadFile(mem, filepath.Join(dir, name), 1<<20)
				require.NoError(t, err)
				files[filepath.Join(dir, name)] = string(b)
			}
		}
		return ops, files
	}
	ops, files := run(1)
	require.Greater(t, len(ops), 200)
	require.Greater(t, len(files), 4)
	again, filesAgain := run(1)
	require.Equal(t, ops, again)
	require.True(t, maps.Equal(files, filesAgain))
	_, others := run(2)
	require.False(t, maps.Equal(files, others), "the random numbers are in the files")
}

// Whatever bit of IDENTITY flips, it is damage and not a file of a later version: the
// log knows whose directory it is.
func TestEveryFlipOfIdentity(t *testing.T) {
	id := identity{protocol.EnsembleID{1, 2}, 3}
	whole := id.encode()
	for bit := range len(whole) * 8 {
		b := bytes.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		_, err := decodeIdentity(b)
		require.ErrorIs(t, err, errIdentity, "bit %d", bit)
	}
	for n := range whole {
		_, err := decodeIdentity(whole[:n])
		require.ErrorIs(t, err, errIdentity, "cut to %d bytes", n)
	}
	got, err := decodeIdentity(whole)
	require.NoError(t, err)
	require.Equal(t, id, got)
}
