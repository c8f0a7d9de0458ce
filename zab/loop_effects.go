package zab

import (
	"errors"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// settle passes on what is to be done, until there is nothing more.
func (l *loop) settle() {
	for again := true; again; again = l.machine.More() {
		l.machine.Take(&l.out)
		if halt := l.out.Halt; halt != nil {
			op := "invariant"
			if errors.Is(halt, ErrNotMember) {
				op = "removed"
			}
			l.r.fail(op, halt)
			return
		}
		l.perform(&l.out)
	}
	if low := l.r.lowSpace.Load(); low != l.lowTold {
		l.lowTold = low
		l.machine.SetLowSpace(low)
		l.publish()
	}
}

// perform passes on one output. The status is there before anything is applied: who
// hears that his change of membership is, finds it there.
func (l *loop) perform(out *output) {
	for i := range out.Links {
		l.link(&out.Links[i])
	}
	if out.Publish {
		l.publish()
	}
	l.heard = l.heard || out.Heard
	l.proposed(out)
	l.r.writes.put(out.Writes...)
	for i := range out.Sends {
		l.send(&out.Sends[i])
	}
	l.diskJobs(out)
	for i := range out.Reads {
		l.answerRead(&out.Reads[i])
	}
	if out.Members != nil {
		l.shareMembers(out.Members)
	}
	if out.SnapshotNamed {
		l.snapshotNamed()
	}
}

// proposed feeds the applier, and answers proposals that have no effect.
func (l *loop) proposed(out *output) {
	answers := l.resolved[:0]
	for _, p := range out.Rejected {
		answers = append(answers, resolution{Waiter: p.Waiter, Outcome: driver.NotApplied, Err: p.Err})
	}
	answers = l.r.state.feed(out, answers)
	l.taking, l.changing = nil, nil
	l.r.finish(len(answers))
	for _, a := range answers {
		l.r.notices.put(notice{answer: a})
	}
	clear(answers)
	l.resolved = answers
}

func (l *loop) send(s *protocol.Send) {
	link := l.r.live.byID(s.Link)
	if link == nil {
		return
	}
	if !link.lanes[s.Lane].put(s.Frame) {
		l.machine.Broken(link.id, errSlowLink)
	}
}

func (l *loop) diskJobs(out *output) {
	for i := range out.ReadEntries {
		l.r.disk.put(diskJob{entries: &out.ReadEntries[i]})
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

// link does what is to be done about connections.
func (l *loop) link(e *driver.LinkEffect) {
	switch e.Do {
	case driver.LinkUp:
		l.linkUp(e)
	case driver.LinkDown:
		l.linkDown(e)
	case driver.LinkRefuse:
		a := l.conns[e.Conn]
		delete(l.conns, e.Conn)
		a.conn.Close()
		l.r.log.Info("connection closed", "peer", a.half.Peer.ID, "remote", a.conn.Remote(), "err", e.Err)
		if a.dialed {
			l.r.dialing.put(dialEvent{kind: dialDown, id: a.half.Peer.ID})
		}
	case driver.LinkPing:
		if link := l.r.live.byID(e.Link); link != nil {
			for lane, ping := range e.Ping {
				if ping {
					link.lanes[lane].put(pingFrame)
				}
			}
		}
	}
}

var pingFrame = []byte{framePing}

func (l *loop) linkUp(e *driver.LinkEffect) {
	var conns [protocol.Lanes]transport.Conn
	for lane, id := range e.Conns {
		conns[lane] = l.conns[id].conn
		delete(l.conns, id)
	}
	link := newLiveLink(e.Link, e.Peer, conns)
	l.r.live.add(link)
	for _, lane := range link.lanes {
		l.r.run("invariant", func() { lane.send(l.r) })
		l.r.run("invariant", func() { lane.receive(l.r) })
	}
	l.r.dialing.put(dialEvent{kind: dialUp, id: e.Peer.ID})
	l.r.log.Info("link up", "peer", e.Peer.ID, "remote", conns[0].Remote())
}

func (l *loop) linkDown(e *driver.LinkEffect) {
	if link := l.r.live.remove(e.Link); link != nil {
		link.close()
	}
	l.r.dialing.put(dialEvent{kind: dialDown, id: e.Peer.ID})
	l.r.log.Info("link down", "peer", e.Peer.ID, "err", e.Err)
}

// shareMembers tells those who dial and accept who the members are.
func (l *loop) shareMembers(m *driver.Members) {
	l.r.members.Store(m)
	l.r.dialing.put(dialEvent{kind: dialMembers})
}

// snapshotDone has the log name a snapshot that was written, and the one before it.
func (l *loop) snapshotDone(d *snapshotDone) {
	s := &l.r.state
	if d.err != nil {
		l.r.log.Warn("snapshot failed", "err", d.err)
		s.mu.Lock()
		s.applier.SnapshotFailed()
		waiting := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		for _, done := range waiting {
			done(SnapshotMeta{}, d.err)
		}
		return
	}
	s.mu.Lock()
	ok := s.applier.SnapshotWritten(d.meta)
	s.mu.Unlock()
	if !ok {
		ring(s.bell)
		return
	}
	l.machine.Compact(d.meta, d.clock)
}

// snapshotNamed goes on once the log names a snapshot, or will not.
func (l *loop) snapshotNamed() {
	s := &l.r.state
	s.mu.Lock()
	s.applier.SnapshotNamed()
	s.mu.Unlock()
	ring(s.bell)
}
