package host

import (
	"container/heap"

	"github.com/zabtree/zabtree/tree"
)

// leader is what a replica that leads knows of all sessions of the ensemble: when
// the time of each is up. It counts from a moment after the holder's own counting
// began, whatever happens:
//
//   - when it has applied the entry that opened its epoch, every session begins
//     its whole timeout anew, so what the leader before had promised is kept
//   - a session that is made or attached begins its timeout when that is applied
//   - a ping is answered only after it was recorded here, and this replica's
//     leadership was confirmed by a quorum after that: no other leader can have
//     begun to count before the ping was sent
//
// Once the end of a session is proposed its pings are refused, and only an entry
// of this very epoch can end it (see guard).
type leader struct {
	epoch  uint32 // that this replica leads, or 0
	active bool   // the epoch's opening entry is applied here

	clock   int64 // advances with ticks
	lastNow int64
	ticked  bool

	leases   map[int64]*lease
	due      dueHeap
	expiries map[uint64][]int64 // proposals under way, by their tries, and the sessions that they end
	tries    uint64

	asked    []recordedPing // recorded before the confirmation that is under way was asked for
	recorded []recordedPing // recorded since
	asking   bool
	round    uint64 // number of the last confirmation

	reapAt      int64
	reaping     int   // proposals under way
	ensembleAt  int64 // clock when the view's was ensembleWas
	ensembleWas int64
}

// lease is what is known of one session. Its place in due may be too early.
type lease struct {
	session  int64
	timeout  int64
	expires  int64
	expiring bool // its end was proposed
}

type dueAt struct {
	at      int64
	session int64
}

type dueHeap []dueAt

func (d dueHeap) Len() int { return len(d) }
func (d dueHeap) Less(i, j int) bool {
	if d[i].at != d[j].at {
		return d[i].at < d[j].at
	}
	return d[i].session < d[j].session
}
func (d dueHeap) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *dueHeap) Push(x any)   { *d = append(*d, x.(dueAt)) }
func (d *dueHeap) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	*d = (*d)[:last]
	return x
}

// status takes the replica's role.
func (l *leader) status(h *Host) {
	if !h.status.Leading {
		l.depose()
		return
	}
	if l.epoch != h.status.Epoch {
		l.depose()
		l.epoch = h.status.Epoch
	}
}

func (l *leader) depose() {
	l.epoch, l.active = 0, false
	l.leases, l.due, l.expiries = nil, nil, nil
	l.asked, l.recorded, l.asking = nil, nil, false
}

// restored: the state was replaced, so nothing that was counted is worth anything.
// A leader's never is.
func (l *leader) restored() { l.active = false }

// applied takes the epoch of an entry that was applied. An entry of its own epoch
// says that the opening one is behind.
func (l *leader) applied(h *Host, epoch uint32) {
	if c := h.view.Clock(); c != l.ensembleWas {
		l.ensembleWas, l.ensembleAt = c, l.clock
	}
	if l.epoch == 0 || l.active || epoch != l.epoch {
		return
	}
	l.active, l.reapAt = true, l.clock+h.config.ReapEvery
	l.leases, l.due, l.expiries = map[int64]*lease{}, nil, map[uint64][]int64{}
	for info := range h.view.Sessions() {
		l.begin(h, info.ID, int64(info.Timeout))
	}
}

// begin counts a session's timeout from now.
func (l *leader) begin(h *Host, session, timeout int64) {
	s := l.leases[session]
	if s == nil {
		s = &lease{session: session}
		l.leases[session] = s
		heap.Push(&l.due, dueAt{l.clock + timeout, session})
	}
	s.timeout = timeout
	l.renew(h, s)
}

// renew counts a session's timeout from now. Now is later than the clock, which
// stands still between ticks, by less than it can advance with the next one.
func (l *leader) renew(h *Host, s *lease) {
	s.expires = max(s.expires, l.clock+2*h.config.TickEvery+s.timeout)
}

func (l *leader) placed(h *Host, session int64) {
	if !l.active {
		return
	}
	if info, ok := h.view.Session(session); ok {
		l.begin(h, session, int64(info.Timeout))
	}
}

func (l *leader) ended(session int64) { delete(l.leases, session) }

// tick advances the clock, and proposes what is due.
func (l *leader) tick(h *Host, now int64) {
	if l.ticked {
		l.clock += min(max(now-l.lastNow, 0), 2*h.config.TickEvery)
	}
	l.ticked, l.lastNow = true, now
	if l.active {
		l.expire(h)
		l.reap(h)
	}
}

// maxExpiries is how many sessions one entry ends: mass expiry must not hold up
// everything else (ZOOKEEPER-1049).
const maxExpiries = 512

func (l *leader) expire(h *Host) {
	var up []int64
	for len(l.due) > 0 && l.due[0].at <= l.clock && len(up) < maxExpiries {
		d := heap.Pop(&l.due).(dueAt)
		s := l.leases[d.session]
		if s == nil {
			continue
		}
		if s.expires > l.clock {
			heap.Push(&l.due, dueAt{s.expires, s.session})
			continue
		}
		s.expiring = true
		up = append(up, s.session)
	}
	if len(up) > 0 {
		l.tries++
		l.expiries[l.tries] = up
		h.inflight++
		h.out.next.Proposals = append(h.out.next.Proposals, Proposal{
			Token{Purpose: ForExpiry, Try: l.tries},
			guard(l.epoch, tree.ExpireSessions{Sessions: up}.AppendTo(nil)),
		})
	}
}

// expiryDone takes what became of a proposal that ends sessions. If it failed they are
// due again; until it is known, nothing is proposed for them again, however long it
// takes: that would only add to what an ensemble has to do that is behind already.
// Their pings stay refused.
func (l *leader) expiryDone(t Token, err error) {
	sessions := l.expiries[t.Try]
	delete(l.expiries, t.Try)
	for _, id := range sessions {
		if err != nil && l.leases[id] != nil {
			heap.Push(&l.due, dueAt{l.clock, id})
		}
	}
}

// maxReaps is how many znodes are deleted in one go.
const maxReaps = 1000

// reap proposes to delete containers and TTL znodes that are due by the
// ensemble's clock, as far as it can be told here. Apply looks at it again.
func (l *leader) reap(h *Host) {
	if l.clock < l.reapAt || l.reaping > 0 {
		return
	}
	l.reapAt = l.clock + h.config.ReapEvery
	now := l.ensembleWas + (l.clock - l.ensembleAt)
	for c := range h.view.Expired(now) {
		if l.reaping == maxReaps {
			l.reapAt = l.clock
			break
		}
		l.reaping++
		h.proposal(Token{Purpose: ForReaping}, c)
	}
}
