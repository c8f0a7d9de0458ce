package protocol

// Propose takes in proposals of this replica, to be put into the log here or at
// the leader. It returns the epoch in which they were taken; with an error none
// of them was. What becomes of them is told by the log, or by Output.Refused.
func (c *Core) Propose(ps []Proposal) (uint32, error) {
	for _, p := range ps {
		if len(p.Data) > c.cfg.MaxCommandBytes {
			return 0, ErrTooLarge
		}
	}
	if err := c.mayPropose(); err != nil {
		return 0, err
	}
	for _, p := range ps {
		c.enqueue(origin{p, c.cfg.ID})
	}
	return c.epoch, nil
}

func (c *Core) enqueue(o origin) {
	c.queued = append(c.queued, o)
	c.queuedBytes += len(o.Data) + EntryOverhead
}

// mayPropose says why no proposal can be taken, if so.
func (c *Core) mayPropose() error {
	switch {
	case c.halted || c.out.Barrier != 0: // the barrier must come before the proposals behind it
		return ErrNoLeader
	case c.role == roleFollowing && c.serving():
		return nil
	case c.role != roleLeading || c.leading.phase != Broadcasting || c.leading.handover.on:
		return ErrNoLeader
	case c.leading.openBytes > c.cfg.MaxPendingBytes:
		return ErrOverloaded
	}
	return nil
}

// onPropose takes in a follower's proposals. Only those of this very epoch are
// taken, so that a proposal that did not make it into one epoch's log never
// turns up in a later one.
func (c *Core) onPropose(l *link, m propose) error {
	err := c.mayPropose()
	if c.role != roleLeading || m.epoch != c.epoch || l.progress.mode == idle {
		err = ErrNoLeader
	}
	for _, p := range m.proposals {
		o := origin{p, l.peer.ID}
		switch {
		case err != nil:
			c.refuseTo(l, o.Request, m.epoch, err)
		case len(p.Data) > c.cfg.MaxCommandBytes:
			c.refuseTo(l, o.Request, m.epoch, ErrTooLarge)
		case c.lowSpace && !p.Essential:
			c.refuseTo(l, o.Request, m.epoch, ErrLowSpace)
		default:
			c.enqueue(o)
		}
	}
	return nil
}

// refuse tells the origin that its proposal is not in the log.
func (c *Core) refuse(p origin, err error) {
	if p.from == c.cfg.ID {
		c.out.Refused = append(c.out.Refused, Refusal{p.Request, err})
		return
	}
	for _, l := range c.links {
		if l.peer.ID == p.from {
			c.refuseTo(l, p.Request, c.epoch, err)
		}
	}
}

func (c *Core) refuseTo(l *link, request uint64, epoch uint32, err error) {
	m := refuse{epoch: epoch, code: refusalOf(err), requests: []uint64{request}}
	c.send(l, Bulk, m.encode())
}

func (c *Core) onRefuse(l *link, m refuse) error {
	if c.follows(l, m.epoch) {
		for _, q := range m.requests {
			c.out.Refused = append(c.out.Refused, Refusal{q, m.code.err()})
		}
	}
	return nil
}

// flushProposals forwards what was taken in by a follower.
func (c *Core) flushProposals() {
	l := c.leaderLink()
	if len(c.queued) == 0 || l == nil {
		return
	}
	m, bytes := propose{epoch: c.epoch}, 0
	for _, p := range c.queued {
		m.proposals = append(m.proposals, p.Proposal)
		bytes += len(p.Data)
		if bytes >= c.cfg.MaxBatchBytes || len(m.proposals) == maxProposals {
			c.send(l, Bulk, m.encode())
			m.proposals, bytes = nil, 0
		}
	}
	if len(m.proposals) > 0 {
		c.send(l, Bulk, m.encode())
	}
	c.queued, c.queuedBytes = nil, 0
}

// flushLeading commits what a quorum has, puts what was proposed into the log,
// and sends both on.
func (c *Core) flushLeading() {
	if c.leading.phase == Discovering {
		return
	}
	c.tryCommit()
	c.confirmChange()
	if !c.gathering() {
		c.cutAll()
	}
	for _, l := range c.links {
		c.pump(l)
	}
	c.flushReads()
	c.tryHandOver()
}

