package driver

import (
	"slices"

	"github.com/zabtree/zabtree/transport"
)

// DialPlan decides whom to dial and when. Of two replicas the one with the
// higher ID dials, so that there is no race between two links; the other one
// does only when it has been waiting for long, as it may be that the first does
// not know it yet. It is a step machine. Times are nanoseconds from any beginning.
type DialPlan struct {
	Self           uint64
	First, Longest int64 // wait after the first failure, and at most
	peers          []dialPeer
}

type dialPeer struct {
	to     transport.Endpoint
	busy   bool // being dialed, or linked
	linked bool
	since  int64 // linked since
	wait   int64 // after the next failure
	at     int64 // dial then
}

// Members tells who the others are, with their newest addresses. Who has gone is
// dialed no more.
func (p *DialPlan) Members(list []transport.Endpoint, now int64) {
	var peers []dialPeer
	for _, e := range list {
		if e.ID == p.Self {
			continue
		}
		i := slices.IndexFunc(p.peers, func(x dialPeer) bool { return x.to.ID == e.ID })
		switch {
		case i < 0:
			x := dialPeer{to: e, wait: p.First, at: now}
			if p.waitsFor(e.ID) {
				x.wait, x.at = p.patience(), now+p.patience()
			}
			peers = append(peers, x)
		default:
			x := p.peers[i]
			if x.to != e {
				x.to = e
				if !p.waitsFor(e.ID) {
					x.wait, x.at = p.First, now
				}
			}
			peers = append(peers, x)
		}
	}
	p.peers = peers
}

// waitsFor says whether the other one is to dial.
func (p *DialPlan) waitsFor(id uint64) bool { return id > p.Self }

// patience is how long that is waited for.
func (p *DialPlan) patience() int64 { return 8 * p.Longest }

func (p *DialPlan) find(id uint64) *dialPeer {
	for i := range p.peers {
		if p.peers[i].to.ID == id {
			return &p.peers[i]
		}
	}
	return nil
}

// Up says that a peer is linked.
func (p *DialPlan) Up(id uint64, now int64) {
	if x := p.find(id); x != nil {
		x.busy, x.linked, x.since = true, true, now
	}
}

// Down says that a peer is not linked any more, or that dialing it failed. A link
// that lasted is dialed again at once, everything else after a wait that doubles.
func (p *DialPlan) Down(id uint64, now int64) {
	x := p.find(id)
	if x == nil || !x.busy {
		return
	}
	if p.waitsFor(id) {
		x.busy, x.linked, x.at = false, false, now+p.patience()
		return
	}
	lasted := x.linked && now-x.since >= p.Longest
	x.busy, x.linked = false, false
	if lasted {
		x.wait, x.at = p.First, now
		return
	}
	x.at = now + x.wait
	x.wait = min(2*x.wait, p.Longest)
}

// Due returns whom to dial now; they count as being dialed.
func (p *DialPlan) Due(now int64) (list []transport.Endpoint) {
	for i := range p.peers {
		if x := &p.peers[i]; !x.busy && x.at <= now {
			x.busy = true
			list = append(list, x.to)
		}
	}
	return list
}

// Next returns when somebody is due, if anybody will be.
func (p *DialPlan) Next() (at int64, ok bool) {
	for i := range p.peers {
		if x := &p.peers[i]; !x.busy && (!ok || x.at < at) {
			at, ok = x.at, true
		}
	}
	return at, ok
}
