package zab

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	files "github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/zab/protocol"
)

const testStore = "/store"

// content is everything that a storage has, in one string.
func content(t *testing.T, s *dirStorage, rec *Recovered) string {
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
	for _, base := range []Base{rec.Base, rec.Latest} {
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

func atOnce(f func()) { f() }

func loadStore(t *testing.T, fsys files.FS) (*dirStorage, Recovered) {
	t.Helper()
	s, err := openDir(fsys, testStore, DirOptions{SegmentBytes: minSegmentBytes}, atOnce)
	require.NoError(t, err)
	rec, err := s.Load()
	require.NoError(t, err)
	return s, rec
}

func testEntries(last Zxid, epoch uint32, n, size int) ([]Entry, []byte) {
	var es []Entry
	var raw []byte
	for range n {
		e := Entry{Zxid: Zxid{Epoch: epoch, Counter: last.Counter + 1}, PrevEpoch: last.Epoch, Kind: KindCommand, Data: make([]byte, size)}
		es, raw, last = append(es, e), protocol.AppendEntry(raw, &e), e.Zxid
	}
	return es, raw
}

func testSnapshot(t *testing.T, s *dirStorage, z Zxid, size int) *Base {
	meta := SnapshotMeta{Zxid: z, Digest: 1, Size: int64(size), Sum: 2}
	w, err := s.CreateSnapshot()
	require.NoError(t, err)
	_, err = w.Write(make([]byte, size))
	require.NoError(t, err)
	require.NoError(t, w.Commit(meta))
	return &Base{Snapshot: meta, Clock: 3}
}

// expected is what content says of a storage with these entries.
func expected(rec *Recovered, log []Entry) string {
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
func TestDirSurvivesCrashes(t *testing.T) {
	mem := files.NewMem()
	acked, next := "", "" // a snapshot of n bytes is n zeros here
	points := 0
	mem.SetHook(func(op files.Op) files.Fault {
		if op.Kind == files.OpRead || op.Kind == files.OpList || op.Kind == files.OpOpen || acked == "" {
			return files.Fault{}
		}
		points++
		for i, image := range []files.Image{files.KeepNothing, files.KeepAll, files.KeepMetadata, files.KeepSome(uint64(op.N)), files.KeepSome(uint64(op.N) + 7)} {
			s, rec := loadStore(t, mem.Crash(image))
			require.NoError(t, rec.Damage)
			require.Contains(t, []string{acked, next}, content(t, s, &rec), "operation %+v, image %d", op, i)
			require.NoError(t, s.Close())
		}
		return files.Fault{}
	})
	s, rec := loadStore(t, mem)
	acked = content(t, s, &rec)
	next = acked

	var model Recovered
	var log []Entry
	step := func(b Batch) {
		if b.HardState != nil {
			model.HardState = b.HardState
		}
		if b.Base != nil {
			model.Base = *b.Base
			log = slices.DeleteFunc(log, func(e Entry) bool { return e.Zxid.Compare(b.Base.Zxid()) <= 0 })
		}
		if b.Latest != nil {
			model.Latest = *b.Latest
		}
		if b.Truncate != nil {
			log = slices.DeleteFunc(log, func(e Entry) bool { return e.Zxid.Counter > b.Truncate.Counter })
		}
		log = append(log, b.Entries...)
		next = expected(&model, log)
		require.NoError(t, s.Append(b))
		acked = next
	}
	entries := func(epoch uint32, n, size int) {
		es, raw := testEntries(s.last, epoch, n, size)
		step(Batch{Entries: es, Raw: raw})
	}
	step(Batch{HardState: &HardState{Ensemble: EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 1}})
	for range 4 {
		entries(1, 3, 9000)
	}
	b := testSnapshot(t, s, s.last, 3000)
	step(Batch{Latest: b})
	entries(1, 2, 9000)
	step(Batch{Base: b, Latest: b})
	cut := Zxid{Epoch: 1, Counter: s.last.Counter - 1}
	es, raw := testEntries(cut, 2, 2, 700)
	step(Batch{Truncate: &cut, Entries: es, Raw: raw, HardState: &HardState{Ensemble: EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 2}})
	b = testSnapshot(t, s, Zxid{Epoch: 3, Counter: 500}, 700)
	step(Batch{Base: b, Latest: b})
	entries(3, 2, 10)
	require.NoError(t, s.Close())
	require.Greater(t, points, 60)
}

// Rot anywhere in the log of a storage: it is reported, or what it hit was of no
// use; and after the repairing batch the storage is sound.
func TestDirDamage(t *testing.T) {
	mem := files.NewMem()
	s, _ := loadStore(t, mem)
	require.NoError(t, s.Append(Batch{HardState: &HardState{Ensemble: EnsembleID{1}, Replica: 2, Incarnation: 3, AcceptedEpoch: 1}}))
	var log []Entry
	for i := range 30 {
		es, raw := testEntries(s.last, 1, 3, 1000+i)
		require.NoError(t, s.Append(Batch{Entries: es, Raw: raw}))
		log = append(log, es...)
	}
	rec := Recovered{HardState: s.head.HardState, Last: s.last.Counter}
	want := content(t, s, &rec)
	require.NoError(t, s.Close())
	names, err := mem.List(testStore + "/log")
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 1))
	damaged := 0
	for _, name := range names {
		for range 40 {
			bad := mem.Clone()
			at := rng.IntN(minSegmentBytes)
			require.NoError(t, bad.Corrupt(filepath.Join(testStore, "log", name), func(b []byte) { b[at] ^= 0x20 }))
			s, rec := loadStore(t, bad)
			if rec.Damage == nil {
				require.Equal(t, want, content(t, s, &rec))
				require.NoError(t, s.Close())
				continue
			}
			damaged++
			require.Equal(t, uint64(2), rec.HardState.Replica, "whose it is is known in any case")
			require.Equal(t, EnsembleID{1}, rec.HardState.Ensemble)
			require.Equal(t, expected(&rec, log[:rec.Last]), content(t, s, &rec))
			h := HardState{Ensemble: EnsembleID{1}, Replica: 2, Incarnation: 4, AcceptedEpoch: 1}
			require.NoError(t, s.Append(Batch{HardState: &h}))
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
func TestDirLogLost(t *testing.T) {
	mem := files.NewMem()
	s, rec := loadStore(t, mem)
	require.NoError(t, rec.Damage)
	require.Nil(t, rec.HardState)
	require.NoError(t, s.Append(Batch{HardState: &HardState{Ensemble: EnsembleID{1}, Replica: 2, Incarnation: 3}}))
	require.NoError(t, s.Close())
	names, err := mem.List(testStore + "/log")
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, mem.Remove(filepath.Join(testStore, "log", name)))
	}
	s, rec = loadStore(t, mem)
	require.ErrorContains(t, rec.Damage, "hard state is lost")
	require.Equal(t, &HardState{Ensemble: EnsembleID{1}, Replica: 2}, rec.HardState)
	require.NoError(t, s.Close())

	// Another replica's log in this directory.
	other := files.NewMem()
	s, _ = loadStore(t, other)
	require.NoError(t, s.Append(Batch{HardState: &HardState{Ensemble: EnsembleID{1}, Replica: 9, Incarnation: 3}}))
	require.NoError(t, s.Close())
	id := dirIdentity{ensemble: EnsembleID{1}, replica: 2}
	require.NoError(t, files.WriteFile(other, filepath.Join(testStore, identityName), id.encode()))
	s, err = openDir(other, testStore, DirOptions{}, atOnce)
	require.NoError(t, err)
	_, err = s.Load()
	require.ErrorIs(t, err, ErrForeign)
	require.NoError(t, s.Close())

	// A damaged identity is written again; one of a later version is refused.
	require.NoError(t, other.Corrupt(filepath.Join(testStore, identityName), func(b []byte) { b[20] ^= 1 }))
	s, rec = loadStore(t, other)
	require.NoError(t, rec.Damage)
	require.NoError(t, s.Append(Batch{}))
	require.NoError(t, s.Close())
	_, err = openDir(other, testStore, DirOptions{Replica: 2}, atOnce)
	require.ErrorIs(t, err, ErrForeign)
	require.NoError(t, other.Corrupt(filepath.Join(testStore, identityName), func(b []byte) { b[9]++ }))
	_, err = openDir(other, testStore, DirOptions{}, atOnce)
	require.ErrorContains(t, err, "version 2")
}

// A full disk is ErrNoSpace and LowSpace, and passes when there is space again; a
// failing one is final.
func TestDirFullAndFailing(t *testing.T) {
	mem := files.NewMem()
	s, _ := loadStore(t, mem)
	last := Zxid{}
	put := func(size int) error {
		es, raw := testEntries(last, 1, 1, size)
		err := s.Append(Batch{Entries: es, Raw: raw})
		if err == nil {
			last = es[0].Zxid
		}
		return err
	}
	require.NoError(t, put(10))
	mem.SetCapacity(5 * minSegmentBytes)
	var err error
	low := uint64(0) // the entry after which it is known
	for err == nil {
		if err = put(3000); low == 0 && s.LowSpace() {
			low = last.Counter
		}
	}
	require.ErrorIs(t, err, ErrNoSpace)
	require.NotZero(t, low)
	require.Greater(t, (last.Counter-low)*3000, uint64(minSegmentBytes), "a whole segment is in reserve")
	require.True(t, s.LowSpace())
	_, err = s.CreateSnapshot()
	if err == nil {
		w, err := s.ReceiveSnapshot(SnapshotMeta{Size: 1 << 20})
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 1<<20))
		require.ErrorIs(t, err, ErrNoSpace)
		require.NoError(t, w.Abort())
	}
	// What frees space still fits.
	mem.SetCapacity(8 * minSegmentBytes)
	b := testSnapshot(t, s, last, 100)
	require.NoError(t, s.Append(Batch{Latest: b, Base: b}))
	require.NoError(t, put(3000))

	mem.SetHook(func(op files.Op) files.Fault {
		if op.Kind == files.OpSync {
			return files.Fault{Err: syscall.EIO}
		}
		return files.Fault{}
	})
	err = put(10)
	require.ErrorIs(t, err, syscall.EIO)
	require.NotErrorIs(t, err, ErrNoSpace)
	mem.SetHook(nil)
	require.Equal(t, err, put(10))
	require.NoError(t, s.Close())
}

func FuzzDirHead(f *testing.F) {
	h := protocol.Head{HardState: &HardState{Replica: 1, Founders: []protocol.Founder{{ID: 1, Incarnation: 2}}}, Base: Base{Snapshot: SnapshotMeta{Zxid: Zxid{Epoch: 1, Counter: 2}}}}
	f.Add(appendHead(nil, &h))
	f.Add((&dirIdentity{ensemble: EnsembleID{1}, replica: 2}).encode())
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
