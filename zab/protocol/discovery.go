package protocol

import "slices"

// maxEpoch is the last epoch. Whoever speaks of a later one is mistaken, and must
// not be the end of an ensemble.
const maxEpoch = 1 << 31

// leading is the state of a leader.
type leading struct {
	phase    Phase // Discovering, Synchronising, Broadcasting
	founders []Founder
	invited  bool // the epoch is durable here and was told to everybody
	ticks    int  // in the phase Discovering
	beatIn   int  // ticks until the next heartbeat

	opening Zxid  // the entry that opened the epoch
	clock   int64 // the ensemble's clock when the epoch was opened
	since   int64 // mono at that time

	handover handover

	// open are the batches that are not committed, openBytes what they take.
	open      []sent
	openBytes int
	// stuck is for how many ticks this leader's own log has not become more
	// durable, while it is behind the commit.
	stuck     int
	durable   Zxid   // at the last tick
	committed uint64 // counter, at the last tick; the opening entry before the first
}

// following is the state of a follower.
type following struct {
	link     LinkID
	attempt  uint64
	promised bool // the leader's epoch raised the accepted one
	joinDue  bool // tell the history once all writes are durable
	stream   bool // the log is a prefix of the leader's, up to its end
	acked    uint64
	serveAt  Zxid // the first commit heard of that the leader's own epoch made
	snap     snapReceipt
}

// lead begins to lead: the epoch after all that were heard of is accepted and,
// once that is durable, offered to everybody (ZOOKEEPER-1291).
func (c *Core) lead(founders []Founder) {
	epoch := max(c.hs.AcceptedEpoch, c.election.seen)
	if epoch >= maxEpoch {
		c.halt("protocol: no epoch left")
		return
	}
	c.role, c.epoch = roleLeading, epoch+1
	c.leading = leading{phase: Discovering, founders: founders}
	c.foundLeader(0)
	c.raiseAccepted(c.epoch, founders)
	c.out.StatusChanged = true
}

func (c *Core) inviteAll() {
	c.leading.invited = true
	for _, l := range c.links {
		c.invite(l)
	}
	c.tryOpen()
}

// invite offers the epoch to a peer, when it is time: an ensemble's first one at
// first to its founders only.
func (c *Core) invite(l *link) {
	founders := c.invitedFounders()
	if c.leading.invited && (founders == nil || slices.Contains(founders, Founder(l.peer))) {
		c.send(l, Bulk, (&lead{epoch: c.epoch, founders: founders}).encode())
	}
}

// invitedFounders is the founders' list as long as the epoch that founds the
// ensemble is not open.
func (c *Core) invitedFounders() []Founder {
	if c.leading.phase == Discovering {
		return c.leading.founders
	}
	return nil
}

func (c *Core) onLead(l *link, m lead) error {
	if m.epoch == 0 || m.epoch > maxEpoch {
		return badFrame("epoch %d", m.epoch)
	}
	l.look.looking = false
	if c.follows(l, m.epoch) {
		return nil // offered again because a look crossed the offer; the join is under way
	}
	c.election.seen = max(c.election.seen, m.epoch)
	if m.epoch < c.hs.AcceptedEpoch ||
		m.epoch == c.hs.AcceptedEpoch && c.role != roleLooking ||
		m.founders != nil && !c.mayFound(m.founders) {
		c.send(l, Bulk, (&nack{epoch: m.epoch, accepted: c.hs.AcceptedEpoch}).encode())
		return nil
	}
	announced := c.role == roleLooking && c.election.announced
	c.attempts++
	promised := m.epoch > c.hs.AcceptedEpoch
	c.leave()
	for _, x := range c.links {
		x.progress = progress{}
	}
	c.role, c.epoch = roleFollowing, m.epoch
	c.following = following{link: l.id, attempt: c.attempts, promised: promised, joinDue: true}
	if announced {
		c.foundLeader(l.id)
	}
	if promised {
		c.raiseAccepted(m.epoch, m.founders)
	}
	if c.log.drained() {
		c.sendJoin()
	}
	c.out.StatusChanged = true
	return nil
}

// mayFound says whether this replica may take part in a first epoch of exactly
// these founders.
func (c *Core) mayFound(founders []Founder) bool {
	if !c.log.last.IsZero() || (c.hs.Founders != nil && !sameFounders(c.hs.Founders, founders)) {
		return false
	}
	for _, f := range founders {
		if c.isSelf(f.ID, f.Incarnation) {
			return true
		}
	}
	return false
}

// onNack gives up an epoch that cannot win, or that somebody cannot follow any
// more because of a promise that came to nothing: he would stay outside for ever.
func (c *Core) onNack(_ *link, m nack) error {
	if m.accepted > maxEpoch {
		return badFrame("epoch %d", m.accepted)
	}
	c.election.seen = max(c.election.seen, m.accepted)
	if c.role == roleLeading && m.epoch == c.epoch &&
		(m.accepted > c.epoch || m.accepted == c.epoch && c.leading.phase == Discovering) {
		c.look()
	}
	return nil
}

// sendJoin tells the leader of the history here. All of it is durable, and so is
// the promise.
func (c *Core) sendJoin() {
	c.following.joinDue = false
	l := c.leaderLink()
	if l == nil {
		return
	}
	ends := c.log.ends[max(0, len(c.log.ends)-maxEpochs):]
	m := join{epoch: c.epoch, attempt: c.following.attempt, promised: c.following.promised, base: c.log.base.Zxid(), last: c.log.last,
		ends: ends, partial: c.partial, chunks: c.chunks}
	c.send(l, Bulk, m.encode())
}

