package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Times, in nanoseconds.
const (
	microsecond int64 = 1000
	millisecond       = 1000 * microsecond
	second            = 1000 * millisecond
)

// Options are what a run is made with. They are derived from its seed, every one of
// them, so that seeds differ in kind and not only in luck; a failure prints them.
type Options struct {
	Voters, Observers int
	Clients           int
	Seconds           int64 // of faults

	// The ensemble's own.
	Tick            int64
	HeartbeatTicks  int
	ElectionTicks   int
	ChunkBytes      int
	SegmentBytes    int
	SnapshotChunk   int // bytes of a snapshot that share a checksum
	SnapshotEntries uint64
	TailBytes       int
	InflightBytes   int
	BatchBytes      int
	GatherBytes     int
	SessionTimeout  int64
	HistoryChanges  int
	Settings        tree.Settings
	MaxProposals    int

	// The world's.
	LoopLag, ApplyLag int64 // means
	NetMin, NetMean   int64
	DiskMin, DiskMean int64
	Capacity          int64             // of a disk in bytes; 0: without limit
	ClockPPM          int64             // a clock is so much fast or slow at most
	ThinkMean         int64             // of a client, between two calls
	Window            int               // calls of a client under way
	LargeBytes        int               // data of a znode at most
	Faults            [faultKinds]int64 // mean time between two of a kind; 0: none
	BeyondModel       bool              // more may break than must be survived
	Beyond            [beyondKinds]bool // in which ways
}

// Derive returns the options of a seed.
func Derive(s *sched.Stream) Options {
	o := Options{
		Voters:    sched.Pick(s, []int{1, 2, 3, 3, 3, 3, 4, 5, 5, 7}),
		Observers: sched.Pick(s, []int{0, 0, 0, 1, 2}),
		Clients:   int(s.Range(2, 5)),
		Seconds:   s.Range(4, 15),

		Tick:            sched.Pick(s, []int64{20, 50, 125}) * millisecond,
		HeartbeatTicks:  1,
		ElectionTicks:   int(s.Range(3, 8)),
		ChunkBytes:      sched.Pick(s, []int{512, 4096, 256 << 10}),
		SegmentBytes:    sched.Pick(s, []int{2 << 10, 4 << 10, 16 << 10, 64 << 10}),
		SnapshotEntries: uint64(sched.Pick(s, []int{5, 20, 100, 500, 1 << 30})),
		TailBytes:       sched.Pick(s, []int{1 << 10, 16 << 10, 16 << 20}),
		InflightBytes:   sched.Pick(s, []int{4 << 10, 64 << 10, 8 << 20}),
		BatchBytes:      sched.Pick(s, []int{200, 2 << 10, 1 << 20}),
		GatherBytes:     sched.Pick(s, []int{1, 1, 500, 64 << 10}),
		HistoryChanges:  sched.Pick(s, []int{8, 64, 1 << 12}),
		MaxProposals:    sched.Pick(s, []int{2, 64, 4096}),

		LoopLag:   sched.Pick(s, []int64{5, 50, 500}) * microsecond,
		ApplyLag:  sched.Pick(s, []int64{5, 100, 2000}) * microsecond,
		NetMin:    sched.Pick(s, []int64{20, 200, 2000}) * microsecond,
		NetMean:   sched.Pick(s, []int64{20, 200, 5000}) * microsecond,
		DiskMin:   sched.Pick(s, []int64{50, 500}) * microsecond,
		DiskMean:  sched.Pick(s, []int64{100, 1000, 8000}) * microsecond,
		ClockPPM:  sched.Pick(s, []int64{0, 1000, 20_000}),
		ThinkMean: sched.Pick(s, []int64{25, 100, 300}) * millisecond,
		Window:    sched.Pick(s, []int{1, 4, 32}),
	}
	o.SessionTimeout = int64(o.ElectionTicks) * o.Tick * s.Range(2, 12)
	o.Settings = tree.Settings{
		Unanswered:    sched.Pick(s, []int{4, 64, 4096}),
		Tombstones:    sched.Pick(s, []int{2, 100}),
		TombstoneTime: time.Duration(s.Range(1, 60)) * time.Second,
	}
	o.drawFaults(s, 0, returnLate)
	o.LargeBytes = sched.Pick(s, []int{2000, 2000, 2000, 2000, 2000, 30_000})
	// Last, so that a seed is the same in all else.
	if o.BeyondModel = s.Chance(1, 8); o.BeyondModel {
		o.goBeyond(s)
	}
	// What was thought of later is drawn later, so that older tapes are what they were:
	// where they end, they answer with the first, and with no.
	o.SnapshotChunk = sched.Pick(s, []int{64 << 10, 512, 512, 4096})
	o.drawFaults(s, returnLate, faultKinds)
	return o
}

// drawFaults draws how often faults come, of kinds that follow one another. Most seeds
// have most kinds, at very different rates; some have few.
func (o *Options) drawFaults(s *sched.Stream, from, to fault) {
	for k := from; k < to; k++ {
		if s.Chance(3, 5) {
			o.Faults[k] = faultTable[k].every * sched.Pick(s, []int64{1, 2, 4, 10}) / 2
		} else {
			s.IntN(4)
		}
	}
}

// String is every option on a few lines.
func (o *Options) String() string {
	var b strings.Builder
	c := *o
	c.Faults = [faultKinds]int64{}
	fmt.Fprintf(&b, "%+v\n  faults:", c)
	for k, every := range o.Faults {
		if every != 0 {
			fmt.Fprintf(&b, " %s/%dms", faultTable[k].name, every/millisecond)
		}
	}
	return b.String()
}

// core returns the protocol's own options.
func (o *Options) core(id uint64) protocol.Config {
	return protocol.Config{
		ID: id, Founding: o.founding(), HeartbeatTicks: o.HeartbeatTicks, ElectionTicks: o.ElectionTicks,
		MaxCommandBytes: 1 << 20, MaxBatchBytes: o.BatchBytes, GatherBytes: o.GatherBytes, MaxInflightBytes: o.InflightBytes,
		MaxPendingBytes: 64 << 20, TailBytes: o.TailBytes, ChunkBytes: o.ChunkBytes,
	}
}

// founding returns the founding members. Those behind the voters are observers.
func (o *Options) founding() protocol.Membership {
	var list protocol.Membership
	for i := range o.Voters + o.Observers {
		x := protocol.Member{ID: uint64(i + 1)}
		if i >= o.Voters {
			x.Role = protocol.Observer
		}
		list = append(list, x)
	}
	return list
}

func (o *Options) host(id uint64) host.Config {
	return host.Config{
		Replica: id, Limits: tree.Limits{Data: 1 << 16, Ops: 64, Bytes: 1 << 18},
		History:    watch.HistoryConfig{MaxChanges: o.HistoryChanges},
		MinTimeout: int64(o.ElectionTicks) * o.Tick, MaxTimeout: 1000 * second,
		TickEvery: o.Tick, ReapEvery: max(second, o.Tick), MaxProposals: o.MaxProposals,
	}
}

// expiryBound is how long a session may outlive its timeout when all is well: it is
// counted in ticks, and its end takes its time through the log.
func (o *Options) expiryBound() int64 {
	return 2*o.SessionTimeout + int64(o.ElectionTicks)*o.Tick*4 + 20*(o.NetMin+o.NetMean+o.DiskMin+o.DiskMean+o.ApplyLag+o.LoopLag)
}
