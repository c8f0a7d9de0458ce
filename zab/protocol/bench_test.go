package protocol

import (
	"fmt"
	"testing"
)

// benchEnsemble is a leader and two followers that are driven by hand, without
// a stage, so that nothing but the cores is measured.
type benchEnsemble struct {
	cores  [3]*Core // the last one leads
	wires  [3][3][]Send
	write  [3]uint64
	last   uint64
	frames int
}

const benchLink = 10 // the link of i and j is 10*(i+j), for both

func newBenchEnsemble(b testing.TB) *benchEnsemble {
	e := &benchEnsemble{}
	founding := Membership{{ID: 1}, {ID: 2}, {ID: 3}}
	for i := range e.cores {
		rec := NewRecovery(HardState{Replica: uint64(i + 1), Incarnation: uint64(i + 1)}, Base{}, Base{}, SnapshotMeta{}, 0)
		c, err := New(Config{ID: uint64(i + 1), Founding: founding}, rec)
		if err != nil {
			b.Fatal(err)
		}
		e.cores[i] = c
	}
	for i := range e.cores {
		for j := range e.cores {
			if i != j {
				e.cores[i].LinkUp(LinkID(benchLink*(i+j)), Peer{uint64(j + 1), uint64(j + 1)})
			}
		}
	}
	e.settle(b)
	if s := e.cores[2].Status(); s.Phase != Broadcasting || s.Leader != 3 {
		b.Fatalf("no leader: %+v", s)
	}
	return e
}

// take collects what a core wants done.
func (e *benchEnsemble) take(i int) bool {
	out := e.cores[i].Take()
	for _, w := range out.Writes {
		e.write[i] = w.Seq
	}
	for _, s := range out.Sends {
		j := int(s.Link)/benchLink - i
		e.wires[i][j] = append(e.wires[i][j], s)
	}
	e.last = max(e.last, out.Apply.Counter)
	return len(out.Writes)+len(out.Sends) > 0
}

// settle carries everything out until there is nothing left.
func (e *benchEnsemble) settle(b testing.TB) {
	for moved := true; moved; {
		moved = false
		for i, c := range e.cores {
			if e.take(i) {
				moved = true
			}
			if e.write[i] > 0 {
				c.Durable(e.write[i])
				e.write[i] = 0
				moved = true
			}
			for j := range e.cores {
				q := e.wires[j][i]
				for _, s := range q {
					if err := c.Receive(s.Link, s.Frame); err != nil {
						b.Fatal(err)
					}
					e.frames++
					moved = true
				}
				e.wires[j][i] = q[:0]
			}
		}
	}
}

// BenchmarkCommit takes a batch of proposals through all three replicas: propose,
// append, acknowledge, commit, with what disks and network do left out. The
// allocations are those of all three cores together, per proposal.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 16, 128, 1024} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			e := newBenchEnsemble(b)
			data := make([]byte, 100)
			ps := make([]Proposal, batch)
			request := uint64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += batch {
				for i := range ps {
					request++
					ps[i] = Proposal{Request: request, Data: data}
				}
				before := e.last
				if _, err := e.cores[2].Propose(ps); err != nil {
					b.Fatal(err)
				}
				e.settle(b)
				if e.last != before+uint64(batch) {
					b.Fatalf("applied %d of %d", e.last-before, batch)
				}
			}
		})
	}
}

// BenchmarkFollowerAppend is the part of a follower: receive a frame of entries and
// acknowledge it.
func BenchmarkFollowerAppend(b *testing.B) {
	for _, batch := range []int{1, 128} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			e := newBenchEnsemble(b)
			c := e.cores[0]
			prev := c.log.last
			data := make([]byte, 100)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += batch {
				b.StopTimer()
				frame := appendEntriesHeader(nil, entriesHeader{c.epoch, prev})
				for range batch {
					entry := Entry{Zxid: Zxid{prev.Epoch, prev.Counter + 1}, PrevEpoch: prev.Epoch, Kind: KindCommand, Data: data}
					frame = AppendEntry(frame, &entry)
					prev = entry.Zxid
				}
				b.StartTimer()
				if err := c.Receive(LinkID(benchLink*2), frame); err != nil {
					b.Fatal(err)
				}
				out := c.Take()
				c.Durable(out.Writes[0].Seq)
				if out = c.Take(); len(out.Sends) != 1 {
					b.Fatal("no acknowledgement")
				}
			}
		})
	}
}

// BenchmarkReadPoint confirms a read point that 64 callers share.
func BenchmarkReadPoint(b *testing.B) {
	e := newBenchEnsemble(b)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 64 {
		for i := range 64 {
			e.cores[2].ReadPoint(uint64(i))
		}
		e.settle(b)
	}
}

func BenchmarkDecodeEntry(b *testing.B) {
	raw := AppendEntry(nil, &Entry{Zxid: Zxid{5, 1 << 30}, PrevEpoch: 5, Kind: KindCommand, Wall: 1 << 60, Clock: 1 << 50, Origin: 3, Request: 1 << 30, Data: make([]byte, 100)})
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeEntry(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocationsPerProposal: in large batches a proposal costs the three cores
// together next to no allocations: work is per batch.
func TestAllocationsPerProposal(t *testing.T) {
	e := newBenchEnsemble(t)
	ps := make([]Proposal, 1024)
	for i := range ps {
		ps[i] = Proposal{Request: uint64(i), Data: make([]byte, 100)}
	}
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := e.cores[2].Propose(ps); err != nil {
			t.Fatal(err)
		}
		e.settle(t)
	})
	if allocs > 128 {
		t.Errorf("%v allocations for a batch of %d proposals", allocs, len(ps))
	}
}
