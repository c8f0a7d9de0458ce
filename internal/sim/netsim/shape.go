package netsim

import "github.com/zabtree/zabtree/internal/sim/sched"

// How says what a partition does to a direction. The bits can be combined.
type How uint8

const (
	// HowStall stalls what is connected, and with it new connections.
	HowStall How = 1 << iota
	// HowBlackhole makes attempts to connect vanish.
	HowBlackhole
	// HowRefuse refuses them.
	HowRefuse
	// HowCut cuts what is connected, when the partition begins.
	HowCut
)

// RandomHow draws one of the combinations that networks show: lost packets, the
// same with routers that answer for the other side, and filters.
func RandomHow(s *sched.Stream) How {
	return sched.Pick(s, []How{
		HowStall, HowStall | HowBlackhole, HowStall | HowCut, HowBlackhole | HowCut, HowRefuse | HowCut,
	})
}

// Block blocks one direction. (HowCut takes the whole connection: there is no half
// of one.)
func (n *Net) Block(from, to uint64, how How) *Fault {
	f := n.newFault(nil)
	if how&HowStall != 0 {
		f.parts = append(f.parts, n.Stall(from, to))
	}
	if how&HowBlackhole != 0 {
		f.parts = append(f.parts, n.Blackhole(from, to))
	}
	if how&HowRefuse != 0 {
		f.parts = append(f.parts, n.Refuse(from, to))
	}
	if how&HowCut != 0 {
		n.Cut(from, to, RandomTell(n.rand))
	}
	return f
}

// between blocks both directions between all a and all b.
func (f *Fault) between(a, b []uint64, how How) {
	for _, x := range a {
		for _, y := range b {
			f.parts = append(f.parts, f.net.Block(x, y, how), f.net.Block(y, x, how&^HowCut))
		}
	}
}

// others returns ids without one.
func others(ids []uint64, id uint64) []uint64 {
	var rest []uint64
	for _, x := range ids {
		if x != id {
			rest = append(rest, x)
		}
	}
	return rest
}

// Isolate blocks everything between one and the others among ids.
func (n *Net) Isolate(id uint64, ids []uint64, how How) *Fault {
	f := n.newFault(nil)
	f.between([]uint64{id}, others(ids, id), how)
	return f
}

// Split lets only members of the same group reach each other. Who is in no group
// is not concerned.
func (n *Net) Split(how How, groups ...[]uint64) *Fault {
	f := n.newFault(nil)
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			f.between(a, b, how)
		}
	}
	return f
}

// IsolateOne isolates one that chance picks.
func IsolateOne(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	return n.Isolate(sched.Pick(s, ids), ids, how)
}

// UniformSplit puts each on a side by the toss of a coin. All may end up on one,
// which is no partition.
func UniformSplit(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	var sides [2][]uint64
	for _, id := range ids {
		side := s.IntN(2)
		sides[side] = append(sides[side], id)
	}
	return n.Split(how, sides[0], sides[1])
}

// MinoritySplit splits off a minority of at least one, if there is one.
func MinoritySplit(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	ids = sched.Shuffled(s, ids)
	minority := int(s.Range(1, int64(len(ids)-1)/2))
	if len(ids) < 3 {
		minority = 0
	}
	return n.Split(how, ids[:minority], ids[minority:])
}

// OneWay blocks one direction between one and some of the others, one at least:
// what it sends, or what is sent to it.
func OneWay(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	f := n.newFault(nil)
	ids = sched.Shuffled(s, ids)
	hears, count := s.IntN(2) == 0, int(s.Range(1, int64(len(ids)-1)))
	for i := 1; i <= count && i < len(ids); i++ {
		from, to := ids[0], ids[i]
		if !hears {
			from, to = to, from
		}
		f.parts = append(f.parts, n.Block(from, to, how))
	}
	return f
}

// Bridge lets two halves reach only one member in the middle, which sees all.
func Bridge(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	ids = sched.Shuffled(s, ids)
	if len(ids) < 3 {
		return n.newFault(nil)
	}
	rest := ids[1:]
	return n.Split(how, rest[:len(rest)/2], rest[len(rest)/2:])
}

// Ring lets everyone reach its two neighbours in a ring of random order only.
func Ring(n *Net, s *sched.Stream, ids []uint64, how How) *Fault {
	f := n.newFault(nil)
	ids = sched.Shuffled(s, ids)
	for i := range ids {
		for j := i + 2; j < len(ids); j++ {
			if i > 0 || j < len(ids)-1 {
				f.between(ids[i:i+1], ids[j:j+1], how)
			}
		}
	}
	return f
}
