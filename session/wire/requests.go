package wire

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// awaited is a request of the client for which the host was asked something. The
// host answers in order, so whatever is decided here has its place there too: it
// waits for a read of nothing.
type awaited struct {
	xid  int32
	op   opcode
	q    request
	code errCode // that it is refused with, whatever the host says
	// refused is what the operation at index of a multi is refused with, if none before
	// it fails.
	refused  errCode
	index    int
	sequence uint64 // of a write
	numbered bool
	record   []byte         // of a write that was done before, or data that is not in the tree
	read     *protocol.Read // to be used again
	arms     *watcher
	set      *setWatchesRequest // that this is a part of; it has no reply of its own
	change   *change
	asked    time.Duration // since the server was started
}

// pending is a queue of what the host has not answered.
type pending struct {
	list []awaited
	head int
}

func (p *pending) len() int { return len(p.list) - p.head }

func (p *pending) push(w awaited) {
	if p.head > 64 && p.head > len(p.list)/2 {
		n := copy(p.list, p.list[p.head:])
		clear(p.list[n:])
		p.list, p.head = p.list[:n], 0
	}
	p.list = append(p.list, w)
}

// front returns the oldest; it is there until pop.
func (p *pending) front() *awaited { return &p.list[p.head] }

func (p *pending) pop() {
	p.list[p.head] = awaited{}
	if p.head++; p.head == len(p.list) {
		if p.head = 0; cap(p.list) > 64 {
			p.list = nil
		} else {
			p.list = p.list[:0]
		}
	}
}

// drop forgets everything, and returns how much it was.
func (p *pending) drop() int {
	n := p.len()
	p.list, p.head = nil, 0
	return n
}

// request takes the request in c.frame. It returns false after the last one.
func (c *conn) request() (more bool, err error) {
	h, body, err := decodeHeader(c.frame)
	if err != nil {
		return false, err
	}
	c.pulse()
	if h.op == opGetData { // what clients ask for most
		c.getData(h.xid, body)
		return true, nil
	}
	if c.readOnly && changes(h.op) {
		c.place(awaited{xid: h.xid, op: h.op, code: errNotReadOnly})
		return true, nil
	}
	q, code := decodeRequest(h.op, body)
	w := awaited{xid: h.xid, op: h.op, q: q, code: code}
	switch {
	case code == errUnimplemented:
		c.mu.Lock()
		c.because(fmt.Sprintf("unknown opcode %d", h.op), slog.LevelInfo)
		c.mu.Unlock()
		c.place(w)
		return false, nil
	case code != errOK && (h.op == opAuth || h.op == opSasl):
		return false, fmt.Errorf("wire: malformed request of kind %d", h.op)
	case code != errOK:
		c.place(w)
		return true, nil
	}
	return c.dispatch(w)
}

