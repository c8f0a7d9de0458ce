package protocol

import "slices"

// reads is the state of linearizable reads at a leader, and of those that a
// follower has passed on.
//
// A read point is the commit at the time of the request; it is answered once a
// quorum has confirmed, in a round begun later, that it still follows this
// leader and has promised no other. Many reads share a round: while one is
// under way, requests wait for the next.
type reads struct {
	round     uint64 // the last round begun
	confirmed uint64 // the last round that a quorum has answered
	waiting   []read
	passedOn  []uint64 // at a follower: asked of the leader
}

// read is a request: of the peer of a link, or of this replica if link is 0.
type read struct {
	link  LinkID
	id    uint64
	zxid  Zxid
	round uint64 // confirms it; 0: the next one to begin
}

// ReadPoint asks for a point from which on this replica's state may be read as
// the latest. It is answered by Output.Reads, in any order.
func (c *Core) ReadPoint(id uint64) {
	switch {
	case c.halted:
		c.answerRead(id, Zxid{}, ErrNoLeader)
	case c.role == roleLeading && c.leading.phase == Broadcasting:
		c.reads.waiting = append(c.reads.waiting, read{id: id, zxid: c.commit})
	case c.role == roleFollowing && c.serving():
		c.reads.passedOn = append(c.reads.passedOn, id)
		c.send(c.leaderLink(), Control, (&beat{c.epoch, id}).encode(kindRead))
	default:
		c.answerRead(id, Zxid{}, ErrNoLeader)
	}
}

func (c *Core) answerRead(id uint64, z Zxid, err error) {
	c.out.Reads = append(c.out.Reads, ReadAnswer{ID: id, Zxid: z, Err: err})
}

// onRead takes a follower's request; its round field is the request's number.
func (c *Core) onRead(l *link, m beat) error {
	if c.role != roleLeading || c.leading.phase != Broadcasting || m.epoch != c.epoch {
		c.send(l, Control, (&readAnswer{epoch: m.epoch, id: m.round}).encode())
		return nil
	}
	c.reads.waiting = append(c.reads.waiting, read{link: l.id, id: m.round, zxid: c.commit})
	return nil
}

func (c *Core) onReadAnswer(l *link, m readAnswer) error {
	i := slices.Index(c.reads.passedOn, m.id)
	if !c.follows(l, m.epoch) || i < 0 {
		return nil
	}
	c.reads.passedOn = slices.Delete(c.reads.passedOn, i, i+1)
	if !m.ok {
		c.answerRead(m.id, Zxid{}, ErrNoLeader)
		return nil
	}
	c.answerRead(m.id, m.zxid, nil)
	return nil
}

// flushReads begins a round for the requests that wait for one, unless one is
// under way.
func (c *Core) flushReads() {
	r := &c.reads
	n := len(r.waiting)
	if n == 0 || r.waiting[n-1].round != 0 || r.confirmed < r.round {
		return
	}
	r.round++
	for i := range r.waiting {
		if r.waiting[i].round == 0 {
			r.waiting[i].round = r.round
		}
	}
	c.beat()
	c.confirmReads() // alone, this replica is a quorum
}

// confirmReads answers the requests whose round a quorum has answered.
func (c *Core) confirmReads() {
	r := &c.reads
	if r.confirmed == r.round || !c.quorum(func(l *link) bool { return l.progress.round >= r.round && l.progress.mode != idle }) {
		return
	}
	r.confirmed = r.round
	for len(r.waiting) > 0 && r.waiting[0].round != 0 {
		q := r.waiting[0]
		r.waiting = r.waiting[1:]
		if q.link == 0 {
			c.answerRead(q.id, q.zxid, nil)
		} else if l := c.link(q.link); l != nil {
			c.send(l, Control, (&readAnswer{epoch: c.epoch, id: q.id, ok: true, zxid: q.zxid}).encode())
		}
	}
}

// dropReads forgets the requests of a link that is down or begins anew.
func (c *Core) dropReads(id LinkID) {
	c.reads.waiting = slices.DeleteFunc(c.reads.waiting, func(q read) bool { return q.link == id })
}

// failReads answers everything that waits, because there is no leader any more.
func (c *Core) failReads() {
	for _, q := range c.reads.waiting {
		if q.link == 0 {
			c.answerRead(q.id, Zxid{}, ErrNoLeader)
		} else if l := c.link(q.link); l != nil {
			c.send(l, Control, (&readAnswer{epoch: c.epoch, id: q.id}).encode())
		}
	}
	for _, id := range c.reads.passedOn {
		c.answerRead(id, Zxid{}, ErrNoLeader)
	}
	c.reads = reads{}
}
