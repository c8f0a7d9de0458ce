package wire

import (
	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// extensionsPath is the znode by which a client knows that it may send the requests
// below. It is in no list of children, and its data is a number: that of the newest
// extensions that are served.
const (
	extensionsPath = "/zookeeper/zabtree"
	extensions     = "1"
)

// The opcodes of the extensions. A server without them closes the connection, as for any
// that it does not know.
const (
	opChildrenPage opcode = 9001
	opResumeWatch  opcode = 9002
	opOnce         opcode = 9003
)

// Modes of resumeWatch besides those of addWatch.
const (
	resumeData     int32 = 2
	resumeExist    int32 = 3
	resumeChildren int32 = 4
)

type (
	// childrenPageRequest asks for the names of the children after one of them, in
	// ascending order, limit at most. The reply is the names, whether there are more, and
	// the Stat.
	childrenPageRequest struct {
		path, after string
		limit       int32 // above 0
		watch       bool
	}
	// resumeWatchRequest asks for a watch as if it had been there since zxid. What it has
	// missed comes as events before the reply, which is two zxids: events behind the first
	// and up to the second may be missing, none if they are 0; a one-shot watch is gone
	// then. A zxid that is not reached here is a bad argument, and the watch is not there.
	resumeWatchRequest struct {
		path string
		mode int32
		zxid int64
	}
	// onceRequest is a write that says which of its session it is: the first is number 1. A
	// client that has lost its connection sends what was not answered again, with the
	// numbers it had, before anything else: what was done is answered as it was then, and
	// not done again.
	//
	// Every write that is understood takes its number, those that fail too. One whose number
	// is not the next is DATAINCONSISTENCY: it has no effect and takes none. (So is one that
	// says of an answer that it has it which was not given, and a number of which the client
	// has said that.) A frame that is MARSHALLINGERROR takes none either.
	//
	// Results are kept until the client says that it has them, all up to answered. It should
	// say with every write what it has, and by a ping in place of a write, which has no
	// number, if answers stop: there is room for the results of 4096 writes, and for a
	// megabyte of them. A connection of which too much waits behind that is closed. A
	// session whose client numbers its writes numbers all of them.
	onceRequest struct {
		sequence, answered int64
		op                 opcode
		body               request
	}
)

func (*childrenPageRequest) isRequest() {}
func (*resumeWatchRequest) isRequest()  {}
func (*onceRequest) isRequest()         {}

// decodeExtension returns nil for an opcode that it does not know.
func decodeExtension(op opcode, r *jute.Reader) request {
	switch op {
	case opChildrenPage:
		return &childrenPageRequest{path: path(r), after: text(r), limit: r.Int(), watch: r.Bool()}
	case opResumeWatch:
		return &resumeWatchRequest{path: path(r), mode: r.Int(), zxid: r.Long()}
	case opOnce:
		q := &onceRequest{sequence: r.Long(), answered: r.Long(), op: opcode(r.Int())}
		switch q.op {
		case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opCheck, opMulti, opPing:
			q.body = decodeBody(q.op, r)
		default:
			r.Fail("no write")
		}
		return q
	}
	return nil
}

// watchKind returns the kind of watch that is asked for, or what the request is refused
// with.
func (q *resumeWatchRequest) watchKind() (watch.Kind, errCode) {
	kinds := [...]watch.Kind{
		addWatchPersistent: watch.Persistent, addWatchPersistentRecursive: watch.PersistentRecursive,
		resumeData: watch.Data, resumeExist: watch.Exist, resumeChildren: watch.Children,
	}
	if q.mode < 0 || int(q.mode) >= len(kinds) || q.zxid < 0 {
		return 0, errBadArguments
	}
	return kinds[q.mode], errOK
}

// extension asks the host for what an extension's request needs. It returns false if q is
// none.
func (c *conn) extension(w awaited) bool {
	switch q := w.q.(type) {
	case *childrenPageRequest:
		if q.limit <= 0 {
			w.code = errBadArguments
			c.place(w)
			break
		}
		r := protocol.Read{Kind: protocol.ReadChildren, Path: q.path, After: q.after, Limit: int(q.limit)}
		c.read(w, r, q.watch, watch.Children)
	case *resumeWatchRequest:
		c.resume(w, q)
	case *onceRequest:
		c.once(w, q)
	default:
		return false
	}
	return true
}

// resume asks for a watch that is there before the answer, because its events are.
func (c *conn) resume(w awaited, q *resumeWatchRequest) {
	kind, code := q.watchKind()
	if w.code = code; code != errOK {
		c.place(w)
		return
	}
	c.flush() // one at a time: what was missed may be much
	w.arms = c.watches.another(q.path, kind)
	w.arms.resumed = &replay{}
	c.mu.Lock()
	c.watches.add(w.arms)
	c.mu.Unlock()
	r := protocol.Read{Path: q.path, Watch: w.arms.id, WatchKind: kind, Resume: true, Since: q.zxid}
	c.ask(w, func(id uint64) protocol.Request {
		r.ID = id
		return &r
	})
	c.flush()
}

// replay is what a watch has missed, on its way to the client: events up to sent, and not
// those in (since, upTo].
type replay struct{ sent, since, upTo int64 }

// replays says whether an event of a watch that is being resumed is passed on. What is too
// much to be kept for the client is missing; entries are passed on whole.
func (c *conn) replays(r *replay, e *watch.Event) bool {
	switch {
	case e.Type == watch.Gap:
		r.since, r.upTo = e.Since, e.Zxid
		return false
	case r.upTo == 0 && len(c.out) > c.s.config.MaxUnread/2 && e.Zxid > r.sent:
		r.since = r.sent
		fallthrough
	case r.upTo != 0:
		r.upTo = e.Zxid
		return false
	}
	r.sent = e.Zxid
	return true
}

// resumed takes the answer to resume. c.mu is held.
func (c *conn) resumed(w *awaited, h replyHeader, a *protocol.Answer) []byte {
	lost := w.arms.resumed
	w.arms.resumed = nil
	if !a.Read.Armed {
		c.watches.remove(w.arms)
		h.err = errBadArguments
		return appendReply(c.out, h)
	}
	if c.watches.byID[w.arms.id] != nil { // else it has fired
		c.replaceBy(w.arms)
	}
	start := len(c.out)
	out := jute.AppendLong(beginReply(c.out, h), lost.since)
	return endFrame(jute.AppendLong(out, lost.upTo), start)
}

// once takes a write with a number.
func (c *conn) once(w awaited, q *onceRequest) {
	w.op, w.q = q.op, q.body
	if !c.acknowledge(q.answered) {
		w.code = errDataInconsistency
		c.place(w)
		return
	}
	switch sequence := uint64(q.sequence); {
	case q.op == opPing:
		w.op = opOnce // it has its own xid
		c.place(w)
		return
	case q.sequence <= 0 || sequence > c.base && sequence != c.sequence+1:
		w.code = errDataInconsistency
	case sequence <= c.base:
		w.code, w.record = c.recall(sequence)
	}
	if w.code != errOK {
		c.place(w)
		return
	}
	w.numbered = true
	_, _ = c.dispatch(w) // what kind of a request it is decodeExtension has seen to
}

// recall returns the result of a write that was applied before this connection was there.
func (c *conn) recall(sequence uint64) (errCode, []byte) {
	switch fate, outcome := c.s.host.View().Fate(c.session, sequence); fate {
	case tree.FateApplied:
		return errOK, outcome.Record()
	case tree.FateAnswered: // says the client itself
		return errDataInconsistency, nil
	}
	return errSystem, nil
}

// acknowledge takes it that the client has the answers to its writes up to one of them.
func (c *conn) acknowledge(upTo int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if upTo < 0 || uint64(upTo) > c.answers {
		return false
	}
	c.keeps = true
	c.kept = max(c.kept, uint64(upTo))
	if a := c.release(); a != nil {
		c.batch = append(c.batch, a)
	}
	return true
}

// release returns what lets the host go on with the session's writes, if it waits for
// that and there is something new. c.mu is held.
func (c *conn) release() protocol.Request {
	answers := c.answers
	if c.keeps {
		answers = c.kept
	}
	if !c.held || c.keeps && answers == c.released {
		c.room.Broadcast() // who waits for room may wait in vain
		return nil
	}
	c.held, c.released = false, answers
	return &protocol.Acknowledge{AnsweredUpTo: answers}
}

// advertise makes of a look at extensionsPath one at nothing, whose answer is known.
func advertise(w *awaited, r protocol.Read) protocol.Read {
	if r.Path != extensionsPath || r.Kind != protocol.ReadData && r.Kind != protocol.ReadExists {
		return r
	}
	w.record = []byte(extensions)
	return protocol.Read{}
}

// foreknown is the answer to what only had to wait for its turn: the host has answered a
// read of nothing.
func foreknown(w *awaited, a *protocol.Answer) *protocol.Answer {
	switch {
	case w.record == nil:
		return a
	case w.op == opGetData || w.op == opExists:
		stat := tree.Stat{DataLength: int32(len(w.record))}
		return &protocol.Answer{ID: a.ID, Zxid: a.Zxid, Read: &protocol.Reading{Exists: true, Data: w.record, Stat: stat}}
	}
	return &protocol.Answer{ID: a.ID, Zxid: a.Zxid, Record: w.record}
}

// appendPageReply appends the reply to childrenPage.
func appendPageReply(dst []byte, h replyHeader, found *protocol.Reading) []byte {
	start := len(dst)
	dst = appendNames(beginReply(dst, h), found.Names)
	dst = jute.AppendBool(dst, found.More)
	return endFrame(appendStat(dst, &found.Stat), start)
}
