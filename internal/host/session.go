package host

import (
	"cmp"
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// session is a session that is attached here, by a link.
type session struct {
	id, attachment int64
	link           *link
	identities     []tree.ID // as of Host.at

	items  []*item // without an answer given, in order of arrival
	writes []*item // those of items that are writes, or the Close, in order of sequence
	lastID uint64

	before   uint64 // the last sequence that was applied when the session was attached
	next     uint64 // the sequence that the next write from the client must have
	answered uint64 // the client's AnsweredUpTo
	lastAuth *item  // the newest item that is an AddAuth, if it is not done
	doubted  *item  // an AddAuth of which a proposal failed, and may reach the log yet

	proposed int  // of writes: how many were proposed in this try
	flying   int  // proposals of writes that are under way, earlier tries' included
	failed   bool // some of them were in vain
	full     bool // some were, because the session has too many results
	broken   bool // waits for a new try
	crowded  bool
	held     bool // Hold was sent, Acknowledge has not come

	awaits bool // in reads.waiting
}

type itemKind uint8

const (
	itemWrite itemKind = iota
	itemClose
	itemRead
	itemAuth
)

// item is a request with its place in the session's order.
type item struct {
	kind     itemKind
	id       uint64
	sequence uint64 // of a write
	op       tree.Op
	read     *protocol.Read
	auth     *protocol.AddAuth

	ready  bool // a write or auth with its outcome
	gone   bool // answered or cancelled
	code   tree.Code
	record []byte

	behindRead *item // of a write: the read right before it
	behindAuth *item // of a write: the last AddAuth before it
	blocks     bool  // of a read: there is a write right behind it
	proposed   bool  // of an auth

	round   uint64 // of a linearizable read: the read point it waits for
	pointed bool   // the read point is known
	point   int64
}

// host makes a link speak for a session.
func (h *Host) host(l *link, j *join, info *tree.SessionInfo) {
	if old := h.sessions[info.ID]; old != nil {
		h.hangUp(old.link, &protocol.Ended{Reason: protocol.EndMoved})
	}
	s := &session{id: info.ID, attachment: info.Attachment, link: l, identities: slices.Clip(info.Identities), before: info.LastSequence, next: 1}
	if j.attach != nil {
		s.answered = j.attach.AnsweredUpTo
		s.next = s.answered + 1
		if j.attach.Anew { // nothing that was written before this entry is applied any more
			s.answered, s.next = info.AnsweredUpTo, info.LastSequence+1
		}
	}
	l.session = s
	h.sessions[s.id] = s
	if j.attach != nil && len(j.watches) > 0 && !h.rearm(s, j) {
		h.hangUp(l, nil)
		return
	}
	h.say(l, &protocol.Attached{
		Session: s.id, Attachment: s.attachment, Timeout: int64(info.Timeout),
		LastSequence: info.LastSequence, Limits: h.config.Limits,
	})
}

// hosted returns the sessions that are hosted, in order of their links.
func (h *Host) hosted() []*session {
	all := make([]*session, 0, len(h.sessions))
	for _, s := range h.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.link.id, b.link.id) })
	return all
}

// pong tells a session that its ping counts.
func (h *Host) pong(s *session, n uint64) { h.say(s.link, &protocol.Pong{N: n}) }

// unhost forgets a session.
func (h *Host) unhost(s *session) {
	for _, it := range s.items {
		h.vanish(it)
	}
	s.items, s.writes = nil, nil
	h.table.RemoveOwner(s.id)
	if h.sessions[s.id] == s {
		delete(h.sessions, s.id)
	}
	same := func(o *session) bool { return o == s }
	if s.broken {
		h.broken = slices.DeleteFunc(h.broken, same)
	}
	if s.crowded {
		h.crowded = slices.DeleteFunc(h.crowded, same)
	}
	if s.awaits {
		h.reads.waiting = slices.DeleteFunc(h.reads.waiting, same)
	}
}

// endSession ends a hosted session, which the tree has ended.
func (h *Host) endSession(s *session, reason protocol.End) {
	var fates []protocol.Fate
	if n := len(s.writes); n > 0 {
		fates = h.fates(s.id, s.writes[0].sequence, s.writes[n-1].sequence)
	}
	h.hangUp(s.link, &protocol.Ended{Reason: reason, Zxid: h.at, Fates: fates})
}

