package wire

import (
	"strings"

	"github.com/zabtree/zabtree/internal/jute"
)

// requestHeader stands in front of every request's body.
type requestHeader struct {
	xid int32
	op  opcode
}

// request is the body of a request: a pointer to one of the types below. Its
// strings are copies; its other bytes alias the frame that it was decoded from.
type request interface{ isRequest() }

// wireACL is one entry of an ACL as it is sent. Nothing in it has been checked.
type wireACL struct {
	perms      int32
	scheme, id string
	noScheme   bool // it is null
	noID       bool // likewise
}

// The requests. A vector that is null is nil; an empty one is not.
type (
	// createRequest is create, create2, createContainer or createTTL.
	createRequest struct {
		op    opcode
		path  string
		none  bool   // path is null
		data  []byte // nil if null
		acl   []wireACL
		flags int32
		ttl   int64 // milliseconds; of createTTL
	}
	deleteRequest struct {
		path    string
		version int32
	}
	existsRequest struct {
		path  string
		watch bool
	}
	getDataRequest struct {
		path  string
		watch bool
	}
	setDataRequest struct {
		path    string
		none    bool   // path is null
		data    []byte // nil if null
		version int32
	}
	getACLRequest struct {
		path string
	}
	setACLRequest struct {
		path    string
		acl     []wireACL
		version int32
	}
	// getChildrenRequest is getChildren or getChildren2.
	getChildrenRequest struct {
		op    opcode
		path  string
		watch bool
	}
	syncRequest struct {
		path string
	}
	pingRequest struct{}
	// checkRequest is sent within a multi; a server takes it on its own as well.
	checkRequest struct {
		path    string
		version int32
	}
	// multiRequest is multi or multiRead.
	multiRequest struct {
		op  opcode
		ops []multiOp
	}
	reconfigRequest struct {
		joining, leaving, members string
		whole                     bool  // members is not null
		config                    int64 // the version of the current configuration, or -1
	}
	// watchesRequest is checkWatches or removeWatches.
	watchesRequest struct {
		op   opcode
		path string
		kind int32 // watcherChildren, watcherData or watcherAny; not checked
	}
	authRequest struct {
		kind       int32 // 0; nobody looks at it
		scheme     string
		credential []byte
	}
	// setWatchesRequest is setWatches or setWatches2.
	setWatchesRequest struct {
		op                    opcode
		zxid                  int64
		data, exist, children []string
		persistent, recursive []string // of setWatches2
	}
	saslRequest struct {
		token []byte
	}
	getEphemeralsRequest struct {
		prefix string
	}
	getAllChildrenNumberRequest struct {
		path string
	}
	addWatchRequest struct {
		path string
		mode int32 // addWatchPersistent or addWatchPersistentRecursive; not checked
	}
	whoAmIRequest       struct{}
	closeSessionRequest struct{}
)

func (*createRequest) isRequest()               {}
func (*deleteRequest) isRequest()               {}
func (*existsRequest) isRequest()               {}
func (*getDataRequest) isRequest()              {}
func (*setDataRequest) isRequest()              {}
func (*getACLRequest) isRequest()               {}
func (*setACLRequest) isRequest()               {}
func (*getChildrenRequest) isRequest()          {}
func (*syncRequest) isRequest()                 {}
func (*pingRequest) isRequest()                 {}
func (*checkRequest) isRequest()                {}
func (*multiRequest) isRequest()                {}
func (*reconfigRequest) isRequest()             {}
func (*watchesRequest) isRequest()              {}
func (*authRequest) isRequest()                 {}
func (*setWatchesRequest) isRequest()           {}
func (*saslRequest) isRequest()                 {}
func (*getEphemeralsRequest) isRequest()        {}
func (*getAllChildrenNumberRequest) isRequest() {}
func (*addWatchRequest) isRequest()             {}
func (*whoAmIRequest) isRequest()               {}
func (*closeSessionRequest) isRequest()         {}

// decodeHeader decodes the header of a frame and returns the body behind it. The
// error wraps jute.ErrMalformed; a real server closes the connection then.
func decodeHeader(frame []byte) (h requestHeader, body []byte, err error) {
	r := jute.NewReader(frame)
	h.xid, h.op = r.Int(), opcode(r.Int())
	return h, r.Rest(), r.Err()
}

// decodeRequest decodes the body of a request. Bytes left over are ignored. It
// returns a request and errOK, or what a real server answers:
//
//   - errMarshalling for a body that is none. The connection lives on, but for
//     auth and sasl, where it is closed without an answer
//   - errUnimplemented for an opcode that there is not. The reply has the zxid -1,
//     and the connection is closed
//   - errBadArguments for deleteContainer, which is the server's own
func decodeRequest(op opcode, body []byte) (request, errCode) {
	switch op {
	case opDeleteContainer:
		return nil, errBadArguments
	case opCreateSession:
		return nil, errMarshalling
	}
	r := jute.NewReader(body)
	q := decodeBody(op, &r)
	switch {
	case r.Err() != nil:
		return nil, errMarshalling
	case q == nil:
		return nil, errUnimplemented
	}
	return q, errOK
}

