package protocol

import "slices"

// election is the state of a replica that looks for a leader.
//
// Everybody who looks tells everybody else where its durable log ends. The best
// candidate is the voter whose log ends last, then the one that the last leader
// wanted, then the one with the highest ID; each replica supports the best that
// it knows, and the candidate that has the support of a quorum goes on to
// discovery. Support binds nobody: only promises do, and a leader behind a
// better history is found out there. So an election may go wrong in any way
// without harm, and all that is asked of it is that it ends soon.
//
// Who loses patience with a candidate supports the next as well, and takes nothing
// back while it looks: if all of a quorum had to be for the same candidate at one
// moment, each with a patience of its own, that could take long.
type election struct {
	announced bool   // position told; not before all writes are durable
	rest      bool   // gave up an epoch just now: others go first for a while
	round     uint64 // how often this replica began to look or lost patience
	first     uint64 // round since it looks this time
	ticks     int
	prefer    uint64 // whom the last leader wanted to follow it
	seen      uint32 // the highest accepted epoch heard of
}

// look gives up whatever this replica is and looks for a leader.
func (c *Core) look() { c.lookFor(0) }

func (c *Core) lookFor(prefer uint64) {
	rest := c.role == roleLeading && c.leading.phase == Discovering
	c.leave()
	c.role, c.epoch = roleLooking, 0
	round := c.election.round + 1
	c.election = election{rest: rest, round: round, first: round, prefer: prefer, seen: c.election.seen}
	for _, l := range c.links {
		l.tired, l.supportMe, l.progress = false, false, progress{}
		l.answered = 0 // who heard that this replica had a leader has forgotten its support
	}
	c.out.StatusChanged = true
	if c.log.drained() {
		c.announce()
	}
}

// leave ends what belongs to a leader or a follower.
func (c *Core) leave() {
	for _, p := range c.queued {
		c.refuse(p, ErrNoLeader)
	}
	c.queued, c.queuedBytes = nil, 0
	c.failReads()
	c.following, c.leading = following{}, leading{}
}

// announce tells everybody the position, which is durable now.
func (c *Core) announce() {
	c.election.announced = true
	for _, l := range c.links {
		c.sendLook(l)
	}
	c.elect()
}

func (c *Core) sendLook(l *link) {
	m := look{looking: true, round: c.election.round, last: c.log.durable, commit: minZxid(c.commit, c.log.durable), accepted: c.hs.AcceptedEpoch,
		founded: c.log.config.Founded(), candidate: c.isCandidate(), prefer: c.election.prefer}
	c.send(l, Bulk, m.encode())
}

// foundLeader tells everybody but the leader that this replica looks no more.
func (c *Core) foundLeader(leader LinkID) {
	if !c.election.announced {
		return
	}
	for _, l := range c.links {
		if l.id != leader {
			c.send(l, Bulk, (&look{round: c.election.round, accepted: c.hs.AcceptedEpoch}).encode())
		}
	}
}

// isCandidate says whether this replica is a voter as far as it knows.
func (c *Core) isCandidate() bool {
	if c.log.config.Founded() {
		return c.log.config.IsVoter(c.cfg.ID, c.hs.Incarnation)
	}
	m := c.cfg.Founding.Find(c.cfg.ID)
	return m != nil && m.Role == Voter
}

func (c *Core) onLook(l *link, m look) error {
	if m.accepted > maxEpoch {
		return badFrame("epoch %d", m.accepted)
	}
	if m.looking && !l.look.looking {
		for _, x := range c.links {
			x.tired = false // one more may make the quorum that was missing
		}
	}
	l.supportMe = l.supportMe && l.look.looking && m.looking
	l.look = m
	c.election.seen = max(c.election.seen, m.accepted)
	if m.looking && c.log.contains(m.commit) {
		// A change of membership that the peer knows to be committed may leave this
		// replica with a quorum, which it could not get while it was pending.
		c.advance(m.commit)
	}
	switch c.role {
	case roleLooking:
		if m.prefer != 0 && c.election.prefer == 0 {
			c.election.prefer = m.prefer
		}
		c.elect()
	case roleFollowing:
		if m.looking && c.following.link == l.id {
			c.lookFor(m.prefer) // the leader gave up
		}
	case roleLeading:
		if m.looking {
			l.progress = progress{}
			c.out.PeersChanged = true
			c.dropReads(l.id)
			c.invite(l)
			c.tryOpen()
		}
	}
	return nil
}

func (c *Core) onSupport(l *link, m support) error {
	if m.accepted > maxEpoch {
		return badFrame("epoch %d", m.accepted)
	}
	c.election.seen = max(c.election.seen, m.accepted)
	if c.role == roleLooking && m.round >= c.election.first {
		l.supportMe = true
		c.elect()
	}
	return nil
}

// elect supports the best candidate, or stands if it is this replica and has
// the support of a quorum.
func (c *Core) elect() {
	if c.role != roleLooking || !c.election.announced {
		return
	}
	if !c.log.config.Founded() && !c.knowsFounded() {
		c.electFirst()
	} else if best := c.best(); best != nil {
		c.supportBest(best) // and never stand against it
	} else if c.mayStand() {
		c.lead(nil)
	}
}