// requestOf takes a request of a session that is attached here.
func (h *Host) requestOf(s *session, r protocol.Request) bool {
	switch r := r.(type) {
	case *protocol.Write:
		if tree.ValidateSize(r.Op, h.config.Limits) != nil || !h.acknowledge(s, r.AnsweredUpTo) {
			return false
		}
		return h.addWrite(s, &item{kind: itemWrite, id: r.ID, sequence: r.Sequence, op: r.Op})
	case *protocol.Close:
		if !h.acknowledge(s, r.AnsweredUpTo) {
			return false
		}
		return h.addWrite(s, &item{kind: itemClose, id: r.ID, sequence: r.Sequence})
	case *protocol.Read:
		return h.addRead(s, r)
	case *protocol.AddAuth:
		it := &item{kind: itemAuth, id: r.ID, auth: r}
		if !s.add(it) {
			return false
		}
		s.lastAuth = it
		h.process(s)
		return true
	case *protocol.Unwatch:
		h.unwatch(s, r.Watch)
		return true
	case *protocol.Cancel:
		h.cancel(s, r.ID)
		return true
	case *protocol.Acknowledge:
		if !h.acknowledge(s, r.AnsweredUpTo) {
			return false
		}
		if s.held {
			s.held = false
			h.breakOff(s)
			h.retry()
		}
		return true
	case *protocol.Ping:
		h.pings.add(h, s, r.N)
		return true
	}
	return false
}

// acknowledge takes AnsweredUpTo, which cannot be ahead of the answers.
func (h *Host) acknowledge(s *session, upTo uint64) bool {
	last := s.next - 1
	if len(s.writes) > 0 {
		last = s.writes[0].sequence - 1
	}
	if upTo > last {
		return false
	}
	s.answered = max(s.answered, upTo)
	return true
}

// number takes the ID of a request, which is above those before it.
func (s *session) number(id uint64) bool {
	if id <= s.lastID {
		return false
	}
	s.lastID = id
	return true
}

func (s *session) add(it *item) bool {
	if !s.number(it.id) {
		return false
	}
	s.items = append(s.items, it)
	return true
}

func (h *Host) addWrite(s *session, it *item) bool {
	if it.sequence != s.next {
		return false
	}
	h.putBehind(it, s.items)
	if a := s.lastAuth; a != nil && !a.ready {
		it.behindAuth = a
	}
	if !s.add(it) {
		return false
	}
	s.next++
	s.writes = append(s.writes, it)
	if it.sequence <= s.before {
		h.recall(s, it)
		h.process(s)
	}
	h.propose(s)
	return true
}

// recall gets the result of a write that was applied under an earlier attachment.
// Proposing it once more would do as well, but behind it others could be applied
// before that.
func (h *Host) recall(s *session, it *item) {
	switch fate, outcome := h.view.Fate(s.id, it.sequence); fate {
	case tree.FateApplied:
		it.ready, it.record = true, outcome.Record()
	case tree.FateAnswered:
		it.ready, it.code = true, tree.CodeAnswered
	}
}

// vanish marks an item as answered or cancelled.
func (h *Host) vanish(it *item) {
	if it.gone {
		return
	}
	it.gone = true
	if it.blocks {
		h.blocking--
	}
}

// cancel withdraws a read.
func (h *Host) cancel(s *session, id uint64) {
	i, found := slices.BinarySearchFunc(s.items, id, func(it *item, id uint64) int {
		switch {
		case it.id < id:
			return -1
		case it.id > id:
			return 1
		}
		return 0
	})
	if !found || s.items[i].kind != itemRead || s.items[i].gone {
		return
	}
	h.vanish(s.items[i])
	for _, it := range s.items[i+1:] {
		if it.behindRead == s.items[i] {
			h.putBehind(it, s.items[:i])
		}
		if it.kind != itemRead {
			break
		}
	}
	h.process(s)
}

// unwatch removes a watch. If the read that is to arm it still waits it does not, and
// is made all the same.
func (h *Host) unwatch(s *session, id uint64) {
	if h.table.Remove(s.id, id) {
		return
	}
	for _, it := range s.items {
		if it.kind == itemRead && it.read.Watch == id {
			r := *it.read // what came in is not changed
			r.Watch = 0
			it.read = &r
		}
	}
}

// putBehind notes for a write the read that stands right before it, after the
// items before.
func (h *Host) putBehind(write *item, before []*item) {
	write.behindRead = nil
	for i := len(before) - 1; i >= 0 && before[i].kind == itemRead; i-- {
		if r := before[i]; !r.gone {
			write.behindRead, r.blocks = r, true
			h.blocking++
			return
		}
	}
}