// decodeBody returns nil for an opcode that it does not know.
func decodeBody(op opcode, r *jute.Reader) request {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL:
		return decodeCreate(op, r)
	case opDelete:
		return &deleteRequest{path: path(r), version: r.Int()}
	case opExists:
		return &existsRequest{path: path(r), watch: r.Bool()}
	case opGetData:
		q := decodeGetData(r, nil)
		return &q
	case opSetData:
		q := &setDataRequest{}
		q.path, q.none = nullable(r)
		q.data, q.version = r.Buffer(), r.Int()
		return q
	case opGetACL:
		return &getACLRequest{path: path(r)}
	case opSetACL:
		return &setACLRequest{path: text(r), acl: decodeACL(r), version: r.Int()}
	case opGetChildren, opGetChildren2:
		return &getChildrenRequest{op: op, path: path(r), watch: r.Bool()}
	case opSync:
		return &syncRequest{path: path(r)}
	case opPing:
		return &pingRequest{}
	case opCheck:
		return &checkRequest{path: text(r), version: r.Int()}
	case opMulti, opMultiRead:
		return decodeMulti(op, r)
	case opReconfig:
		q := &reconfigRequest{joining: text(r), leaving: text(r)}
		var null bool
		q.members, null = nullable(r)
		q.whole, q.config = !null, r.Long()
		return q
	case opCheckWatches, opRemoveWatches:
		q := &watchesRequest{op: op}
		var null bool
		if q.path, null = nullable(r); op == opCheckWatches && (null || q.path != "" && !strings.Contains(q.path, "/")) {
			r.Fail("path is null, or has no slash")
		}
		q.kind = r.Int()
		return q
	case opAuth:
		return &authRequest{kind: r.Int(), scheme: text(r), credential: r.Buffer()}
	case opSetWatches, opSetWatches2:
		return decodeSetWatches(op, r)
	case opSasl:
		return &saslRequest{token: r.Buffer()}
	case opGetEphemerals:
		return &getEphemeralsRequest{prefix: text(r)}
	case opGetAllChildrenNumber:
		return &getAllChildrenNumberRequest{path: path(r)}
	case opAddWatch:
		return &addWatchRequest{path: path(r), mode: r.Int()}
	case opWhoAmI:
		return &whoAmIRequest{}
	case opCloseSession:
		return &closeSessionRequest{}
	}
	return decodeExtension(op, r)
}

// path takes a string that must not be null. In setData, setACL and check it may
// be, and is then as bad an argument as an empty one.
func path(r *jute.Reader) string {
	s, ok := r.Ustring()
	if !ok {
		r.Fail("path is null")
	}
	return s
}

// text takes a string; one that is null is as good as an empty one.
func text(r *jute.Reader) string {
	s, _ := r.Ustring()
	return s
}

func decodeGetData(r *jute.Reader, paths *jute.Interner) (q getDataRequest) {
	s, ok := r.Interned(paths)
	if !ok {
		r.Fail("path is null")
	}
	return getDataRequest{path: s, watch: r.Bool()}
}

func decodeCreate(op opcode, r *jute.Reader) *createRequest {
	q := &createRequest{op: op}
	q.path, q.none = nullable(r)
	q.data, q.acl, q.flags = r.Buffer(), decodeACL(r), r.Int()
	if op == opCreateTTL {
		q.ttl = r.Long()
	}
	return q
}

func decodeSetWatches(op opcode, r *jute.Reader) *setWatchesRequest {
	q := &setWatchesRequest{op: op, zxid: r.Long(), data: r.Strings(), exist: r.Strings(), children: r.Strings()}
	if op == opSetWatches2 {
		q.persistent, q.recursive = r.Strings(), r.Strings()
	}
	return q
}

// nullable takes a string that may be null.
func nullable(r *jute.Reader) (s string, null bool) {
	s, ok := r.Ustring()
	return s, !ok
}

// decodeACL takes an ACL, nil if it is null.
func decodeACL(r *jute.Reader) []wireACL {
	n, ok := r.Vector(12)
	if !ok {
		return nil
	}
	acl := make([]wireACL, 0, n)
	for range n {
		a := wireACL{perms: r.Int()}
		a.scheme, a.noScheme = nullable(r)
		a.id, a.noID = nullable(r)
		acl = append(acl, a)
		if r.Err() != nil {
			return nil
		}
	}
	return acl
}
