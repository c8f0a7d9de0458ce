package protocol

// Quorum answers whether a set of replicas is a quorum of the configuration:
// strictly more than half of the voters' weight, in the current membership and,
// while a change is pending, in the pending one too. The set is given as a
// predicate over (id, incarnation); a voter whose incarnation is not known yet
// counts in the denominator only, and so does one that came back under another
// incarnation (a wiped disk, ZOOKEEPER-261).
func (c *Configuration) Quorum(in func(id, incarnation uint64) bool) bool {
	return c.Founded() && c.Current.majority(in) && (c.Pending == nil || c.Pending.majority(in))
}

func (m Membership) majority(in func(id, incarnation uint64) bool) bool {
	var total, have uint64
	for i := range m {
		x := &m[i]
		w := x.votes()
		total += w
		if w > 0 && x.Incarnation != 0 && in(x.ID, x.Incarnation) {
			have += w
		}
	}
	return have > total/2
}

// committed returns the largest value v such that the voters whose reported
// value is at least v are a quorum, or 0. A voter that has reported nothing is
// given as 0.
func (c *Configuration) committed(reported func(id, incarnation uint64) uint64) uint64 {
	best := uint64(0)
	consider := func(m Membership) {
		for i := range m {
			v := reported(m[i].ID, m[i].Incarnation)
			if v > best && c.Quorum(func(id, inc uint64) bool { return reported(id, inc) >= v }) {
				best = v
			}
		}
	}
	consider(c.Current)
	consider(c.Pending)
	return best
}
