package host

import "slices"

// pings passes the pings of the sessions hosted here on to the leader: those that
// come while one message is under way go together in the next, or with the next
// tick.
type pings struct {
	waiting []ping
	sent    []sentPings
	round   uint64
}

type ping struct {
	session int64
	link    LinkID
	n       uint64
}

type sentPings struct {
	round uint64
	pings []ping
}

// maxSentPings is how many messages may be without an answer. Older ones got
// lost; their sessions will ping again.
const maxSentPings = 8

func (p *pings) add(h *Host, s *session, n uint64) {
	p.put(ping{s.id, s.link.id, n})
	if len(p.sent) == 0 {
		p.flush(h)
	}
}

// put has a session's newest ping wait.
func (p *pings) put(x ping) {
	if n := len(p.waiting); n > 0 && p.waiting[n-1].session == x.session {
		p.waiting[n-1] = x
		return
	}
	p.waiting = append(p.waiting, x)
}

// flush sends what waits.
func (p *pings) flush(h *Host) {
	if h.status.Leader == 0 || len(p.waiting) == 0 {
		return
	}
	for len(p.waiting) > 0 {
		n := min(len(p.waiting), maxPeerSessions)
		p.round++
		m := &pingMessage{round: p.round, sessions: make([]int64, n)}
		for i := range n {
			m.sessions[i] = p.waiting[i].session
		}
		p.sent = append(p.sent, sentPings{p.round, slices.Clone(p.waiting[:n])})
		p.waiting = p.waiting[n:]
		h.tell(h.status.Leader, m)
	}
	p.waiting = nil
	if extra := len(p.sent) - maxSentPings; extra > 0 {
		p.sent = slices.Delete(p.sent, 0, extra)
	}
}

// leaderChanged asks the new leader what the old one did not answer.
func (p *pings) leaderChanged(h *Host) {
	for _, s := range p.sent {
		p.again(h, s.pings)
	}
	p.sent = nil
	p.flush(h)
}

// again has pings wait that were not answered, in front of newer ones.
func (p *pings) again(h *Host, old []ping) {
	var live []ping
	for _, x := range old {
		if s := h.sessions[x.session]; s != nil && s.link.id == x.link {
			live = append(live, x)
		}
	}
	p.waiting = append(live, p.waiting...)
}

// answered takes the leader's answer. What it was not ready for is asked again
// with the next tick.
func (p *pings) answered(h *Host, m *pongMessage) {
	i := slices.IndexFunc(p.sent, func(s sentPings) bool { return s.round == m.round })
	if i < 0 {
		return
	}
	sent := p.sent[i].pings
	p.sent = slices.Delete(p.sent, i, i+1)
	if !m.ready {
		p.again(h, sent)
		return
	}
	refused := make(map[int64]bool, len(m.refused))
	for _, id := range m.refused {
		refused[id] = true
	}
	for _, x := range sent {
		if s := h.sessions[x.session]; s != nil && s.link.id == x.link && !refused[x.session] {
			h.pong(s, x.n)
		}
	}
	if len(p.sent) == 0 {
		p.flush(h)
	}
}

// recordedPing is a message whose sessions were recorded, and which is to be
// answered once this replica's leadership since then is confirmed.
type recordedPing struct {
	from    uint64
	round   uint64
	refused []int64
}

// leaseRound marks the numbers of read rounds that confirm leadership.
const leaseRound = 1 << 63

// pinged records the pings that a host passes on, and asks for a confirmation.
func (l *leader) pinged(h *Host, from uint64, m *pingMessage) {
	if !l.active {
		h.tell(from, &pongMessage{round: m.round})
		return
	}
	r := recordedPing{from: from, round: m.round}
	for _, id := range m.sessions {
		if s := l.leases[id]; s != nil && !s.expiring {
			l.renew(h, s)
		} else {
			r.refused = append(r.refused, id)
		}
	}
	l.recorded = append(l.recorded, r)
	l.ask(h)
}

// ask begins a confirmation for all that was recorded before it.
func (l *leader) ask(h *Host) {
	if l.asking || len(l.recorded) == 0 {
		return
	}
	l.asking = true
	l.asked, l.recorded = l.recorded, nil
	l.round++
	h.out.next.ReadRounds = append(h.out.next.ReadRounds, leaseRound|l.round)
}

// confirmed takes what a read point says: that the leader of epoch led after it
// was asked for. That counts only if it is this replica in the epoch in which it
// recorded.
func (l *leader) confirmed(h *Host, round uint64, epoch uint32, err error) {
	if !l.asking || round != leaseRound|l.round {
		return
	}
	l.asking = false
	ready := err == nil && l.active && epoch == l.epoch
	if !ready {
		l.asked, l.recorded = append(l.asked, l.recorded...), nil
	}
	for _, r := range l.asked {
		m := &pongMessage{round: r.round, ready: ready}
		if ready {
			m.refused = r.refused
		}
		h.tell(r.from, m)
	}
	l.asked = nil
	l.ask(h)
}
