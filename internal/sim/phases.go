package sim

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/sched"
	"github.com/zabtree/zabtree/zab/protocol"
)

// play is a whole run: faults; then a core that is healed while everything else
// stays broken, which must make progress; then everything healed, which must come
// to the same state; then a loss of power everywhere.
func (w *World) play() {
	w.note(notePhase, 1)
	for _, m := range w.members[:w.opts.Voters+w.opts.Observers] {
		if w.opts.Beyond[garbledStarts] {
			w.faults.garbleStart(m)
		}
		w.boot(m)
	}
	for _, c := range w.clients {
		c.open()
	}
	if !w.opts.Beyond[garbledStarts] {
		w.found()
	}
	w.faults.schedule()
	w.run(w.opts.Seconds * second)
	w.healing = true
	w.note(notePhase, 2)
	w.healCore()
	w.note(notePhase, 3)
	if w.opts.BeyondModel && !w.recoverable() {
		w.refuse()
		return
	}
	w.healAll()
	w.note(notePhase, 4)
	w.powerLoss()
}

// found waits until the ensemble is founded: before that a disk may not be lost.
func (w *World) found() {
	if !w.until(60*second, func() bool { return w.leader() != nil }) {
		w.stuck("not founded in a minute without faults")
	}
}

// leader returns a member that is established as a leader, if there is one: of the
// highest epoch if several think so.
func (w *World) leader() *member {
	var best *member
	for _, m := range w.members {
		if p := m.proc; p != nil && p.status.Phase == protocol.Broadcasting && p.status.Leader == m.id &&
			(best == nil || best.proc.status.Epoch < p.status.Epoch) {
			best = m
		}
	}
	return best
}

// config returns the newest configuration that any disk or process knows.
func (w *World) config() protocol.Configuration { return w.observe.config }

// bound is how long progress may take once a quorum is undisturbed.
func (w *World) bound() int64 {
	timeout := int64(w.opts.ElectionTicks) * w.opts.Tick
	slowest := w.opts.NetMin + 10*w.opts.NetMean + w.opts.DiskMin + 10*w.opts.DiskMean
	return 20*timeout + 200*slowest + 20*w.opts.SessionTimeout + 10*second
}

// wholeBound is how long it may take until everybody is synchronised: that is bounded
// by what has to be sent, not by time, so it counts the chunks of
// the largest snapshot and the entries of the log.
func (w *World) wholeBound() int64 {
	chunk := 2*(w.opts.NetMin+w.opts.NetMean+w.opts.LoopLag) + 2*(w.opts.DiskMin+w.opts.DiskMean)
	chunks := w.observe.snapshotBytes/int64(w.opts.ChunkBytes) + int64(w.observe.committed)
	return 3*w.bound() + 4*chunks*chunk
}

// healCore picks a quorum that is sound, heals it and what is between its members,
// and leaves everybody else as they are, for ever. It must come to commit a write.
func (w *World) healCore() {
	core := w.pickCore()
	if core == nil {
		w.mark("no quorum is sound")
		w.net.HealAll()
		return
	}
	w.net.HealAll()
	w.faults.calm()
	in := map[uint64]bool{}
	for _, m := range core {
		in[m.id] = true
	}
	for _, m := range w.members {
		if in[m.id] {
			w.repair(m)
			continue
		}
		w.abandonMember(m)
	}
	before := w.observe.committed
	if !w.until(w.bound(), func() bool { return w.observe.committed > before+2 }) {
		w.stuck("core %v makes no progress in %d ms: committed %d", ids(core), w.bound()/millisecond, before)
	}
	w.mark("core made progress")
}

// abandonMember leaves a member broken in one way or another.
func (w *World) abandonMember(m *member) {
	switch w.faults.rnd.IntN(4) {
	case 0: // as it is: dead or alive, and connected
	case 1:
		m.crash()
	case 2:
		w.pause(m)
	case 3: // it hears, and is not heard, or the other way round
		for _, o := range w.members {
			if o != m {
				if w.faults.rnd.Chance(1, 2) {
					w.net.Stall(m.id, o.id)
				} else {
					w.net.Stall(o.id, m.id)
				}
			}
		}
	}
}

func ids(list []*member) (ids []uint64) {
	for _, m := range list {
		ids = append(ids, m.id)
	}
	slices.Sort(ids)
	return ids
}

