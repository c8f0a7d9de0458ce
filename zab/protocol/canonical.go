package protocol

import "github.com/zabtree/zabtree/internal/codec"

// AppendCanonical appends an encoding of c that is the same for many states that
// an explorer need not tell apart, to be called after Take. Two Cores with the same
// configuration and equal encodings behave alike, up to the numbers of their
// writes, if their driver
//
//   - answers every reading of the log or of a snapshot before the next event,
//     an entry at a time, and gives every batch one entry at most: what is in
//     memory of the log's end then makes no difference to any frame;
//   - stays below the limits in bytes, so that what is in flight or not committed
//     only has to be counted to be forgotten again;
//   - calls HearAll after the ticks of an event.
//
// Besides these, what a phase left behind and the next one overwrites before it
// reads it is left out.
func (c *Core) AppendCanonical(dst []byte) []byte {
	dst = AppendHardState(dst, &c.hs)
	dst = c.log.appendCanonical(dst)
	dst = appendZxid(dst, c.commit)
	dst = appendUints(dst, uint64(c.role), uint64(c.epoch), c.attempts, c.chunks)
	dst = appendSnapshotMeta(dst, c.partial)
	dst = codec.AppendBool(codec.AppendBool(dst, c.halted), c.lowSpace)
	dst = c.appendCanonicalRole(dst)
	dst = c.reads.appendState(dst)
	dst = codec.AppendArray(dst, len(c.queued))
	for _, o := range c.queued {
		dst = codec.AppendBytes(codec.AppendBool(appendUints(dst, o.from, o.Request), o.Essential), o.Data)
	}
	dst = codec.AppendArray(dst, len(c.links))
	for _, l := range c.links {
		dst = c.appendCanonicalLink(dst, l)
	}
	return dst
}

// appendCanonicalRole appends what belongs to the present role. Of an election,
// only the round and the highest epoch heard of outlive it, the latter as far as
// it is over the accepted one.
func (c *Core) appendCanonicalRole(dst []byte) []byte {
	e := &c.election
	dst = appendUints(dst, e.round, uint64(max(e.seen, c.hs.AcceptedEpoch)))
	switch c.role {
	case roleLooking:
		dst = codec.AppendBool(codec.AppendBool(dst, e.announced), e.rest)
		return appendUints(dst, e.first, uint64(e.ticks), e.prefer)
	case roleFollowing:
		return c.following.appendState(dst)
	}
	l := c.leading
	l.open, l.openBytes = nil, 0
	return l.appendState(dst)
}

// appendCanonical leaves out the numbers of writes and the tail.
func (j *journal) appendCanonical(dst []byte) []byte {
	dst = AppendBase(AppendBase(dst, &j.base), &j.latest)
	dst = codec.AppendArray(dst, len(j.ends))
	for _, e := range j.ends {
		dst = appendUints(dst, uint64(e.Epoch), e.Last)
	}
	dst = appendZxid(appendZxid(dst, j.last), j.durable)
	dst = codec.AppendInt(dst, j.clock)
	dst = appendConfiguration(dst, &j.config)
	dst = codec.AppendArray(dst, len(j.past))
	for i := range j.past {
		dst = appendConfiguration(dst, &j.past[i])
	}
	dst = appendUints(dst, uint64(j.accepted), j.confirmed, j.confirmedAt)
	dst = codec.AppendArray(dst, len(j.pending))
	for _, p := range j.pending {
		dst = codec.AppendBool(appendUints(appendZxid(dst, p.end), j.seq-p.seq, uint64(p.accepted)), p.install)
	}
	return dst
}

// appendCanonicalLink appends what is known of a peer and may yet be used.
func (c *Core) appendCanonicalLink(dst []byte, l *link) []byte {
	dst = appendUints(dst, uint64(l.id), l.peer.ID, l.peer.Incarnation, uint64(l.heard))
	m := look{looking: l.look.looking}
	if m.looking { // a look that has been taken back says nothing
		m = l.look
	}
	if c.role == roleLooking {
		dst = codec.AppendBool(codec.AppendBool(appendUints(dst, l.answered), l.tired), l.supportMe)
	}
	dst = append(dst, m.encode()...)
	return c.appendCanonicalProgress(dst, &l.progress)
}

// appendCanonicalProgress appends how far a leader is with a follower. The
// history that a follower told is of use until its stream begins, its promise
// until the epoch is open, and what it had of a snapshot until it is sent one.
func (c *Core) appendCanonicalProgress(dst []byte, p *progress) []byte {
	dst = appendUints(dst, uint64(p.mode))
	if p.mode == idle {
		return dst
	}
	if p.mode == joined {
		return codec.AppendBool(append(dst, p.join.encode()...), p.promised)
	}
	dst = appendSnapshotMeta(appendUints(dst, p.join.attempt, p.join.chunks), p.join.partial)
	round := p.round
	if round <= c.reads.confirmed {
		round = 0
	}
	dst = appendZxid(appendUints(dst, round, p.next, p.acked), p.sentCommit)
	if p.mode != snapshotting {
		return dst
	}
	dst = appendUints(dst, p.snap.chunks, p.snap.next, p.snap.acked, uint64(p.snap.stalled))
	return AppendBase(dst, &p.snap.base)
}

// HearAll takes note that every linked peer was heard of just now, as a frame that
// means nothing would: an explorer's ticks measure no silence by accident.
func (c *Core) HearAll() {
	for _, l := range c.links {
		l.heard = 0
	}
}
