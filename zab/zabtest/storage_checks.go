package zabtest

import (
	"bytes"
	"math/rand/v2"
	"sync"

	"github.com/zabtree/zabtree/zab"
	"github.com/zabtree/zabtree/zab/protocol"
)

var storageChecks = []struct {
	name  string
	check func(*storageTest)
}{
	{"Empty", checkEmpty},
	{"Append", checkAppend},
	{"HardState", checkHardState},
	{"Gap", checkGap},
	{"Truncate", checkTruncate},
	{"Base", checkBase},
	{"PartsInOrder", checkPartsInOrder},
	{"ReadLimits", checkReadLimits},
	{"ReadIsTheCallers", checkReadIsTheCallers},
	{"LargeEntries", checkLargeEntries},
	{"Snapshots", checkSnapshots},
	{"SnapshotAborted", checkSnapshotAborted},
	{"SnapshotsNamed", checkSnapshotsNamed},
	{"SnapshotRemovedWhileRead", checkSnapshotRemovedWhileRead},
	{"Receipt", checkReceipt},
	{"ReceiptOfAnother", checkReceiptOfAnother},
	{"ReceiptInstalled", checkReceiptInstalled},
	{"Beside", checkBeside},
	{"Closed", checkClosed},
	{"Random", checkRandom},
}

func checkEmpty(s *storageTest) {
	s.expectNoSnapshot(zab.SnapshotMeta{Zxid: zab.Zxid{Epoch: 1, Counter: 1}})
	s.put(zab.Batch{})
	s.reload()
	if !s.found.Partial.IsZero() || s.found.PartialSize != 0 {
		s.Fatalf("Load: partial snapshot %v of an empty storage", s.found.Partial)
	}
	if s.LowSpace() {
		s.Skip("no space for more checks")
	}
}

func checkAppend(s *storageTest) {
	for i := range 40 {
		s.put(zab.Batch{Entries: s.entries(1+uint32(i/10), 1+i%5, i*7)})
		if i%9 == 0 {
			s.compareLog()
		}
	}
	s.compareLog()
	s.reload()
	s.put(zab.Batch{Entries: s.entries(9, 3, 10)})
	s.reload()
}

func checkHardState(s *storageTest) {
	s.put(zab.Batch{HardState: hardState(1)})
	s.reload()
	s.put(zab.Batch{Entries: s.entries(1, 2, 10)})
	s.put(zab.Batch{HardState: hardState(2), Entries: s.entries(1, 2, 10)})
	s.put(zab.Batch{Entries: s.entries(1, 2, 10)})
	s.reload()
	h := hardState(3)
	h.Founders = nil
	s.put(zab.Batch{HardState: h})
	s.reload()
	// What the caller does with it later does not matter.
	h.AcceptedEpoch, s.found.HardState.AcceptedEpoch = 100, 200
	s.put(zab.Batch{Entries: s.entries(3, 1, 1)})
	s.hard.AcceptedEpoch = 3
	s.reload()
}

// A gap is never written, whatever the caller says.
func checkGap(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 3, 10)})
	es := s.entries(2, 3, 10)[1:]
	if err := s.Append(zab.Batch{Entries: es, Raw: encode(es)}); err == nil {
		s.Fatal("Append left a gap in the log")
	}
	s.reload()
}

func checkTruncate(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 5, 10)})
	s.put(zab.Batch{Entries: s.entries(1, 5, 10)})
	for _, to := range []uint64{8, 7, 5, 3, 0} {
		s.put(zab.Batch{Truncate: &zab.Zxid{Epoch: 1, Counter: to}})
		s.compareLog()
		s.reload()
		s.put(zab.Batch{Entries: s.entries(uint32(20-to), 4, 20)}) // counters are used again
		s.compareLog()
		s.reload()
	}
	s.put(zab.Batch{Truncate: &zab.Zxid{Epoch: 20, Counter: 3}, Entries: entriesAfter(s.log[2].Zxid, 30, 3, 5), HardState: hardState(30)})
	s.reload()
	last := s.last()
	s.put(zab.Batch{Truncate: &last}) // nothing to cut
	s.reload()
}

