package sim

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// befall decides what befalls an operation of a disk.
func (f *faults) befall(m *member, op disk.Op) disk.Fault {
	if f.lies && op.Kind == disk.OpSync && op.N%7 == 0 {
		return disk.Fault{Lost: true}
	}
	if fault, fails := f.receiptFails(m, op); fails {
		return fault
	}
	if fault, fails := f.unsettles(m, op); fails {
		return fault
	}
	if f.one == nil || f.of != m || f.kind != op.Kind {
		return disk.Fault{}
	}
	fault := *f.one
	f.one = nil
	f.w.mark(fmt.Sprintf("operation %d of a disk failed", op.Kind))
	return fault
}

// next has the next operation of a kind of some member's disk fail.
func (f *faults) next(kind disk.OpKind, fault disk.Fault) bool {
	m := f.some()
	if m == nil || f.one != nil {
		return false
	}
	fault.Err = fmt.Errorf("%w: %w", errInjected, errIO)
	f.one, f.kind, f.of = &fault, kind, m
	return f.again(m)
}

func (f *faults) failSync() bool {
	return f.next(disk.OpSync, disk.Fault{Lost: f.rnd.Chance(1, 2)})
}

func (f *faults) failWrite() bool {
	return f.next(disk.OpWrite, disk.Fault{Short: f.rnd.IntN(4) * disk.SectorSize})
}

func (f *faults) failRead() bool { return f.next(disk.OpRead, disk.Fault{}) }

func (f *faults) slowDisk() bool {
	m := f.anyone()
	m.slow = f.rnd.Exp(500 * millisecond)
	return f.lasting(func() { m.slow = 0 })
}

// fullDisk leaves a disk no more space than it uses, or a little.
func (f *faults) fullDisk() bool {
	m := f.anyone()
	m.fs.SetCapacity(m.fs.Used() + f.rnd.Exp(int64(f.w.opts.SegmentBytes)))
	return f.lasting(func() { m.fs.SetCapacity(f.w.opts.Capacity) })
}

// mayDamage says whether another disk may lose what was durable: of the voters so
// many that a quorum stays whole, and none while the membership is changing. Nor one
// on which nothing is anybody's yet: a first start that left garbage behind cannot be
// told from a stranger's directory, and is refused.
func (f *faults) mayDamage(m *member) bool {
	if f.beyondDamage(m) {
		return true
	}
	members := &f.w.observe.members
	if len(members.changes) > 0 || members.settled == nil || m.incarnation == 0 || m.damaged || m.garbles {
		return false
	}
	voters, whole := 0, 0
	for _, x := range members.settled {
		o := f.w.members[x.ID-1]
		if x.Role != protocol.Voter {
			continue
		}
		voters++
		if o != m && !o.damaged && !o.garbles && x.Incarnation == o.incarnation {
			whole++
		}
	}
	return whole > voters/2
}

// damage picks a machine whose disk may be damaged, takes its process down, and
// starts it again later.
func (f *faults) damage(what func(m *member) bool) bool {
	m := f.anyone()
	if !f.mayDamage(m) {
		return false
	}
	m.goDown(f.image(m))
	f.again(m)
	return what(m)
}

// goDown ends a member's process, if there is one, and its power.
func (m *member) goDown(image disk.Image) {
	m.fates = image
	if m.proc != nil {
		m.crash()
	} else {
		m.lose()
	}
}

func (f *faults) wipe() bool {
	return f.damage(func(m *member) bool {
		if !f.w.mayForget(m) {
			return false
		}
		m.empty()
		return true
	})
}

// empty gives a member an empty directory, in which nothing will be found.
func (m *member) empty() {
	m.wipe()
	m.damaged, m.incarnation = false, 0
}

// files lists what a member's disk holds, but for its lock.
func (m *member) files() (names []string) {
	for _, dir := range []string{dataDir, dataDir + "/log", dataDir + "/snapshots"} {
		list, err := m.fs.List(dir)
		if err != nil {
			continue
		}
		for _, name := range list {
			if name != "LOCK" {
				names = append(names, dir+"/"+name)
			}
		}
	}
	return names
}

// spoil changes the bytes of some file.
func (f *faults) spoil(change func(b []byte)) bool {
	return f.damage(func(m *member) bool {
		files := m.files()
		if len(files) == 0 {
			return false
		}
		name := sched.Pick(f.rnd, files)
		if f.rnd.Chance(1, 4) {
			name = files[0] // the identity, if there is one: among all the others it is hardly hit
		}
		m.log("%s is damaged", name)
		m.damaged = true
		return m.fs.Corrupt(name, func(b []byte) {
			if len(b) > 0 {
				change(b)
			}
		}) == nil
	})
}

func (f *faults) flip() bool {
	return f.spoil(func(b []byte) {
		n := len(b)
		if f.rnd.Chance(1, 3) {
			n = min(n, 16) // headers have more to say
		}
		b[f.rnd.IntN(n)] ^= 1 << f.rnd.IntN(8)
	})
}

// loseSectors has garbage in the place of some sectors, or what belongs elsewhere.
// Zeros in the place of the very last batch could not be told from one that was torn
// before its sync ended, so that is beyond the model.
func (f *faults) loseSectors() bool {
	return f.spoil(func(b []byte) {
		sectors := (len(b) + disk.SectorSize - 1) / disk.SectorSize
		for range 1 + f.rnd.IntN(3) {
			at := f.rnd.IntN(sectors) * disk.SectorSize
			from := f.rnd.IntN(sectors) * disk.SectorSize
			to := b[at:min(at+disk.SectorSize, len(b))]
			if f.rnd.Chance(1, 2) {
				copy(to, b[from:])
			}
			to[f.rnd.IntN(len(to))] ^= 1 + byte(f.rnd.IntN(255))
		}
	})
}
