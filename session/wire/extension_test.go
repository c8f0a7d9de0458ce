package wire

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// Whoever looks for it finds that there are extensions, and nobody else does.
func TestExtensionsAreAdvertised(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, _ := c.do(opGetData, &getDataRequest{path: extensionsPath, watch: true})
	require.Equal(t, errOK, g.err)
	r := jute.NewReader(g.body)
	require.Equal(t, extensions, string(r.Buffer()))
	require.Equal(t, statLen, r.Len())
	g, _ = c.do(opExists, &existsRequest{path: extensionsPath})
	require.Equal(t, errOK, g.err)
	require.Len(t, g.body, statLen)
	g, _ = c.do(opGetChildren, &getChildrenRequest{op: opGetChildren, path: "/zookeeper"})
	r = jute.NewReader(g.body)
	require.Equal(t, []string{"config", "quota"}, r.Strings())
	g, _ = c.do(opGetACL, &getACLRequest{path: extensionsPath})
	require.Equal(t, errNoNode, g.err)
	// It cannot be made.
	g, _ = c.do(opCreate, create(extensionsPath))
	require.Equal(t, errNodeExists, g.err)
	g, _ = c.do(opMulti, &multiRequest{op: opMulti, ops: []multiOp{{opCreate, create("/x")}, {opCreate, create(extensionsPath)}}})
	require.Equal(t, appendMultiFailure(nil, g.replyHeader, &multiRequest{ops: make([]multiOp, 2)}, 1, errNodeExists)[20:], g.body)
	// A client that has watched it sets the watch again by itself.
	g, _ = c.do(opSetWatches, &setWatchesRequest{op: opSetWatches, zxid: 1, data: []string{extensionsPath, "/"}, exist: []string{}, children: []string{}})
	require.Equal(t, errOK, g.err)
}

func TestPagesOfChildren(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	c.do(opCreate, create("/p"))
	for i := range 5 {
		c.do(opCreate, create(fmt.Sprintf("/p/%d", i)))
	}
	var all []string
	after := ""
	for more := true; more; {
		g, _ := c.do(opChildrenPage, &childrenPageRequest{path: "/p", after: after, limit: 2})
		require.Equal(t, errOK, g.err)
		r := jute.NewReader(g.body)
		names := r.Strings()
		more = r.Bool()
		require.Equal(t, statLen, r.Len())
		all, after = append(all, names...), names[len(names)-1]
	}
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, all)
	g, _ := c.do(opChildrenPage, &childrenPageRequest{path: "/p", limit: 9, watch: true})
	require.Equal(t, errOK, g.err)
	_, events := c.do(opDelete, &deleteRequest{path: "/p/3", version: -1})
	require.Equal(t, []string{"NodeChildrenChanged /p"}, events)
	for limit, want := range map[int32]errCode{0: errBadArguments, -1: errBadArguments, 1: errNoNode} {
		g, _ = c.do(opChildrenPage, &childrenPageRequest{path: "/none", limit: limit})
		require.Equal(t, want, g.err, limit)
	}
}

// missing are the events that a resumed watch says may be missing.
type missing struct{ since, upTo int64 }

// resume returns those, and the events that came before.
func (c *raw) resume(q *resumeWatchRequest) (missing, []string) {
	c.t.Helper()
	g, events := c.do(opResumeWatch, q)
	require.Equal(c.t, errOK, g.err)
	r := jute.NewReader(g.body)
	m := missing{r.Long(), r.Long()}
	require.NoError(c.t, r.Err())
	return m, events
}

func TestResumedWatches(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, _ := c.do(opCreate, create("/w"))
	since := g.zxid
	c.do(opSetData, &setDataRequest{path: "/w", data: []byte("1"), version: -1})
	c.do(opCreate, create("/w/a"))
	c.do(opSetData, &setDataRequest{path: "/w", data: []byte("2"), version: -1})

	// Everything that was missed comes, in its order, and then what comes.
	d := s.open()
	lost, events := d.resume(&resumeWatchRequest{path: "/w", mode: addWatchPersistentRecursive, zxid: since})
	require.Zero(t, lost)
	require.Equal(t, []string{"NodeDataChanged /w", "NodeCreated /w/a", "NodeDataChanged /w"}, events)
	_, events = d.do(opDelete, &deleteRequest{path: "/w/a", version: -1})
	require.Equal(t, []string{"NodeDeleted /w/a"}, events)

	// A one-shot watch that fires at once is gone, and leaves the one that is there.
	e := s.open()
	e.do(opGetData, &getDataRequest{path: "/w", watch: true})
	lost, events = e.resume(&resumeWatchRequest{path: "/w", mode: resumeData, zxid: since})
	require.Zero(t, lost)
	require.Equal(t, []string{"NodeDataChanged /w"}, events)
	_, events = e.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDataChanged /w"}, events)
	_, events = e.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Empty(t, events)
	// One that has missed nothing takes the place of the one that is there.
	g, _ = e.do(opGetData, &getDataRequest{path: "/w", watch: true})
	lost, events = e.resume(&resumeWatchRequest{path: "/w", mode: resumeData, zxid: g.zxid})
	require.Zero(t, lost)
	require.Empty(t, events)
	_, events = e.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDataChanged /w"}, events)

	for _, q := range []*resumeWatchRequest{
		{path: "/w", mode: 9}, {path: "/w", zxid: -1}, {path: "/w", zxid: 1 << 40}, {path: ""}, {path: "no"},
	} {
		g, _ = e.do(opResumeWatch, q)
		require.Equal(t, errBadArguments, g.err, "%+v", q)
	}
	_, events = e.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Empty(t, events, "what was refused is not there")
}

