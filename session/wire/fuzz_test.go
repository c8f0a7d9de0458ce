package wire

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

func FuzzHandshake(f *testing.F) {
	for _, x := range exchanges(f) {
		if x.file == "handshake.txt" {
			f.Add(x.sent)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var c connectRequest
		var err error
		if total := allocated(allowed(len(frame)), func() { c, err = decodeConnectRequest(frame) }); total > allowed(len(frame)) {
			t.Fatalf("%d bytes allocated for %d", total, len(frame))
		}
		if err != nil {
			return
		}
		again, err := decodeConnectRequest(sheetOf(c).b)
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

// FuzzRequest decodes bodies that may be anything. One that is a request is the
// same request when it is written and read again, and is an operation of the tree
// or refused.
func FuzzRequest(f *testing.F) {
	requests(f, func(_ *exchange, h requestHeader, body []byte) { f.Add(int32(h.op), body) })
	for op, q := range map[opcode]request{
		opChildrenPage: &childrenPageRequest{path: "/p", after: "a", limit: 2, watch: true},
		opResumeWatch:  &resumeWatchRequest{path: "/p", mode: resumeExist, zxid: 7},
		opOnce:         &onceRequest{sequence: 2, answered: 1, op: opDelete, body: &deleteRequest{path: "/p", version: -1}},
	} {
		s := &sheet{}
		s.body(q)
		f.Add(int32(op), s.b)
	}
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		before := bytes.Clone(body)
		q := fuzzedRequest(t, opcode(op), body)
		require.Equal(t, before, body)
		if q == nil {
			return
		}
		if operation, code := operation(q); code == errOK {
			if err := tree.Validate(operation, tree.Limits{}); err != nil {
				require.NotContains(t, []errCode{errOK, errSystem}, errOf(err))
			}
		} else {
			require.Nil(t, operation)
		}
	})
}

// fuzzedRequest decodes a body within bounds, and again once it is encoded. It
// returns nil if the body is none.
func fuzzedRequest(t *testing.T, op opcode, body []byte) request {
	var q request
	var code errCode
	if total := allocated(allowed(len(body)), func() { q, code = decodeRequest(op, body) }); total > allowed(len(body)) {
		t.Fatalf("%d bytes allocated for %d", total, len(body))
	}
	require.Equal(t, code == errOK, q != nil)
	if q == nil {
		require.Contains(t, []errCode{errMarshalling, errUnimplemented, errBadArguments}, code)
		return nil
	}
	s := &sheet{}
	s.body(q)
	again, code := decodeRequest(opOf(q, op), s.b)
	require.Equal(t, errOK, code)
	require.Equal(t, q, again)
	return q
}

// FuzzMulti: no operation stands in a multi that may not, and a multi that failed
// is answered for each of its operations.
func FuzzMulti(f *testing.F) {
	requests(f, func(_ *exchange, h requestHeader, body []byte) {
		if h.op == opMulti || h.op == opMultiRead {
			f.Add(h.op == opMultiRead, body, uint16(1))
		}
	})
	f.Fuzz(func(t *testing.T, reads bool, body []byte, at uint16) {
		op := opMulti
		if reads {
			op = opMultiRead
		}
		q, ok := fuzzedRequest(t, op, body).(*multiRequest)
		if !ok {
			return
		}
		require.LessOrEqual(t, len(q.ops), len(body)/(9+4+1)) // a header, the length of a path, a boolean
		for _, member := range q.ops {
			switch member.body.(type) {
			case *getDataRequest, *getChildrenRequest:
				require.True(t, reads)
			case *createRequest, *deleteRequest, *setDataRequest, *checkRequest:
				require.False(t, reads)
			default:
				t.Fatalf("%T in a multi", member.body)
			}
		}
		if len(q.ops) == 0 || reads {
			return
		}
		index := int(at) % len(q.ops)
		p := decodeReply(t, op, q, appendMultiFailure(nil, replyHeader{xid: 1}, q, index, errNoNode)[4:])
		require.Len(t, p.results, len(q.ops))
		for i, m := range p.results {
			switch {
			case i < index:
				require.Equal(t, multiHeader{op: opError}, m.multiHeader)
			case i == index:
				require.Equal(t, multiHeader{op: opError, err: errNoNode}, m.multiHeader)
			default:
				require.Equal(t, multiHeader{op: opError, err: errRuntimeInconsistency}, m.multiHeader)
			}
		}
	})
}

// FuzzReply writes replies of every kind and reads them back.
func FuzzReply(f *testing.F) {
	f.Add(int32(1), int64(2), "/a/b", []byte("data"), int64(3), int32(4))
	f.Add(int32(-1), int64(-1), "", []byte{}, int64(-1), int32(-1))
	f.Fuzz(func(t *testing.T, xid int32, zxid int64, path string, data []byte, long int64, short int32) {
		if !utf8.ValidString(path) || xid == xidWatchEvent {
			return
		}
		stat := tree.Stat{
			Czxid: long, Mzxid: long + 1, Pzxid: long ^ zxid, Ctime: -long, Mtime: long << 8, EphemeralOwner: long * 3,
			Version: short, Cversion: -short, Aversion: short + 1, DataLength: short << 4, NumChildren: short >> 4,
		}
		p := reply{
			h: replyHeader{xid: xid, zxid: zxid}, path: path, data: data, names: []string{path, "", path},
			acl: []tree.ACL{{Perms: tree.Perms(short), ID: tree.ID{Scheme: path, ID: "x"}}},
			ids: []tree.ID{{Scheme: "ip", ID: path}}, n: short, stat: stat,
		}
		for _, op := range []opcode{
			opCreate, opCreate2, opExists, opGetData, opGetACL, opGetChildren, opGetChildren2,
			opGetAllChildrenNumber, opSasl, opWhoAmI, opDelete,
		} {
			first := p.append(t, nil, op, nil)
			again := decodeReply(t, op, nil, first[4:])
			require.Equal(t, first, again.append(t, nil, op, nil), "opcode %d", op)
			require.Equal(t, p.h, again.h)
			require.Contains(t, []string{p.path, ""}, again.path)
			require.Contains(t, []tree.Stat{p.stat, {}}, again.stat)
			require.True(t, again.data == nil || bytes.Equal(p.data, again.data))
		}
		multi := &multiRequest{op: opMulti, ops: []multiOp{{op: opCreate, body: &createRequest{}}, {op: opSetData}, {op: opDelete}}}
		b := appendMultiReply(nil, p.h, multi, []tree.Result{{Path: path, Stat: stat}, {Stat: stat}, {}})
		require.Equal(t, []result{
			{multiHeader: multiHeader{op: opCreate}, path: path},
			{multiHeader: multiHeader{op: opSetData}, stat: stat},
			{multiHeader: multiHeader{op: opDelete}},
		}, decodeReply(t, opMulti, multi, b[4:]).results)
		event := decodeReply(t, 0, nil, appendWatchEvent(nil, zxid, watch.Deleted, path)[4:])
		require.Equal(t, &reply{h: replyHeader{xid: xidWatchEvent, zxid: zxid}, event: watch.Deleted, path: path}, event)
	})
}

// FuzzWord: a word is no length that a handshake could have.
func FuzzWord(f *testing.F) {
	for _, w := range []string{"ruok", "srvr", "mntr", "\x00\x00\x00\x2d", "abcd"} {
		f.Add(w[0], w[1], w[2], w[3])
	}
	f.Fuzz(func(t *testing.T, a, b, c, d byte) {
		w, ok := parseWord([4]byte{a, b, c, d})
		if !ok {
			require.Empty(t, w)
			return
		}
		require.EqualValues(t, []byte{a, b, c, d}, []byte(w))
		require.GreaterOrEqual(t, a, byte('a'))
	})
}