// dispatch asks the host for what a well-formed request needs.
func (c *conn) dispatch(w awaited) (more bool, err error) {
	switch q := w.q.(type) {
	case *createRequest, *deleteRequest, *setDataRequest, *setACLRequest, *checkRequest:
		c.single(w)
	case *multiRequest:
		c.multi(w, q)
	case *existsRequest:
		c.read(w, protocol.Read{Kind: protocol.ReadExists, Path: q.path}, q.watch, watch.Exist)
	case *getChildrenRequest:
		c.read(w, protocol.Read{Kind: protocol.ReadChildren, Path: q.path}, q.watch, watch.Children)
	case *getACLRequest:
		c.read(w, protocol.Read{Kind: protocol.ReadACL, Path: q.path}, false, 0)
	case *getEphemeralsRequest:
		prefix := q.prefix
		if t := strings.TrimFunc(prefix, func(r rune) bool { return r <= ' ' }); t == "" || t == "/" {
			prefix = "" // all of them
		}
		c.read(w, protocol.Read{Kind: protocol.ReadEphemerals, Path: prefix}, false, 0)
	case *getAllChildrenNumberRequest:
		c.read(w, protocol.Read{Kind: protocol.ReadDescendants, Path: q.path}, false, 0)
	case *whoAmIRequest:
		c.read(w, protocol.Read{Kind: protocol.ReadIdentities}, false, 0)
	case *syncRequest:
		c.read(w, protocol.Read{Linearizable: true}, false, 0)
	case *addWatchRequest:
		kind, code := q.watchKind()
		if w.code = code; code != errOK {
			c.place(w)
			break
		}
		c.read(w, protocol.Read{Path: q.path}, true, kind)
	case *setWatchesRequest:
		c.setWatches(w, q)
	case *authRequest:
		c.auth(w, q)
	case *saslRequest:
		if q.token == nil {
			return false, fmt.Errorf("wire: sasl without a token")
		}
		c.place(w)
	case *reconfigRequest:
		c.reconfig(w)
	case *watchesRequest:
		w.code = q.check()
		c.place(w)
	case *closeSessionRequest:
		c.sequence++
		w.sequence = c.sequence
		c.ask(w, func(id uint64) protocol.Request {
			return &protocol.Close{ID: id, Sequence: w.sequence, AnsweredUpTo: c.answered()}
		})
		return false, nil
	default:
		if !c.extension(w) && !c.pong() {
			c.place(w) // ping
		}
	}
	return true, nil
}

// ask passes a request on, once there is room for it.
func (c *conn) ask(w awaited, ask func(id uint64) protocol.Request) {
	if id := c.await(w); id != 0 {
		c.batch = append(c.batch, ask(id))
	}
}

// await notes that w will be answered, once there is room for it, and returns the ID for
// what is asked of the host; 0 if the connection has ended.
func (c *conn) await(w awaited) uint64 {
	w.asked = time.Since(c.s.started)
	c.mu.Lock()
	if c.pending.len() >= c.s.config.MaxOutstanding && !c.ended {
		c.mu.Unlock()
		c.flush()
		c.mu.Lock()
		for c.pending.len() >= c.s.config.MaxOutstanding && !c.ended {
			if c.held && c.keeps { // which is not read behind this
				c.end("the client does not say which answers it has")
				break
			}
			c.room.Wait()
		}
	}
	if c.ended {
		c.mu.Unlock()
		return 0 // what is read next is the end
	}
	c.pending.push(w)
	c.mu.Unlock()
	c.s.stats.outstanding.Add(1)
	c.lastID++
	return c.lastID
}

// answered returns the sequence up to which results need not be kept.
func (c *conn) answered() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keeps {
		return c.kept
	}
	return c.answers
}

// place asks for nothing but a place in the order.
func (c *conn) place(w awaited) { c.read(w, protocol.Read{}, false, 0) }

// read asks for a read, and if watched for a watch together with it.
func (c *conn) read(w awaited, r protocol.Read, watched bool, kind watch.Kind) {
	if r = advertise(&w, r); w.record != nil {
		watched = false
	}
	if watched {
		w.arms = c.watches.another(r.Path, kind)
		r.Watch, r.WatchKind = w.arms.id, kind
	}
	if r.Path == "" && ofZnode(r.Kind) { // it is the root to a real server, and nothing to its watches
		r.Path, r.Watch = "/", 0
	}
	w.read = c.s.reads.Get().(*protocol.Read)
	*w.read = r
	if id := c.await(w); id != 0 {
		w.read.ID = id
		c.batch = append(c.batch, w.read)
	}
}

// getData is a request like the others, but leaves nothing behind.
func (c *conn) getData(xid int32, body []byte) {
	r := jute.NewReader(body)
	q := decodeGetData(&r, c.s.paths)
	w := awaited{xid: xid, op: opGetData}
	if r.Err() != nil {
		w.code = errMarshalling
		c.place(w)
		return
	}
	c.read(w, protocol.Read{Kind: protocol.ReadData, Path: q.path}, q.watch, watch.Data)
}

