package crashpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime/debug"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// crasher crashes the disk on which a script is carried out.
type crasher struct {
	cfg    Config
	total  Totals
	known  *contents
	step   string // of the script
	op     int    // of the disk, all lives together
	news   bool   // something has changed since the last crash
	checks *manner
	// capacity is how much space the script has left on its disk, in all; 0: no limit.
	capacity int64

	// What must be found: the acked, or what will be once the batch under way is
	// durable.
	acked, next *model
	batch       *protocol.Batch
	receipts    receipts

	over *Violation // was found

	outcomes map[sum]*outcome // of recoveries
	explored map[sum]bool     // whose recovery was crashed
	buf      []byte
}

func newCrasher(cfg Config) *crasher {
	c := &crasher{
		cfg: cfg, known: newContents(), acked: &model{sum: sha256.Sum256(nil)}, receipts: receipts{none: true},
		checks:   &manner{segmentBytes: 4 << 10, chunkBytes: 16 << 10},
		outcomes: map[sum]*outcome{}, explored: map[sum]bool{},
	}
	c.total = Totals{Seed: cfg.Seed, Images: Images, Kinds: map[string]int{}}
	return c
}

// changes says whether an operation changes anything on a disk.
func changes(k disk.OpKind) bool {
	switch k {
	case disk.OpOpen, disk.OpList, disk.OpRead, disk.OpLock:
		return false
	}
	return true
}

// hook is called before each operation of the script's disk.
func (c *crasher) hook(m *disk.Mem) func(disk.Op) disk.Fault {
	return func(op disk.Op) disk.Fault {
		if c.over != nil {
			return disk.Fault{}
		}
		c.op++
		c.total.DiskOps++
		c.crash(m)
		c.news = c.news || changes(op.Kind)
		return c.lie(op, false)
	}
}

func (c *crasher) lie(op disk.Op, recovering bool) disk.Fault {
	if c.cfg.Lie == nil {
		return disk.Fault{}
	}
	return c.cfg.Lie(op, recovering)
}

// crash crashes the disk, once with each image. If nothing has changed since the last
// crash it would find the same.
func (c *crasher) crash(m *disk.Mem) {
	at := c.cfg.At
	switch {
	case at.Op != 0 && at.Op != c.op, at.Op == 0 && c.cfg.Every > 1 && mix(uint64(c.op))%uint64(c.cfg.Every) != 0:
		return
	case !c.news && at.Op == 0:
		c.total.Crashes += Images
		return
	}
	c.news = false
	seen := map[string]*outcome{}
	for i := range Images {
		if at.Op != 0 && at.Image != i {
			continue
		}
		p := Point{Op: c.op, Image: i}
		c.total.Crashes++
		w := wreckOf(m, i, c.salt(p))
		o := seen[w.fates]
		if o == nil {
			o = c.found(p, w)
			seen[w.fates] = o
		}
		c.judge(p, o)
		if c.next != nil && c.acked.differs(o, c.known) != nil {
			c.total.Survived++
		}
	}
}

// salt is what is drawn at a point.
func (c *crasher) salt(p Point) uint64 {
	x := mix(c.cfg.Seed)
	for _, n := range []int{p.Op, p.Image, p.Again, p.AgainImage} {
		x = mix(x ^ uint64(n))
	}
	return x
}

func (c *crasher) violation(p Point, format string, args ...any) *Violation {
	return &Violation{Seed: c.cfg.Seed, At: p, Step: c.step, Message: fmt.Sprintf(format, args...)}
}

// lost ends everything. What the product does with its disk while that goes through it
// counts no more.
func (c *crasher) lost(p Point, format string, args ...any) {
	if c.over == nil {
		c.over = c.violation(p, format, args...)
	}
	panic(c.over)
}

// judge holds what was found against what must be there.
func (c *crasher) judge(p Point, o *outcome) {
	err := c.acked.differs(o, c.known)
	if err != nil && c.next != nil && c.next.differs(o, c.known) == nil {
		err = nil
	}
	if err == nil {
		err = c.receipts.differs(o)
	}
	if err == nil {
		err = c.audit(o)
	}
	if err != nil {
		c.lost(p, "%v; under way: %s", err, describe(c.batch))
	}
}

// audit has the audit judge, which knows storages by rules of its own.
func (c *crasher) audit(o *outcome) error {
	if c.acked.disk.HardState.Incarnation == 0 {
		return nil // it takes nobody's identity for something that is kept
	}
	var batches []protocol.Batch
	if c.batch != nil {
		batches = append(batches, *c.batch)
	}
	there, err := audit.Survived(&c.acked.disk, batches, &o.disk)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if len(there) > 0 && len(there[0].Entries) != len(c.batch.Entries) {
		return fmt.Errorf("audit: %d entries of a batch of %d", len(there[0].Entries), len(c.batch.Entries))
	}
	return nil
}

