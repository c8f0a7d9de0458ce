package netsim

import "github.com/zabtree/zabtree/internal/sim/sched"

// Flap isolates two processes from each other for half a period, lets them be for
// the other half, and so on until it is healed. It begins with the isolation.
func Flap(n *Net, a, b uint64, period int64, how How) *Fault {
	f := n.newFault(nil)
	half := max(period/2, 1)
	var turn func()
	turn = func() {
		if len(f.parts) > 0 {
			f.healParts()
		} else {
			f.between([]uint64{a}, []uint64{b}, how)
		}
		f.timer = n.sched.After(half, nil, sched.Work, turn)
	}
	turn()
	return f
}

// FlapOne flaps between one, say the leader, and another that chance picks, with a
// period between low and high.
func FlapOne(n *Net, s *sched.Stream, id uint64, ids []uint64, low, high int64, how How) *Fault {
	rest := others(ids, id)
	other, period := sched.Pick(s, rest), s.Range(low, high)
	if len(rest) == 0 {
		return n.newFault(nil)
	}
	return Flap(n, id, other, period, how)
}

// Swizzle isolates the members of a random subset one by one, and then heals them
// one by one in another random order, with pauses of the given mean. Then it is
// over.
func Swizzle(n *Net, s *sched.Stream, ids []uint64, mean int64, how How) *Fault {
	f := n.newFault(nil)
	order := sched.Shuffled(s, ids)
	order = order[:int(s.Range(min(1, int64(len(ids))), int64(len(ids))))]
	begun := 0
	var heal []*Fault
	var turn func()
	turn = func() {
		switch {
		case begun < len(order):
			f.parts = append(f.parts, n.Isolate(order[begun], ids, how))
			if begun++; begun == len(order) {
				heal = sched.Shuffled(s, f.parts)
			}
		case len(heal) > 0:
			heal[0].Heal()
			heal = heal[1:]
		}
		if begun == len(order) && len(heal) == 0 {
			f.Heal()
			return
		}
		f.timer = n.sched.After(s.Exp(mean), nil, sched.Work, turn)
	}
	turn()
	return f
}
