package tree

// Limits are what an operation is held to before it is logged, and never after:
// a log that was written under other limits can always be replayed
// (ZOOKEEPER-4306). A zero field means its default.
type Limits struct {
	Data  int // bytes of data of one operation; default 1,048,575 as ZooKeeper's jute.maxbuffer
	Ops   int // operations in a Multi; default 4096
	Bytes int // bytes of the whole operation once encoded; default 4 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Data <= 0 {
		l.Data = 1<<20 - 1
	}
	if l.Ops <= 0 {
		l.Ops = 4096
	}
	if l.Bytes <= 0 {
		l.Bytes = 4 << 20
	}
	return l
}

// Validate refuses an operation for what can be said of it without knowing the
// state: an [Error] with ErrUnknownOp, ErrBadPath, ErrBadMode, ErrInvalidACL,
// ErrReserved or a SizeError. Nil means that it may be logged.
func Validate(op Op, limits Limits) error {
	l := limits.withDefaults()
	multi, isMulti := op.(Multi)
	if !isMulti {
		if err := validateOne(op, 0, l); err != nil {
			return err
		}
	} else {
		if len(multi.Ops) > l.Ops {
			return &Error{Op: opMulti.String(), Err: &SizeError{"operations of a multi", len(multi.Ops), l.Ops}}
		}
		for i, member := range multi.Ops {
			if err := validateOne(member, i, l); err != nil {
				return err
			}
		}
	}
	if size := opSize(op); size > l.Bytes {
		return &Error{Op: OpName(op), Path: OpPath(op), Err: &SizeError{"bytes of an operation", size, l.Bytes}}
	}
	return nil
}

// CheckCommand is Validate for a command that is encoded already, as a leader
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
	for i := range c.ops {
		op := &c.ops[i]
		err := op.fault()
		if err == nil && len(op.data) > l.Data {
			err = &SizeError{"bytes of data", len(op.data), l.Data}
		}
		if err != nil {
			return &Error{Op: op.kind.String(), Path: string(op.path), Index: i, Err: err}
		}
	}
	return nil
}

func validateOne(op Op, index int, l Limits) error {
	flat, ok := flatten(op)
	var err error
	switch {
	case !ok:
		err = ErrUnknownOp
	case len(flat.data) > l.Data:
		err = &SizeError{"bytes of data", len(flat.data), l.Data}
	default:
		err = flat.fault()
	}
	if err != nil {
		return &Error{Op: OpName(op), Path: OpPath(op), Index: index, Err: err}
	}
	return nil
}

// fault is what is wrong with an operation whatever the state is.
func (op *flatOp) fault() error {
	path := string(op.path)
	if op.kind == opCreate {
		if err := validateCreatePath(path, op.mode); err != nil {
			return err
		}
		if !validMode(op.mode, op.ttl) {
			return ErrBadMode
		}
		return validateACL(op.acl)
	}
	if err := ValidatePath(path); err != nil {
		return err
	}
	switch {
	case op.kind == opDelete && reserved(path):
		return ErrReserved
	case op.kind == opSetACL:
		return validateACL(op.acl)
	}
	return nil
}

// opSize returns about how many bytes op takes once encoded, and not less.
func opSize(op Op) int {
	if multi, ok := op.(Multi); ok {
		size := 8
		for _, member := range multi.Ops {
			size += opSize(member)
		}
		return size
	}
	flat, _ := flatten(op)
	size := 32 + len(flat.path) + len(flat.data)
	for _, a := range flat.acl {
		size += 16 + len(a.ID.Scheme) + len(a.ID.ID)
	}
	return size
}
