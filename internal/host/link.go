package host

import (
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// link is one connection of a client side. It speaks for no session until it has
// joined one.
type link struct {
	id      LinkID
	session *session
	join    *join

	out     []protocol.Message
	events  *protocol.Events // the last of out, while events are added to it
	dirty   bool
	closing bool // nothing is sent or heard any more
}

// join is an Open or an Attach that is not settled yet.
type join struct {
	open     *protocol.Open
	watches  []protocol.Watch // of Rearm
	attach   *protocol.Attach // nil until it comes
	proposed bool
	try      uint64
}

// lastSeen returns the zxid that has to be applied before the session is taken in.
func (j *join) lastSeen() int64 {
	if j.open != nil {
		return j.open.LastSeen
	}
	return j.attach.LastSeen
}

// joined is a join that went through with the entry zxid.
type joined struct {
	link *link
	zxid int64
}

// Connect says that there is a new link.
func (h *Host) Connect(id LinkID) { h.links[id] = &link{id: id} }

// Disconnect says that a link is broken.
func (h *Host) Disconnect(id LinkID) {
	if l := h.links[id]; l != nil {
		h.forget(l)
	}
}

// forget drops all that is known by a link: its session is alive, but nobody
// knows where.
func (h *Host) forget(l *link) {
	delete(h.links, l.id)
	l.closing = true
	h.leave(l)
}

// leave ends the link's speaking for a session, or wish to.
func (h *Host) leave(l *link) {
	if l.join != nil {
		l.join = nil
		h.joining = slices.DeleteFunc(h.joining, func(o *link) bool { return o == l })
	}
	if s := l.session; s != nil {
		l.session = nil
		h.unhost(s)
	}
}

// say sends a message.
func (h *Host) say(l *link, m protocol.Message) {
	if l.closing {
		return
	}
	if l.out == nil {
		l.out = h.out.messages()
	}
	l.out = append(l.out, m)
	h.soil(l)
}

func (h *Host) soil(l *link) {
	if !l.dirty {
		l.dirty = true
		h.dirty = append(h.dirty, l)
	}
}

// hangUp sends a last message, if not nil, and ends the link.
func (h *Host) hangUp(l *link, m protocol.Message) {
	if m != nil {
		h.say(l, m)
	}
	if !l.closing {
		l.closing = true
		h.soil(l)
		h.leave(l)
	}
}

// GoAway tells all links that the host will stop.
func (h *Host) GoAway() {
	ids := make([]LinkID, 0, len(h.links))
	for id := range h.links {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h.say(h.links[id], &protocol.GoingAway{})
	}
}

// Request takes what a client side has sent. What breaks the rules of the
// protocol ends the link.
func (h *Host) Request(id LinkID, r protocol.Request) {
	l := h.links[id]
	if l == nil || l.closing {
		return
	}
	var ok bool
	if l.session == nil {
		ok = h.requestToJoin(l, r)
	} else {
		ok = h.requestOf(l.session, r)
	}
	if !ok && !l.closing {
		if l.session == nil {
			h.hangUp(l, &protocol.Refused{Reason: protocol.RefusedProtocol})
		} else {
			h.hangUp(l, nil)
		}
	}
}

func (h *Host) requestToJoin(l *link, r protocol.Request) bool {
	j := l.join
	if j == nil {
		j = &join{}
	}
	switch r := r.(type) {
	case *protocol.Rearm:
		if j.open != nil || j.attach != nil || len(j.watches)+len(r.Watches) > h.table.Limits().PerOwner {
			return false
		}
		j.watches = append(j.watches, r.Watches...)
		l.join = j
		return true
	case *protocol.Open:
		if l.join != nil || r.Timeout <= 0 || r.LastSeen < 0 || !h.mayHave(r.Identities) {
			return false
		}
		j.open = r
	case *protocol.Attach:
		if j.open != nil || j.attach != nil || r.LastSeen < 0 || r.Timeout < 0 || r.LastSent < r.AnsweredUpTo ||
			r.Anew && r.LastSent != 0 || !h.mayHave(r.Identities) {
			return false
		}
		j.attach = r
	default:
		return false
	}
	l.join = j
	h.joining = append(h.joining, l)
	h.join(l)
	return true
}

// join proposes what a link has asked for, once the state here is not behind what
// the session has seen.
func (h *Host) join(l *link) {
	j := l.join
	if j.proposed || h.status.Leader == 0 {
		return
	}
	if j.lastSeen() > h.view.Zxid() {
		return
	}
	j.proposed = true
	j.try++
	if j.open != nil {
		c := tree.CreateSession{Password: j.open.Password, Server: h.config.Replica, Identities: j.open.Identities}
		setDuration(&c.Timeout, h.timeout(j.open.Timeout))
		h.proposal(Token{Purpose: ForOpen, Link: l.id, Try: j.try}, c)
		return
	}
	c := tree.Attach{
		Session: j.attach.Session, Password: j.attach.Password,
		Server: h.config.Replica, From: j.attach.From,
		Identities: j.attach.Identities, Replace: j.attach.ReplaceIdentities,
	}
	if j.attach.Timeout > 0 {
		setDuration(&c.Timeout, h.timeout(j.attach.Timeout))
	}
	h.proposal(Token{Purpose: ForAttach, Link: l.id, Try: j.try}, c)
}

// timeout brings a timeout that was asked for within bounds.
func (h *Host) timeout(asked int64) int64 {
	return min(max(asked, h.config.MinTimeout), h.config.MaxTimeout)
}

// mayHave says whether a session may be given identities, as far as that can be said
// before the entry that gives them. It keeps from the log what need not be there.
func (h *Host) mayHave(ids []tree.ID) bool {
	return len(ids) <= protocol.MaxIdentities && tree.CheckIdentities(ids, h.view.Settings()) == nil
}

// openRefused takes the end of a proposal of an Open that was applied and made no
// session.
func (h *Host) openRefused(t Token, outcome *tree.Outcome) {
	if l := h.links[t.Link]; l != nil && l.join != nil && l.join.try == t.Try && outcome != nil && outcome.Code != tree.CodeOK {
		h.hangUp(l, &protocol.Refused{Reason: protocol.RefusedProtocol})
	}
}

// setDuration sets a time.Duration by its nanoseconds, without package time.
func setDuration[D ~int64](d *D, nanoseconds int64) { *d = D(nanoseconds) }

// opened takes the entry that made a session for this server.
func (h *Host) opened(o *tree.Outcome) {
	info, ok := h.view.Session(o.Session)
	if !ok {
		return
	}
	for _, l := range h.joining {
		if l.join.open != nil && l.join.open.Password == info.Password {
			h.settle(l, o.Zxid)
			return
		}
	}
}

// attached takes the outcome of an Attach to this server.
func (h *Host) attached(o *tree.Outcome) {
	i := slices.IndexFunc(h.joining, func(l *link) bool {
		return l.join.attach != nil && l.join.attach.Session == o.Session && l.join.proposed
	})
	if i < 0 {
		return
	}
	l := h.joining[i]
	a := l.join.attach
	switch o.Code {
	case tree.CodeOK:
		h.settle(l, o.Zxid)
	case tree.CodeSessionMoved:
		// An older attempt of the session may have been refused while this one is on
		// its way and will do.
		if o.Attachment != a.From {
			h.hangUp(l, &protocol.Refused{Reason: protocol.RefusedMoved, Attachment: o.Attachment})
		}
	case tree.CodeInvalidACL, tree.CodeLimit: // of the identities
		h.hangUp(l, &protocol.Refused{Reason: protocol.RefusedProtocol})
	default:
		h.hangUp(l, h.expired(a))
	}
}

// expired refuses an Attach for good.
func (h *Host) expired(a *protocol.Attach) *protocol.Refused {
	r := &protocol.Refused{Reason: protocol.RefusedExpired}
	if _, alive := h.view.Session(a.Session); !alive { // else the password was wrong
		r.Fates = h.fates(a.Session, a.AnsweredUpTo+1, a.LastSent)
	}
	return r
}

// settle notes that a join went through; the link speaks for the session once
// all that was applied together with it is seen to.
func (h *Host) settle(l *link, zxid int64) {
	h.joining = slices.DeleteFunc(h.joining, func(o *link) bool { return o == l })
	h.joined = append(h.joined, joined{l, zxid})
}

// welcome lets links speak for the sessions that they have joined.
func (h *Host) welcome() {
	for _, w := range h.joined {
		l, j := w.link, w.link.join
		if l.closing || j == nil {
			continue
		}
		l.join = nil
		id := w.zxid
		if j.attach != nil {
			id = j.attach.Session
		}
		info, ok := h.view.Session(id)
		switch {
		case !ok && j.attach != nil:
			h.hangUp(l, h.expired(j.attach))
			continue
		case !ok || info.Attachment != w.zxid:
			h.hangUp(l, &protocol.Refused{Reason: protocol.RefusedMoved, Attachment: info.Attachment})
			continue
		}
		h.host(l, j, &info)
	}
	h.joined = h.joined[:0]
}

// maxFates bounds the answer to an Attach that claims many writes.
const maxFates = 1 << 14

// fates says what became of the writes from first to last of a session that has
// ended.
func (h *Host) fates(session int64, first, last uint64) []protocol.Fate {
	if last < first {
		return nil
	}
	if last-first >= maxFates {
		last = first + maxFates - 1
	}
	fates := make([]protocol.Fate, 0, last-first+1)
	for seq := first; ; seq++ {
		fate, outcome := h.view.Fate(session, seq)
		f := protocol.Fate{Sequence: seq}
		switch fate {
		case tree.FateApplied:
			f.Known, f.Applied, f.Record = true, true, outcome.Record()
		case tree.FateAnswered:
			f.Known, f.Applied = true, true
		case tree.FateNever:
			f.Known = true
		}
		fates = append(fates, f)
		if seq == last {
			return fates
		}
	}
}
