package explore

import "fmt"

// actionKind is a kind of step of the whole ensemble.
type actionKind uint8

const (
	actDeliver actionKind = iota // the first frame from a to b on a lane
	actWritten                   // the first queued write of a is durable
	actStored                    // the first received chunk of a snapshot is durable at a
	actConnect                   // a and b
	actDisconnect
	actCrash
	actWipe
	actTimeout
	actTick
	actPropose
	actRead
	actChange
	actSnapshot
	actHandover // from a to b
	numActions
)

var actionNames = [numActions]string{"deliver", "written", "stored", "connect", "disconnect", "crash", "wipe", "timeout", "tick",
	"propose", "read", "change", "snapshot", "handover"}

func (k actionKind) String() string {
	if k >= numActions {
		return fmt.Sprintf("action %d", uint8(k))
	}
	return actionNames[k]
}

// action is one step: its kind, one or two nodes by index, and a lane.
type action struct {
	kind    actionKind
	a, b, l int
}

func (a action) pack() uint32 {
	return uint32(a.kind) | uint32(a.a)<<8 | uint32(a.b)<<16 | uint32(a.l)<<24
}

func unpack(v uint32) action {
	return action{kind: actionKind(v), a: int(v >> 8 & 0xff), b: int(v >> 16 & 0xff), l: int(v >> 24)}
}

// costs says from which budget an action takes, if from any.
func (k actionKind) costs() (budget, bool) {
	switch k {
	case actDisconnect:
		return budgetDisconnects, true
	case actCrash:
		return budgetCrashes, true
	case actWipe:
		return budgetWipes, true
	case actTimeout:
		return budgetTimeouts, true
	case actTick:
		return budgetTicks, true
	case actPropose:
		return budgetWrites, true
	case actRead:
		return budgetReads, true
	case actChange:
		return budgetChanges, true
	case actSnapshot:
		return budgetSnapshots, true
	case actHandover:
		return budgetHandovers, true
	}
	return 0, false
}

// actions appends all that may happen in a state, in a fixed order. Some of them
// may turn out to be impossible.
func (x *space) actions(s state, dst []action) []action {
	left := x.left(s)
	for a := range x.n {
		n := x.node(s, a)
		if n.gone {
			continue
		}
		for b := range x.n {
			for l := range x.lanes {
				if s[x.queueSlot(b, a, l)] != 0 {
					dst = append(dst, action{actDeliver, b, a, l})
				}
			}
		}
		if len(n.queue) > 0 {
			dst = append(dst, action{kind: actWritten, a: a})
		}
		if len(n.stores) > 0 {
			dst = append(dst, action{kind: actStored, a: a})
		}
		dst = x.linkActions(s, a, left, dst)
		dst = x.localActions(n, left, dst)
	}
	return dst
}

// left says which budgets are not used up.
func (x *space) left(s state) (left [numBudgets]bool) {
	for b, most := range x.cfg.budgets() {
		left[b] = spent(s[x.spentSlot()]).of(budget(b)) < most
	}
	return left
}

func (x *space) linkActions(s state, a int, left [numBudgets]bool, dst []action) []action {
	n := x.node(s, a)
	for b := a + 1; b < x.n; b++ {
		switch {
		case x.node(s, b).gone:
		case !n.linked(b):
			if !x.linkable[a*x.n+b] {
				continue
			}
			dst = append(dst, action{kind: actConnect, a: a, b: b})
		case left[budgetDisconnects]:
			dst = append(dst, action{kind: actDisconnect, a: a, b: b})
		}
	}
	return dst
}

// localActions are those of a driver or of fate.
func (x *space) localActions(n *node, left [numBudgets]bool, dst []action) []action {
	v, a := &n.view, n.self
	may := func(k actionKind, if_ bool) {
		if b, _ := k.costs(); left[b] && if_ {
			dst = append(dst, action{kind: k, a: a})
		}
	}
	asked := v.leads || x.cfg.Forward && v.follows && v.serving
	may(actCrash, true)
	may(actWipe, true)
	may(actTimeout, true)
	may(actTick, v.established != 0)
	may(actPropose, asked && v.serving)
	may(actRead, asked)
	may(actChange, v.established != 0)
	may(actSnapshot, n.applied > 0)
	if left[budgetHandovers] && v.established != 0 {
		for b := range x.n {
			if n.linked(b) {
				dst = append(dst, action{kind: actHandover, a: a, b: b})
			}
		}
	}
	return dst
}

// apply changes a state by an action. It returns false if the action turns out to
// be impossible, or leads out of the bounds: s is then of no more use.
func (x *space) apply(s state, a action) (bool, *violation) {
	x.closing = x.closing[:0]
	used := spent(s[x.spentSlot()])
	if b, ok := a.kind.costs(); ok {
		s[x.spentSlot()] = uint32(used.add(b))
	}
	ok, v := x.perform(s, a, used)
	if !ok || v != nil {
		return ok, v
	}
	return x.settle(s)
}

func (x *space) perform(s state, a action, used spent) (bool, *violation) {
	one := func(k eventKind, arg int) (bool, *violation) { return x.do(s, a.a, makeEvent(k, 0, 0, uint32(arg))) }
	switch a.kind {
	case actDeliver:
		q := &s[x.queueSlot(a.a, a.b, a.l)]
		f := x.queues.head(*q)
		*q = x.queues.pop(*q, &x.frames)
		return x.do(s, a.b, makeEvent(evReceive, a.a, a.l, f))
	case actWritten:
		return one(evWritten, 0)
	case actStored:
		return one(evStored, 0)
	case actConnect:
		return x.link(s, a.a, a.b)
	case actDisconnect:
		return x.unlink(s, a.a, a.b)
	case actCrash, actWipe:
		for p := range x.n {
			if x.node(s, a.a).linked(p) {
				if ok, v := x.cut(s, a.a, p); !ok || v != nil {
					return ok, v
				}
			}
		}
		return one(map[bool]eventKind{false: evCrash, true: evWipe}[a.kind == actWipe], 0)
	case actTimeout:
		return one(evTimeout, 0)
	case actTick:
		return one(evTick, 0)
	case actPropose:
		return one(evPropose, used.of(budgetWrites)+1)
	case actRead:
		read := used.of(budgetReads) + 1
		s[x.ghostSlot()] = x.asked(s[x.ghostSlot()], read)
		return one(evRead, read)
	case actChange:
		return one(evChange, used.of(budgetChanges))
	case actSnapshot:
		return one(evSnapshot, 0)
	case actHandover:
		return x.do(s, a.a, makeEvent(evHandover, a.b, 0, 0))
	}
	return false, nil
}

// cut breaks the link of a replica that is about to crash: only the peer learns.
func (x *space) cut(s state, crashed, peer int) (bool, *violation) {
	for lane := range x.lanes {
		s[x.queueSlot(crashed, peer, lane)], s[x.queueSlot(peer, crashed, lane)] = 0, 0
	}
	return x.do(s, peer, makeEvent(evLinkDown, crashed, 0, 0))
}