// propose proposes the session's writes as far as that may be done now.
func (h *Host) propose(s *session) {
	for s.proposed < len(s.writes) && !s.broken && !s.held && !s.failed && !s.full {
		it := s.writes[s.proposed]
		if it.ready {
			s.proposed++
			continue
		}
		if it.behindAuth != nil && !it.behindAuth.ready {
			return // it is to have the identity
		}
		if h.inflight >= h.config.MaxProposals {
			if !s.crowded {
				s.crowded = true
				h.crowded = append(h.crowded, s)
			}
			return
		}
		s.proposed++
		s.flying++
		t := Token{Purpose: ForWrite, Session: s.id, Link: s.link.id}
		if it.kind == itemClose {
			t.Purpose = ForClose
			h.proposal(t, tree.CloseSession{Session: s.id, Attachment: s.attachment, Sequence: it.sequence})
			continue
		}
		h.encoded(t, tree.Write{
			Session: s.id, Attachment: s.attachment, Sequence: it.sequence,
			AnsweredUpTo: s.answered, Op: it.op,
		}.AppendTo(h.scratch[:0]))
	}
}

// breakOff stops proposing for a session until the next try, when everything
// without an outcome is proposed again: its place in the session's sequence makes
// that safe.
func (h *Host) breakOff(s *session) {
	if s.broken {
		return
	}
	s.broken = true
	h.broken = append(h.broken, s)
}

// landed says that a proposal of one of the session's writes is not under way any
// more. If some were in vain all that have no outcome are proposed again, but not
// before the last of them has landed: else the same writes would be in the log more
// and more often, each of them in vain as well and reason for another try.
func (h *Host) landed(s *session) {
	s.flying = max(s.flying-1, 0) // of some of which nobody knew what became of them, it shows now
	if s.flying > 0 || s.broken || s.held {
		return
	}
	failed, full := s.failed, s.full
	s.failed, s.full = false, false
	switch {
	case full:
		h.hold(s)
	case failed:
		h.breakOff(s)
	}
}

// outcome takes what became of an entry that holds a write of a session that is
// hosted here under the same attachment.
func (h *Host) outcome(s *session, o *tree.Outcome) {
	h.note(s, o)
	h.landed(s)
}

func (h *Host) note(s *session, o *tree.Outcome) {
	if len(s.writes) == 0 || o.Sequence < s.writes[0].sequence {
		return
	}
	i := o.Sequence - s.writes[0].sequence
	if i >= uint64(len(s.writes)) {
		return
	}
	it := s.writes[i]
	if it.ready {
		return
	}
	switch {
	case o.Record() != nil:
		it.record = o.Record()
	case o.Code == tree.CodeResend:
		s.failed = true
		return
	case o.Code == tree.CodeLimit:
		s.full = true
		return
	case o.Code == tree.CodeSessionExpired, o.Code == tree.CodeSessionMoved:
		return // what ended the session, or moved it, has been seen before
	default:
		it.code = o.Code
	}
	it.ready = true
	h.answerWrites(s)
}

// hold asks the client to say which answers it has: what is kept of them for the
// session is all that it may have.
func (h *Host) hold(s *session) {
	if !s.held {
		s.held = true
		h.say(s.link, &protocol.Hold{})
	}
}

// answerWrites answers the writes at the front of the order that have an outcome.
func (h *Host) answerWrites(s *session) {
	for len(s.items) > 0 {
		it := s.items[0]
		if !it.gone {
			if it.kind != itemWrite || !it.ready {
				return
			}
			h.say(s.link, &protocol.Answer{ID: it.id, Zxid: h.at, Code: it.code, Record: it.record})
		}
		h.shift(s)
	}
}

// shift drops the item at the front.
func (h *Host) shift(s *session) {
	it := s.items[0]
	h.vanish(it)
	s.items[0] = nil
	s.items = s.items[1:]
	if it.kind == itemWrite || it.kind == itemClose {
		s.writes[0] = nil
		s.writes = s.writes[1:]
		s.proposed = max(s.proposed-1, 0)
	}
}

// process answers what can be answered from the state as it is, in order.
func (h *Host) process(s *session) {
	for len(s.items) > 0 && !s.link.closing {
		switch it := s.items[0]; {
		case it.gone:
		case it.kind == itemWrite:
			if !it.ready {
				return
			}
			h.say(s.link, &protocol.Answer{ID: it.id, Zxid: h.at, Code: it.code, Record: it.record})
		case it.kind == itemClose:
			return
		case it.kind == itemAuth:
			if !it.ready {
				h.proposeAuth(s, it)
				return
			}
			h.say(s.link, &protocol.Answer{ID: it.id, Zxid: h.at, Code: it.code})
		case !h.canRead(it):
			h.await(s)
			return
		default:
			h.say(s.link, h.evaluate(s, it.read))
		}
		h.shift(s)
	}
}