// gathering says whether what was taken in waits for more to come: little of it is
// sent no further while the log's end is neither durable here nor committed. Each
// batch costs every replica the same however small it is, and one that cannot be
// written yet gains nothing by being cut.
func (c *Core) gathering() bool {
	return c.log.last.Counter > max(c.log.durable.Counter, c.commit.Counter) && c.queuedBytes < c.cfg.GatherBytes
}

// Gathering says whether proposals that come now would only wait: a driver may keep
// some of them, and hand them over with the next event.
func (c *Core) Gathering() bool {
	return !c.halted && c.role == roleLeading && c.leading.phase == Broadcasting && c.gathering()
}

// keepQueued is for how many proposals there is memory that is used again.
const keepQueued = 4096

// cutAll puts everything that was taken in into the log.
func (c *Core) cutAll() {
	all := c.queued
	for len(c.queued) > 0 && !c.halted {
		c.cut()
	}
	clear(all)
	c.queuedBytes = 0
	if c.queued = nil; cap(all) <= keepQueued {
		c.queued = all[:0]
	}
}

// cut makes a batch of queued proposals. It is encoded once, in a frame for all
// followers; storage and frame share the bytes.
func (c *Core) cut() {
	n, bytes := 0, 0
	for n < len(c.queued) && (n == 0 || bytes+len(c.queued[n].Data) <= c.cfg.MaxBatchBytes) {
		bytes += len(c.queued[n].Data) + EntryOverhead
		n++
	}
	frame := appendEntriesHeader(make([]byte, 0, maxEntriesHeader+bytes), entriesHeader{c.epoch, c.commit})
	entries := make([]Entry, n)
	body := len(frame)
	for i, p := range c.queued[:n] {
		e := c.nextEntry(KindCommand, p.Data, p)
		frame = AppendEntry(frame, &e)
		// The log's copy of the data is the one that was encoded: the proposer's
		// bytes are not held on to.
		if e.Data != nil {
			e.Data = frame[len(frame)-len(p.Data) : len(frame) : len(frame)]
		}
		if err := c.log.add(&e); err != nil {
			c.halt("protocol: own entry: %w", err)
			return
		}
		entries[i] = e
	}
	c.queued = c.queued[n:]
	c.appended(entries, frame[body:len(frame):len(frame)], frame)
}

// appendOne appends a single entry of the protocol's own.
func (c *Core) appendOne(k EntryKind, data []byte, from origin) {
	e := c.nextEntry(k, data, from)
	raw := AppendEntry(nil, &e)
	if err := c.log.add(&e); err != nil {
		c.halt("protocol: own entry: %w", err)
		return
	}
	c.appended([]Entry{e}, raw, nil)
	c.out.ConfigChanged = c.out.ConfigChanged || data != nil
}

// nextEntry is the entry that follows the log's end, now. Its clock has gone on
// by the time for which this leader has been in office.
func (c *Core) nextEntry(k EntryKind, data []byte, from origin) Entry {
	return Entry{Zxid: Zxid{c.epoch, c.log.last.Counter + 1}, PrevEpoch: c.log.last.Epoch, Kind: k,
		Wall: c.wall, Clock: max(c.log.clock, c.leading.clock+max(0, c.mono-c.leading.since)),
		Origin: from.from, Request: from.Request, Data: data}
}

// tryCommit commits up to where a quorum has the log durably, this replica
// counted like the others. Nothing is committed by counting before the entry
// that opened this leader's own epoch is; then all before it is too.
func (c *Core) tryCommit() {
	counter := c.log.config.committed(c.durableAt)
	// What is open burdens this leader until it is committed and durable here.
	c.leading.open, c.leading.openBytes = acknowledged(c.leading.open, c.leading.openBytes,
		min(max(counter, c.commit.Counter), c.log.durable.Counter))
	if counter < c.leading.opening.Counter || counter <= c.commit.Counter {
		return
	}
	c.advance(Zxid{c.epoch, counter})
	if c.leading.phase == Synchronising && c.role == roleLeading {
		c.leading.phase = Broadcasting
		c.out.Barrier = c.leading.opening.Counter
		c.out.StatusChanged = true
	}
}

// durableAt returns up to which counter a voter has this leader's log.
func (c *Core) durableAt(id, incarnation uint64) uint64 {
	if c.isSelf(id, incarnation) {
		if c.log.durable.Epoch == c.epoch {
			return c.log.durable.Counter
		}
		return 0
	}
	for _, l := range c.links {
		if l.peer == (Peer{id, incarnation}) && l.progress.mode == streaming {
			return l.progress.acked
		}
	}
	return 0
}
