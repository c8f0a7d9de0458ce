package protocol

import "fmt"

// Reconfigure proposes a change of membership, based on the version of the
// configuration that it replaces. Like Propose it returns the epoch in which the
// proposal was taken; its fate is told by the log, or by Output.Refused.
func (c *Core) Reconfigure(request, version uint64, next Membership) (uint32, error) {
	if err := next.Validate(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrBadMembership, err)
	}
	if err := c.mayPropose(); err != nil {
		return 0, err
	}
	if c.role == roleLeading {
		o := origin{Proposal{Request: request}, c.cfg.ID}
		return c.epoch, c.change(o, version, next)
	}
	m := reconfigure{epoch: c.epoch, request: request, version: version, next: next}
	c.send(c.leaderLink(), Bulk, m.encode())
	return c.epoch, nil
}

func (c *Core) onReconfigure(l *link, m reconfigure) error {
	err := c.mayPropose()
	if c.role != roleLeading || m.epoch != c.epoch || l.progress.mode == idle {
		err = ErrNoLeader
	}
	if err == nil {
		err = c.change(origin{Proposal{Request: m.request}, l.peer.ID}, m.version, m.next)
	}
	if err != nil {
		c.refuseTo(l, m.request, m.epoch, err)
	}
	return nil
}

// change appends a change of membership, if it is allowed: one at a time, based
// on the current one, by a leader that stays, keeping a voter, and with new
// voters that are synchronised under the incarnation that they are named with.
func (c *Core) change(from origin, version uint64, next Membership) error {
	conf := &c.log.config
	if conf.Pending != nil || version != conf.Version {
		return fmt.Errorf("%w: version %d, a change based on %d", ErrConflict, conf.Version, version)
	}
	if !next.hasVoter(c.cfg.ID, c.hs.Incarnation) {
		return fmt.Errorf("%w: the leader %d must hand over before it leaves", ErrBadMembership, c.cfg.ID)
	}
	for _, m := range next {
		if m.Role != Voter || conf.Current.hasVoter(m.ID, m.Incarnation) {
			continue
		}
		if !c.hasAll(m.ID, m.Incarnation) {
			return fmt.Errorf("%w: new voter %d of incarnation %x is not synchronised", ErrBadMembership, m.ID, m.Incarnation)
		}
	}
	// Once appended, the change is required in every quorum: one that could not
	// commit now would stop the ensemble.
	if !next.majority(c.hasAll) {
		return fmt.Errorf("%w: no quorum of the new voters is synchronised", ErrBadMembership)
	}
	c.cutAll()
	c.appendOne(KindMembership, appendMembership(nil, next), from)
	return nil
}

// hasAll says whether (id, incarnation) is this leader or a synchronised follower.
func (c *Core) hasAll(id, incarnation uint64) bool {
	l := c.founderPeer(Founder{id, incarnation})
	return c.isSelf(id, incarnation) || l != nil && c.synchronised(l)
}

// swapIncarnations enters into the log under which incarnation a member has come
// back, once it is synchronised: only then may it be counted again. While that
// change is pending the old incarnation is counted too.
func (c *Core) swapIncarnations() {
	if c.leading.phase != Broadcasting || c.log.config.Pending != nil || c.leading.handover.on {
		return
	}
	for _, l := range c.links {
		m := c.log.config.Current.Find(l.peer.ID)
		if m == nil || m.Incarnation == l.peer.Incarnation || !c.synchronised(l) {
			continue
		}
		next := c.log.config.Current.Clone()
		next.Find(l.peer.ID).Incarnation = l.peer.Incarnation
		c.cutAll()
		c.appendOne(KindMembership, appendMembership(nil, next), origin{})
		return
	}
}

// confirmChange writes into the log that a change is committed. Without that a
// restart of all might find it pending, and need a quorum of members that have
// left and are gone.
func (c *Core) confirmChange() {
	conf := &c.log.config
	if c.leading.phase == Broadcasting && conf.Pending == nil && c.log.confirmed != conf.Version {
		c.appendOne(KindMembership, nil, origin{})
	}
}

// tickOffice notes what is committed at this tick, and hands over when this leader
// had better not lead: because it is no voter any more (it was elected to commit
// that very change), or because its own disk does not keep up for an election
// timeout.
func (c *Core) tickOffice() {
	if d := c.log.durable; d != c.leading.durable || !d.Less(c.commit) {
		c.leading.durable, c.leading.stuck = d, 0
	} else {
		c.leading.stuck++
	}
	if c.leading.phase == Broadcasting {
		c.leading.committed = c.commit.Counter
	}
	left := c.changeSettled() && !c.log.config.IsVoter(c.cfg.ID, c.hs.Incarnation)
	if (left || c.leading.stuck > c.cfg.ElectionTicks) && !c.leading.handover.on {
		// Without anybody to hand over to it goes on, and tries again.
		_ = c.Handover(0)
	}
}

// changeSettled says whether the log says for ever that the current membership is
// in force, and nothing is pending.
func (c *Core) changeSettled() bool {
	return c.log.config.Pending == nil && c.log.confirmed == c.log.config.Version && c.commit.Counter >= c.log.confirmedAt
}

// tellRemoved tells those who follow and are no members any more that they are
// not, once the log says so for ever.
func (c *Core) tellRemoved() {
	if c.leading.phase != Broadcasting || !c.changeSettled() {
		return
	}
	for _, l := range c.links {
		if l.progress.mode != idle && c.log.config.Find(l.peer.ID) == nil {
			c.send(l, Bulk, encodeEpoch(kindRemoved, c.epoch))
			l.progress = progress{}
			c.out.PeersChanged = true
		}
	}
}

// handover is a leader's intention to be followed by another.
type handover struct {
	on    bool
	to    uint64
	ticks int
}

// Handover makes the leader hand over to a synchronised voter, or, if to is 0, to
// the one that is best off. It takes no proposals from now on; once the other has
// everything it is told to take over at once. If that does not come about within
// an election timeout the leader goes on as before.
func (c *Core) Handover(to uint64) error {
	if c.halted || c.role != roleLeading || c.leading.phase != Broadcasting {
		return ErrNoLeader
	}
	var best *link
	for _, l := range c.links {
		ok := c.synchronised(l) && c.log.config.IsVoter(l.peer.ID, l.peer.Incarnation) && (to == 0 || l.peer.ID == to)
		if ok && (best == nil || l.progress.acked >= best.progress.acked) {
			best = l
		}
	}
	if best == nil {
		return fmt.Errorf("%w: no synchronised voter to hand over to", ErrBadMembership)
	}
	c.cutAll()
	c.leading.handover = handover{on: true, to: best.peer.ID}
	return nil
}

// tryHandOver hands over when the other has everything, committed.
func (c *Core) tryHandOver() {
	h := &c.leading.handover
	if !h.on || c.commit != c.log.last {
		return
	}
	for _, l := range c.links {
		if l.peer.ID == h.to && l.progress.mode == streaming && l.progress.acked == c.log.last.Counter {
			to := h.to
			c.send(l, Bulk, encodeEpoch(kindTakeOver, c.epoch))
			c.lookFor(to)
			return
		}
	}
}

func (c *Core) tickHandover() {
	h := &c.leading.handover
	if h.on {
		if h.ticks++; h.ticks > c.cfg.ElectionTicks {
			*h = handover{}
		}
	}
}

// onTakeOver stands at once, as the leader wishes.
func (c *Core) onTakeOver(l *link, epoch uint32) error {
	if c.follows(l, epoch) {
		c.lookFor(c.cfg.ID)
	}
	return nil
}