// together sends requests in one packet.
func (c *raw) together(ops []opcode, requests []request) {
	c.t.Helper()
	var all []byte
	for i, q := range requests {
		c.xid++
		b := &sheet{b: jute.AppendInt(jute.AppendInt(nil, c.xid), int32(ops[i]))}
		b.body(q)
		all = jute.AppendBuffer(all, b.b)
	}
	_, err := c.n.Write(all)
	require.NoError(c.t, err)
}

// A watch that is being resumed is no watch yet to the requests before it.
func TestResumedWatchBehindOthers(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	g, _ := c.do(opCreate, create("/w"))
	c.do(opSetData, &setDataRequest{path: "/w", version: -1})
	c.together([]opcode{opGetData, opResumeWatch}, []request{
		&getDataRequest{path: "/w", watch: true}, &resumeWatchRequest{path: "/w", mode: resumeData, zxid: g.zxid}})
	require.Equal(t, c.xid-1, c.next().xid)
	require.Equal(t, "NodeDataChanged /w", c.event(c.next()))
	require.Equal(t, c.xid, c.next().xid)

	d := s.open()
	d.together([]opcode{opRemoveWatches, opResumeWatch}, []request{
		&watchesRequest{op: opRemoveWatches, path: "/w", kind: watcherAny}, &resumeWatchRequest{path: "/w", zxid: g.zxid + 1}})
	require.Equal(t, errNoWatcher, d.next().err)
	require.Equal(t, errOK, d.next().err)
	_, events := d.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDataChanged /w"}, events)
}

// What was missed and is too much to be kept for the client is said to be missing.
func TestResumedWatchWithTooMuch(t *testing.T) {
	s := serve(t, Config{MaxUnread: 8 << 10})
	c := s.open()
	g, _ := c.do(opCreate, create("/w"))
	since := g.zxid
	const n = 500
	for range n {
		g, _ = c.do(opSetData, &setDataRequest{path: "/w", version: -1})
	}
	d := s.open()
	lost, events := d.resume(&resumeWatchRequest{path: "/w", zxid: since})
	require.NotEmpty(t, events)
	require.Less(t, len(events), n)
	require.Equal(t, since+int64(len(events)), lost.since, "as many as there were")
	require.Equal(t, g.zxid, lost.upTo)
	_, events = d.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDataChanged /w"}, events)
}

