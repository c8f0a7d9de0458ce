package crashpoint

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// replica carries out the script: it uses its storage as a replica does.
type replica struct {
	c    *crasher
	rnd  *sched.Stream
	ids  func() uint64
	mem  *disk.Mem
	life *life
	how  manner

	plan    driver.WritePlan
	seq     uint64
	commit  uint64   // nothing up to here is ever cut off
	later   []func() // what the storage wants done beside everything else
	full    bool     // the disk has next to no space
	getting *receiving
}

// receiving is a snapshot on its way here.
type receiving struct {
	*content
	next int // chunk
}

func newReplica(c *crasher, rnd *sched.Stream) *replica {
	r := &replica{c: c, rnd: rnd, mem: disk.NewMem()}
	r.ids = func() uint64 { return rnd.Uint64() | 1 }
	return r
}

// run carries out the whole script.
func (r *replica) run() {
	r.attach(r.mem)
	r.begin("first start", r.start)
	for r.c.total.Steps < r.c.cfg.Steps {
		r.next()
		if r.c.cfg.Each != nil {
			r.c.cfg.Each(&r.c.total)
		}
	}
	r.begin("stop", r.stop)
	// What the last operation has done is another crash point.
	r.c.op++
	r.c.crash(r.mem)
}

// begin does a step of the script.
func (r *replica) begin(name string, do func() error) {
	r.c.total.Steps++
	r.c.total.Kinds[name]++
	r.c.step = fmt.Sprintf("%d, %s", r.c.total.Steps, name)
	r.c.news = true // what must be there may be something else
	if err := do(); err != nil {
		r.c.lost(Point{Op: r.c.op}, "without a crash: %v", err)
	}
	if r.life == nil {
		return
	}
	if len(r.later) > 0 && r.rnd.Chance(1, 2) {
		r.background()
	}
	r.life.LowSpace() // which tries again
}

// attach makes a disk the one that is crashed.
func (r *replica) attach(m *disk.Mem) {
	r.mem = m
	m.SetHook(r.c.hook(m))
}

// background does what the storage wants done.
func (r *replica) background() {
	todo := r.later
	r.later = nil
	for _, f := range todo {
		f()
	}
}

// start begins a life. Some do at once what others do later.
func (r *replica) start() error {
	r.how = manner{
		segmentBytes: sched.Pick(r.rnd, []int{2 << 10, 4 << 10, 4 << 10, 8 << 10}),
		chunkBytes:   sched.Pick(r.rnd, []int{1 << 10, 3 << 10, 64 << 10}),
	}
	if r.rnd.Chance(1, 2) {
		r.how.background = func(f func()) { r.later = append(r.later, f) }
	}
	r.plan, r.later = driver.WritePlan{}, nil
	l, err := live(r.mem, r.how, r.c.known, r.ids, &storage{begins: r.begins, durable: r.durable})
	if err != nil {
		return err
	}
	r.life = l
	o, err := l.outcome()
	if err != nil {
		return err
	}
	o.fresh = false // it was told of
	if err := r.c.acked.differs(o, r.c.known); err != nil {
		return err
	}
	if g := r.getting; g != nil {
		g.next = 0
		if o.disk.Partial == g.meta {
			g.next = int(o.partial) / r.how.chunkBytes
		}
	}
	return nil
}

// stop ends a life in good order.
func (r *replica) stop() error {
	r.background()
	r.life.worker.Close()
	err := r.life.Close()
	r.life = nil
	return err
}

// begins and durable tell what is under way, and when it is not any more.
func (r *replica) begins(b *protocol.Batch) {
	next, err := r.c.acked.after(b)
	if err != nil {
		panic(err) // the script makes no such batch
	}
	r.c.next, r.c.batch, r.c.news = next, b, true
}

func (r *replica) durable(err error) {
	if err == nil {
		r.c.acked = r.c.next
	}
	r.c.next, r.c.batch, r.c.news = nil, nil, true
}

// write writes batches as the log writer does.
func (r *replica) write(batches ...protocol.Batch) error {
	for _, b := range batches {
		r.seq++
		r.plan.Add([]protocol.Write{{Seq: r.seq, Batch: b}})
	}
	for tries := 0; ; {
		b, n := r.plan.Next()
		if n == 0 {
			return nil
		}
		err := r.life.Append(b)
		switch {
		case err == nil:
			r.plan.Wrote(n)
		case errors.Is(err, protocol.ErrNoSpace):
			if err := r.noSpace(tries); err != nil {
				return err
			}
			tries++
		default:
			return err
		}
	}
}

// noSpace lets a write that frees some space pass, or has one made, or has somebody
// make room.
func (r *replica) noSpace(tries int) error {
	r.c.total.Kinds["log without space"]++
	if tries == 0 {
		if b, ok, err := r.compaction(); err != nil {
			return err
		} else if ok {
			r.seq++
			r.plan.Add([]protocol.Write{{Seq: r.seq, Batch: b}})
		}
	}
	b, at, ok := r.plan.Pass()
	if !ok {
		r.room()
		return nil
	}
	err := r.life.Append(b)
	switch {
	case err == nil:
		r.c.total.Kinds["write that passes one without space"]++
		r.plan.DidPass(at)
	case errors.Is(err, protocol.ErrNoSpace):
		r.room()
	default:
		return err
	}
	return nil
}

// room makes room on the disk.
func (r *replica) room() {
	r.full = false
	r.limit(0)
}

func (r *replica) limit(capacity int64) {
	r.c.capacity = capacity
	r.c.news = true
	r.mem.SetCapacity(capacity)
}
