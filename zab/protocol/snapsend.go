package protocol

// startSnapshot begins to send the newest snapshot. A follower that has received
// a part of the very same one, perhaps from another leader, goes on from there.
func (c *Core) startSnapshot(l *link) {
	c.cutAll()
	p := &l.progress
	base := c.log.latest
	size := uint64(c.cfg.ChunkBytes)
	c.tokens++
	s := snapshotSend{base: base, token: c.tokens, chunks: max(1, (uint64(base.Snapshot.Size)+size-1)/size)}
	if p.join.partial == base.Snapshot {
		s.acked = min(p.join.chunks, s.chunks-1)
		s.next = s.acked
	}
	p.mode, p.snap, p.reading, p.acked = snapshotting, s, 0, 0
	p.inflight, p.bytes = nil, 0
	c.send(l, Bulk, (&snap{epoch: c.epoch, attempt: p.join.attempt, base: base, first: s.next, upTo: c.log.last.Counter}).encode())
	c.pumpChunks(l)
	c.out.StatusChanged = true
}

// chunksAhead is how many chunks are asked for at most before one is acknowledged.
// Whatever was asked for is read, also when the link is gone: were it the whole of a
// snapshot, a slow disk would still be busy with the last attempt when the next one is
// given up, and the one after that.
const chunksAhead = 8

// pumpChunks asks for the chunks that fit in the window.
func (c *Core) pumpChunks(l *link) {
	s := &l.progress.snap
	window := uint64(min(max(1, c.cfg.MaxInflightBytes/c.cfg.ChunkBytes), chunksAhead))
	for ; s.next < s.chunks && s.next < s.acked+window; s.next++ {
		c.out.ReadChunks = append(c.out.ReadChunks, ReadChunk{Link: l.id, Token: s.token, Meta: s.base.Snapshot, N: s.next})
	}
}

// tickSnapshots gives up followers that make no progress with a snapshot. How
// long all of it takes is not bounded (ZOOKEEPER-1697).
func (c *Core) tickSnapshots() {
	for _, l := range c.links {
		if s := &l.progress.snap; l.progress.mode == snapshotting {
			if s.stalled++; s.stalled > 10*c.cfg.ElectionTicks {
				c.closeLink(l, badFrame("no progress with chunk %d of snapshot %v", s.acked, s.base.Zxid()))
			}
		}
	}
}

// ChunkRead answers a ReadChunk.
func (c *Core) ChunkRead(q ReadChunk, data []byte, err error) {
	l := c.link(q.Link)
	if c.halted || c.role != roleLeading || l == nil || l.progress.mode != snapshotting || l.progress.snap.token != q.Token {
		return
	}
	if err != nil {
		c.closeLink(l, err)
		return
	}
	m := chunkMsg{epoch: c.epoch, n: q.N, last: q.N == l.progress.snap.chunks-1, data: data}
	c.send(l, Bulk, m.encode())
}

func (c *Core) onChunkAck(l *link, m chunkAck) error {
	p := &l.progress
	if c.role != roleLeading || m.epoch != c.epoch || p.mode != snapshotting {
		return nil
	}
	s := &p.snap
	if m.n < s.acked || m.n >= s.next {
		return badFrame("ack of chunk %d, %d is next", m.n, s.next)
	}
	s.acked, s.stalled = m.n+1, 0
	if s.acked < s.chunks {
		c.pumpChunks(l)
		return nil
	}
	z := s.base.Zxid()
	p.mode, p.next, p.snap, p.catchingUp = streaming, z.Counter+1, snapshotSend{}, true
	p.join = join{attempt: p.join.attempt} // what it had received is of no use any more
	c.out.StatusChanged = true
	return nil
}

// snapReceipt is a snapshot that a follower is receiving.
type snapReceipt struct {
	base Base
	on   bool
	next uint64 // chunk expected next
	done bool   // whole; the write that makes it the base is under way
}

// onSnap begins to receive a snapshot. Nothing that is served changes before it
// is whole, verified and durable (ZOOKEEPER-3642).
func (c *Core) onSnap(l *link, m snap) error {
	f := &c.following
	if !c.follows(l, m.epoch) || m.attempt != f.attempt {
		return nil
	}
	if f.snap.on {
		return badFrame("snapshot begun twice")
	}
	have := minZxid(c.commit, c.log.last)
	if z := m.base.Zxid(); !have.Less(z) || z.Epoch > c.epoch || m.base.Config.Current == nil {
		return badFrame("snapshot %v does not go beyond %v", z, have)
	}
	switch {
	case m.first == 0:
		c.partial, c.chunks = m.base.Snapshot, 0
	case m.base.Snapshot != c.partial || m.first > c.chunks:
		return badFrame("snapshot continued at chunk %d", m.first)
	}
	// In the middle of a stream there may be proposals on their way to the leader;
	// what becomes of those, the snapshot hides.
	if !f.stream {
		c.out.Barrier = m.upTo
	}
	f.stream = false
	f.snap = snapReceipt{base: m.base, on: true, next: m.first}
	c.out.StatusChanged = true
	return nil
}

func (c *Core) onChunk(l *link, m chunkMsg) error {
	f := &c.following
	if !c.follows(l, m.epoch) || !f.snap.on {
		return nil
	}
	if f.snap.done || m.n != f.snap.next {
		return badFrame("chunk %d, %d is next", m.n, f.snap.next)
	}
	f.snap.next++
	c.out.StoreChunks = append(c.out.StoreChunks, StoreChunk{Meta: f.snap.base.Snapshot, Token: f.attempt, N: m.n, Data: m.data, Last: m.last})
	return nil
}

// ChunkStored answers a StoreChunk. With the last chunk the snapshot is whole in
// storage, and is made the base of the log by a record in the log.
func (c *Core) ChunkStored(q StoreChunk, err error) {
	if c.halted || q.Meta != c.partial {
		return
	}
	f := &c.following
	current := c.role == roleFollowing && f.snap.on && f.attempt == q.Token
	if err != nil {
		c.partial, c.chunks = SnapshotMeta{}, 0
		if current {
			c.closeLink(c.leaderLink(), err)
		}
		return
	}
	c.chunks = max(c.chunks, q.N+1)
	if !current {
		return
	}
	if !q.Last {
		c.send(c.leaderLink(), Bulk, (&chunkAck{c.epoch, q.N}).encode())
		return
	}
	f.snap.done = true
	c.partial, c.chunks = SnapshotMeta{}, 0
	base := f.snap.base
	c.log.rebase(base, minZxid(c.log.durable, c.commit))
	c.write(Batch{Base: &base, Latest: &base})
	c.log.pending[len(c.log.pending)-1].install = true
	c.out.ConfigChanged = true
}

// installed goes on once a received snapshot is the base of the log, durably.
func (c *Core) installed() {
	base := c.log.base
	c.advance(base.Zxid())
	c.out.Install = &base
	if f := &c.following; f.snap.done { // else the leader who sent it is not followed any more
		n := f.snap.next - 1
		f.snap = snapReceipt{}
		f.stream, f.acked = true, 0
		c.send(c.leaderLink(), Bulk, (&chunkAck{c.epoch, n}).encode())
	}
}
