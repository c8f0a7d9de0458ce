package tree

import "time"

func (op *flatOp) op() Op {
	path := string(op.path)
	switch op.kind {
	case opCreate:
		return Create{Path: path, Data: op.data, Mode: op.mode, TTL: op.ttl, ACL: op.acl}
	case opSet:
		return Set{Path: path, Data: op.data, If: op.cond}
	case opDelete:
		return Delete{Path: path, If: op.cond}
	case opCheck:
		return Check{Path: path, If: op.cond}
	case opSetACL:
		return SetACL{Path: path, ACL: op.acl, If: op.cond}
	}
	return nil
}

func (c *flatCommand) op() Op {
	if !c.multi {
		return c.ops[0].op()
	}
	multi := Multi{Ops: make([]Op, len(c.ops))}
	for i := range c.ops {
		multi.Ops[i] = c.ops[i].op()
	}
	return multi
}

func (c *flatCommand) command() Command {
	switch c.kind {
	case kindCreateSession:
		return CreateSession{Timeout: time.Duration(c.timeout) * time.Millisecond, Password: c.password, Server: c.server, Identities: c.identities}
	case kindAttach:
		return Attach{Session: c.session, Password: c.password, Server: c.server, From: c.attachment, Identities: c.identities, Replace: c.replace,
			Timeout: time.Duration(c.timeout) * time.Millisecond}
	case kindCloseSession:
		return CloseSession{Session: c.session, Attachment: c.attachment, Sequence: c.sequence}
	case kindExpireSessions:
		return ExpireSessions{Sessions: append([]int64(nil), c.sessions...)}
	case kindWrite:
		return Write{Session: c.session, Attachment: c.attachment, Sequence: c.sequence, AnsweredUpTo: c.answered, Op: c.op()}
	case kindAddAuth:
		return AddAuth{Session: c.session, Attachment: c.attachment, Identities: c.identities}
	case kindDeleteNode:
		return DeleteNode{Path: string(c.path), Czxid: c.czxid, Mzxid: c.mzxid}
	case kindChangeSettings:
		return ChangeSettings{Settings: c.settings}
	case kindRaiseApplyVersion:
		return RaiseApplyVersion{Version: c.version}
	case kindSetConfig:
		return SetConfig{Data: c.data}
	}
	return nil
}

// validate checks a command other than a write for faults that do not depend on
// the state.
func (c *flatCommand) validate() error {
	if err := validateIDs(c.identities); err != nil {
		return &Error{Op: c.kind.String(), Err: err}
	}
	return nil
}

func validMode(mode Mode, ttl time.Duration) bool {
	switch mode {
	case Persistent, Sequential:
		return ttl == 0 || ttl >= MinTTL && ttl <= MaxTTL
	case Ephemeral, EphemeralSequential, Container, Container | Sequential:
		return ttl == 0
	}
	return false
}