func describe(b *protocol.Batch) string {
	if b == nil {
		return "nothing"
	}
	s := ""
	if b.HardState != nil {
		s += fmt.Sprintf(" accepted epoch %d", b.HardState.AcceptedEpoch)
	}
	if b.Base != nil {
		s += fmt.Sprintf(" base %v", b.Base.Zxid())
	}
	if b.Latest != nil {
		s += fmt.Sprintf(" latest %v", b.Latest.Zxid())
	}
	if b.Truncate != nil {
		s += fmt.Sprintf(" cut after %v", *b.Truncate)
	}
	if n := len(b.Entries); n > 0 {
		s += fmt.Sprintf(" entries %v to %v", b.Entries[0].Zxid, b.Entries[n-1].Zxid)
	}
	return s
}

// found recovers from a wreck, goes on from there, and crashes the recovery.
func (c *crasher) found(p Point, w wreck) *outcome {
	seed := c.salt(p)
	if !w.loose {
		key := c.sumOf(w.mem)
		if c.explored[key] {
			return c.outcomes[key]
		}
		seed, c.explored[key] = key.seed(), true
		c.total.Disks++
		if c.outcomes[key] == nil {
			c.outcomes[key] = c.recover(p, w.mem.Clone(), seed)
		}
		c.again(p, w, seed, c.outcomes[key])
		return c.outcomes[key]
	}
	o := c.recover(p, w.mem.Clone(), seed)
	c.again(p, w, seed, o)
	return o
}

// foundAgain recovers from what a crash in a recovery has left, and goes on from there.
func (c *crasher) foundAgain(p Point, w wreck) *outcome {
	if w.loose {
		return c.recover(p, w.mem, c.salt(p))
	}
	key := c.sumOf(w.mem)
	o := c.outcomes[key]
	if o == nil {
		o = c.recover(p, w.mem, key.seed())
		c.outcomes[key] = o
	}
	return o
}

// sumOf returns the checksum of all that a recovery depends on.
func (c *crasher) sumOf(m *disk.Mem) (s sum) {
	s, c.buf = sumOf(m, c.capacity, c.buf)
	return s
}

func (s *sum) seed() uint64 { return binary.BigEndian.Uint64(s[:]) }

// recover recovers from a disk and goes on.
func (c *crasher) recover(p Point, mem *disk.Mem, seed uint64) (o *outcome) {
	defer c.guard(p)
	l, o := c.reopen(p, mem, seed, "")
	c.onward(p, l, o, seed)
	return o
}

// guard takes a panic of the product for what it is.
func (c *crasher) guard(p Point) {
	switch r := recover().(type) {
	case nil:
	case *Violation:
		panic(r)
	default:
		c.lost(p, "panic: %v\n%s", r, debug.Stack())
	}
}

// reopen recovers from a disk and reads what is there.
func (c *crasher) reopen(p Point, mem *disk.Mem, seed uint64, when string) (*life, *outcome) {
	c.total.Recoveries++
	if c.cfg.Lie != nil {
		mem.SetHook(func(op disk.Op) disk.Fault { return c.lie(op, true) })
	}
	l, err := live(mem, *c.checks, c.known, idsFrom(seed), nil)
	if err != nil {
		c.lost(p, "%sdoes not recover: %v", when, err)
	}
	mem.SetHook(nil)
	o, err := l.outcome()
	if err != nil {
		c.lost(p, "%s%v", when, err)
	}
	return l, o
}

// again does the recovery from a wreck once more, and crashes it.
func (c *crasher) again(p Point, w wreck, seed uint64, first *outcome) {
	if c.cfg.At.Op == 0 && c.cfg.Again > 1 && mix(seed)%uint64(c.cfg.Again) != 0 {
		return
	}
	defer c.guard(p)
	mem := w.mem.Clone()
	news := false // the wreck itself is done
	before := mem.Ops()
	mem.SetHook(func(op disk.Op) disk.Fault {
		if c.over != nil {
			return disk.Fault{}
		}
		if p.Again = op.N - before; news {
			c.crashAgain(p, mem, w.loose, first, false)
			news = false
		}
		news = changes(op.Kind)
		return c.lie(op, true)
	})
	if _, err := live(mem, *c.checks, c.known, idsFrom(seed), nil); err != nil {
		c.lost(p, "does not recover a second time: %v", err)
	}
	mem.SetHook(nil)
	p.Again = mem.Ops() - before + 1
	c.crashAgain(p, mem, w.loose, first, true)
}

// crashAgain crashes a recovery, once with each image. Until it is over, what was
// loose may be lost as well.
func (c *crasher) crashAgain(p Point, mem *disk.Mem, loose bool, first *outcome, over bool) {
	at := c.cfg.At
	if at.Op != 0 && at.Again != p.Again {
		return
	}
	seen := map[string]bool{}
	for i := range Images {
		if at.Op != 0 && at.AgainImage != i {
			continue
		}
		p.AgainImage = i
		c.total.Again++
		w := wreckOf(mem, i, c.salt(p))
		if seen[w.fates] {
			continue
		}
		seen[w.fates] = true
		o := c.foundAgain(p, w)
		err := first.same(o, !loose)
		switch {
		case err == nil:
		case !loose || over:
			c.lost(p, "another recovery: %v", err)
		default:
			c.judge(p, o)
		}
	}
}
