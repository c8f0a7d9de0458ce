package host

// reads sees to it that linearizable reads get read points: one round serves all
// that came before it began. A read point is what the leader had committed when
// the round reached it, and had its leadership confirmed for after that.
type reads struct {
	unpointed []*item    // reads that have no read point yet
	waiting   []*session // with a linearizable read at the front of their order
	last      uint64     // number of the last round
	wanted    bool       // somebody waits for round last, which has not begun
	underway  int
	failed    bool // a round has failed, and its reads want another
}

// maxRounds is how many read points are asked for at once. More would not come
// back sooner.
const maxRounds = 4

// join has a read wait for a round that has not begun.
func (r *reads) join(it *item) {
	r.unpointed = append(r.unpointed, it)
	it.round = r.next()
}

func (r *reads) next() uint64 {
	if !r.wanted {
		r.wanted = true
		r.last++
	}
	return r.last
}

// begin asks for the read point that is wanted.
func (r *reads) begin(h *Host) {
	if r.wanted && r.underway < maxRounds {
		r.wanted = false
		r.underway++
		h.out.next.ReadRounds = append(h.out.next.ReadRounds, r.last)
	}
}

// retry has reads whose round failed join another.
func (r *reads) retry(h *Host) {
	if !r.failed || h.status.Leader == 0 {
		return
	}
	r.failed = false
	for _, it := range r.unpointed {
		if it.round == 0 {
			it.round = r.next()
		}
	}
}

// answered takes a round's read point.
func (r *reads) answered(round uint64, zxid int64, err error) {
	r.underway--
	keep := r.unpointed[:0]
	for _, it := range r.unpointed {
		switch {
		case it.gone:
			continue
		case err == nil && it.round != 0 && it.round <= round:
			it.pointed, it.point = true, zxid
			continue
		case err != nil && it.round == round:
			it.round = 0
			r.failed = true
		}
		keep = append(keep, it)
	}
	clear(r.unpointed[len(keep):])
	r.unpointed = keep
}

// ReadPoint takes the answer to a round of ReadRounds: a state that has applied
// zxid may be read, by word of the leader of epoch; or an error.
func (h *Host) ReadPoint(round uint64, zxid int64, epoch uint32, err error) {
	if round&leaseRound != 0 {
		h.lead.confirmed(h, round, epoch, err)
		return
	}
	h.reads.answered(round, zxid, err)
	h.readOn()
}

// await has a session looked at again when read points come or more is applied.
func (h *Host) await(s *session) {
	if !s.awaits {
		s.awaits = true
		h.reads.waiting = append(h.reads.waiting, s)
	}
}

// readOn makes the reads whose read point has been reached.
func (h *Host) readOn() {
	waiting := h.reads.waiting
	h.reads.waiting = nil
	for _, s := range waiting {
		s.awaits = false
	}
	for _, s := range waiting {
		if h.sessions[s.id] == s {
			h.process(s)
		}
	}
}
