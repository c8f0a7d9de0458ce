package wire

import (
	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/tree"
)

// appendMultiReply appends the reply to a multi: results has one for each of its
// operations, as tree.DecodeRecord returns them. If one of them failed the header
// still says errOK.
func appendMultiReply(dst []byte, h replyHeader, q *multiRequest, results []tree.Result) []byte {
	start := len(dst)
	dst = beginReply(dst, h)
	failed := false
	for i := range results {
		failed = failed || results[i].Err != nil
	}
	for i := range results {
		if failed {
			dst = appendMultiError(dst, errOf(results[i].Err))
		} else {
			dst = appendMultiResult(dst, q.ops[i], &results[i])
		}
	}
	return endFrame(appendMultiEnd(dst), start)
}

// appendMultiFailure appends the reply to a multi whose operation at index was
// refused without asking the tree, in the form that a failed one has.
func appendMultiFailure(dst []byte, h replyHeader, q *multiRequest, index int, code errCode) []byte {
	start := len(dst)
	dst = beginReply(dst, h)
	for i := range q.ops {
		switch {
		case i < index:
			dst = appendMultiError(dst, errOK)
		case i == index:
			dst = appendMultiError(dst, code)
		default:
			dst = appendMultiError(dst, errRuntimeInconsistency)
		}
	}
	return endFrame(appendMultiEnd(dst), start)
}

// appendMultiResult appends what one operation of a successful multi did. The
// result of a create goes by what was created, not by the opcode: the Stat is
// there for a container and a znode with a TTL only.
func appendMultiResult(dst []byte, op multiOp, result *tree.Result) []byte {
	switch op.op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL:
		if !result.Stat.Container && result.Stat.TTL == 0 {
			dst = appendMultiHeader(dst, multiHeader{op: opCreate})
			return jute.AppendString(dst, result.Path)
		}
		dst = appendMultiHeader(dst, multiHeader{op: opCreate2})
		dst = jute.AppendString(dst, result.Path)
		return appendStat(dst, &result.Stat)
	case opSetData:
		dst = appendMultiHeader(dst, multiHeader{op: opSetData})
		return appendStat(dst, &result.Stat)
	}
	return appendMultiHeader(dst, multiHeader{op: op.op})
}

// The reply to a multiRead is put together: beginReply, then one of the first
// three functions below for each of its operations, appendMultiEnd and endFrame.

func appendMultiData(dst []byte, data []byte, stat *tree.Stat) []byte {
	dst = appendMultiHeader(dst, multiHeader{op: opGetData})
	dst = jute.AppendBuffer(dst, data)
	return appendStat(dst, stat)
}

func appendMultiNames(dst []byte, names []string) []byte {
	return appendNames(appendMultiHeader(dst, multiHeader{op: opGetChildren}), names)
}

func appendMultiError(dst []byte, code errCode) []byte {
	dst = appendMultiHeader(dst, multiHeader{op: opError, err: code})
	return jute.AppendInt(dst, int32(code))
}

func appendMultiEnd(dst []byte) []byte {
	return appendMultiHeader(dst, multiHeader{op: opError, done: true, err: -1})
}

func appendMultiHeader(dst []byte, h multiHeader) []byte {
	dst = jute.AppendInt(dst, int32(h.op))
	dst = jute.AppendBool(dst, h.done)
	return jute.AppendInt(dst, int32(h.err))
}