// mayStand says whether this replica has what it takes to lead, if no other candidate
// is better.
func (c *Core) mayStand() bool {
	return c.isCandidate() && !c.election.rest && !c.preferredToCome() && c.quorum(func(l *link) bool { return l.supportMe })
}

// preferredToCome says whether the last leader wanted somebody else to follow it,
// who is linked and has not been heard of since.
func (c *Core) preferredToCome() bool {
	p := c.election.prefer
	return p != 0 && p != c.cfg.ID && slices.ContainsFunc(c.links, func(l *link) bool { return l.peer.ID == p && !l.look.looking })
}

// givesWay says whether a peer who looks prefers the same other one as this
// replica: both wait for that one to stand.
func (c *Core) givesWay(l *link) bool {
	p := c.election.prefer
	return p != 0 && l.look.prefer == p && l.peer.ID != p
}

// knowsFounded says whether a voter who looks has a membership in its log. An
// observer alone that has one has got it from a leader that came to nothing.
func (c *Core) knowsFounded() bool {
	for _, l := range c.links {
		if l.look.looking && l.look.founded && l.look.candidate {
			return true
		}
	}
	return false
}

// best returns the best candidate, or nil if it is this replica or there is none.
func (c *Core) best() *link {
	var best *link
	self := look{last: c.log.durable, founded: c.log.config.Founded()}
	eligible := c.isCandidate() && self.founded
	for _, l := range c.links {
		if !l.look.looking || !l.look.candidate || !l.look.founded || l.tired || c.givesWay(l) {
			continue
		}
		if best == nil {
			if !eligible || c.better(&l.look, l.peer.ID, &self, c.cfg.ID) {
				best = l
			}
		} else if c.better(&l.look, l.peer.ID, &best.look, best.peer.ID) {
			best = l
		}
	}
	return best
}

// better compares two candidates.
func (c *Core) better(a *look, aID uint64, b *look, bID uint64) bool {
	if x := a.last.Compare(b.last); x != 0 {
		return x > 0
	}
	if p := c.election.prefer; p != 0 && aID != bID && (aID == p || bID == p) {
		return aID == p
	}
	return aID > bID
}

func (c *Core) supportBest(best *link) {
	if best.answered == best.look.round {
		return
	}
	best.answered = best.look.round
	c.send(best, Bulk, (&support{round: best.look.round, accepted: c.hs.AcceptedEpoch}).encode())
}

// electFirst elects the leader of an ensemble's first epoch: it needs all the
// founding voters, each of them empty, so that it cannot happen twice.
func (c *Core) electFirst() {
	founders := c.founders()
	if founders == nil || (c.hs.Founders != nil && !sameFounders(c.hs.Founders, founders)) {
		return
	}
	best, all := c.cfg.ID, true
	for _, f := range founders {
		if f.ID == c.cfg.ID {
			continue
		}
		best = max(best, f.ID)
		all = all && c.founderLink(f.ID).supportMe
	}
	if best != c.cfg.ID {
		c.supportBest(c.founderLink(best))
	}
	if all && !c.election.rest {
		c.lead(founders)
	}
}

// founders lists all the founding voters as they are linked here, or nil if not
// all of them, this replica among them, are there, looking and empty.
func (c *Core) founders() []Founder {
	if !c.isCandidate() || !c.log.last.IsZero() {
		return nil
	}
	var fs []Founder
	for _, m := range c.cfg.Founding {
		if m.Role != Voter {
			continue
		}
		if m.ID == c.cfg.ID {
			fs = append(fs, Founder{m.ID, c.hs.Incarnation})
			continue
		}
		l := c.founderLink(m.ID)
		if l == nil {
			return nil
		}
		fs = append(fs, Founder(l.peer))
	}
	return fs
}

// founderLink returns the link to an empty replica that looks, or nil.
func (c *Core) founderLink(id uint64) *link {
	for _, l := range c.links {
		if l.peer.ID == id && l.look.looking && !l.look.founded && l.look.last.IsZero() {
			return l
		}
	}
	return nil
}

func sameFounders(a, b []Founder) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// tickLooking loses patience with the best candidate after a while, and begins
// a new round. Replicas wait for different times, so that they do not get in
// each other's way for ever.
func (c *Core) tickLooking() {
	c.election.ticks++
	if c.election.ticks < c.patience() || !c.log.drained() {
		return
	}
	best, tired := c.best(), false
	if best != nil {
		best.tired, tired = true, true
	}
	c.election.ticks = 0
	c.election.rest, c.election.prefer = false, 0
	c.election.round++
	if !tired {
		for _, l := range c.links {
			l.tired = false // everybody had a turn
		}
	}
	if c.elect(); c.role == roleLooking {
		c.announce()
	}
}

// patience is between one and two election timeouts, and differs between
// replicas and rounds.
func (c *Core) patience() int {
	h := (c.cfg.ID*0x9e3779b97f4a7c15 + c.election.round) * 0xbf58476d1ce4e5b9
	h ^= h >> 31
	return c.cfg.ElectionTicks + int(h%uint64(c.cfg.ElectionTicks))
}
