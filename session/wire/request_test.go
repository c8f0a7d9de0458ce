package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/tree"
)

// differs lists what is refused here and is not there, or otherwise.
var differs = map[string]string{
	"op=9 null path":   "a real server answers sync of a null path with a null path",
	"op=18 null path":  "a real server looks for watches of a null path",
	"op=106 null path": "a real server watches a null path",

	"op=1 create: empty part": "the parent is looked for before the path is checked",
	"op=7 setACL":             "the scheme ip is not known here",
}

func known(h requestHeader, x *exchange) bool {
	return differs["op="+opNumber(h.op)+" "+x.label] != ""
}

func opNumber(op opcode) string {
	_, n, _ := strings.Cut(describe(requestHeader{op: op}, nil), "op=")
	return n
}

// describe says a request field by field, as the recorder does.
func describe(h requestHeader, q request) string {
	s := &sheet{}
	s.int("xid", h.xid)
	s.int("op", int32(h.op))
	if q != nil {
		s.body(q)
	}
	return strings.Join(s.text, " ")
}

// Every request that a real server could read is read here as the recorder meant
// it, and can be written again; every one that it could not read is refused with
// the same error.
func TestRequests(t *testing.T) {
	seen := map[opcode]int{}
	requests(t, func(x *exchange, h requestHeader, body []byte) {
		q, code := decodeRequest(h.op, body)
		if code != errOK {
			require.Nil(t, q, x.name())
			requireRefusal(t, x, h, code)
			return
		}
		seen[h.op]++
		require.Equal(t, h.op, opOf(q, h.op), x.name())
		if x.raw() {
			return
		}
		switch {
		case strings.Contains(x.label, "UTF-8"):
			if h.op == opSync { // which a real server answers with the string as it understood it
				require.Equal(t, decodeReply(t, h.op, q, x.reply()).path, q.(*syncRequest).path, "%q", body)
			}
			return
		case strings.Contains(x.label, "left over"):
			body = bytes.TrimSuffix(body, []byte("left over"))
		case strings.Contains(x.label, "boolean 2"):
			body = append(bytes.TrimSuffix(body, []byte{2}), 1)
		}
		require.Equal(t, x.text, describe(h, q), x.name())
		s := &sheet{b: []byte{}}
		s.body(q)
		require.Equal(t, body, s.b, x.name())
	})
	for _, op := range []opcode{
		opCreate, opDelete, opExists, opGetData, opSetData, opGetACL, opSetACL, opGetChildren, opSync, opPing, opGetChildren2,
		opCheck, opMulti, opCreate2, opReconfig, opCheckWatches, opRemoveWatches, opCreateContainer, opCreateTTL, opMultiRead,
		opAuth, opSetWatches, opSasl, opGetEphemerals, opGetAllChildrenNumber, opSetWatches2, opAddWatch, opWhoAmI, opCloseSession,
	} {
		require.NotZero(t, seen[op], "no frame with opcode %d", op)
		delete(seen, op)
	}
	require.Empty(t, seen)
}

// requireRefusal compares a code that decodeRequest gave with what became of the
// request there.
func requireRefusal(t *testing.T, x *exchange, h requestHeader, code errCode) {
	t.Helper()
	if known(h, x) {
		return
	}
	if x.reply() == nil {
		require.Equal(t, "closed", x.end, x.name())
		require.Contains(t, []opcode{opAuth, opSasl}, h.op, x.name())
		return
	}
	got := decodeReply(t, h.op, nil, x.reply())
	require.Equal(t, got.h.err, code, "%s: op %d", x.name(), h.op)
	require.Equal(t, code == errUnimplemented, x.end == "closed", x.name())
	if code == errUnimplemented {
		require.EqualValues(t, -1, got.h.zxid)
	}
}

// What is refused with BADARGUMENTS, INVALIDACL or UNIMPLEMENTED without asking
// the tree is refused so by a real server, and nothing else is.
func TestOperations(t *testing.T) {
	static := map[errCode]bool{errBadArguments: true, errInvalidACL: true, errUnimplemented: true}
	refused, taken := 0, 0
	requests(t, func(x *exchange, h requestHeader, body []byte) {
		q, code := decodeRequest(h.op, body)
		if code != errOK || known(h, x) || x.label == "setACL: auth without identity" {
			return
		}
		op, code := operation(q)
		if op == nil && code == errUnimplemented {
			return // no write
		}
		if code == errOK {
			code = errOf(tree.Validate(op, tree.Limits{}))
		}
		there := errOK
		if reply := x.reply(); reply != nil {
			there = decodeReply(t, h.op, q, reply).h.err
		}
		if code != errOK {
			refused++
			require.Equal(t, there, code, x.name())
			return
		}
		taken++
		require.False(t, static[there], "%s: %v", x.name(), there)
	})
	require.Greater(t, refused, 25)
	require.Greater(t, taken, 40)
}

func TestHeaderCutShort(t *testing.T) {
	for n := range 8 {
		_, _, err := decodeHeader(make([]byte, n))
		require.ErrorIs(t, err, jute.ErrMalformed)
	}
	h, body, err := decodeHeader([]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf5, 9})
	require.NoError(t, err)
	require.Equal(t, requestHeader{1, opCloseSession}, h)
	require.Equal(t, []byte{9}, body)
}

// Data aliases the frame and what is appended to it does not reach on; strings
// are copies.
func TestAliasing(t *testing.T) {
	s := &sheet{}
	s.body(&setDataRequest{path: "/a", data: []byte("data"), version: 1})
	frame := s.b
	q, code := decodeRequest(opSetData, frame)
	require.Equal(t, errOK, code)
	set := q.(*setDataRequest)
	_ = append(set.data, 0xff)
	require.Equal(t, []byte{0, 0, 0, 1}, frame[len(frame)-4:])
	clear(frame)
	require.Equal(t, "/a", set.path)
	require.Equal(t, make([]byte, 4), set.data)
}
