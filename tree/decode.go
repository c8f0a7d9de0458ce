package tree

import (
	"fmt"
	"math"
	"time"

	"github.com/zabtree/zabtree/internal/codec"
)

// flatOp is any operation but a multi, as apply sees it: without an allocation,
// its bytes aliasing the command's.
type flatOp struct {
	kind opKind
	mode Mode
	cond Cond
	path []byte
	data []byte
	ttl  time.Duration
	acl  []ACL
}

// flatCommand is any command, likewise. Which fields mean something depends on
// kind.
type flatCommand struct {
	kind       commandKind
	multi      bool
	session    int64
	attachment int64 // or Attach.From
	sequence   uint64
	answered   uint64
	server     uint64
	timeout    int64 // milliseconds
	password   Password
	identities []ID
	replace    bool
	settings   Settings
	version    uint32
	path       []byte
	data       []byte
	czxid      int64
	mzxid      int64
	sessions   []int64
	ops        []flatOp

	maxOps int // in a multi; 0: any number
}

// DecodeCommand decodes a command into the type that it was encoded from. Its
// bytes alias b. The error wraps ErrMalformed or ErrUnknownCommand.
func DecodeCommand(b []byte) (Command, error) {
	var c flatCommand
	if err := c.decode(b); err != nil {
		return nil, err
	}
	return c.command(), nil
}

// DecodeOp decodes what AppendOp encoded. Its bytes alias b. The error wraps
// ErrMalformed or ErrUnknownOp.
func DecodeOp(b []byte) (Op, error) {
	var c flatCommand
	r := codec.NewReader(b)
	unknown := c.decodeOps(&r)
	if err := decodeError(&r, unknown); err != nil {
		return nil, err
	}
	return c.op(), nil
}

// decode decodes b, using again the slices that c has.
func (c *flatCommand) decode(b []byte) error {
	*c = flatCommand{sessions: c.sessions[:0], ops: c.ops[:0], maxOps: c.maxOps}
	r := codec.NewReader(b)
	fields := r.Array(16) - 1
	c.kind = commandKind(r.Uint8())
	var unknown error
	expect := func(n int) {
		if fields != n {
			r.Fail("wrong number of fields")
		}
	}
	switch c.kind {
	case kindCreateSession:
		expect(4)
		c.timeout = min(max(r.Int(), 0), math.MaxInt32)
		c.takePassword(&r)
		c.server = r.Uint()
		c.identities = decodeIDs(&r)
	case kindAttach:
		expect(7)
		c.session = r.Int()
		c.takePassword(&r)
		c.server = r.Uint()
		c.attachment = r.Int()
		c.identities, c.replace = decodeIDs(&r), r.Bool()
		c.timeout = min(max(r.Int(), 0), math.MaxInt32)
	case kindCloseSession:
		expect(3)
		c.session, c.attachment, c.sequence = r.Int(), r.Int(), r.Uint()
	case kindExpireSessions:
		expect(1)
		for n := r.Array(math.MaxInt32); n > 0; n-- {
			c.sessions = append(c.sessions, r.Int())
		}
	case kindWrite:
		expect(5)
		c.session, c.attachment = r.Int(), r.Int()
		c.sequence, c.answered = r.Uint(), r.Uint()
		unknown = c.decodeOps(&r)
	case kindAddAuth:
		expect(3)
		c.session, c.attachment = r.Int(), r.Int()
		c.identities = decodeIDs(&r)
	case kindDeleteNode:
		expect(3)
		c.path = r.StringBytes()
		c.czxid, c.mzxid = r.Int(), r.Int()
	case kindChangeSettings:
		expect(1)
		c.settings = decodeSettings(&r).withDefaults()
	case kindRaiseApplyVersion:
		expect(1)
		c.version = r.Uint32()
	case kindSetConfig:
		expect(1)
		c.data = r.Bytes()
	default:
		if r.Err() == nil {
			return fmt.Errorf("%w: kind %d", ErrUnknownCommand, c.kind)
		}
	}
	return decodeError(&r, unknown)
}