// leaderLink returns the link to the leader that is followed, or nil.
func (c *Core) leaderLink() *link {
	if c.role != roleFollowing {
		return nil
	}
	return c.link(c.following.link)
}

func (c *Core) onJoin(l *link, m join) error {
	if c.role != roleLeading || m.epoch != c.epoch {
		return nil
	}
	n := len(m.ends)
	if (n == 0) != m.last.IsZero() || n > 0 && (m.ends[n-1] != EpochEnd{m.last.Epoch, m.last.Counter}) {
		return badFrame("join: the epochs do not end with %v", m.last)
	}
	l.look = look{}
	l.progress = progress{mode: joined, promised: m.promised, join: m}
	c.out.PeersChanged = true
	if c.leading.phase != Discovering {
		c.startStream(l)
		return nil
	}
	// No leader behind a better history: somebody who has promised, and so is
	// counted, must not have more than what is durable here.
	counted := m.promised && c.log.config.IsVoter(l.peer.ID, l.peer.Incarnation)
	if counted && c.log.durable.Less(m.last) {
		c.look()
		return nil
	}
	if counted {
		c.leading.ticks = 0
	}
	c.tryOpen()
	return nil
}

// tryOpen opens the epoch once a quorum has promised it.
func (c *Core) tryOpen() {
	if c.leading.phase != Discovering || !c.leading.invited {
		return
	}
	promised := func(l *link) bool { return l.progress.mode != idle && l.progress.promised }
	if c.leading.founders != nil {
		for _, f := range c.leading.founders {
			if f.ID == c.cfg.ID {
				continue
			}
			if l := c.founderPeer(f); l == nil || !promised(l) {
				return
			}
		}
	} else if !c.quorum(promised) {
		return
	}
	c.open()
}

func (c *Core) founderPeer(f Founder) *link {
	for _, l := range c.links {
		if l.peer == Peer(f) {
			return l
		}
	}
	return nil
}

// open appends the entry that opens the epoch, and begins to synchronise all
// who have joined.
func (c *Core) open() {
	c.leading.phase = Synchronising
	c.leading.clock, c.leading.since = c.log.clock, c.mono
	var data []byte
	if c.leading.founders != nil {
		data = appendMembership(nil, c.foundingMembership())
	}
	c.appendOne(KindOpen, data, origin{})
	c.leading.opening, c.leading.committed = c.log.last, c.log.last.Counter
	for _, l := range c.links {
		if l.progress.mode == joined {
			c.startStream(l)
		} else if c.leading.founders != nil {
			c.invite(l)
		}
	}
	c.out.StatusChanged = true
}

// foundingMembership is the founding members with the founders' incarnations; an
// observer's is entered once it is synchronised.
func (c *Core) foundingMembership() Membership {
	m := c.cfg.Founding.Clone()
	for i := range m {
		m[i].Incarnation = 0
	}
	for _, f := range c.leading.founders {
		m.Find(f.ID).Incarnation = f.Incarnation
	}
	return m
}

// tickLeading sends heartbeats, and gives up without a quorum.
func (c *Core) tickLeading() {
	if c.leading.phase == Discovering {
		// The promises are counted on; a leader that does not get them had better
		// let another one try.
		if c.leading.ticks++; c.leading.ticks > c.cfg.ElectionTicks {
			c.look()
			return
		}
	} else if !c.quorum(func(l *link) bool { return l.progress.mode != idle && l.heard <= c.cfg.ElectionTicks }) {
		c.look()
		return
	}
	if c.leading.beatIn--; c.leading.beatIn <= 0 {
		c.leading.beatIn = c.cfg.HeartbeatTicks
		c.beat()
	}
	c.tickSnapshots()
	c.tickOffice()
	c.tickHandover()
	c.tellRemoved()
	c.swapIncarnations()
}

// beat lets every peer hear this leader, and repeats the round of confirmation
// that is under way.
func (c *Core) beat() {
	if !c.leading.invited {
		return
	}
	frame := (&beat{c.epoch, c.reads.round}).encode(kindPing)
	for _, l := range c.links { // also those who are still making their promise durable
		c.send(l, Control, frame)
	}
}

func (c *Core) onPing(l *link, m beat) error {
	// Whoever has promised a later epoch confirms this one no more.
	if c.role == roleFollowing && c.following.link == l.id && c.epoch == m.epoch && c.hs.AcceptedEpoch == m.epoch {
		c.send(l, Control, (&m).encode(kindPong))
		c.out.Heard = true
	}
	return nil
}

func (c *Core) onPong(l *link, m beat) error {
	if c.role == roleLeading && m.epoch == c.epoch && m.round <= c.reads.round && l.progress.mode != idle {
		l.progress.round = max(l.progress.round, m.round)
		c.confirmReads()
	}
	return nil
}

// onRemoved ends this replica: the ensemble has gone on without it.
func (c *Core) onRemoved(l *link, epoch uint32) error {
	if c.role == roleFollowing && c.following.link == l.id && epoch == c.epoch {
		c.halted = true
		c.out.Halt = ErrNotMember
	}
	return nil
}
