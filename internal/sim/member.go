package sim

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// dataDir is where a member keeps what it must remember.
const dataDir = "/data"

// member is one machine of the ensemble: its disk and clocks, which outlive the
// processes that run on it.
type member struct {
	w    *World
	id   uint64
	fs   *disk.Mem
	proc *process // nil while there is none

	net    *sched.Stream // times of everything but the disk
	disk   *sched.Stream // times and faults of the disk
	random *sched.Stream // what the process draws at random

	clock clock
	slow  int64 // of the disk: how long every step takes besides

	incarnation uint64
	drawn       uint64 // how many unique numbers were
	removed     bool   // told that it is no member any more
	damaged     bool   // something that was durable is gone, and it has not drawn a new incarnation
	garbles     bool   // fates leave damage behind
	armed       int    // operations of the disk until the process crashes; 0: none
	fates       disk.Image
	tearing     bool // the next batch of several sectors is torn
	sectors     int  // of the last write to the log
	lives       int
	speaks      bool             // its process is done with recovering
	underWay    []protocol.Batch // when the last process ended; what of them is there is not known
	writes      []logWrite       // of this life, the newest
	visits      *member          // whose directory it is started with, by mistake
}

// clock is a machine's own time: it runs at a rate of its own.
type clock struct {
	base int64 // true time at which it began
	ppm  int64 // parts per million that it is fast
	wall int64 // offset of the wall clock
}

func (c *clock) mono(now int64) int64 { return elapsed(now-c.base, c.ppm) }

func elapsed(d, ppm int64) int64 { return d + d/1_000_000*ppm + d%1_000_000*ppm/1_000_000 }

// truly returns the true time at which the clock shows a time, or a moment later.
func (c *clock) truly(mono int64) int64 { return c.base + c.lasts(mono) + 1 }

// lasts returns how long a time of the clock truly lasts.
func (c *clock) lasts(d int64) int64 {
	rate := 1_000_000 + c.ppm
	return d/rate*1_000_000 + d%rate*1_000_000/rate
}

func (m *member) mono() int64 { return m.clock.mono(m.w.sched.Now()) }

// epoch2026 is where wall clocks begin.
const epoch2026 = 1_767_225_600_000_000_000

func (m *member) wall() int64 { return epoch2026 + m.w.sched.Now() + m.clock.wall }

// lasts returns how long a time of the member's clock truly lasts.
func (m *member) lasts(d int64) int64 { return m.clock.lasts(d) }

// diskTime draws how long a step of the disk takes.
func (m *member) diskTime() int64 { return m.w.opts.DiskMin + m.disk.Exp(m.w.opts.DiskMean) + m.slow }

// unique draws what nobody else has, also where a tape is calm.
func (m *member) unique() uint64 {
	m.drawn++
	return m.random.Uint64() + m.drawn<<40 + m.id
}

func (m *member) log(format string, args ...any) {
	m.w.trace.Remark(m.w.sched.Now(), "%d: %v", m.id, remark{format, args})
}

// remark is what is said, formatted when somebody reads it.
type remark struct {
	format string
	args   []any
}

func (r remark) String() string { return fmt.Sprintf(r.format, r.args...) }

// Warn and Error implement driver.Logger.
func (m *member) Warn(msg string, args ...any)  { m.log("%s %v", msg, args) }
func (m *member) Error(msg string, args ...any) { m.log("%s %v", msg, args) }

// crashSignal is raised by the disk in the middle of whatever the process does.
type crashSignal struct{}

// hook is called before each operation of the disk.
func (m *member) hook(op disk.Op) disk.Fault {
	if m.armed > 0 {
		if m.armed--; m.armed == 0 && m.proc != nil {
			panic(crashSignal{})
		}
	}
	m.wrote(op)
	m.w.faults.tear(m, op)
	return m.w.faults.befall(m, op)
}

// crash ends the process at once, with whatever is not durable left to chance.
func (m *member) crash() {
	if m.proc == nil {
		return
	}
	m.crashed()
}

// crashed is what is left after a crash.
func (m *member) crashed() {
	p := m.proc
	m.log("crashes; power lost %v, damaged %v", m.fates != nil, m.damaged || m.garbles)
	m.w.note(noteCrash, m.id)
	p.end()
	m.lose()
}

// lose leaves of the disk what a loss of power leaves, or, if the machine itself
// goes on, everything, durable or not.
func (m *member) lose() {
	if m.fates != nil {
		m.fs = m.fs.Crash(m.fates)
	} else {
		m.fs = m.fs.Clone()
	}
	m.fs.SetHook(m.hook)
	m.damaged = m.damaged || m.garbles
	m.fates, m.garbles, m.armed = nil, false, 0
}

// refused takes the reason why a process did not start.
func (m *member) refused(err error) {
	m.log("does not start: %v", err)
	if errors.Is(err, errInjected) || errors.Is(err, disk.ErrNoSpace) {
		m.w.mark("recovery failed for a fault of the disk")
		return
	}
	if m.visits != nil && m.visitRefused(err) || m.damageRefused(err) {
		return
	}
	m.w.fail(noHalt, "member %d does not start: %v", m.id, err)
}

// stopped takes the reason why a process stopped by itself.
func (m *member) stopped(op string, err error) {
	switch {
	case errors.Is(err, errInjected):
		if m.w.healing { // a failure from before that shows only now
			m.w.faults.again(m)
		}
		return
	case op == "removed":
		return
	}
	m.w.fail(noHalt, "member %d stops: %s: %v", m.id, op, err)
}

// damageFound takes what recovery found wrong with the disk; it is an error of the
// replica if nothing was done to it.
func (m *member) damageFound(err error) error {
	m.log("damage: %v", err)
	m.w.mark("damage found by recovery")
	if !m.damaged {
		m.w.fail(noHalt, "member %d finds damage where there is none: %v", m.id, err)
	}
	return nil
}