// ofZnode says whether a read is one of a znode.
func ofZnode(kind protocol.ReadKind) bool {
	switch kind {
	case protocol.ReadNothing, protocol.ReadEphemerals, protocol.ReadIdentities, protocol.ReadMany:
		return false
	}
	return true
}

// single asks for a write that is no multi.
func (c *conn) single(w awaited) {
	op, code := operation(w.q)
	if refused := c.refuses(op); refused != errOK {
		code = refused
	}
	c.propose(w, op, code)
}

// refuses returns what a well-formed operation is refused with here: one that makes a znode
// with a TTL where there are none, or the one that is there for who looks for it.
func (c *conn) refuses(op tree.Op) errCode {
	create, ok := op.(tree.Create)
	switch {
	case ok && create.TTL != 0 && c.s.config.NoTTL:
		return errUnimplemented
	case ok && create.Path == extensionsPath && create.Mode&tree.Sequential == 0:
		return errNodeExists
	}
	return errOK
}

func (c *conn) multi(w awaited, q *multiRequest) {
	if q.op == opMultiRead {
		c.multiRead(w, q)
		return
	}
	op, index, code := multiOperation(q)
	for i := range op.Ops {
		if refused := c.refuses(op.Ops[i]); refused != errOK {
			index, code = i, refused
			op.Ops = append(op.Ops[:i], alwaysFails)
			break
		}
	}
	w.index, w.refused = index, code
	c.propose(w, op, errOK)
}

// propose asks for a write, unless it is refused, or too large for the host.
func (c *conn) propose(w awaited, op tree.Op, code errCode) {
	if code == errOK && tree.ValidateSize(op, c.limits) != nil {
		code = errBadArguments
	}
	w.code = code
	switch {
	case w.record != nil, code != errOK && !w.numbered:
		c.place(w)
		return
	case code != errOK:
		op = alwaysFails // it has its number all the same
	}
	c.frame = nil // the operation holds bytes of it
	c.sequence++
	w.sequence = c.sequence
	c.ask(w, func(id uint64) protocol.Request {
		return &protocol.Write{ID: id, Sequence: w.sequence, AnsweredUpTo: c.answered(), Op: op}
	})
}

func (c *conn) multiRead(w awaited, q *multiRequest) {
	if len(q.ops) > protocol.MaxParts {
		w.code = errBadArguments
		c.place(w)
		return
	}
	parts := make([]protocol.Part, len(q.ops))
	for i := range q.ops {
		switch b := q.ops[i].body.(type) {
		case *getDataRequest:
			parts[i] = protocol.Part{Kind: protocol.ReadData, Path: cmp.Or(b.path, "/")}
		case *getChildrenRequest:
			parts[i] = protocol.Part{Kind: protocol.ReadChildren, Path: cmp.Or(b.path, "/")}
		}
	}
	c.read(w, protocol.Read{Kind: protocol.ReadMany, Parts: parts}, false, 0)
}

// auth adds an identity. One that cannot be proved ends the connection; the one of
// the address is there already.
func (c *conn) auth(w awaited, q *authRequest) {
	switch {
	case q.scheme == "digest" && q.credential != nil:
		credential := []byte(jute.Text(q.credential)) // it is text to a real server
		c.ask(w, func(id uint64) protocol.Request {
			return &protocol.AddAuth{ID: id, Scheme: q.scheme, Credential: credential}
		})
	case q.scheme == "ip":
		c.place(w)
	default:
		w.code = errAuthFailed
		c.place(w)
	}
}

// pulse lets the leader know that the client is alive: any request says so.
func (c *conn) pulse() {
	now := time.Now()
	if now.Sub(c.pinged) < c.timeout/8 {
		return
	}
	c.pinged = now
	c.pings++
	c.batch = append(c.batch, &protocol.Ping{N: c.pings})
}
