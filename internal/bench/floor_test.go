package main

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every acknowledged write is in all three maps, and in all three logs.
func TestFloorKeepsEverything(t *testing.T) {
	f, err := newFloor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const callers, writes = 32, 50
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			cmd := make([]byte, 40)
			for n := range writes {
				binary.LittleEndian.PutUint64(cmd, uint64(i))
				binary.LittleEndian.PutUint64(cmd[keyBytes:], uint64(n))
				if err := f.write(cmd); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := f.settle(); err != nil {
		t.Fatal(err)
	}
	states := []*mapState{f.state, f.followers[0].state, f.followers[1].state}
	logs := []*rawLog{f.log, f.followers[0].log, f.followers[1].log}
	for i, m := range states {
		if m.count != callers*writes {
			t.Errorf("replica %d applied %d commands, not %d", i+1, m.count, callers*writes)
		}
		for key := range uint64(callers) {
			if got := binary.LittleEndian.Uint64(m.shard[key%shards][key]); got != writes-1 {
				t.Errorf("replica %d: key %d has %d", i+1, key, got)
			}
		}
		replayed := newMapState()
		replay(t, logs[i], replayed)
		if replayed.digest() != m.digest() {
			t.Errorf("replica %d: its log has %d commands or others than its map", i+1, replayed.count)
		}
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if err := f.write(make([]byte, 8)); err != errFloorClosed {
		t.Errorf("write after close: %v", err)
	}
}

// Whoever writes while the floor breaks is told so, and does not wait for ever.
func TestFloorBreaks(t *testing.T) {
	f, err := newFloor(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for range cap(started) {
		wg.Go(func() {
			for err := error(nil); err == nil; err = f.write(make([]byte, 100)) {
				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	f.followers[0].conn.Close()
	wg.Wait()
	if err := f.close(); err == nil || err == errFloorClosed {
		t.Errorf("the fault is not told: %v", err)
	}
}

func replay(t *testing.T, l *rawLog, m *mapState) {
	t.Helper()
	b := make([]byte, l.off)
	if _, err := l.f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := 4 + int(binary.LittleEndian.Uint32(b))
		eachCommand(b[floorHeader:n], m.apply)
		b = b[n:]
	}
}

func TestSnapshotOfMapDoesNotChange(t *testing.T) {
	m := newMapState()
	cmd := make([]byte, 16)
	set := func(key, value uint64) {
		binary.LittleEndian.PutUint64(cmd, key)
		binary.LittleEndian.PutUint64(cmd[keyBytes:], value)
		m.apply(cmd)
	}
	for key := range uint64(200) {
		set(key, 1)
	}
	snapshot := m.share()
	before := snapshot.digest()
	if before != m.digest() {
		t.Fatal("a snapshot has another digest than what it was taken of")
	}
	for key := range uint64(300) {
		set(key, 2)
	}
	if snapshot.digest() != before || m.digest() == before {
		t.Fatal("a write changed a snapshot, or did not change the map")
	}
}

func TestHistogram(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 63, 64, 127, 128, 129, 1000, 12345, time.Millisecond, 3 * time.Second} {
		i := bucketOf(d)
		top := bucketTop(i)
		if top < d || float64(top-d) > 0.02*float64(d) || bucketOf(top) != i || bucketOf(top+1) != i+1 {
			t.Errorf("%v is in bucket %d up to %v", d, i, top)
		}
	}
	var h histogram
	for n := range 100 {
		h.add(time.Duration(n))
	}
	if p50, p99 := h.quantile(0.5), h.quantile(0.99); p50 != 50 || p99 != 99 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
}

// The command does what its documentation says, in miniature.
func TestWritesReport(t *testing.T) {
	var out strings.Builder
	args := []string{"-callers", "1,4", "-peers", "floor", "-rounds", "2", "-round-time", "50ms", "-dir", t.TempDir()}
	if err := run(args, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "floor") < 3 {
		t.Errorf("no line for each number of callers:\n%s", got)
	}
	for _, bad := range [][]string{{"-callers", "0"}, {"-size", "7"}, {"-workload", "none"}, {"-rounds", "0"}, {"more"}} {
		if err := run(bad, &out); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