func decodeError(r *codec.Reader, unknown error) error {
	if unknown != nil && r.Err() == nil {
		return unknown
	}
	if err := r.Done(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

func (c *flatCommand) takePassword(r *codec.Reader) {
	b := r.Bytes()
	if copy(c.password[:], b) != len(c.password) || len(b) != len(c.password) {
		r.Fail("password is not 16 bytes")
	}
}

// decodeOps takes an operation, which may be a multi.
func (c *flatCommand) decodeOps(r *codec.Reader) error {
	fields := r.Array(math.MaxInt32) - 1
	kind := opKind(r.Uint8())
	if kind != opMulti {
		c.ops = append(c.ops, flatOp{kind: kind})
		return c.ops[0].decode(r, fields)
	}
	c.multi = true
	if fields < 0 {
		r.Fail("operation without a kind")
	}
	if c.maxOps > 0 && fields > c.maxOps {
		return &Error{Op: opMulti.String(), Err: &SizeError{"operations of a multi", fields, c.maxOps}}
	}
	for i := 0; i < fields && r.Err() == nil; i++ {
		fields := r.Array(math.MaxInt32) - 1
		c.ops = append(c.ops, flatOp{kind: opKind(r.Uint8())})
		if err := c.ops[i].decode(r, fields); err != nil {
			return err
		}
	}
	return nil
}

// decode takes the fields of an operation whose kind is known.
func (op *flatOp) decode(r *codec.Reader, fields int) error {
	want := 2
	switch op.kind {
	case opCreate:
		want = 5
	case opSet, opSetACL:
		want = 3
	case opDelete, opCheck:
	default:
		if r.Err() != nil {
			return nil
		}
		return fmt.Errorf("%w: kind %d", ErrUnknownOp, op.kind)
	}
	if fields != want {
		r.Fail("wrong number of fields")
	}
	op.path = r.StringBytes()
	switch op.kind {
	case opCreate:
		op.data = r.Bytes()
		op.mode = Mode(r.Uint8())
		op.ttl = time.Duration(r.Int())
		op.acl = decodeACL(r)
	case opSet:
		op.data = r.Bytes()
		op.cond = decodeCond(r)
	case opSetACL:
		op.acl = decodeACL(r)
		op.cond = decodeCond(r)
	default:
		op.cond = decodeCond(r)
	}
	return nil
}

func decodeCond(r *codec.Reader) Cond {
	if r.Nil() {
		return Cond{}
	}
	return Version(r.Int32())
}

// decodeACL takes an ACL; one that was empty and not nil stays so.
func decodeACL(r *codec.Reader) []ACL {
	if r.Nil() {
		return nil
	}
	n := r.Array(math.MaxInt32)
	acl := make([]ACL, 0, min(n, r.Len()/4))
	for ; n > 0 && r.Err() == nil; n-- {
		r.Fields(3)
		acl = append(acl, ACL{Perms(r.Uint8()), ID{r.String(), r.String()}})
	}
	return acl
}

// decodeIDs takes identities; none are nil.
func decodeIDs(r *codec.Reader) (ids []ID) {
	n := r.Array(math.MaxInt32)
	if n%2 != 0 {
		r.Fail("identity without an ID")
	}
	for ; n > 0 && r.Err() == nil; n -= 2 {
		ids = append(ids, ID{r.String(), r.String()})
	}
	return ids
}

func decodeStat(r *codec.Reader) Stat {
	return Stat{
		Czxid: r.Int(), Mzxid: r.Int(), Pzxid: r.Int(),
		Ctime: r.Int(), Mtime: r.Int(),
		Version: r.Int32(), Cversion: r.Int32(), Aversion: r.Int32(),
		EphemeralOwner: r.Int(), Container: r.Bool(), TTL: time.Duration(r.Int()),
		DataLength: r.Int32(), NumChildren: r.Int32(),
	}
}

func decodeSettings(r *codec.Reader) Settings {
	r.Fields(8)
	return Settings{
		Unanswered: int(r.Int32()), ResultBytes: int(r.Int32()), Identities: int(r.Int32()),
		Tombstones: int(r.Int32()), TombstoneBytes: int(r.Int32()),
		TombstoneTime: time.Duration(r.Int()), X509: r.Bool(), SoftQuotas: r.Bool(),
	}
}