// What the member's history has no more is said to be missing.
func TestResumedWatchWithAGap(t *testing.T) {
	s := serveWith(t, Config{}, server.Config{History: watch.HistoryConfig{MaxChanges: 2}}, nil)
	c := s.open()
	g, _ := c.do(opCreate, create("/w"))
	since := g.zxid
	for range 5 {
		g, _ = c.do(opSetData, &setDataRequest{path: "/w", version: -1})
	}
	d := s.open()
	lost, _ := d.resume(&resumeWatchRequest{path: "/w", mode: addWatchPersistent, zxid: since})
	require.Equal(t, since, lost.since)
	require.Greater(t, lost.upTo, since)
	_, events := d.do(opSetData, &setDataRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDataChanged /w"}, events, "it goes on")
	lost, events = d.resume(&resumeWatchRequest{path: "/w", mode: resumeData, zxid: since})
	require.NotZero(t, lost)
	require.Empty(t, events)
	_, events = d.do(opDelete, &deleteRequest{path: "/w", version: -1})
	require.Equal(t, []string{"NodeDeleted /w"}, events, "of the persistent one")
}

func sequential(path string) *createRequest {
	return &createRequest{op: opCreate2, path: path, acl: anyone, flags: flagPersistentSequential}
}

// A write that is sent again with its number over another connection is answered as it
// was, and done once.
func TestOnce(t *testing.T) {
	s := serve(t, Config{})
	c := s.open()
	write := func(c *raw, sequence, answered int64, op opcode, q request) got {
		g, _ := c.do(opOnce, &onceRequest{sequence: sequence, answered: answered, op: op, body: q})
		return g
	}
	first := write(c, 1, 0, opCreate2, sequential("/n-"))
	require.Equal(t, errOK, first.err)
	second := write(c, 2, 0, opDelete, &deleteRequest{path: "/none", version: -1})
	require.Equal(t, errNoNode, second.err)
	third := write(c, 3, 0, opMulti, &multiRequest{op: opMulti, ops: []multiOp{
		{opCreate, sequential("/m-")}, {opCheck, &checkRequest{path: "/", version: -1}}}})
	require.Equal(t, errOK, third.err)
	// What is refused has its number, what cannot be understood has none.
	require.Equal(t, errBadArguments, write(c, 4, 0, opCreate, &createRequest{op: opCreate, path: "/x", acl: anyone, flags: 99}).err)
	require.Equal(t, errBadArguments, write(c, 5, 1, opDelete, &deleteRequest{path: "/", version: -1}).err)
	for _, sequence := range []int64{5, 7, 0, -1} {
		require.Equal(t, errDataInconsistency, write(c, sequence, 1, opCreate, create("/never")).err, sequence)
	}
	require.Equal(t, errDataInconsistency, write(c, 6, 6, opCreate, create("/never")).err, "an answer that was not given")
	require.Equal(t, errDataInconsistency, write(c, 6, -1, opCreate, create("/never")).err)
	require.Equal(t, errMarshalling, write(c, 6, 1, opGetData, &getDataRequest{path: "/"}).err)
	require.Equal(t, errOK, write(c, 6, 1, opCreate, create("/six")).err)
	require.Equal(t, errOK, write(c, 0, 1, opPing, &pingRequest{}).err)

	again := func(c *raw) {
		t.Helper()
		require.Equal(t, errDataInconsistency, write(c, 1, 1, opCreate2, sequential("/n-")).err, "the answer is there, the client has said")
		require.Equal(t, second.err, write(c, 2, 1, opDelete, &deleteRequest{path: "/none", version: -1}).err)
		g := write(c, 3, 1, opMulti, &multiRequest{op: opMulti, ops: []multiOp{
			{opCreate, sequential("/m-")}, {opCheck, &checkRequest{path: "/", version: -1}}}})
		require.Equal(t, third.body, g.body)
		require.Equal(t, errBadArguments, write(c, 4, 1, opCreate, &createRequest{op: opCreate, path: "/x", acl: anyone, flags: 99}).err)
		require.Equal(t, errOK, write(c, 6, 1, opCreate, create("/six")).err)
	}
	d := s.dial()
	d.connect(c.session, c.password, 0)
	again(d)
	require.Equal(t, errNodeExists, write(d, 7, 1, opCreate, create("/six")).err, "a new one")
	// What it has not said that it has is there once more, behind a write and another connection.
	e := s.dial()
	e.connect(c.session, c.password, 0)
	again(e)
	require.Equal(t, errNodeExists, write(e, 7, 1, opCreate, create("/six")).err)

	g, _ := e.do(opGetChildren, &getChildrenRequest{op: opGetChildren, path: "/"})
	r := jute.NewReader(g.body)
	require.Len(t, r.Strings(), 4, "of each one, and zookeeper")
}

// A client that numbers its writes and does not say what was answered is waited for, and
// goes on when it does.
func TestOnceWaitsForAcknowledgement(t *testing.T) {
	const room = 4
	s := serveWith(t, Config{}, server.Config{Settings: tree.Settings{Unanswered: room}}, nil)
	c := s.open()
	ask := func(sequence, answered int64, op opcode, q request) int32 {
		return c.ask(opOnce, &onceRequest{sequence: sequence, answered: answered, op: op, body: q})
	}
	set := &setDataRequest{path: "/", data: []byte("x"), version: -1}
	for i := range int64(2 * room) {
		ask(i+1, 0, opSetData, set)
	}
	for range room {
		require.Equal(t, errOK, c.next().err)
	}
	last := ask(0, room, opPing, &pingRequest{})
	for range room {
		require.Equal(t, errOK, c.next().err)
	}
	require.Equal(t, last, c.next().xid)
}

// One that has more under way than may be, and cannot be heard, is not waited for.
func TestOnceWithoutAcknowledgement(t *testing.T) {
	const room = 4
	s := serveWith(t, Config{MaxOutstanding: room}, server.Config{Settings: tree.Settings{Unanswered: room}}, nil)
	c := s.open()
	var ops []opcode
	var requests []request
	for i := range int64(3 * room) {
		ops = append(ops, opOnce)
		requests = append(requests, &onceRequest{sequence: i + 1, op: opSetData, body: &setDataRequest{path: "/", version: -1}})
	}
	c.together(ops, requests)
	answers := 0
	var err error
	for _, err = c.frame(); err == nil; _, err = c.frame() {
		answers++
	}
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "it is closed")
	require.LessOrEqual(t, answers, room) // those that are on their way may be lost with it
}
