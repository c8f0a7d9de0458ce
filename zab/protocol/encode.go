package protocol

import (
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// Clone returns a Core in the same state that shares nothing with c but bytes
// that neither changes. What Take has not returned yet is not part of it.
func (c *Core) Clone() *Core {
	d := *c
	d.hs = c.hs.clone()
	d.log = c.log.clone()
	d.links = make([]*link, len(c.links))
	for i, l := range c.links {
		k := *l
		k.progress = l.progress.clone()
		d.links[i] = &k
	}
	d.leading.founders = slices.Clone(c.leading.founders)
	d.leading.open = slices.Clone(c.leading.open)
	d.following.snap.base.Config = c.following.snap.base.Config.Clone()
	d.reads.waiting = slices.Clone(c.reads.waiting)
	d.reads.passedOn = slices.Clone(c.reads.passedOn)
	d.queued = slices.Clone(c.queued)
	d.out = Output{}
	return &d
}

// AppendState appends an encoding of everything that decides what c will do,
// to be called after Take. Two Cores with the same configuration and equal
// encodings behave alike. The times last told are not part of it, but for what
// they have left in the state.
func (c *Core) AppendState(dst []byte) []byte {
	dst = AppendHardState(dst, &c.hs)
	dst = c.log.appendState(dst)
	dst = appendZxid(dst, c.commit)
	dst = appendUints(dst, uint64(c.role), uint64(c.epoch), c.attempts, c.tokens, c.chunks)
	dst = appendSnapshotMeta(dst, c.partial)
	dst = codec.AppendBool(codec.AppendBool(codec.AppendBool(dst, c.halted), c.served), c.lowSpace)
	dst = c.election.appendState(dst)
	dst = c.following.appendState(dst)
	dst = c.leading.appendState(dst)
	dst = c.reads.appendState(dst)
	dst = codec.AppendArray(dst, len(c.queued))
	for _, o := range c.queued {
		dst = codec.AppendBytes(codec.AppendBool(appendUints(dst, o.from, o.Request), o.Essential), o.Data)
	}
	dst = codec.AppendArray(dst, len(c.links))
	for _, l := range c.links {
		dst = l.appendState(dst)
	}
	return dst
}

func appendUints(dst []byte, vs ...uint64) []byte {
	for _, v := range vs {
		dst = codec.AppendUint(dst, v)
	}
	return dst
}

func (j *journal) appendState(dst []byte) []byte {
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
	dst = appendUints(dst, uint64(j.accepted), j.seq, j.confirmed, j.confirmedAt)
	dst = codec.AppendArray(dst, len(j.tail.chunks))
	for _, t := range j.tail.chunks {
		dst = codec.AppendBytes(appendZxid(appendUints(dst, t.first, t.last, uint64(t.header.epoch)), t.header.commit), t.raw)
	}
	dst = codec.AppendArray(dst, len(j.pending))
	for _, p := range j.pending {
		dst = appendUints(appendZxid(dst, p.end), p.seq, uint64(p.accepted))
		dst = codec.AppendBool(dst, p.install)
	}
	return dst
}

func (e *election) appendState(dst []byte) []byte {
	dst = codec.AppendBool(codec.AppendBool(dst, e.announced), e.rest)
	return appendUints(dst, e.round, e.first, uint64(e.ticks), e.prefer, uint64(e.seen))
}

func (f *following) appendState(dst []byte) []byte {
	dst = appendUints(dst, uint64(f.link), f.attempt, f.acked, f.snap.next)
	for _, b := range []bool{f.promised, f.joinDue, f.stream, f.snap.on, f.snap.done} {
		dst = codec.AppendBool(dst, b)
	}
	return AppendBase(appendZxid(dst, f.serveAt), &f.snap.base)
}

func (l *leading) appendState(dst []byte) []byte {
	dst = appendFounders(appendUints(dst, uint64(l.phase)), l.founders)
	dst = codec.AppendBool(codec.AppendBool(dst, l.invited), l.handover.on)
	dst = appendUints(appendZxid(dst, l.opening), l.handover.to, uint64(l.handover.ticks), uint64(l.ticks))
	dst = appendSent(appendUints(appendZxid(dst, l.durable), uint64(l.openBytes), uint64(l.stuck), l.committed), l.open)
	return codec.AppendInt(codec.AppendInt(codec.AppendInt(dst, int64(l.beatIn)), l.clock), l.since)
}

func (r *reads) appendState(dst []byte) []byte {
	dst = codec.AppendArray(appendUints(dst, r.round, r.confirmed), len(r.waiting))
	for _, q := range r.waiting {
		dst = appendZxid(appendUints(dst, uint64(q.link), q.id, q.round), q.zxid)
	}
	return appendUints(codec.AppendArray(dst, len(r.passedOn)), r.passedOn...)
}

func appendSent(dst []byte, frames []sent) []byte {
	dst = codec.AppendArray(dst, len(frames))
	for _, s := range frames {
		dst = appendUints(dst, s.last, uint64(s.bytes))
	}
	return dst
}

func (l *link) appendState(dst []byte) []byte {
	dst = appendUints(dst, uint64(l.id), l.peer.ID, l.peer.Incarnation, uint64(l.heard), l.answered)
	dst = append(dst, l.look.encode()...)
	dst = codec.AppendBool(codec.AppendBool(dst, l.tired), l.supportMe)
	p := &l.progress
	dst = append(dst, p.join.encode()...)
	dst = codec.AppendBool(codec.AppendBool(appendZxid(dst, p.sentCommit), p.promised), p.catchingUp)
	dst = appendUints(dst, uint64(p.mode), p.round, p.next, p.acked, p.reading, p.snap.token, uint64(p.bytes))
	dst = appendSent(dst, p.inflight)
	dst = appendUints(dst, p.snap.chunks, p.snap.next, p.snap.acked, uint64(p.snap.stalled))
	return AppendBase(dst, &p.snap.base)
}