func checkBase(s *storageTest) {
	base := func(z zab.Zxid) *zab.Base { return baseOf(s.commit(z, 100)) }
	s.put(zab.Batch{Entries: s.entries(1, 10, 10)})
	s.put(zab.Batch{Base: base(s.log[3].Zxid)}) // in the log: the rest stays
	s.compareLog()
	s.reload()
	b := s.base
	b.Clock++
	s.put(zab.Batch{Base: &b}) // the same zxid: the log stays
	s.reload()
	s.put(zab.Batch{Base: base(s.last())}) // the last one
	s.reload()
	s.put(zab.Batch{Entries: s.entries(2, 10, 10)})
	s.put(zab.Batch{Base: base(zab.Zxid{Epoch: 3, Counter: s.log[4].Zxid.Counter})}) // of another epoch
	s.reload()
	s.put(zab.Batch{Entries: s.entries(4, 3, 10)})
	s.put(zab.Batch{Base: base(zab.Zxid{Epoch: 5, Counter: s.last().Counter + 100}), Entries: nil}) // beyond
	s.reload()
	s.put(zab.Batch{Entries: s.entries(5, 3, 10)})
	s.put(zab.Batch{Truncate: &zab.Zxid{Epoch: 1, Counter: 1}}) // before the base: all of it
	s.reload()
	s.put(zab.Batch{Entries: s.entries(6, 3, 10)})
	s.put(zab.Batch{Base: base(zab.Zxid{Epoch: 2, Counter: 5})}) // behind
	s.reload()
	s.put(zab.Batch{Base: &zab.Base{}, Truncate: &zab.Zxid{}, HardState: hardState(7)}) // back to nothing
	s.reload()
	s.put(zab.Batch{Entries: s.entries(8, 3, 10)})
	s.reload()
}

// Base and Truncate come before Entries.
func checkPartsInOrder(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 10, 10)})
	meta := s.commit(s.log[4].Zxid, 1000)
	to := s.log[6].Zxid
	s.put(zab.Batch{
		HardState: hardState(2), Base: baseOf(meta), Latest: baseOf(meta), Truncate: &to, Entries: entriesAfter(to, 2, 4, 30),
	})
	s.compareLog()
	s.reload()
	z := zab.Zxid{Epoch: 9, Counter: 500}
	meta = s.commit(z, 10)
	s.put(zab.Batch{Base: baseOf(meta), Entries: entriesAfter(z, 9, 2, 30)})
	s.reload()
}

func checkReadLimits(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 3, 100)})
	s.put(zab.Batch{Entries: s.entries(1, 1, 5000)})
	s.put(zab.Batch{Entries: s.entries(1, 3, 100)})
	one := len(encode(s.log[:1]))
	for _, c := range []struct {
		after uint64
		max   int
		want  int
	}{{0, 0, 1}, {0, one - 1, 1}, {0, 2 * one, 2}, {0, 2*one + 1, 2}, {2, 10, 1}, {3, 10, 1}, {3, 5000, 1}} {
		s.expectEntries(c.after, c.max, s.log[c.after:int(c.after)+c.want])
	}
	s.expectNone(7)
	s.expectNone(8)
	s.expectNone(1 << 40)
}

func checkReadIsTheCallers(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 3, 100)})
	raw, err := s.Read(0, 1000)
	s.check(err)
	again, err := s.Read(0, 1000)
	s.check(err)
	want := bytes.Clone(raw)
	clear(raw)
	if !bytes.Equal(again, want) {
		s.Fatal("Read: two results share bytes")
	}
	s.compareLog()
}

func checkLargeEntries(s *storageTest) {
	for _, size := range []int{0, 1, 511, 512, 513, 70_000, 3 << 20} {
		s.put(zab.Batch{Entries: s.entries(1, 2, size)})
	}
	s.reload()
}

func checkSnapshots(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 30, 10)})
	for i, size := range []int{0, 1, 4096, 64<<10 - 1, 64 << 10, 64<<10 + 1, 3<<20 + 5} {
		z := s.log[i].Zxid
		meta, b := snapshotOf(z, size)
		w, err := s.CreateSnapshot()
		s.check(err)
		for p, n := b, 1; len(p) > 0; n = n*5 + 1 {
			if got := w.Offset(); got != int64(size-len(p)) {
				s.Fatalf("Offset is %d after %d bytes", got, size-len(p))
			}
			s.write(w, p[:min(n, len(p))])
			p = p[min(n, len(p)):]
			s.check(w.Sync())
		}
		s.expectNoSnapshot(meta)
		s.check(w.Commit(meta))
		s.expectSnapshot(meta)
		s.put(zab.Batch{Latest: baseOf(meta)})
		s.expectSnapshot(meta)
		s.reload()
		s.expectSnapshot(meta)
		other := meta
		other.Digest++
		s.expectNoSnapshot(other)
	}
}

