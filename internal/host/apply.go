package host

import (
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Applied is what became of a stretch of the log that was just applied.
type Applied struct {
	Outcomes []tree.Outcome // of every entry after those applied before
	Changes  []tree.Change
	View     *tree.View // the state after it
	Epoch    uint32     // of the last entry
}

// BeforeApply says that commands are about to be applied next, and returns for
// how many of them, at least one, that may be done in one go. It stops before a
// write that stands behind a read which wants to see the state without it, so
// that a session's operations take effect in the order submitted. Commands that
// this replica did not propose are of no interest and may be nil.
func (h *Host) BeforeApply(commands [][]byte) int {
	for i, c := range commands {
		if h.blocking == 0 {
			break
		}
		if c == nil {
			continue
		}
		s, it := h.writeIn(c)
		if it == nil || it.ready || it.behindRead == nil || it.behindRead.gone {
			continue
		}
		if i > 0 {
			return i
		}
		h.readBefore(s, it)
	}
	return len(commands)
}

// writeIn finds the hosted write that a command is.
func (h *Host) writeIn(command []byte) (*session, *item) {
	_, command = cutGuard(command)
	c, err := tree.DecodeCommand(command)
	if err != nil {
		return nil, nil
	}
	var id, attachment int64
	var sequence uint64
	switch c := c.(type) {
	case tree.Write:
		id, attachment, sequence = c.Session, c.Attachment, c.Sequence
	case tree.CloseSession:
		id, attachment, sequence = c.Session, c.Attachment, c.Sequence
	default:
		return nil, nil
	}
	s := h.sessions[id]
	if s == nil || s.attachment != attachment || len(s.writes) == 0 || sequence < s.writes[0].sequence {
		return nil, nil
	}
	i := sequence - s.writes[0].sequence
	if i >= uint64(len(s.writes)) {
		return nil, nil
	}
	return s, s.writes[i]
}

// readBefore makes the reads that stand before a write which will be applied
// next, if only reads stand before it. That is right for linearizable ones too,
// without a read point: the write was submitted after them, so whatever had been
// committed when they were submitted lies before it in the log.
func (h *Host) readBefore(s *session, write *item) {
	for _, it := range s.items {
		if it == write {
			break
		}
		if it.kind != itemRead {
			return
		}
	}
	for len(s.items) > 0 && s.items[0] != write && !s.link.closing {
		if it := s.items[0]; !it.gone {
			h.say(s.link, h.evaluate(s, it.read))
		}
		h.shift(s)
	}
}

// Applied takes what was applied. For each entry in turn it sends the events of
// its changes, then answers the write that it is; reads follow at the end.
func (h *Host) Applied(a Applied) {
	after := h.view.Zxid()
	h.view = a.View
	changes := a.Changes
	h.stretch = stretch{changes: changes}
	var touched []*session
	for i := range a.Outcomes {
		o := &a.Outcomes[i]
		h.at = after + 1 + int64(i)
		n := 0
		for n < len(changes) && changes[n].Zxid == h.at {
			n++
		}
		if n > 0 && h.table.Len() > 0 {
			h.fire(len(a.Changes)-len(changes), n)
		}
		changes = changes[n:]
		if s := h.applied(o); s != nil && (len(touched) == 0 || touched[len(touched)-1] != s) {
			touched = append(touched, s)
		}
	}
	h.stretch = stretch{}
	h.at = h.view.Zxid()
	// It cannot be out of order: a view is newer than the one before.
	if err := h.history.Append(after, h.view.Zxid(), a.Changes); err != nil {
		_ = h.history.Gap(max(h.view.Zxid(), h.history.Last()))
	}
	h.lead.applied(h, a.Epoch)
	h.welcome()
	for _, s := range touched {
		if h.sessions[s.id] == s {
			h.process(s)
		}
	}
	h.readOn()
	h.joinBehind()
}

// joinBehind proposes for links that waited for what was applied just now.
func (h *Host) joinBehind() {
	for _, l := range h.joining {
		if !l.join.proposed {
			h.join(l)
		}
	}
}

// applied takes the outcome of one entry, and returns the hosted session whose
// write it was.
func (h *Host) applied(o *tree.Outcome) *session {
	for _, id := range o.Ended {
		h.ended(id, o)
	}
	if o.Server != 0 { // CreateSession or Attach
		h.placed(o)
		return nil
	}
	s := h.sessions[o.Session]
	if s == nil || o.Attachment != s.attachment {
		return nil
	}
	if o.Sequence == 0 {
		h.authApplied(s, o)
		return nil
	}
	h.outcome(s, o)
	return s
}

func (h *Host) ended(id int64, o *tree.Outcome) {
	h.lead.ended(id)
	s := h.sessions[id]
	if s == nil {
		return
	}
	reason := protocol.EndExpired
	if n := len(s.writes); o.Session == id && n > 0 && s.writes[n-1].kind == itemClose && s.writes[n-1].sequence == o.Sequence {
		reason = protocol.EndClosed
	}
	h.endSession(s, reason)
}

// placed takes the entry that made a session or attached it to a server.
func (h *Host) placed(o *tree.Outcome) {
	if o.Code == tree.CodeOK {
		h.lead.placed(h, o.Session)
		if s := h.sessions[o.Session]; s != nil && s.attachment != o.Attachment {
			h.hangUp(s.link, &protocol.Ended{Reason: protocol.EndMoved})
		}
	}
	switch {
	case o.Server != h.config.Replica:
	case o.Session == o.Zxid:
		h.opened(o)
	default:
		h.attached(o)
	}
}

// Restored says that the state was replaced by a newer one from a snapshot: what
// happened in between is not known here. Watches are told so unless their znodes
// prove that nothing happened to them, sessions learn their fate, and those with
// anything under way have to attach again.
func (h *Host) Restored(view *tree.View) {
	since := h.view.Zxid()
	h.view, h.at = view, view.Zxid()
	_ = h.history.Gap(max(view.Zxid(), h.history.Last()))
	h.fired = h.table.Gap(h.fired[:0], since, view.Zxid(), h.stat)
	h.deliver(h.fired)
	h.lead.restored()
	for _, s := range h.hosted() {
		info, alive := view.Session(s.id)
		switch {
		case !alive:
			reason := protocol.EndExpired
			if n := len(s.writes); n > 0 && s.writes[n-1].kind == itemClose {
				reason = protocol.EndClosed
			}
			h.endSession(s, reason)
		case info.Attachment != s.attachment:
			h.hangUp(s.link, &protocol.Ended{Reason: protocol.EndMoved})
		case len(s.items) > 0:
			// A write may have been applied in there, with a read before it that was
			// not made. The client attaches again and is told how far its writes are.
			h.hangUp(s.link, nil)
		}
	}
	for _, l := range h.joining {
		l.join.proposed = false
		l.join.try++
	}
	h.retry()
}
