package sim

import (
	"errors"
	"slices"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// beyond is a way in which more breaks than must be survived.
type beyond int

const (
	anyDamage beyond = iota
	garbledStarts
	wideClocks
	oldCopies
	beyondKinds
)

// beyondTable says of each way what may be given up for it. All else is held: whoever
// cannot go on refuses, by name, and nobody answers wrongly. No way is in it in which
// answers can be wrong whatever a replica does:
//
//   - A voter that goes on with less than it acknowledged, and does not know: an old copy
//     of its directory under the incarnation that votes, or a disk that says of the last
//     batch that it is durable when it is not. It may make a quorum with those who never
//     had what it forgot. No voter can find that out alone; the others could only by
//     keeping count of each other's logs, durably, for each acknowledgement.
//   - All founding voters with empty directories at once. They are what they were before
//     there was an ensemble, and found it again, as it must be possible to do once. Of
//     damaged ones each knows that it was there before, and so they do not.
var beyondTable = [beyondKinds]struct{ name, givenUp string }{
	anyDamage: {"damage of any number of disks, and while the membership changes",
		"progress once no quorum is whole"},
	garbledStarts: {"faults from the beginning, garbage in first starts included",
		"founding; the start of a member that finds garbage and nothing of its own, until its directory is emptied"},
	wideClocks: {"clocks that differ by far more than leases allow for",
		"that no session expires which its holder believes in, and whatever stands on that: locks"},
	oldCopies: {"an old copy of the directory of a member that does not vote, or voted under another incarnation only",
		"that the member has what it had, which nobody relies on"},
}

// wideClockPPM is by how much a clock may be fast or slow if clocks are wide.
const wideClockPPM = 200_000

// goBeyond draws in which ways a run is beyond the model.
func (o *Options) goBeyond(s *sched.Stream) {
	for k := range o.Beyond {
		o.Beyond[k] = s.Chance(1, 2)
	}
	if o.Beyond[wideClocks] {
		o.ClockPPM = wideClockPPM
	}
	if o.Beyond[anyDamage] {
		for _, k := range []fault{flipBits, loseSectors, wipeDisk, loseWrite, misdirectWrite} {
			o.Faults[k] = s.Range(1, 20) * second
		}
	}
}

// beyondDamage says whether a disk may be damaged that must not be in the model.
func (f *faults) beyondDamage(m *member) bool {
	b := &f.w.opts.Beyond
	return b[anyDamage] || b[garbledStarts] && m.incarnation == 0
}

// garbleStart has some first starts end in the middle of a write that leaves garbage.
func (f *faults) garbleStart(m *member) {
	if f.rnd.Chance(1, 3) {
		m.fates, m.garbles, m.armed = disk.GarbleLast, true, 1+f.rnd.IntN(40)
		f.again(m)
	}
}

// mayForget says whether a member may come to have an empty directory: some other
// founding voter must know that there is an ensemble already, or there is none.
func (w *World) mayForget(m *member) bool {
	if m.id > uint64(w.opts.Voters) || w.observe.spec.Stats().Opened == 0 {
		return true
	}
	return slices.ContainsFunc(w.members[:w.opts.Voters], func(o *member) bool {
		return o != m && o.incarnation != 0 && w.observe.auditor(o).Disk().HardState.Founders != nil
	})
}

// damageRefused takes the reason why a member that is damaged does not start: what it
// finds could be anybody's.
func (m *member) damageRefused(err error) bool {
	if !m.w.opts.BeyondModel || !m.damaged || !errors.Is(err, protocol.ErrForeign) {
		return false
	}
	m.w.mark("beyond the model: a damaged directory was refused")
	return true
}

// oldCopy is what somebody has kept of a member's directory.
type oldCopy struct {
	fs          *disk.Mem
	incarnation uint64
}

// keepCopies keeps a copy of every directory at some time.
func (f *faults) keepCopies() {
	f.w.sched.After(f.rnd.Range(0, f.w.opts.Seconds*second/2), nil, sched.Work, func() {
		copies := make([]oldCopy, len(f.w.members))
		for i, m := range f.w.members {
			if m.incarnation != 0 && !m.damaged && !m.garbles {
				copies[i] = oldCopy{m.fs.Crash(disk.KeepAll), m.incarnation}
			}
		}
		f.restoreLater(copies)
	})
}

// restoreLater has one of the members started with an old copy of its directory, once
// there is one that may: only one, for two that have forgotten what they said under
// incarnations that voted once could find a third that still counts them.
func (f *faults) restoreLater(copies []oldCopy) {
	f.w.sched.After(f.rnd.Exp(second)+millisecond, nil, sched.Work, func() {
		if f.w.healing {
			return
		}
		i := f.rnd.IntN(len(copies))
		if !f.restore(f.w.members[i], &copies[i]) {
			f.restoreLater(copies)
		}
	})
}

func (f *faults) restore(m *member, c *oldCopy) bool {
	members := &f.w.observe.members
	if c.fs == nil || members.settled == nil || members.votes(m.id, c.incarnation) || !f.w.mayForget(m) ||
		members.votes(m.id, m.incarnation) && !f.mayDamage(m) {
		return false
	}
	m.goDown(disk.KeepAll)
	m.log("is restored from an old copy")
	m.empty()
	m.fs, m.incarnation = c.fs, c.incarnation
	m.fs.SetHook(m.hook)
	m.fs.SetCapacity(f.w.opts.Capacity)
	f.w.observe.replaced(m)
	f.w.mark("beyond the model: an old copy was restored")
	return f.again(m)
}
