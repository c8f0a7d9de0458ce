package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// Every frame that a real server sent is made again from the values in it, behind
// what is in the buffer already.
func TestReplies(t *testing.T) {
	events, bodies := 0, map[opcode]int{}
	requests(t, func(x *exchange, h requestHeader, body []byte) {
		q, _ := decodeRequest(h.op, body)
		for _, frame := range x.received {
			p := decodeReply(t, h.op, q, frame)
			if p.h.xid == xidWatchEvent {
				events++
			} else if p.h.err == errOK {
				bodies[h.op]++
			}
			if h.op == opGetACL && (strings.Contains(x.label, "bits") || strings.Contains(x.label, "-1")) {
				continue // shows bits that tree.Perms has no room for
			}
			if strings.Contains(x.label, "null path") && h.op == opSync || strings.Contains(x.label, "beyond the BMP") {
				continue // a null path; a character as Java writes it
			}
			if p.h.err != errOK && h.op == opMultiRead {
				frame = frame[:16]
			}
			b := p.append(t, []byte("before"), h.op, q)
			require.Equal(t, "before", string(b[:6]))
			require.EqualValues(t, len(b)-10, uint32(b[6])<<24|uint32(b[7])<<16|uint32(b[8])<<8|uint32(b[9]))
			require.Equal(t, frame, b[10:], x.name())
		}
	})
	require.Greater(t, events, 19)
	for _, op := range []opcode{
		opCreate, opDelete, opExists, opGetData, opSetData, opGetACL, opSetACL, opGetChildren, opSync, opPing, opGetChildren2,
		opMulti, opCreate2, opCheckWatches, opRemoveWatches, opCreateContainer, opCreateTTL, opMultiRead,
		opAuth, opSetWatches, opSasl, opGetEphemerals, opGetAllChildrenNumber, opSetWatches2, opAddWatch, opWhoAmI, opCloseSession,
	} {
		require.NotZero(t, bodies[op], "no reply to opcode %d", op)
	}
}

// The xid and zxid of what is no ordinary reply.
func TestSpecialHeaders(t *testing.T) {
	requests(t, func(x *exchange, h requestHeader, _ []byte) {
		if x.reply() == nil {
			return
		}
		p := decodeReply(t, h.op, nil, x.reply())
		switch h.op {
		case opPing:
			require.Equal(t, xidPing, p.h.xid)
			return
		case opAuth, opSasl:
			require.Zero(t, p.h.zxid)
		default:
			require.NotZero(t, p.h.zxid)
		}
		require.Equal(t, h.xid, p.h.xid)
		for _, frame := range x.received[:len(x.received)-1] {
			e := decodeReply(t, h.op, nil, frame)
			require.Equal(t, replyHeader{xid: xidWatchEvent, zxid: -1}, e.h)
		}
	})
}

// A multi that is refused before it gets to the tree looks as one that failed.
func TestMultiFailure(t *testing.T) {
	n := 0
	requests(t, func(x *exchange, h requestHeader, body []byte) {
		q, code := decodeRequest(h.op, body)
		if h.op != opMulti || code != errOK || strings.Contains(x.label, "by state") {
			return
		}
		multi := q.(*multiRequest)
		op, index, code := multiOperation(multi)
		if code == errOK {
			require.Len(t, op.Ops, len(multi.ops))
			err := tree.Validate(op, tree.Limits{})
			if err == nil {
				return
			}
			var at *tree.Error
			require.ErrorAs(t, err, &at)
			index, code = at.Index, errOf(err)
		}
		n++
		p := decodeReply(t, h.op, q, x.reply())
		require.Equal(t, x.reply(), appendMultiFailure(nil, p.h, multi, index, code)[4:], x.name())
	})
	require.GreaterOrEqual(t, n, 5)
}

func TestWatchEvent(t *testing.T) {
	p := decodeReply(t, 0, nil, appendWatchEvent(nil, 77, watch.ChildrenChanged, "/a/b")[4:])
	require.Equal(t, &reply{h: replyHeader{xid: -1, zxid: 77}, event: watch.ChildrenChanged, path: "/a/b"}, p)
}

// Of a digest only the user is shown.
func TestIdentities(t *testing.T) {
	ids := []tree.ID{tree.Super, tree.DigestID("bob", "secret"), {Scheme: "ip", ID: "::1"}, {Scheme: "digest", ID: "carol"}}
	p := decodeReply(t, opWhoAmI, nil, appendIdentitiesReply(nil, replyHeader{xid: 1}, ids)[4:])
	require.Equal(t, []tree.ID{{Scheme: "super"}, {Scheme: "digest", ID: "bob"}, {Scheme: "ip", ID: "::1"}, {Scheme: "digest", ID: "carol"}}, p.ids)
}

// What kind of znode it is does not show in its Stat.
func TestStatOfContainerAndTTL(t *testing.T) {
	plain := tree.Stat{Czxid: 1, Mzxid: 2, Pzxid: 3, Ctime: 4, Mtime: 5, Version: 6, Cversion: 7, Aversion: 8, EphemeralOwner: 9, DataLength: 10, NumChildren: 11}
	b := appendStat(nil, &plain)
	require.Len(t, b, statLen)
	container, timed := plain, plain
	container.Container, timed.TTL = true, time.Hour
	require.Equal(t, b, appendStat(nil, &container))
	require.Equal(t, b, appendStat(nil, &timed))
}

// With a buffer that is large enough, a reply costs nothing.
func TestRepliesDoNotAllocate(t *testing.T) {
	h, stat, data := replyHeader{xid: 1, zxid: 2}, &tree.Stat{Czxid: 3}, make([]byte, 1000)
	names := []string{"one", "two", "three"}
	q := &multiRequest{op: opMulti, ops: []multiOp{{op: opCreate}, {op: opSetData}, {op: opCheck}}}
	results := make([]tree.Result, 3)
	buf := make([]byte, 0, 8<<10)
	for name, f := range map[string]func() []byte{
		"data":     func() []byte { return appendDataReply(buf, h, data, stat) },
		"stat":     func() []byte { return appendStatReply(buf, h, stat) },
		"header":   func() []byte { return appendReply(buf, h) },
		"names":    func() []byte { return appendNamesStatReply(buf, h, names, stat) },
		"path":     func() []byte { return appendPathStatReply(buf, h, "/a/b", stat) },
		"event":    func() []byte { return appendWatchEvent(buf, -1, watch.Created, "/a/b") },
		"multi":    func() []byte { return appendMultiReply(buf, h, q, results) },
		"response": func() []byte { return appendConnectResponse(buf, connectResponse{session: 1}) },
	} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if b := f(); &b[0] != &buf[:1][0] {
				t.Fatal("another buffer")
			}
		}), name)
	}
}
