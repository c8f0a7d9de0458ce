package wire

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// reply is a reply taken apart; which fields it has depends on the opcode.
type reply struct {
	h     replyHeader
	path  string
	data  []byte
	names []string
	acl   []tree.ACL
	ids   []tree.ID
	n     int32
	stat  tree.Stat

	results []result // of a multi or multiRead

	event watch.Type // if h.xid is xidWatchEvent
}

// result is one of a multi's or multiRead's.
type result struct {
	multiHeader
	path  string
	data  []byte
	names []string
	stat  tree.Stat
}

// decodeReply reads a reply to a request, of which there must be nothing left.
func decodeReply(t testing.TB, op opcode, q request, frame []byte) *reply {
	r := jute.NewReader(frame)
	p := &reply{h: replyHeader{xid: r.Int(), zxid: r.Long(), err: errCode(r.Int())}}
	switch {
	case p.h.xid == xidWatchEvent:
		p.event = watch.Type(r.Int())
		require.Equal(t, stateSyncConnected, r.Int())
		p.path = text(&r)
	case p.h.err != errOK:
		if op == opMultiRead && r.Len() > 0 { // a body although it failed: nobody reads it
			require.True(t, decodeMultiHeader(&r).done)
		}
	default:
		p.body(op, &r)
	}
	require.NoError(t, r.Err())
	require.Zero(t, r.Len(), "opcode %d: %x", op, frame)
	return p
}

func (p *reply) body(op opcode, r *jute.Reader) {
	switch op {
	case opCreate, opSync:
		p.path = text(r)
	case opCreate2, opCreateContainer, opCreateTTL:
		p.path, p.stat = text(r), decodeStat(r)
	case opExists, opSetData, opSetACL:
		p.stat = decodeStat(r)
	case opGetData, opReconfig:
		p.data, p.stat = r.Buffer(), decodeStat(r)
	case opGetACL:
		for _, a := range decodeACL(r) {
			p.acl = append(p.acl, tree.ACL{Perms: tree.Perms(a.perms), ID: tree.ID{Scheme: a.scheme, ID: a.id}})
		}
		p.stat = decodeStat(r)
	case opGetChildren, opGetEphemerals:
		p.names = r.Strings()
	case opGetChildren2:
		p.names, p.stat = r.Strings(), decodeStat(r)
	case opGetAllChildrenNumber, opAddWatch:
		p.n = r.Int()
	case opSasl:
		p.data = r.Buffer()
	case opWhoAmI:
		n, _ := r.Vector(8)
		for range n {
			p.ids = append(p.ids, tree.ID{Scheme: text(r), ID: text(r)})
		}
	case opMulti, opMultiRead:
		for {
			m := result{multiHeader: decodeMultiHeader(r)}
			if m.done || r.Err() != nil {
				return
			}
			switch m.op {
			case opError:
				if code := errCode(r.Int()); code != m.err {
					r.Fail("two errors")
				}
			case opCreate:
				m.path = text(r)
			case opCreate2:
				m.path, m.stat = text(r), decodeStat(r)
			case opSetData:
				m.stat = decodeStat(r)
			case opGetData:
				m.data, m.stat = r.Buffer(), decodeStat(r)
			case opGetChildren:
				m.names = r.Strings()
			}
			p.results = append(p.results, m)
		}
	}
}

func decodeStat(r *jute.Reader) tree.Stat {
	return tree.Stat{
		Czxid: r.Long(), Mzxid: r.Long(), Ctime: r.Long(), Mtime: r.Long(),
		Version: r.Int(), Cversion: r.Int(), Aversion: r.Int(), EphemeralOwner: r.Long(),
		DataLength: r.Int(), NumChildren: r.Int(), Pzxid: r.Long(),
	}
}

// append appends the reply again, with the functions that a server uses.
func (p *reply) append(t testing.TB, dst []byte, op opcode, q request) []byte {
	switch {
	case p.h.xid == xidWatchEvent:
		return appendWatchEvent(dst, p.h.zxid, p.event, p.path)
	case p.h.err != errOK:
		return appendReply(dst, p.h)
	}
	switch op {
	case opCreate, opSync:
		return appendPathReply(dst, p.h, p.path)
	case opCreate2, opCreateContainer, opCreateTTL:
		return appendPathStatReply(dst, p.h, p.path, &p.stat)
	case opExists, opSetData, opSetACL:
		return appendStatReply(dst, p.h, &p.stat)
	case opGetData, opReconfig:
		return appendDataReply(dst, p.h, p.data, &p.stat)
	case opGetACL:
		return appendACLReply(dst, p.h, p.acl, &p.stat)
	case opGetChildren, opGetEphemerals:
		return appendNamesReply(dst, p.h, p.names)
	case opGetChildren2:
		return appendNamesStatReply(dst, p.h, p.names, &p.stat)
	case opGetAllChildrenNumber, opAddWatch:
		return appendIntReply(dst, p.h, p.n)
	case opSasl:
		return appendTokenReply(dst, p.h, p.data)
	case opWhoAmI:
		return appendIdentitiesReply(dst, p.h, p.ids)
	case opMulti:
		return appendMultiReply(dst, p.h, q.(*multiRequest), p.treeResults(t, q.(*multiRequest)))
	case opMultiRead:
		return p.appendMultiRead(dst)
	}
	return appendReply(dst, p.h)
}

// treeResults is the results of a multi as the tree has them.
func (p *reply) treeResults(t testing.TB, q *multiRequest) []tree.Result {
	require.Len(t, q.ops, len(p.results))
	results := make([]tree.Result, len(p.results))
	for i, m := range p.results {
		results[i] = tree.Result{Path: m.path, Stat: m.stat}
		if m.err != errOK {
			results[i].Err = treeError(t, m.err)
		}
		if create, ok := q.ops[i].body.(*createRequest); ok {
			mode, ttl, code := createMode(create)
			require.True(t, code == errOK || m.op == opError)
			results[i].Stat.Container, results[i].Stat.TTL = mode == tree.Container, ttl
		}
	}
	return results
}

// treeError is an error of the tree that a client is told with the code.
func treeError(t testing.TB, code errCode) error {
	for c := tree.CodeOK + 1; c <= tree.CodeLimit; c++ {
		if errOfCode(c) == code {
			return &tree.Error{Op: "multi", Err: c.Err()}
		}
	}
	t.Fatalf("no error of the tree is %d", code)
	return nil
}

func (p *reply) appendMultiRead(dst []byte) []byte {
	start := len(dst)
	dst = beginReply(dst, p.h)
	for _, m := range p.results {
		switch m.op {
		case opGetData:
			dst = appendMultiData(dst, m.data, &m.stat)
		case opGetChildren:
			dst = appendMultiNames(dst, m.names)
		default:
			dst = appendMultiError(dst, m.err)
		}
	}
	return endFrame(appendMultiEnd(dst), start)
}
