package tree

import (
	"fmt"
	"math"

	"github.com/zabtree/zabtree/internal/codec"
)

// Entry is one committed entry of the log, in order. Entries that hold nothing
// for the tree (the opening of an epoch, a change of membership) may be applied
// with empty Data: they advance the zxid and the clock.
type Entry struct {
	Zxid  int64  // the counter: greater than every one before
	Wall  int64  // leader's wall clock, nanoseconds since 1970; for Ctime and Mtime only
	Clock int64  // the ensemble's clock, nanoseconds; never falls; drives TTLs and tombstones
	Data  []byte // an encoded Command; what is kept of it is copied
}

// Outcome is what became of one entry. Every replica has the same outcomes; the
// server that hosts the session answers it from them.
type Outcome struct {
	Zxid int64
	Code Code

	// Session is the session that the command names or created, else 0.
	Session int64
	// Attachment is the one of the command for a Write, CloseSession or AddAuth;
	// the session's new one after CreateSession and Attach; and the current one
	// after an Attach that was refused with ErrSessionMoved.
	Attachment int64
	// Sequence is a Write's or CloseSession's own.
	Sequence uint64
	// Next is the sequence that the session's next write must have; 0 if there
	// is no such session.
	Next uint64
	// Server is the server that a CreateSession or Attach names.
	Server uint64
	// Ended holds the sessions that ended with this entry.
	Ended []int64
	// Repeated says that the write was applied by an earlier entry, whose result
	// this is.
	Repeated bool

	kind   commandKind
	record []byte
}

// Err returns the error of the command, an [Error], or nil. For a write that
// was executed, now or earlier, it is the operation's.
func (o Outcome) Err() error {
	if o.Code == CodeOK {
		return nil
	}
	if o.record != nil {
		if rec, err := readRecord(o.record, nil); err == nil && rec.code != CodeOK {
			return rec.err()
		}
	}
	return &Error{Op: o.kind.String(), Err: o.Code.Err()}
}

// Record returns the encoded results of a write that was executed, now or
// earlier, for [DecodeRecord]; nil if none was. It is shared and read-only.
func (o Outcome) Record() []byte { return o.record[:len(o.record):len(o.record)] }

// Results returns the results of a write that was executed, now or earlier: one
// for an operation on its own, and one for each operation of a multi. It is nil
// for anything else.
func (o Outcome) Results() []Result {
	if o.record == nil {
		return nil
	}
	results, err := DecodeRecord(o.record)
	if err != nil { // it was encoded by apply
		return nil
	}
	return results
}

// Result is what one operation did.
type Result struct {
	// Path is the path of the znode created by a Create. It is empty otherwise.
	Path string
	// Stat is the znode's after Create, Set and SetACL.
	Stat Stat
	// Err is an [Error], or nil. When a multi fails, the operations before the
	// one that failed have none, although they did not take effect, and those
	// after it have ErrRuntimeInconsistency.
	Err error
}

// DecodeRecord decodes [Outcome.Record]. The error wraps ErrMalformed.
func DecodeRecord(b []byte) ([]Result, error) {
	results := make([]Result, 0, 1)
	rec, err := readRecord(b, func(r Result) { results = append(results, r) })
	if err != nil {
		return nil, err
	}
	if rec.code == CodeOK {
		return results, nil
	}
	if !rec.multi {
		return []Result{{Err: rec.err()}}, nil
	}
	results = make([]Result, rec.count)
	results[rec.index].Err = rec.err()
	for i := rec.index + 1; i < rec.count; i++ {
		results[i].Err = &Error{Op: opMulti.String(), Index: i, Err: ErrRuntimeInconsistency}
	}
	return results, nil
}

// record is the head of an encoded record: its code, and for a failure where.
type record struct {
	code  Code
	multi bool
	count int // operations
	index int
	kind  opKind
	path  string
}

func (rec *record) err() error {
	return &Error{Op: rec.kind.String(), Path: rec.path, Index: rec.index, Err: rec.code.Err()}
}

func readRecord(b []byte, each func(Result)) (record, error) {
	r := codec.NewReader(b)
	rec := record{code: Code(r.Uint8()), multi: r.Bool()}
	count := r.Uint()
	if rec.code >= codeEnd || count > MaxOps || !rec.multi && count != 1 {
		r.Fail("not a record")
	}
	rec.count = int(min(count, math.MaxInt32))
	if rec.code != CodeOK {
		index := r.Uint()
		rec.kind = opKind(r.Uint8())
		rec.path = r.String()
		if index >= count {
			r.Fail("no such operation")
		}
		rec.index = int(min(index, math.MaxInt32))
	} else if each == nil {
		return rec, nil
	}
	for i := 0; rec.code == CodeOK && i < rec.count && r.Err() == nil; i++ {
		var res Result
		switch kind := opKind(r.Uint8()); kind {
		case opCreate:
			res.Path = r.String()
			res.Stat = decodeStat(&r)
		case opSet, opSetACL:
			res.Stat = decodeStat(&r)
		case opDelete, opCheck:
		default:
			r.Fail("unknown operation")
		}
		each(res)
	}
	if err := r.Done(); err != nil {
		return rec, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return rec, nil
}

func appendRecordHead(dst []byte, code Code, multi bool, count int) []byte {
	dst = codec.AppendBool(append(dst, byte(code)), multi)
	return codec.AppendUint(dst, uint64(count))
}

// appendFailure appends the record of a write that failed at the operation with
// the index.
func appendFailure(dst []byte, code Code, multi bool, count, index int, op *flatOp) []byte {
	dst = appendRecordHead(dst, code, multi, count)
	dst = codec.AppendUint(dst, uint64(index))
	dst = append(dst, byte(op.kind))
	return codec.AppendString(dst, string(op.path))
}

// appendResult appends what one operation did; z is the znode after it, nil for
// delete and check.
func appendResult(dst []byte, kind opKind, z *Znode) []byte {
	dst = append(dst, byte(kind))
	if kind == opCreate {
		dst = codec.AppendString(dst, z.path)
	}
	if z != nil {
		dst = appendStat(dst, &z.stat)
	}
	return dst
}

func (k commandKind) String() string {
	switch k {
	case kindCreateSession:
		return "createSession"
	case kindAttach:
		return "attach"
	case kindCloseSession:
		return "closeSession"
	case kindExpireSessions:
		return "expireSessions"
	case kindWrite:
		return "write"
	case kindAddAuth:
		return "addAuth"
	case kindDeleteNode:
		return "deleteNode"
	case kindChangeSettings:
		return "changeSettings"
	case kindRaiseApplyVersion:
		return "raiseApplyVersion"
	case kindSetConfig:
		return "setConfig"
	}
	return "nothing"
}
