package wire

import "github.com/zabtree/zabtree/internal/jute"

// multiOp is one operation of a multi or multiRead. Its header's err means nothing
// in a request; neither does the watch of a read.
type multiOp struct {
	op   opcode
	body request
}

// multiHeader stands in front of each operation and each result of a multi, and
// after the last.
type multiHeader struct {
	op   opcode
	done bool
	err  errCode
}

func decodeMultiHeader(r *jute.Reader) multiHeader {
	return multiHeader{op: opcode(r.Int()), done: r.Bool(), err: errCode(r.Int())}
}

// decodeMulti takes the operations up to the header that says done. Anything that
// is not a write in a multi, or a read in a multiRead, is a fault.
func decodeMulti(op opcode, r *jute.Reader) *multiRequest {
	q := &multiRequest{op: op}
	for {
		h := decodeMultiHeader(r)
		if r.Err() != nil || h.done {
			return q
		}
		if !memberOf(op, h.op) {
			r.Fail("no operation of a multi")
			return q
		}
		body := decodeBody(h.op, r)
		if pathless(body) {
			r.Fail("path is null")
		}
		if r.Err() != nil {
			return q
		}
		if len(q.ops) == cap(q.ops) {
			q.grow()
		}
		q.ops = append(q.ops, multiOp{op: h.op, body: body})
	}
}

// pathless says whether the path of a write is null, which alone is looked at later.
func pathless(q request) bool {
	switch q := q.(type) {
	case *createRequest:
		return q.none
	case *setDataRequest:
		return q.none
	}
	return false
}

// grow doubles the room for operations. (append takes smaller steps and so
// allocates more in all.)
func (q *multiRequest) grow() {
	n := len(q.ops)
	ops := make([]multiOp, n, max(4, 2*n))
	copy(ops, q.ops)
	q.ops = ops
}

// memberOf says whether an operation may stand in a multi or multiRead.
func memberOf(multi, op opcode) bool {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opCheck:
		return multi == opMulti
	case opGetData, opGetChildren:
		return multi == opMultiRead
	}
	return false
}
