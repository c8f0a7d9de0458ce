package zkwire

import "strconv"

// An Opcode says what a request asks for.
type Opcode int32

// What clients send, and what only servers do (CreateSession, DeleteContainer, and
// Error in the answer to a multi).
const (
	Notification         Opcode = 0
	Create               Opcode = 1
	Delete               Opcode = 2
	Exists               Opcode = 3
	GetData              Opcode = 4
	SetData              Opcode = 5
	GetACL               Opcode = 6
	SetACL               Opcode = 7
	GetChildren          Opcode = 8
	Sync                 Opcode = 9
	Ping                 Opcode = 11
	GetChildren2         Opcode = 12
	Check                Opcode = 13
	Multi                Opcode = 14
	Create2              Opcode = 15
	Reconfig             Opcode = 16
	CheckWatches         Opcode = 17
	RemoveWatches        Opcode = 18
	CreateContainer      Opcode = 19
	DeleteContainer      Opcode = 20
	CreateTTL            Opcode = 21
	MultiRead            Opcode = 22
	Auth                 Opcode = 100
	SetWatches           Opcode = 101
	SASL                 Opcode = 102
	GetEphemerals        Opcode = 103
	GetAllChildrenNumber Opcode = 104
	SetWatches2          Opcode = 105
	AddWatch             Opcode = 106
	WhoAmI               Opcode = 107
	CreateSession        Opcode = -10
	CloseSession         Opcode = -11
	Error                Opcode = -1
)

var opcodeNames = map[Opcode]string{
	Notification: "notification", Create: "create", Delete: "delete", Exists: "exists", GetData: "getData",
	SetData: "setData", GetACL: "getACL", SetACL: "setACL", GetChildren: "getChildren", Sync: "sync", Ping: "ping",
	GetChildren2: "getChildren2", Check: "check", Multi: "multi", Create2: "create2", Reconfig: "reconfig",
	CheckWatches: "checkWatches", RemoveWatches: "removeWatches", CreateContainer: "createContainer",
	DeleteContainer: "deleteContainer", CreateTTL: "createTTL", MultiRead: "multiRead", Auth: "auth",
	SetWatches: "setWatches", SASL: "sasl", GetEphemerals: "getEphemerals", GetAllChildrenNumber: "getAllChildrenNumber",
	SetWatches2: "setWatches2", AddWatch: "addWatch", WhoAmI: "whoAmI", CreateSession: "createSession",
	CloseSession: "closeSession", Error: "error",
}

// String returns the protocol's name for it.
func (o Opcode) String() string {
	if name, ok := opcodeNames[o]; ok {
		return name
	}
	return "opcode " + strconv.Itoa(int(o))
}

// Xids that are not a request's number.
const (
	XidEvent      int32 = -1
	XidPing       int32 = -2
	XidAuth       int32 = -4
	XidSetWatches int32 = -8
)

// Flags of the creating opcodes.
const (
	Persistent              int32 = 0
	Ephemeral               int32 = 1
	PersistentSequential    int32 = 2
	EphemeralSequential     int32 = 3
	Container               int32 = 4
	PersistentTTL           int32 = 5
	PersistentSequentialTTL int32 = 6
)

// Modes of AddWatch.
const (
	WatchPersistent int32 = 0
	WatchRecursive  int32 = 1
)

// Types of CheckWatches and RemoveWatches.
const (
	WatchersChildren int32 = 1
	WatchersData     int32 = 2
	WatchersAny      int32 = 3
)
