package wire

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/tree"
)

// opcode says what a request asks for.
type opcode int32

// The opcodes, with ZooKeeper's names.
const (
	opNotification         opcode = 0 // never a request
	opCreate               opcode = 1
	opDelete               opcode = 2
	opExists               opcode = 3
	opGetData              opcode = 4
	opSetData              opcode = 5
	opGetACL               opcode = 6
	opSetACL               opcode = 7
	opGetChildren          opcode = 8
	opSync                 opcode = 9
	opPing                 opcode = 11
	opGetChildren2         opcode = 12
	opCheck                opcode = 13 // within a multi only
	opMulti                opcode = 14
	opCreate2              opcode = 15
	opReconfig             opcode = 16
	opCheckWatches         opcode = 17
	opRemoveWatches        opcode = 18
	opCreateContainer      opcode = 19
	opDeleteContainer      opcode = 20 // the server's own
	opCreateTTL            opcode = 21
	opMultiRead            opcode = 22
	opAuth                 opcode = 100
	opSetWatches           opcode = 101
	opSasl                 opcode = 102
	opGetEphemerals        opcode = 103
	opGetAllChildrenNumber opcode = 104
	opSetWatches2          opcode = 105
	opAddWatch             opcode = 106
	opWhoAmI               opcode = 107
	opCreateSession        opcode = -10 // the server's own
	opCloseSession         opcode = -11
	opError                opcode = -1 // of a result of a multi
)

// shortOps are the names that the word cons has for operations.
var shortOps = map[opcode]string{
	opNotification: "SESS", opCreate: "CREA", opCreate2: "CREA", opCreateContainer: "CREA", opCreateTTL: "CREA", opDelete: "DELE",
	opExists: "EXIS", opGetData: "GETD", opSetData: "SETD", opGetACL: "GETA", opSetACL: "SETA", opGetChildren: "GETC", opGetChildren2: "GETC",
	opSync: "SYNC", opPing: "PING", opCheck: "CHEC", opMulti: "MULT", opMultiRead: "MLTR", opReconfig: "RECO", opCheckWatches: "CHKW",
	opRemoveWatches: "REMW", opSetWatches: "SETW", opSetWatches2: "STW2", opAddWatch: "ADDW", opGetEphemerals: "GETE",
	opGetAllChildrenNumber: "GETACN", opWhoAmI: "HOMI", opCloseSession: "CLOS",
}

// short returns that, which for a connection that has asked for nothing is that it has a
// session.
func (o opcode) short() string {
	if name, ok := shortOps[o]; ok {
		return name
	}
	return "NA"
}

// xids that are not a client's own.
const (
	xidWatchEvent int32 = -1
	xidPing       int32 = -2
	xidAuth       int32 = -4
	xidSetWatches int32 = -8
)

// errCode is the error of a reply; 0 is none. As an error it is one that a
// request is refused with.
type errCode int32

// The codes, with ZooKeeper's names.
const (
	errOK                      errCode = 0
	errSystem                  errCode = -1
	errRuntimeInconsistency    errCode = -2
	errDataInconsistency       errCode = -3
	errConnectionLoss          errCode = -4
	errMarshalling             errCode = -5
	errUnimplemented           errCode = -6
	errOperationTimeout        errCode = -7
	errBadArguments            errCode = -8
	errUnknownSession          errCode = -12
	errNewConfigNoQuorum       errCode = -13
	errReconfigInProgress      errCode = -14
	errAPI                     errCode = -100
	errNoNode                  errCode = -101
	errNoAuth                  errCode = -102
	errBadVersion              errCode = -103
	errNoChildrenForEphemerals errCode = -108
	errNodeExists              errCode = -110
	errNotEmpty                errCode = -111
	errSessionExpired          errCode = -112
	errInvalidCallback         errCode = -113
	errInvalidACL              errCode = -114
	errAuthFailed              errCode = -115
	errSessionMoved            errCode = -118
	errNotReadOnly             errCode = -119
	errEphemeralOnLocalSession errCode = -120
	errNoWatcher               errCode = -121
	errRequestTimeout          errCode = -122
	errReconfigDisabled        errCode = -123
	errSessionClosedSasl       errCode = -124
	errQuotaExceeded           errCode = -125
	errThrottledOp             errCode = -127
)

func (e errCode) Error() string { return fmt.Sprintf("wire: ZooKeeper error %d", int32(e)) }

// codeErrors is what a client is told of a result. A code that is not here never
// leaves the server that hosts the session, or says nothing that ZooKeeper has a
// word for.
var codeErrors = map[tree.Code]errCode{
	tree.CodeOK:                      errOK,
	tree.CodeNoNode:                  errNoNode,
	tree.CodeNodeExists:              errNodeExists,
	tree.CodeNotEmpty:                errNotEmpty,
	tree.CodeBadVersion:              errBadVersion,
	tree.CodeNoChildrenForEphemerals: errNoChildrenForEphemerals,
	tree.CodeBadPath:                 errBadArguments,
	tree.CodeReserved:                errBadArguments,
	tree.CodeBadMode:                 errBadArguments,
	tree.CodeInvalidACL:              errInvalidACL,
	tree.CodeNoAuth:                  errNoAuth,
	tree.CodeTooLarge:                errBadArguments,
	tree.CodeUnknownOp:               errUnimplemented,
	tree.CodeRuntimeInconsistency:    errRuntimeInconsistency,
	tree.CodeSessionExpired:          errSessionExpired,
	tree.CodeSessionMoved:            errSessionMoved,
	tree.CodeQuotaExceeded:           errQuotaExceeded,
	tree.CodeLimit:                   errThrottledOp, // nothing had an effect, try again
}

// errOfCode returns what a client is told of a result.
func errOfCode(code tree.Code) errCode {
	if e, ok := codeErrors[code]; ok {
		return e
	}
	return errSystem
}

// errOf returns what a client is told of an error: of the errCode in its chain,
// or else of package tree's sentinel.
func errOf(err error) errCode {
	var e errCode
	if errors.As(err, &e) {
		return e
	}
	if code, ok := tree.CodeOf(err); ok {
		return errOfCode(code)
	}
	return errSystem
}

// stateSyncConnected is the state of the session in every watch event that a
// server sends.
const stateSyncConnected int32 = 3
