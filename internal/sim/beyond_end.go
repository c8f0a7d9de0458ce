package sim

import (
	"github.com/zabtree/zabtree/internal/sim/check"
)

// refusal is the checker of an ensemble that has lost too much.
const refusal = "refusal"

// recoverable heals everything that heals, empties what an operator must, and says
// whether a quorum is whole: then everything that is promised in the model is promised
// again.
func (w *World) recoverable() bool {
	w.net.HealAll()
	w.faults.calm()
	for _, m := range w.members {
		w.repair(m)
		if m.proc == nil && m.damaged && w.mayForget(m) {
			w.mark("beyond the model: a directory was emptied by an operator")
			m.empty()
			w.boot(m)
		}
	}
	w.run(10 * int64(w.opts.ElectionTicks) * w.opts.Tick)
	return w.pickCore() != nil
}

// refuse is the end of a run in which no quorum is whole. If none is of any membership
// that may be in force then nobody may lead, serve or commit; whoever runs must have
// nothing but what was committed.
func (w *World) refuse() {
	lost := w.observe.members.settled != nil && !w.observe.members.anyQuorum(w.whole)
	before := w.observe.committed
	w.run(20 * int64(w.opts.ElectionTicks) * w.opts.Tick)
	for _, m := range w.members {
		if m.proc == nil {
			continue
		}
		if lost && m.proc.serving.Serves() {
			w.fail(refusal, "member %d serves, and no quorum is whole\n%s", m.id, w.describe())
		}
		view := m.proc.state.View()
		w.observe.hold(check.Digest, w.observe.check.View(m.id, view))
	}
	switch {
	case w.observe.members.settled == nil:
		w.mark("beyond the model: the ensemble was not founded")
	case !lost:
		w.mark("beyond the model: no quorum of all memberships is whole")
	case w.observe.committed != before:
		w.fail(refusal, "entries up to %d are committed after %d, and no quorum is whole\n%s", w.observe.committed, before, w.describe())
	default:
		w.mark("beyond the model: a majority was lost and nothing was answered")
	}
}

// whole says whether a voter has what it had under an incarnation.
func (w *World) whole(id, incarnation uint64) bool {
	m := w.members[id-1]
	return !m.damaged && !m.garbles && m.incarnation == incarnation
}
