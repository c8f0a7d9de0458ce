package wire

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/jute"
)

// sheet takes a request apart, or puts it together: it is given every field in
// order, and has the request as text, as the recorder wrote it, and encoded.
type sheet struct {
	text []string
	b    []byte
}

func (s *sheet) say(format string, args ...any) {
	s.text = append(s.text, fmt.Sprintf(format, args...))
}

func (s *sheet) int(name string, v int32) {
	s.say("%s=%d", name, v)
	s.b = jute.AppendInt(s.b, v)
}

func (s *sheet) long(name string, v int64) {
	s.say("%s=%d", name, v)
	s.b = jute.AppendLong(s.b, v)
}

func (s *sheet) bool(name string, v bool) {
	s.say("%s=%t", name, v)
	s.b = jute.AppendBool(s.b, v)
}

func (s *sheet) str(name, v string) {
	s.say("%s=%q", name, v)
	s.b = jute.AppendString(s.b, v)
}

func (s *sheet) nullable(name, v string, null bool) {
	if null {
		s.say("%s=null", name)
		s.b = jute.AppendNull(s.b)
		return
	}
	s.str(name, v)
}

func appendNullable(dst []byte, v string, null bool) []byte {
	if null {
		return jute.AppendNull(dst)
	}
	return jute.AppendString(dst, v)
}

func (s *sheet) buf(name string, v []byte) {
	if v == nil {
		s.say("%s=null", name)
	} else {
		s.say("%s=%q", name, v)
	}
	s.b = jute.AppendBuffer(s.b, v)
}

func (s *sheet) strs(name string, v []string) {
	if v == nil {
		s.say("%s=null", name)
		s.b = jute.AppendNull(s.b)
		return
	}
	var texts []string
	for _, e := range v {
		texts = append(texts, fmt.Sprintf("%q", e))
	}
	s.say("%s=[%s]", name, strings.Join(texts, ","))
	s.b = jute.AppendStrings(s.b, v)
}

func (s *sheet) acl(acl []wireACL) {
	if acl == nil {
		s.say("acl=null")
		s.b = jute.AppendNull(s.b)
		return
	}
	s.b = jute.AppendVector(s.b, len(acl))
	var texts []string
	for _, a := range acl {
		texts = append(texts, fmt.Sprintf("%d:%q:%q", a.perms, a.scheme, a.id))
		s.b = jute.AppendInt(s.b, a.perms)
		s.b = appendNullable(appendNullable(s.b, a.scheme, a.noScheme), a.id, a.noID)
	}
	s.say("acl=[%s]", strings.Join(texts, ","))
}

func (s *sheet) body(q request) {
	switch q := q.(type) {
	case *createRequest:
		s.nullable("path", q.path, q.none)
		s.buf("data", q.data)
		s.acl(q.acl)
		s.int("flags", q.flags)
		if q.op == opCreateTTL {
			s.long("ttl", q.ttl)
		}
	case *deleteRequest:
		s.str("path", q.path)
		s.int("version", q.version)
	case *existsRequest:
		s.str("path", q.path)
		s.bool("watch", q.watch)
	case *getDataRequest:
		s.str("path", q.path)
		s.bool("watch", q.watch)
	case *setDataRequest:
		s.nullable("path", q.path, q.none)
		s.buf("data", q.data)
		s.int("version", q.version)
	case *getACLRequest:
		s.str("path", q.path)
	case *setACLRequest:
		s.str("path", q.path)
		s.acl(q.acl)
		s.int("version", q.version)
	case *getChildrenRequest:
		s.str("path", q.path)
		s.bool("watch", q.watch)
	case *syncRequest:
		s.str("path", q.path)
	case *checkRequest:
		s.str("path", q.path)
		s.int("version", q.version)
	case *multiRequest:
		s.multi(q)
	case *reconfigRequest:
		s.str("joining", q.joining)
		s.str("leaving", q.leaving)
		s.nullable("members", q.members, !q.whole)
		s.long("config", q.config)
	case *watchesRequest:
		s.str("path", q.path)
		s.int("kind", q.kind)
	case *authRequest:
		s.int("kind", q.kind)
		s.str("scheme", q.scheme)
		s.buf("credential", q.credential)
	case *setWatchesRequest:
		s.long("zxid", q.zxid)
		s.strs("data", q.data)
		s.strs("exist", q.exist)
		s.strs("children", q.children)
		if q.op == opSetWatches2 {
			s.strs("persistent", q.persistent)
			s.strs("recursive", q.recursive)
		}
	case *saslRequest:
		s.buf("token", q.token)
	case *getEphemeralsRequest:
		s.str("prefix", q.prefix)
	case *getAllChildrenNumberRequest:
		s.str("path", q.path)
	case *addWatchRequest:
		s.str("path", q.path)
		s.int("mode", q.mode)
	case *childrenPageRequest:
		s.str("path", q.path)
		s.str("after", q.after)
		s.int("limit", q.limit)
		s.bool("watch", q.watch)
	case *resumeWatchRequest:
		s.str("path", q.path)
		s.int("mode", q.mode)
		s.long("zxid", q.zxid)
	case *onceRequest:
		s.long("sequence", q.sequence)
		s.long("answered", q.answered)
		s.int("op", int32(q.op))
		s.body(q.body)
	case *pingRequest, *whoAmIRequest, *closeSessionRequest:
	default:
		panic(fmt.Sprintf("a request of type %T", q))
	}
}

func (s *sheet) multi(q *multiRequest) {
	for _, op := range q.ops {
		s.say("(%d", op.op)
		s.b = appendMultiHeader(s.b, multiHeader{op: op.op, err: -1})
		s.body(op.body)
		s.say(")")
	}
	s.say("end")
	s.b = appendMultiEnd(s.b)
}

// opOf returns the opcode of a request that is always the same.
func opOf(q request, op opcode) opcode {
	switch q := q.(type) {
	case *createRequest:
		return q.op
	case *getChildrenRequest:
		return q.op
	case *multiRequest:
		return q.op
	case *watchesRequest:
		return q.op
	case *setWatchesRequest:
		return q.op
	}
	return op
}