func checkSnapshotAborted(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 3, 10)})
	meta, b := snapshotOf(s.last(), 1000)
	w, err := s.CreateSnapshot()
	s.check(err)
	s.write(w, b)
	s.check(w.Abort())
	s.expectNoSnapshot(meta)
	if w.Commit(meta) == nil {
		s.Fatal("Commit after Abort")
	}
	w, err = s.CreateSnapshot()
	s.check(err)
	s.write(w, b[:999])
	if w.Commit(meta) == nil {
		s.Fatal("Commit of fewer bytes than the meta says")
	}
	s.expectNoSnapshot(meta)
	s.reload()
	s.expectNoSnapshot(meta)
	s.commit(s.last(), 1000)
	s.expectSnapshot(meta)
}

// Those that are named stay, those that were named go.
func checkSnapshotsNamed(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 30, 10)})
	log := s.log
	var metas []zab.SnapshotMeta
	for i := range 5 {
		metas = append(metas, s.commit(log[5*i+4].Zxid, 1000))
	}
	s.put(zab.Batch{Latest: baseOf(metas[0])})
	s.put(zab.Batch{Base: baseOf(metas[0]), Latest: baseOf(metas[1])})
	s.expectSnapshot(metas[0])
	s.expectSnapshot(metas[1])
	s.reload()
	s.expectSnapshot(metas[0])
	s.expectSnapshot(metas[1])
	next := s.commit(log[12].Zxid, 1000)
	s.put(zab.Batch{Base: baseOf(metas[1]), Latest: baseOf(next)})
	s.expectNoSnapshot(metas[0])
	s.expectSnapshot(metas[1])
	s.put(zab.Batch{Base: baseOf(next)})
	s.expectNoSnapshot(metas[1])
	s.expectSnapshot(next)
	s.reload()
	s.expectSnapshot(next)
	s.put(zab.Batch{Entries: s.entries(1, 3, 3)})
	s.expectSnapshot(next)
}

func checkSnapshotRemovedWhileRead(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 10, 10)})
	first, second := s.commit(s.log[4].Zxid, 300<<10), s.commit(s.log[8].Zxid, 10)
	s.put(zab.Batch{Base: baseOf(first)})
	r, err := s.OpenSnapshot(first)
	s.check(err)
	s.put(zab.Batch{Base: baseOf(second)})
	s.expectContent(r, first)
	s.check(r.Close())
}

func checkReceipt(s *storageTest) {
	meta, b := snapshotOf(zab.Zxid{Epoch: 4, Counter: 100}, 1<<20+99)
	for _, to := range []int{0, 256 << 10, 512 << 10, 512<<10 + 1, len(b)} {
		w, err := s.ReceiveSnapshot(meta)
		s.check(err)
		if w.Offset() != s.found.PartialSize {
			s.Fatalf("receipt goes on at %d, Load said %d", w.Offset(), s.found.PartialSize)
		}
		s.write(w, b[w.Offset():to])
		s.check(w.Sync())
		s.check(w.Abort())
		s.expectNoSnapshot(meta)
		s.reload()
		if to > 0 && (s.found.Partial != meta || s.found.PartialSize != int64(to)) {
			s.Fatalf("Load: partial is %v with %d bytes, want %v with %d", s.found.Partial, s.found.PartialSize, meta, to)
		}
	}
	w, err := s.ReceiveSnapshot(meta)
	s.check(err)
	s.check(w.Commit(meta))
	s.expectSnapshot(meta)
	s.put(zab.Batch{Base: baseOf(meta)})
	s.reload()
	s.expectSnapshot(meta)
	if !s.found.Partial.IsZero() {
		s.Fatalf("Load: partial is %v after it was committed", s.found.Partial)
	}
}

func checkReceiptOfAnother(s *storageTest) {
	first, b := snapshotOf(zab.Zxid{Epoch: 4, Counter: 100}, 300<<10)
	w, err := s.ReceiveSnapshot(first)
	s.check(err)
	s.write(w, b[:256<<10])
	s.check(w.Sync())
	s.check(w.Abort())
	second, c := snapshotOf(zab.Zxid{Epoch: 4, Counter: 101}, 200<<10)
	w, err = s.ReceiveSnapshot(second)
	s.check(err)
	if w.Offset() != 0 {
		s.Fatalf("receipt of another snapshot goes on at %d", w.Offset())
	}
	s.write(w, c)
	s.check(w.Commit(second))
	s.expectSnapshot(second)
	w, err = s.ReceiveSnapshot(first)
	s.check(err)
	if w.Offset() != 0 {
		s.Fatalf("receipt that was dropped goes on at %d", w.Offset())
	}
	s.check(w.Abort())
}

