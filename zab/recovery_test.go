package zab

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/zab/protocol"
)

// A storage vouches for a log that is none: the replica keeps what is sound, under a
// new incarnation.
func TestLogThatIsNotWhatTheStorageBelieves(t *testing.T) {
	for name, spoil := range map[string]func(d *disk){
		"gap":                func(d *disk) { d.log = append(d.log[:3:3], d.log[4:]...) },
		"wrong epoch":        func(d *disk) { d.log[len(d.log)-1].PrevEpoch = 7 },
		"ends before latest": func(d *disk) { d.log = d.log[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				e := newEnsemble(t, 3)
				e.startAll()
				e.ready(1, 2, 3)
				for round := range 2 {
					for range 6 {
						e.propose(1, "x")
					}
					e.same()
					_, err := e.replicas[2].Snapshot(t.Context())
					require.NoError(t, err, round)
				}
				e.propose(1, "y")
				e.same()
				e.stop(2)
				d := e.disks[2]
				before := d.hard.Incarnation
				spoil(d)
				batches := 0
				d.hook = func(b Batch) {
					if batches++; batches == 1 {
						require.NotNil(t, b.HardState, "the new incarnation is in the first batch, with the repair")
						require.NotEqual(t, before, b.HardState.Incarnation)
					}
				}
				e.start(2)
				s, _ := e.replicas[2].Status()
				require.NotEqual(t, before, s.Incarnation)
				e.ready(2)
				require.Len(t, e.same(), 13)
				d.mu.Lock()
				d.hook = nil
				d.mu.Unlock()
				// What was repaired stays so.
				now := s.Incarnation
				e.stop(2)
				e.start(2)
				s, _ = e.replicas[2].Status()
				require.Equal(t, now, s.Incarnation)
				e.ready(2)
			})
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		e := newEnsemble(t, 1)
		e.startAll()
		e.ready(1)
		e.propose(1, "x")
		e.stop(1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Start(ctx, e.config(1))
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, e.disks[1].open, "the storage is closed")
	})
}

// threeEntries returns the first entries of a log, and their encoding.
func threeEntries() (es []Entry, raw []byte) {
	for i := range 3 {
		e := Entry{Zxid: zx(1, uint64(i+1)), PrevEpoch: min(uint32(i), 1), Kind: KindCommand, Data: []byte("command")}
		raw = protocol.AppendEntry(raw, &e)
		es = append(es, e)
	}
	return es, raw
}

// The worker that reads for others waits for the writes that bear on what it reads.
func TestDiskWorkerReadsBehindTheWriter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newDisk()
		s := d.use()
		r := &Replica{cfg: Config{Storage: s}, stop: make(chan struct{})}
		w := &diskWorker{r: r, work: driver.NewWorker(s, chunkBytes)}
		es, raw := threeEntries()
		require.NoError(t, s.Append(Batch{Entries: es[:2], Raw: protocol.AppendEntry(protocol.AppendEntry(nil, &es[0]), &es[1])}))
		r.written.advance(4)
		query := func(b driver.ReadBarrier) *driver.ReadEntries {
			return &driver.ReadEntries{ReadEntries: protocol.ReadEntries{After: 2, MaxBytes: 1 << 20}, Behind: b}
		}
		got := make(chan []byte, 1)
		read := func(b driver.ReadBarrier) {
			raw, err := w.readEntries(query(b))
			require.NoError(t, err)
			got <- raw
		}
		// The third entry is being written, as write 5.
		go read(driver.ReadBarrier{Cut: 2, All: 5})
		synctest.Wait()
		require.Empty(t, got)
		require.NoError(t, s.Append(Batch{Entries: es[2:], Raw: raw[len(raw)-len(protocol.AppendEntry(nil, &es[2])):]}))
		r.written.advance(5)
		require.Equal(t, protocol.AppendEntry(nil, &es[2]), <-got)
		// Write 6 cuts something off: not before it is done.
		go read(driver.ReadBarrier{Cut: 6, All: 6})
		time.Sleep(time.Hour)
		require.Empty(t, got)
		r.written.advance(6)
		<-got
		close(r.stop)
		_, err := w.readEntries(query(driver.ReadBarrier{Cut: 7, All: 7}))
		require.ErrorIs(t, err, ErrClosed)
	})
}

// A snapshot whose bytes are not what its name says is not committed, and its
// receipt begins anew.
func TestSpoiledSnapshotIsNotTaken(t *testing.T) {
	d := newDisk()
	s := d.use()
	w := driver.NewWorker(s, chunkBytes)
	data := bytes.Repeat([]byte("snapshot"), 2*chunkBytes/8+10)
	meta := SnapshotMeta{Zxid: zx(1, 5), Size: int64(len(data)), Sum: crcOf(data)}
	chunk := func(n int, data []byte) *protocol.StoreChunk {
		return &protocol.StoreChunk{Meta: meta, N: uint64(n), Data: data[n*chunkBytes : min((n+1)*chunkBytes, len(data))], Last: n == 2}
	}
	bad := bytes.Clone(data)
	bad[5]++
	require.NoError(t, w.StoreChunk(chunk(0, bad)))
	require.Error(t, w.StoreChunk(chunk(2, data)), "out of order")
	// The first chunk stayed; with the rest, in another life, it makes no snapshot.
	w.Close()
	require.NoError(t, w.StoreChunk(chunk(1, data)))
	require.ErrorContains(t, w.StoreChunk(chunk(2, data)), "checksum")
	require.Error(t, w.StoreChunk(chunk(1, data)), "nothing is there to go on from")
	for n := range 3 {
		require.NoError(t, w.StoreChunk(chunk(n, data)))
	}
	f, err := s.OpenSnapshot(meta)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	// And from memory alone.
	meta.Zxid.Counter++
	for n := range 2 {
		require.NoError(t, w.StoreChunk(chunk(n, bad)))
	}
	require.ErrorContains(t, w.StoreChunk(chunk(2, bad)), "checksum")
}