// pickCore returns voters whose disks are whole and who are a quorum, or nil.
func (w *World) pickCore() []*member {
	members := &w.observe.members
	var core []*member
	in := func(id, incarnation uint64) bool {
		return slices.ContainsFunc(core, func(m *member) bool { return m.id == id && m.incarnation == incarnation })
	}
	for _, m := range sched.Shuffled(w.faults.rnd, w.members) {
		if m.damaged || m.garbles || !members.votes(m.id, m.incarnation) {
			continue
		}
		if core = append(core, m); members.quorum(in) {
			return core
		}
	}
	return nil
}

// repair makes a member run without faults.
func (w *World) repair(m *member) {
	m.slow = 0
	m.fates, m.garbles, m.armed, m.tearing = nil, false, 0, false
	m.fs.SetCapacity(0)
	if m.proc != nil {
		m.proc.starved, m.proc.behind = starved{}, false
	}
	w.resume(m)
	w.boot(m)
}

// healAll heals everything. All members must come to the same state, all that was
// asked must be answered, and who is not heard of any more must be gone.
func (w *World) healAll() {
	w.net.HealAll()
	w.faults.calm()
	for _, m := range w.members {
		w.repair(m)
	}
	w.run(int64(w.opts.ElectionTicks) * w.opts.Tick * 4)
	w.resting = true
	if !w.until(w.wholeBound(), func() bool { return w.caughtUp() && w.quiet() }) {
		w.stuck("healed and left alone, and not all is synchronised and answered in %d ms", w.wholeBound()/millisecond)
	}
	w.askLeaderless()
	if !w.until(w.wholeBound(), func() bool { return w.caughtUp() && w.quiet() }) {
		w.stuck("asked while nobody led, and not all is answered in %d ms", w.wholeBound()/millisecond)
	}
	since := w.sched.Now()
	w.run(w.opts.expiryBound() + w.opts.SessionTimeout*2)
	if !w.until(w.wholeBound(), func() bool { return w.caughtUp() && w.quiet() }) {
		w.stuck("at rest, and then not any more")
	}
	w.settle()
	w.observe.finish(since)
	w.compare()
}

// settle lets what was committed last reach everybody who is to be told. Znodes whose
// time is up may be deleted at any moment.
func (w *World) settle() {
	d := 2*w.opts.NetMin + 30*w.opts.NetMean + 20*w.opts.LoopLag + 20*w.opts.ApplyLag
	for range 100 {
		before := w.observe.committed
		if w.run(d); w.observe.committed == before && w.caughtUp() {
			return
		}
	}
	w.stuck("entries are committed all the time, and nobody asks for anything")
}

// caughtUp says whether every member of the ensemble serves and counts.
func (w *World) caughtUp() bool {
	l := w.leader()
	if l == nil {
		return false
	}
	config := &l.proc.status.Config
	if config.Pending != nil {
		return false
	}
	for _, x := range config.Current {
		m := w.members[x.ID-1]
		p := m.proc
		if p == nil || !p.serving.Serves() || x.Role == protocol.Voter && x.Incarnation != m.incarnation ||
			p.applied.Counter != l.proc.applied.Counter {
			return false
		}
	}
	return true
}

// quiet says whether no client waits for anything.
func (w *World) quiet() bool {
	return !slices.ContainsFunc(w.clients, func(c *client) bool { return c.m.Unanswered() > 0 })
}

// compare compares the members' states.
func (w *World) compare() {
	l := w.leader()
	for _, x := range l.proc.status.Config.Current {
		if m := w.members[x.ID-1]; m.proc != nil {
			w.observe.final(m)
		}
	}
}

// powerLoss is the end of all processes at once. What comes up again must have
// everything that was ever acknowledged.
func (w *World) powerLoss() {
	for _, m := range w.members {
		m.fates = w.faults.image(m)
		if m.proc != nil {
			m.crash()
		} else {
			m.lose()
		}
	}
	for _, m := range w.members {
		w.boot(m)
	}
	if !w.until(w.wholeBound(), func() bool { return w.caughtUp() }) {
		w.stuck("no leader after a loss of power")
	}
	w.compare()
}

// stuck ends the run for want of progress.
func (w *World) stuck(format string, args ...any) {
	w.fail(liveness, "%s\n%s", fmt.Sprintf(format, args...), w.describe())
}