// A snapshot that was received, not named yet, is there whatever else is named.
func checkReceiptInstalled(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 10, 10)})
	meta, b := snapshotOf(zab.Zxid{Epoch: 2, Counter: 1000}, 5000)
	w, err := s.ReceiveSnapshot(meta)
	s.check(err)
	s.write(w, b)
	s.check(w.Commit(meta))
	own := s.commit(s.log[4].Zxid, 10)
	s.put(zab.Batch{Latest: baseOf(own)})
	s.expectSnapshot(meta)
	s.put(zab.Batch{Base: baseOf(meta), Latest: baseOf(meta), Entries: entriesAfter(meta.Zxid, 2, 3, 10)})
	s.expectSnapshot(meta)
	s.expectNoSnapshot(own)
	s.reload()
	s.expectSnapshot(meta)
}

// Read and the methods of snapshots beside Append.
func checkBeside(s *storageTest) {
	const n = 150
	s.put(zab.Batch{Entries: s.entries(1, 1, 10)})
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for after := uint64(0); ; {
			select {
			case <-done:
				return
			default:
			}
			raw, err := s.Read(after, 2000)
			if err != nil {
				after = 0
				continue
			}
			es, err := protocol.DecodeEntries(nil, raw)
			if err != nil || len(es) == 0 || es[0].Zxid.Counter != after+1 {
				s.Errorf("Read(%d) beside Append: %d entries, %v", after, len(es), err)
				return
			}
			after += uint64(len(es))
		}
	})
	wg.Go(func() {
		for i := range uint64(10) {
			meta, b := snapshotOf(zab.Zxid{Epoch: 1, Counter: 1_000_000 + i}, 100<<10)
			w, err := s.CreateSnapshot()
			if i%2 == 1 {
				w, err = s.ReceiveSnapshot(meta)
			}
			if err == nil {
				_, err = w.Write(b)
			}
			if err == nil {
				err = w.Commit(meta)
			}
			var r zab.SnapshotReader
			if err == nil {
				r, err = s.OpenSnapshot(meta)
			}
			if err == nil {
				err = r.Close()
			}
			if err != nil {
				s.Errorf("snapshot beside Append: %v", err)
				return
			}
		}
	})
	for i := range n {
		s.put(zab.Batch{Entries: s.entries(1, 1+i%4, i)})
	}
	close(done)
	wg.Wait()
	s.compareLog()
	s.reload()
}

func checkClosed(s *storageTest) {
	s.put(zab.Batch{Entries: s.entries(1, 3, 10)})
	old := s.Storage
	s.check(old.Close())
	s.check(old.Close())
	es := s.entries(1, 1, 10)
	if old.Append(zab.Batch{Entries: es, Raw: encode(es)}) == nil {
		s.Fatal("Append after Close")
	}
	if _, err := old.Read(0, 100); err == nil {
		s.Fatal("Read after Close")
	}
	if _, err := old.CreateSnapshot(); err == nil {
		s.Fatal("CreateSnapshot after Close")
	}
	s.load()
}

// Random batches, closed and opened in between.
func checkRandom(s *storageTest) {
	seed := rand.Uint64()
	s.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	epoch := uint32(1)
	for i := range 120 {
		var b zab.Batch
		if rng.IntN(5) == 0 {
			b.HardState = hardState(epoch)
		}
		after := s.last()
		switch k := rng.IntN(12); {
		case k < 2 && len(s.log) > 0:
			epoch++
			n := rng.IntN(len(s.log) + 1)
			after = s.base.Zxid()
			if n > 0 {
				after = s.log[n-1].Zxid
			}
			b.Truncate = &after
		case k < 4 && len(s.log) > 0:
			b.Base = baseOf(s.commit(s.log[rng.IntN(len(s.log))].Zxid, rng.IntN(2000)))
		case k == 4 && len(s.log) > 0:
			b.Latest = baseOf(s.commit(s.log[rng.IntN(len(s.log))].Zxid, rng.IntN(2000)))
		case k == 5:
			epoch++
			after = zab.Zxid{Epoch: epoch, Counter: 1 + uint64(rng.IntN(int(s.last().Counter)+50))}
			b.Base = baseOf(s.commit(after, rng.IntN(2000)))
			b.Latest = b.Base
		}
		if rng.IntN(4) > 0 {
			b.Entries = entriesAfter(after, max(epoch, after.Epoch), 1+rng.IntN(6), rng.IntN(900))
		}
		s.put(b)
		if s.Failed() {
			s.Fatalf("batch %d: %s", i, describe(&b))
		}
		switch rng.IntN(8) {
		case 0:
			s.reload()
			for _, b := range []*zab.Base{&s.base, &s.latest} {
				if !b.Snapshot.IsZero() {
					s.expectSnapshot(b.Snapshot)
				}
			}
		case 1:
			s.compareLog()
		}
	}
	s.reload()
}
