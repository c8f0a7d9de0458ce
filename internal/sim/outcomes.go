package sim

import (
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/sim/check"
	zab "github.com/zabtree/zabtree/zab/protocol"
)

// proposal names a proposal by who made it, and the number that its entry has.
type proposal struct{ origin, request uint64 }

// fate is what is known of a proposal.
type fate struct {
	at     zab.Zxid // of its entry that was applied; zero if none was
	denied bool     // its proposer was told that it is in no log and never will be
}

// outcome takes what a driver says became of a proposal: sessions would survive a
// wrong word, whoever else proposes would not.
func (o *observers) outcome(p *process, r *driver.Resolution[waiter]) {
	request, accepted := p.numbers[r.Waiter.n]
	if delete(p.numbers, r.Waiter.n); !accepted {
		return
	}
	k := proposal{p.m.id, request}
	f := o.fates[k]
	switch r.Outcome {
	case driver.NotApplied:
		f.denied = true
		o.contradiction(k, f)
	case driver.Applied:
		if f.at != r.Zxid {
			o.w.fail(check.ExactlyOnce, "proposal %d of member %d is said to be applied at %v, and was at %v", request, p.m.id, r.Zxid, f.at)
		}
	}
	o.fates[k] = f
}

// took takes the proposal of an entry that somebody applies.
func (o *observers) took(m *member, e *zab.Entry) {
	if e.Kind != zab.KindCommand {
		return
	}
	k := proposal{e.Origin, e.Request}
	f := o.fates[k]
	if !f.at.IsZero() && f.at != e.Zxid {
		o.w.fail(check.ExactlyOnce, "proposal %d of member %d is in the log twice, at %v and %v", e.Request, e.Origin, f.at, e.Zxid)
	}
	f.at = e.Zxid
	o.contradiction(k, f)
	o.fates[k] = f
}

func (o *observers) contradiction(k proposal, f fate) {
	if f.denied && !f.at.IsZero() {
		o.w.fail(check.ExactlyOnce, "proposal %d of member %d was said to be in no log for ever, and is applied at %v", k.request, k.origin, f.at)
	}
}
