package tree

import (
	"fmt"
	"time"
)

// Limits are what an operation is held to before it is logged, and never after:
// a log that was written under other limits can always be replayed
// (ZOOKEEPER-4306). A zero field means its default.
type Limits struct {
	Data  int // bytes of data of one operation; default 1,048,575 as ZooKeeper's jute.maxbuffer
	Ops   int // operations in a Multi; default 4096, at most MaxOps
	Bytes int // bytes of the whole operation once encoded; default 4 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Data <= 0 {
		l.Data = 1<<20 - 1
	}
	if l.Ops <= 0 {
		l.Ops = 4096
	}
	l.Ops = min(l.Ops, MaxOps)
	if l.Bytes <= 0 {
		l.Bytes = 4 << 20
	}
	return l
}

// Validate refuses an operation for what can be said of it without knowing the
// state: an [Error] with ErrUnknownOp, ErrBadPath, ErrBadMode, ErrInvalidACL,
// ErrReserved or a SizeError. It is for whoever wants to know before anything is
// sent: but for what [ValidateSize] refuses, such an operation may be logged, and is
// refused by apply, in its place among all the reasons for which it may be.
func Validate(op Op, limits Limits) error { return validate(op, limits, validateOne) }

// ValidateSize refuses an operation that must not be logged: one that is unknown or too
// large, an [Error] with ErrUnknownOp or a SizeError.
func ValidateSize(op Op, limits Limits) error {
	return validate(op, limits, func(op Op, index int, l Limits) error { return refusal(op, index, sizeFault(op, l)) })
}

func validate(op Op, limits Limits, one func(Op, int, Limits) error) error {
	l := limits.withDefaults()
	multi, isMulti := op.(Multi)
	if !isMulti {
		if err := one(op, 0, l); err != nil {
			return err
		}
	} else {
		if len(multi.Ops) > l.Ops {
			return &Error{Op: opMulti.String(), Err: &SizeError{"operations of a multi", len(multi.Ops), l.Ops}}
		}
		for i, member := range multi.Ops {
			if err := one(member, i, l); err != nil {
				return err
			}
		}
	}
	if size := opSize(op); size > l.Bytes {
		return &Error{Op: OpName(op), Path: OpPath(op), Err: &SizeError{"bytes of an operation", size, l.Bytes}}
	}
	return nil
}

// CheckCommand is ValidateSize for a command that is encoded already, as a leader
// is handed it by another replica. It also refuses bytes that a State would
// halt at, with ErrMalformed or ErrUnknownCommand. It copies nothing of size.
func CheckCommand(command []byte, limits Limits) error {
	l := limits.withDefaults()
	if len(command) > l.Bytes {
		return &SizeError{"bytes of a command", len(command), l.Bytes}
	}
	c := flatCommand{maxOps: l.Ops}
	if err := c.decode(command); err != nil {
		return err
	}
	if c.kind != kindWrite {
		return c.validate()
	}
	if c.sequence == 0 {
		return fmt.Errorf("%w: a write with the sequence 0", ErrMalformed)
	}
	for i := range c.ops {
		if op := &c.ops[i]; len(op.data) > l.Data {
			err := &SizeError{"bytes of data", len(op.data), l.Data}
			return &Error{Op: op.kind.String(), Path: string(op.path), Index: i, Err: err}
		}
	}
	return nil
}

func validateOne(op Op, index int, l Limits) error {
	var err error
	switch op := op.(type) {
	case Create:
		err = opFault(opCreate, op.Path, op.Mode, op.TTL, op.ACL)
	case Set:
		err = opFault(opSet, op.Path, 0, 0, nil)
	case Delete:
		err = opFault(opDelete, op.Path, 0, 0, nil)
	case Check:
		err = opFault(opCheck, op.Path, 0, 0, nil)
	case SetACL:
		err = opFault(opSetACL, op.Path, 0, 0, op.ACL)
	}
	if err == nil {
		err = sizeFault(op, l)
	}
	return refusal(op, index, err)
}

// sizeFault refuses what is no operation on its own or in a multi, or has too much data.
func sizeFault(op Op, l Limits) error {
	size := 0
	switch op := op.(type) {
	case Create:
		size = len(op.Data)
	case Set:
		size = len(op.Data)
	case Delete, Check, SetACL:
	default:
		return ErrUnknownOp
	}
	if size > l.Data {
		return &SizeError{"bytes of data", size, l.Data}
	}
	return nil
}

func refusal(op Op, index int, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: OpName(op), Path: OpPath(op), Index: index, Err: err}
}

// opFault is what is wrong with an operation whatever the state is.
func opFault(kind opKind, path string, mode Mode, ttl time.Duration, acl []ACL) error {
	fault := ""
	if kind == opCreate && mode&Sequential != 0 {
		fault = prefixFault(path)
	} else {
		fault = pathFault(path)
	}
	switch {
	case fault != "":
		return fmt.Errorf("%w: %s", ErrBadPath, fault)
	case kind == opCreate && !validMode(mode, ttl):
		return ErrBadMode
	case kind == opDelete && reserved(path):
		return ErrReserved
	}
	return validateACL(acl)
}

// opSize returns about how many bytes op takes once encoded, and not less.
func opSize(op Op) int {
	aclSize := func(acl []ACL) (size int) {
		for i := range acl {
			size += 16 + len(acl[i].ID.Scheme) + len(acl[i].ID.ID)
		}
		return size
	}
	size := 32 + len(OpPath(op))
	switch op := op.(type) {
	case Create:
		size += len(op.Data) + aclSize(op.ACL)
	case Set:
		size += len(op.Data)
	case SetACL:
		size += aclSize(op.ACL)
	case Multi:
		for _, member := range op.Ops {
			size += opSize(member)
		}
	}
	return size
}
