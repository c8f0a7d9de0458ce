package protocol

// follows says whether the peer of a link is the leader that is followed, in an
// epoch. What arrives from anybody else is left over from an earlier relation
// and means nothing, and so is the rest of a stream that answers an earlier join:
// it ends where the stream begins that answers the latest.
func (c *Core) follows(l *link, epoch uint32) bool {
	return c.role == roleFollowing && c.following.link == l.id && c.epoch == epoch
}

// onSync cuts the log after the last entry that it has in common with the
// leader's.
func (c *Core) onSync(l *link, m syncFrom) error {
	f := &c.following
	if !c.follows(l, m.epoch) || m.attempt != f.attempt {
		return nil
	}
	if f.stream || f.snap.on {
		return badFrame("synchronisation begun twice")
	}
	if !c.log.contains(m.common) || m.common.Less(c.log.base.Zxid()) {
		return badFrame("synchronisation from %v, which is not in the log up to %v", m.common, c.log.last)
	}
	// Only committed entries are applied, and every leader has those: to cut them
	// off would mean that this ensemble has lost some (ZOOKEEPER-4837, 5094).
	if m.common.Less(minZxid(c.commit, c.log.last)) {
		c.halt("protocol: leader of epoch %d cuts the log to %v, but %v is committed", c.epoch, m.common, c.commit)
		return nil
	}
	if m.common.Less(c.log.last) {
		c.log.truncate(m.common)
		c.write(Batch{Truncate: &m.common})
		c.out.ConfigChanged = true
	}
	f.stream, f.acked = true, 0
	c.out.Barrier = m.upTo
	c.out.StatusChanged = true
	return nil
}

// onEntries appends what the leader sends, and learns what is committed.
func (c *Core) onEntries(l *link, h entriesHeader, raw []byte) error {
	f := &c.following
	if !c.follows(l, h.epoch) || !f.stream {
		return nil
	}
	if len(raw) > 0 {
		if err := c.appendReceived(raw); err != nil {
			return err
		}
	}
	if f.serveAt.IsZero() && h.commit.Epoch == c.epoch {
		f.serveAt = h.commit
		c.out.StatusChanged = true
	}
	c.advance(h.commit)
	return nil
}

// appendReceived appends entries in the bytes in which they came. They must
// follow the log's end: there is one stream and no duplicate in it.
func (c *Core) appendReceived(raw []byte) error {
	entries, err := DecodeEntries(nil, raw)
	if err != nil {
		return badFrame("%w", err)
	}
	if z := entries[len(entries)-1].Zxid; z.Epoch > c.epoch {
		return badFrame("entry %v in epoch %d", z, c.epoch)
	}
	for i := range entries {
		e := &entries[i]
		if err := c.log.add(e); err != nil {
			if i > 0 {
				c.appended(entries[:i], raw[:rawLen(raw, i)], nil)
			}
			return badFrame("%w", err)
		}
		if e.Kind != KindCommand {
			c.out.ConfigChanged = c.out.ConfigChanged || e.Kind == KindMembership || e.Data != nil
		}
	}
	c.appended(entries, raw, nil)
	return nil
}

// rawLen returns the length of the first n encoded entries.
func rawLen(raw []byte, n int) int {
	total := 0
	for range n {
		_, k, err := DecodeEntry(raw[total:])
		if err != nil {
			return total
		}
		total += k
	}
	return total
}

// appended queues entries that were added to the log for the storage.
func (c *Core) appended(entries []Entry, raw, frame []byte) {
	c.write(Batch{Entries: entries, Raw: raw})
	if c.role == roleLeading {
		c.leading.open = append(c.leading.open, sent{c.log.last.Counter, len(raw)})
		c.leading.openBytes += len(raw)
	}
	c.log.tail.add(chunk{first: entries[0].Zxid.Counter, last: entries[len(entries)-1].Zxid.Counter,
		raw: raw, frame: frame, header: entriesHeader{c.epoch, c.commit}}, c.cfg.TailBytes, c.log.durable.Counter)
}

// flushFollowing acknowledges what has become durable. Until that covers the
// entry that opened the leader's epoch the leader counts it for nothing, and only
// sends more (ZOOKEEPER-3911, 4646, 4685).
func (c *Core) flushFollowing() {
	f := &c.following
	if d := c.log.durable; f.stream && d.Counter > f.acked {
		f.acked = d.Counter
		if l := c.leaderLink(); l != nil {
			c.send(l, Bulk, (&ack{c.epoch, d.Counter}).encode())
		}
	}
	c.flushProposals()
}

// serving says whether this replica has all that its leader had committed when
// it first told of a commit of its own.
func (c *Core) serving() bool {
	switch c.role {
	case roleFollowing:
		at := c.following.serveAt
		return !at.IsZero() && !c.applyEnd().Less(at)
	case roleLeading:
		return c.leading.phase == Broadcasting && !c.applyEnd().Less(c.leading.opening)
	}
	return false
}

// Status returns a copy of what the core knows.
func (c *Core) Status() Status {
	s := Status{ID: c.cfg.ID, Incarnation: c.hs.Incarnation, Epoch: c.epoch, AcceptedEpoch: c.hs.AcceptedEpoch,
		Last: c.log.last, Durable: c.log.durable, Commit: c.commit, Base: c.log.base.Zxid(),
		Config: c.log.config.Clone(), Serving: c.serving(), Settled: c.changeSettled()}
	switch c.role {
	case roleLooking:
		s.Epoch = c.log.last.Epoch
	case roleFollowing:
		s.Phase, s.ServeAt = c.followingPhase(), c.following.serveAt
		if l := c.leaderLink(); l != nil {
			s.Leader = l.peer.ID
		}
	case roleLeading:
		s.Phase, s.Leader, s.ServeAt = c.leading.phase, c.cfg.ID, c.leading.opening
	}
	for _, l := range c.links {
		s.Peers = append(s.Peers, PeerStatus{Peer: l.peer, Acked: l.progress.acked,
			Synchronised: c.role == roleLeading && c.synchronised(l), Receiving: l.progress.mode == snapshotting})
	}
	return s
}

func (c *Core) followingPhase() Phase {
	switch {
	case c.serving():
		return Broadcasting
	case c.following.stream || c.following.snap.on:
		return Synchronising
	}
	return Discovering
}
