package wire

import "github.com/zabtree/zabtree/internal/jute"

// multiOp is one operation of a multi or multiRead. Its header's done and err
// mean nothing in a request.
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

// decodeMulti takes the operations up to the header that says done. An operation
// that may not stand in a multi is a fault, and so is a write beside a read, as
// for a real server; a read in a multi and a write in a multiRead are none there.
func decodeMulti(op opcode, r *jute.Reader) *multiRequest {
	q := &multiRequest{op: op}
	for {
		h := decodeMultiHeader(r)
		if r.Err() != nil || h.done {
			return q
		}
		switch h.op {
		case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opCheck, opGetData, opGetChildren:
		default:
			r.Fail("no operation of a multi")
			return q
		}
		if len(q.ops) > 0 && isRead(h.op) != isRead(q.ops[0].op) {
			r.Fail("reads and writes in one multi")
			return q
		}
		body := decodeBody(h.op, r)
		if r.Err() != nil {
			return q
		}
		q.ops = append(q.ops, multiOp{op: h.op, body: body})
	}
}

// isRead says whether an operation of a multi is one of a multiRead.
func isRead(op opcode) bool { return op == opGetData || op == opGetChildren }
