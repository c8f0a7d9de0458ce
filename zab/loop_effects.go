package zab

import (
	"errors"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// settle passes on what the core wants done, until it wants nothing more.
func (l *loop) settle() {
	for again := true; again; {
		out := l.core.Take()
		if out.Halt != nil {
			op := "invariant"
			if errors.Is(out.Halt, ErrNotMember) {
				op = "removed"
			}
			l.r.fail(op, out.Halt)
			return
		}
		again = l.effects(&out)
	}
	if l.naming == 0 && !l.named.IsZero() {
		l.snapshotNamed() // the core has a newer one
	}
	if low := l.r.lowSpace.Load(); low != l.lowTold {
		l.publish()
	}
}

// effects passes on one output, and says whether the core was told something
// while doing so.
func (l *loop) effects(out *protocol.Output) (again bool) {
	l.r.state.feed(out)
	l.write(out.Writes)
	l.heard = l.heard || out.Heard
	if out.Apply != l.applyEnd {
		l.applyEnd, l.moved = out.Apply, true
	}
	for i := range out.Sends {
		l.send(&out.Sends[i])
	}
	l.diskJobs(out)
	for i := range out.Reads {
		l.answerRead(&out.Reads[i])
	}
	l.refused(out.Refused)
	for i := range out.Close {
		l.links.breakLink(out.Close[i].Link, out.Close[i].Reason)
	}
	again = l.linkEffects()
	if out.ConfigChanged {
		l.shareMembers()
	}
	if out.StatusChanged || out.ConfigChanged {
		l.publish()
	}
	return again
}

func (l *loop) write(ws []protocol.Write) {
	if len(ws) == 0 {
		return
	}
	l.moved = true
	for i := range ws {
		l.barrier.issued(&ws[i])
		if b := ws[i].Batch.Latest; b != nil && b.Snapshot == l.named {
			l.naming = ws[i].Seq
		}
	}
	l.r.writes.put(ws...)
}

func (l *loop) send(s *protocol.Send) {
	link := l.r.live.byID(s.Link)
	if link == nil {
		return
	}
	if !link.lanes[s.Lane].put(s.Frame) {
		l.links.breakLink(link.id, errSlowLink)
	}
}

func (l *loop) diskJobs(out *protocol.Output) {
	for i := range out.ReadEntries {
		l.r.disk.put(diskJob{entries: &out.ReadEntries[i], barrier: l.barrier})
	}
	for i := range out.ReadChunks {
		l.r.disk.put(diskJob{chunk: &out.ReadChunks[i]})
	}
	for i := range out.StoreChunks {
		l.r.disk.put(diskJob{store: &out.StoreChunks[i]})
	}
}

func (l *loop) answerRead(a *protocol.ReadAnswer) {
	for _, done := range l.reads[a.ID] {
		l.r.notices.put(notice{read: done, zxid: a.Zxid, err: a.Err})
	}
	delete(l.reads, a.ID)
}

func (l *loop) refused(list []protocol.Refusal) {
	if len(list) == 0 {
		return
	}
	var answers []resolution
	s := &l.r.state
	s.mu.Lock()
	for i := range list {
		answers = s.pending.refused(list[i].Request, list[i].Err, answers)
	}
	s.mu.Unlock()
	l.r.finish(len(answers))
	for _, a := range answers {
		l.r.notices.put(notice{answer: a})
	}
}

// linkEffects carries out what the table of links decided, and says whether the
// core was told of it.
func (l *loop) linkEffects() (told bool) {
	for _, e := range l.links.take() {
		switch e.do {
		case linkUp:
			l.linkUp(&e)
			told = true
		case linkDown:
			l.linkDown(&e)
			told = true
		case linkRefuse:
			a := l.conns[e.conn]
			delete(l.conns, e.conn)
			a.conn.Close()
			l.r.log.Info("connection closed", "peer", a.half.peer.ID, "remote", a.conn.Remote(), "err", e.err)
			if a.dialed {
				l.r.dialing.put(dialEvent{kind: dialDown, id: a.half.peer.ID})
			}
		case linkPing:
			if link := l.r.live.byID(e.link); link != nil {
				for lane, ping := range e.ping {
					if ping {
						link.lanes[lane].put(pingFrame)
					}
				}
			}
		}
	}
	return told
}

var pingFrame = []byte{framePing}

func (l *loop) linkUp(e *linkEffect) {
	var conns [protocol.Lanes]transport.Conn
	for lane, id := range e.conns {
		conns[lane] = l.conns[id].conn
		delete(l.conns, id)
	}
	link := newLiveLink(e.link, e.peer, conns)
	l.r.live.add(link)
	l.core.LinkUp(e.link, e.peer)
	for _, lane := range link.lanes {
		l.r.run("invariant", func() { lane.send(l.r) })
		l.r.run("invariant", func() { lane.receive(l.r) })
	}
	l.r.dialing.put(dialEvent{kind: dialUp, id: e.peer.ID})
	l.r.log.Info("link up", "peer", e.peer.ID, "remote", conns[0].Remote())
}

func (l *loop) linkDown(e *linkEffect) {
	if link := l.r.live.remove(e.link); link != nil {
		link.close()
	}
	l.core.LinkDown(e.link)
	l.r.dialing.put(dialEvent{kind: dialDown, id: e.peer.ID})
	l.r.log.Info("link down", "peer", e.peer.ID, "err", e.err)
}

// shareMembers tells those who dial and accept who the members are.
func (l *loop) shareMembers() {
	config := l.core.Status().Config
	lists := []Membership{config.Current, config.Pending}
	if !config.Founded() {
		lists = []Membership{l.r.cfg.Members}
	}
	m := &memberSet{version: config.Version, all: l.core.Known(l.r.cfg.ID) == nil}
	for _, list := range lists {
		for i := range list {
			// Of a member in both lists the address in the later one counts.
			if x := l.core.Known(list[i].ID); x != nil && x.ID != l.r.cfg.ID {
				m.add(transport.Endpoint{ID: x.ID, Addr: x.Addr})
			}
		}
	}
	l.r.members.Store(m)
	l.r.dialing.put(dialEvent{kind: dialMembers})
}

// snapshotDone names a snapshot that was written, and the one before it, in the
// log's record.
func (l *loop) snapshotDone(d *snapshotDone) {
	s := &l.r.state
	if d.err != nil {
		l.r.log.Warn("snapshot failed", "err", d.err)
		s.mu.Lock()
		s.snapshot.failed()
		waiting := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		for _, done := range waiting {
			done(SnapshotMeta{}, d.err)
		}
		return
	}
	s.mu.Lock()
	ok := s.snapshot.written(d.meta)
	s.mu.Unlock()
	if !ok {
		ring(s.bell)
		return
	}
	l.core.Compacted(l.core.BaseAt(d.meta, d.clock))
	l.named = d.meta
}

// snapshotNamed goes on once the log names a snapshot, or will not.
func (l *loop) snapshotNamed() {
	l.named, l.naming = SnapshotMeta{}, 0
	s := &l.r.state
	s.mu.Lock()
	s.snapshot.named()
	s.mu.Unlock()
	ring(s.bell)
}
