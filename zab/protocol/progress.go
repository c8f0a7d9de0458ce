package protocol

import "slices"

// mode is how far a leader is with a follower.
type mode uint8

const (
	idle      mode = iota // does not follow, as far as is known
	joined                // has told its history; the epoch is not open yet
	streaming             // gets the log: from memory, or from storage if it is behind
	snapshotting
)

// progress is what a leader knows of a follower. What is sent to it and not yet
// acknowledged is bounded in bytes; a follower that does not keep up is served
// from the log later, and never by a queue.
type progress struct {
	mode     mode
	promised bool
	join     join
	round    uint64 // of confirmation, the last that it answered

	next       uint64 // counter of the entry to be sent next
	acked      uint64 // counter up to which its log is durable, if the opening entry is; else 0
	sentCommit Zxid
	inflight   []sent
	bytes      int    // of inflight
	reading    uint64 // token of the reading of the log that is under way, or 0

	snap       snapshotSend
	catchingUp bool // was sent a snapshot, and has never been synchronised since
}

// sent is a frame of entries on its way.
type sent struct {
	last  uint64
	bytes int
}

// snapshotSend is a snapshot on its way, in a window of chunks.
type snapshotSend struct {
	base    Base
	token   uint64 // of the reading of chunks
	chunks  uint64 // how many there are
	next    uint64 // chunk to be read next
	acked   uint64 // chunks that are durable at the follower
	stalled int    // ticks without an acknowledgement
}

func (p *progress) clone() progress {
	q := *p
	q.join.ends = slices.Clone(p.join.ends)
	q.inflight = slices.Clone(p.inflight)
	q.snap.base.Config = p.snap.base.Config.Clone()
	return q
}

func (p *progress) sent(last uint64, bytes int) {
	p.next = last + 1
	p.inflight = append(p.inflight, sent{last, bytes})
	p.bytes += bytes
}

// ack makes room for more to be sent.
func (p *progress) ack(counter uint64) {
	p.inflight, p.bytes = acknowledged(p.inflight, p.bytes, counter)
}

// acknowledged drops what ends at or before a counter.
func acknowledged(frames []sent, bytes int, counter uint64) ([]sent, int) {
	n := 0
	for n < len(frames) && frames[n].last <= counter {
		bytes -= frames[n].bytes
		n++
	}
	return slices.Delete(frames, 0, n), bytes
}

// startStream begins the one ordered stream of a follower: from the last common
// entry, or from a snapshot if the log does not reach back so far.
//
// What the follower has proposed before is in the log by now, or never will be.
func (c *Core) startStream(l *link) {
	c.cutAll()
	p := &l.progress
	common := lastCommon(c.log.ends, p.join.ends)
	if common.Less(p.join.base) {
		// What its base holds is committed, and so is in every leader's log or base.
		if c.log.base.Zxid().Less(p.join.base) {
			c.closeLink(l, badFrame("join: base %v is unknown to the leader of epoch %d", p.join.base, c.epoch))
			return
		}
	}
	if common.Counter < c.log.base.Zxid().Counter {
		c.startSnapshot(l)
		return
	}
	p.mode = streaming
	p.next, p.acked = common.Counter+1, 0
	c.send(l, Bulk, (&syncFrom{epoch: c.epoch, attempt: p.join.attempt, common: common, upTo: c.log.last.Counter}).encode())
}

// pump sends a follower what there is for it, within bounds.
func (c *Core) pump(l *link) {
	p := &l.progress
	for p.mode == streaming && p.reading == 0 && p.next <= c.log.last.Counter && p.bytes < c.cfg.MaxInflightBytes {
		if ch, ok := c.log.tail.after(p.next - 1); ok {
			c.sendChunkOfLog(l, ch)
			continue
		}
		if p.next <= c.log.base.Zxid().Counter {
			c.startSnapshot(l)
			return
		}
		c.tokens++
		p.reading = c.tokens
		c.out.ReadEntries = append(c.out.ReadEntries,
			ReadEntries{Link: l.id, Token: p.reading, After: p.next - 1, MaxBytes: c.cfg.MaxBatchBytes})
	}
	if p.mode == streaming && p.sentCommit.Less(c.commit) {
		p.sentCommit = c.commit
		c.send(l, Bulk, appendEntriesHeader(make([]byte, 0, maxEntriesHeader), entriesHeader{c.epoch, c.commit}))
	}
}

