package wire

import (
	"log/slog"
	"time"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Receive implements session.Receiver.
func (c *conn) Receive(messages []protocol.Message) {
	c.mu.Lock()
	if len(c.out) > c.s.config.MaxUnread { // of what was there before
		c.end("the client does not read what it is sent")
	}
	for _, m := range messages {
		if c.ended || c.ending { // what comes behind the last answer is not said
			break
		}
		c.take(m)
	}
	say, link := c.unsaid, c.link
	c.unsaid = nil
	c.wake()
	c.mu.Unlock()
	if len(say) > 0 {
		link.Send(say...)
	}
}

// Lost implements session.Receiver.
func (c *conn) Lost(err error) {
	c.mu.Lock()
	over := c.ending || c.refused // and what it was told of that is being written
	c.mu.Unlock()
	if !over {
		c.fail("lost by its host: "+err.Error(), slog.LevelInfo)
	}
}

// take takes one message of the host. c.mu is held.
func (c *conn) take(m protocol.Message) {
	switch m := m.(type) {
	case *protocol.Attached:
		c.settle(joining{attached: m})
	case *protocol.Refused:
		c.refused = true
		c.settle(joining{refused: m})
	case *protocol.Answer:
		c.zxid = m.Zxid
		c.answer(m)
	case *protocol.Events:
		c.zxid = m.Zxid
		c.events(m)
	case *protocol.Hold:
		c.held = true
		if a := c.release(); a != nil {
			c.unsaid = append(c.unsaid, a)
		}
	case *protocol.GoingAway:
		c.end("this member is going away")
	case *protocol.Ended:
		c.over(m)
	}
}

// settle hands what the handshake came to to whoever waits for it.
func (c *conn) settle(j joining) {
	select {
	case c.joined <- j:
	default:
		c.end("the host answers a handshake twice")
	}
}

// over takes the end of the session. A client that asked for it is told so, and
// nobody else is told anything: the client finds out at its next connection.
func (c *conn) over(m *protocol.Ended) {
	if m.Reason != protocol.EndClosed || c.pending.len() == 0 || c.pending.front().op != opCloseSession {
		c.end("session " + m.Reason.String())
		return
	}
	c.reply(appendReply(c.out, replyHeader{xid: c.pending.front().xid, zxid: m.Zxid}))
	c.ending = true
	c.because("session closed", slog.LevelDebug)
}

// reply takes out with the answer to the oldest request appended.
func (c *conn) reply(out []byte) {
	c.out = out
	w := c.pending.front()
	now := time.Since(c.s.started)
	c.last = lastReply{w.op, w.xid, now, now - w.asked}
	c.latency.add(c.last.took)
	c.s.stats.latency.add(c.last.took)
	c.sent.Add(1)
	c.s.stats.sent.Add(1)
	c.done()
}

// done forgets the oldest request.
func (c *conn) done() {
	if r := c.pending.front().read; r != nil {
		c.s.reads.Put(r)
	}
	c.pending.pop()
	c.s.stats.outstanding.Add(-1)
	c.room.Broadcast()
}

// answer answers the oldest request.
func (c *conn) answer(a *protocol.Answer) {
	if c.pending.len() == 0 {
		c.end("the host answers what nobody asked")
		return
	}
	w := c.pending.front()
	if w.sequence != 0 {
		c.answers = w.sequence
	}
	switch {
	case w.set != nil && w.arms != nil:
		c.setAnswered(w, a)
	case w.set == nil && w.arms != nil && w.arms.resumed == nil:
		c.armed(w.arms, a)
	case w.change != nil && c.begin(w):
		return
	}
	if c.ended { // by what the watch came to: nothing is pending any more
		return
	}
	if w.set != nil {
		c.done()
		return
	}
	a = foreknown(w, a)
	h := replyHeader{xid: w.xid, zxid: a.Zxid, err: w.code}
	switch w.op {
	case opPing:
		h.xid = xidPing
	case opAuth, opSasl:
		h.zxid = 0
	}
	out, ok := c.refusal(w, &h, a)
	if !ok {
		out = c.result(w, h, a)
	}
	c.reply(out)
}

// refusal appends the answer to what failed, if it did.
func (c *conn) refusal(w *awaited, h *replyHeader, a *protocol.Answer) (out []byte, refused bool) {
	switch {
	case w.code == errUnimplemented && w.q == nil:
		h.zxid = -1
	case w.code != errOK:
	case w.op == opAuth && a.Code != tree.CodeOK:
		h.err = errAuthFailed
	case a.Code != tree.CodeOK:
		h.err = errOfCode(a.Code)
	case w.op == opExists && !a.Read.Exists:
		h.err = errNoNode
	case w.op == opCheckWatches || w.op == opRemoveWatches:
		h.err = c.lookForWatches(w.q.(*watchesRequest))
	}
	if h.err == errOK {
		return nil, false
	}
	if h.err == errAuthFailed {
		c.ending = true
		c.because("authentication failed", slog.LevelInfo)
	}
	return appendReply(c.out, *h), true
}

// result appends the answer to what did not fail, unless its record says so.
func (c *conn) result(w *awaited, h replyHeader, a *protocol.Answer) []byte {
	switch q := w.q.(type) {
	case *createRequest, *deleteRequest, *setDataRequest, *setACLRequest, *checkRequest, *multiRequest:
		if a.Read != nil {
			return appendMultiRead(c.out, h, w.q.(*multiRequest), a.Read.Parts)
		}
		results, err := tree.DecodeRecord(a.Record)
		if err != nil {
			h.err = errSystem
			return appendReply(c.out, h)
		}
		return appendResults(c.out, h, w, results)
	case *existsRequest:
		return appendStatReply(c.out, h, &a.Read.Stat)
	case *getChildrenRequest:
		if q.op == opGetChildren2 {
			return appendNamesStatReply(c.out, h, a.Read.Names, &a.Read.Stat)
		}
		return appendNamesReply(c.out, h, a.Read.Names)
	case *getACLRequest:
		return appendACLReply(c.out, h, a.Read.ACL, &a.Read.Stat)
	case *getEphemeralsRequest:
		return appendNamesReply(c.out, h, a.Read.Names)
	case *getAllChildrenNumberRequest:
		n := int32(a.Read.Count)
		if q.path == "" { // the root is below it
			n++
		}
		return appendIntReply(c.out, h, n)
	case *whoAmIRequest:
		return appendIdentitiesReply(c.out, h, a.Read.Identities)
	case *syncRequest:
		return appendPathReply(c.out, h, q.path)
	case *addWatchRequest:
		return appendIntReply(c.out, h, 0)
	case *saslRequest:
		return appendTokenReply(c.out, h, nil)
	case *childrenPageRequest:
		return appendPageReply(c.out, h, a.Read)
	case *resumeWatchRequest:
		return c.resumed(w, h, a)
	case *reconfigRequest:
		return appendDataReply(c.out, h, w.change.text, &w.change.stat)
	}
	if w.op == opGetData {
		return appendDataReply(c.out, h, a.Read.Data, &a.Read.Stat)
	}
	return appendReply(c.out, h)
}

// appendResults appends the answer to a write that was applied.
func appendResults(dst []byte, h replyHeader, w *awaited, results []tree.Result) []byte {
	q, multi := w.q.(*multiRequest)
	if multi && w.refused != errOK {
		return appendRefused(dst, h, w, q, results)
	}
	if multi && len(results) == len(q.ops) {
		return appendMultiReply(dst, h, q, results)
	}
	if len(results) != 1 {
		h.err = errSystem
		return appendReply(dst, h)
	}
	r := &results[0]
	if r.Err != nil {
		h.err = errOf(r.Err)
		return appendReply(dst, h)
	}
	switch w.op {
	case opCreate:
		return appendPathReply(dst, h, r.Path)
	case opCreate2, opCreateContainer, opCreateTTL:
		return appendPathStatReply(dst, h, r.Path, &r.Stat)
	case opSetData, opSetACL:
		return appendStatReply(dst, h, &r.Stat)
	}
	return appendReply(dst, h)
}

// appendRefused appends the answer to a multi that was cut short at an operation that
// is refused whatever the tree is: that one's error, unless one before it has failed.
func appendRefused(dst []byte, h replyHeader, w *awaited, q *multiRequest, results []tree.Result) []byte {
	index, code := w.index, w.refused
	for i := range min(len(results), w.index) {
		if e := errOf(results[i].Err); e != errOK && e != errRuntimeInconsistency {
			index, code = i, e
			break
		}
	}
	if code == errMarshalling { // of the whole
		h.err = code
		return appendReply(dst, h)
	}
	return appendMultiFailure(dst, h, q, index, code)
}

// appendMultiRead appends the answer to a multiRead.
func appendMultiRead(dst []byte, h replyHeader, q *multiRequest, parts []protocol.PartReading) []byte {
	start := len(dst)
	dst = beginReply(dst, h)
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Code != tree.CodeOK:
			dst = appendMultiError(dst, errOfCode(p.Code))
		case q.ops[i].op == opGetData:
			dst = appendMultiData(dst, p.Read.Data, &p.Read.Stat)
		default:
			dst = appendMultiNames(dst, p.Read.Names)
		}
	}
	return endFrame(appendMultiEnd(dst), start)
}
