package tree

// write applies a session's write exactly once, in the order of the sequences.
func (s *State) write(c *flatCommand, out *Outcome) {
	x := s.session(c.session)
	if x == nil {
		out.Code = CodeSessionExpired
		return
	}
	out.Next = x.last + 1
	switch {
	case c.attachment != x.attachment:
		out.Code = CodeSessionMoved
	case c.sequence > x.last+1 || c.sequence == 0:
		out.Code = CodeResend
	case c.sequence <= x.answered:
		out.Code = CodeAnswered
	case c.sequence <= x.last:
		out.record, out.Repeated = x.record(c.sequence), true
		out.Code = Code(out.record[0])
	default:
		s.nextWrite(c, x, out)
	}
}

// nextWrite executes the write whose turn it is and stores its result. What the
// session has the answers of is forgotten first, also if the write is then
// refused: a session must be able to get away from its limit.
func (s *State) nextWrite(c *flatCommand, x *session, out *Outcome) {
	x = s.touch(x)
	s.dropAnswered(x, c.answered)
	if len(x.records) >= s.settings.Unanswered || x.bytes >= s.settings.ResultBytes {
		out.Code = CodeLimit
		s.settle(x)
		return
	}
	if c.multi {
		out.Code = s.multi(c, x)
	} else {
		out.Code = s.single(&c.ops[0], x)
	}
	out.record = copyData(s.scratch)
	s.store(x, out.record)
	s.settle(x)
	out.Next = x.last + 1
}

// single executes an operation on its own and leaves its record in scratch.
func (s *State) single(op *flatOp, x *session) Code {
	z, code := s.apply(op, x)
	if code != CodeOK {
		s.scratch = appendFailure(s.scratch[:0], code, false, 1, 0, op)
		return code
	}
	s.scratch = appendRecordHead(s.scratch[:0], CodeOK, false, 1)
	s.scratch = appendResult(s.scratch, op.kind, z)
	return CodeOK
}

// multi executes operations one after the other, each seeing what those before
// it did, and takes everything back when one fails.
func (s *State) multi(c *flatCommand, x *session) Code {
	if len(c.ops) > MaxOps {
		s.scratch = appendFailure(s.scratch[:0], CodeTooLarge, true, 1, 0, &c.ops[0])
		clear(c.ops)
		return CodeTooLarge
	}
	s.token++ // versions that must come back if it fails are not changed in place
	s.recording = true
	defer func() { // keeps nothing alive that is not in the tree
		clear(s.undo)
		clear(c.ops)
		s.undo = s.undo[:0]
	}()
	before := len(s.changes)
	s.scratch = appendRecordHead(s.scratch[:0], CodeOK, true, len(c.ops))
	for i := range c.ops {
		op := &c.ops[i]
		z, code := s.apply(op, x)
		if code != CodeOK {
			s.rollback()
			clear(s.changes[before:])
			s.changes = s.changes[:before]
			s.scratch = appendFailure(s.scratch[:0], code, true, len(c.ops), i, op)
			return code
		}
		s.scratch = appendResult(s.scratch, op.kind, z)
	}
	s.commit()
	return CodeOK
}