// sendChunkOfLog sends entries that are in memory: in the frame that was made
// for all followers, if its header still holds.
func (c *Core) sendChunkOfLog(l *link, ch chunk) {
	p := &l.progress
	frame := ch.frame
	if frame == nil || ch.header != (entriesHeader{c.epoch, c.commit}) {
		frame = c.entriesFrame(ch.raw)
	}
	p.sentCommit = c.commit
	p.sent(ch.last, len(ch.raw))
	c.send(l, Bulk, frame)
}

func (c *Core) entriesFrame(raw []byte) []byte {
	frame := appendEntriesHeader(make([]byte, 0, maxEntriesHeader+len(raw)), entriesHeader{c.epoch, c.commit})
	return append(frame, raw...)
}

// EntriesRead answers a ReadEntries. An error closes the follower's link: the
// storage will be heard of otherwise if it is broken.
func (c *Core) EntriesRead(q ReadEntries, raw []byte, err error) {
	l := c.link(q.Link)
	if c.halted || c.role != roleLeading || l == nil || l.progress.reading != q.Token || l.progress.mode != streaming {
		return
	}
	p := &l.progress
	p.reading = 0
	if p.next <= c.log.base.Zxid().Counter {
		return // the log's beginning has moved on meanwhile, and a snapshot is next
	}
	if err != nil {
		c.closeLink(l, err)
		return
	}
	last, err := c.checkRead(q.After, raw)
	if err != nil {
		c.halt("protocol: reading the log after %d: %w", q.After, err)
		return
	}
	c.sendChunkOfLog(l, chunk{first: p.next, last: last, raw: raw})
}

// checkRead verifies that entries read from the log are those that the log
// should have, and returns the counter of the last.
func (c *Core) checkRead(after uint64, raw []byte) (uint64, error) {
	last := after
	for len(raw) > 0 {
		e, n, err := DecodeEntry(raw)
		if err != nil {
			return 0, err
		}
		last++
		if want := (Zxid{c.log.epochAt(last), last}); e.Zxid != want {
			return 0, badFrame("entry %v where %v should be", e.Zxid, want)
		}
		raw = raw[n:]
	}
	if last == after {
		return 0, badFrame("no entries")
	}
	return last, nil
}

func (c *Core) onAck(l *link, m ack) error {
	p := &l.progress
	if c.role != roleLeading || m.epoch != c.epoch || p.mode != streaming {
		return nil
	}
	if m.counter >= p.next || m.counter < p.acked {
		return badFrame("ack of %d, after %d, %d is next", m.counter, p.acked, p.next)
	}
	p.ack(m.counter)
	if m.counter >= c.leading.opening.Counter {
		c.out.PeersChanged = c.out.PeersChanged || p.acked != m.counter
		p.acked = m.counter
	}
	p.catchingUp = p.catchingUp && !c.synchronised(l)
	return nil
}

// synchronised says whether a follower has all that was committed at the last
// tick: what has come since may still be on its way.
func (c *Core) synchronised(l *link) bool {
	p := &l.progress
	return c.leading.phase == Broadcasting && p.mode == streaming && p.acked != 0 && p.acked >= c.leading.committed
}

func (c *Core) closeLink(l *link, reason error) {
	c.out.Close = append(c.out.Close, CloseLink{l.id, reason})
	l.progress = progress{}
	c.out.PeersChanged = true
}
