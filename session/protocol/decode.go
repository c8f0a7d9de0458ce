package protocol

import (
	"errors"
	"fmt"
	"math"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// ErrMalformed is wrapped by the errors of DecodeRequest and DecodeMessage.
var ErrMalformed = errors.New("session: malformed message")

func malformed(err error) error { return fmt.Errorf("%w: %w", ErrMalformed, err) }

// DecodeRequest decodes what AppendRequest encoded, from bytes that may be
// hostile. The request's bytes alias b. Whether paths and kinds make sense is
// for the host to say.
func DecodeRequest(b []byte) (Request, error) {
	r := codec.NewReader(b)
	fields := r.Array(16) - 1
	kind := requestKind(r.Uint8())
	expect := func(n int) {
		if fields != n {
			r.Fail("wrong number of fields")
		}
	}
	var req Request
	switch kind {
	case kindOpen:
		expect(4)
		req = &Open{Timeout: r.Int(), Password: readPassword(&r), LastSeen: r.Int(), Identities: readIDs(&r)}
	case kindRearm:
		expect(1)
		req = &Rearm{Watches: readWatches(&r)}
	case kindAttach:
		expect(10)
		req = &Attach{
			Session: r.Int(), Password: readPassword(&r), Timeout: r.Int(), From: r.Int(), LastSeen: r.Int(),
			AnsweredUpTo: r.Uint(), LastSent: r.Uint(), Anew: r.Bool(),
			Identities: readIDs(&r), ReplaceIdentities: r.Bool(),
		}
	case kindWrite:
		expect(4)
		return readWrite(&r)
	case kindRead:
		expect(11)
		req = &Read{
			ID: r.Uint(), Kind: ReadKind(r.Uint8()), Path: r.String(),
			After: r.String(), Limit: int(r.Int32()), Parts: readParts(&r), Linearizable: r.Bool(),
			Watch: r.Uint(), WatchKind: watch.Kind(r.Uint8()),
			Resume: r.Bool(), Since: r.Int(),
		}
	case kindAddAuth:
		expect(3)
		req = &AddAuth{ID: r.Uint(), Scheme: r.String(), Credential: r.Bytes()}
	case kindUnwatch:
		expect(1)
		req = &Unwatch{Watch: r.Uint()}
	case kindCancel:
		expect(1)
		req = &Cancel{ID: r.Uint()}
	case kindAcknowledge:
		expect(1)
		req = &Acknowledge{AnsweredUpTo: r.Uint()}
	case kindPing:
		expect(1)
		req = &Ping{N: r.Uint()}
	case kindClose:
		expect(3)
		req = &Close{ID: r.Uint(), Sequence: r.Uint(), AnsweredUpTo: r.Uint()}
	default:
		r.Fail("unknown kind of request")
	}
	if err := r.Done(); err != nil {
		return nil, malformed(err)
	}
	return req, nil
}

// readWrite reads a Write, whose operation is the rest.
func readWrite(r *codec.Reader) (Request, error) {
	w := &Write{ID: r.Uint(), Sequence: r.Uint(), AnsweredUpTo: r.Uint()}
	if err := r.Err(); err != nil {
		return nil, malformed(err)
	}
	op, err := tree.DecodeOp(r.Rest())
	if err != nil {
		return nil, malformed(err)
	}
	w.Op = op
	return w, nil
}

func readPassword(r *codec.Reader) (p tree.Password) {
	if b := r.Bytes(); len(b) != len(p) {
		r.Fail("password of a wrong length")
	} else {
		copy(p[:], b)
	}
	return p
}

func readParts(r *codec.Reader) (parts []Part) {
	for n := r.Array(MaxParts); n > 0 && r.Err() == nil; n-- {
		r.Fields(2)
		parts = append(parts, Part{ReadKind(r.Uint8()), r.String()})
	}
	return parts
}

// readIDs reads identities; none are nil.
func readIDs(r *codec.Reader) (ids []tree.ID) {
	n := r.Array(2 * MaxIdentities)
	if n%2 != 0 {
		r.Fail("identity without an ID")
	}
	for ; n > 0 && r.Err() == nil; n -= 2 {
		ids = append(ids, tree.ID{Scheme: r.String(), ID: r.String()})
	}
	return ids
}

func readWatches(r *codec.Reader) []Watch {
	n := r.Array(MaxRearm)
	ws := make([]Watch, 0, n)
	for range n {
		r.Fields(3)
		ws = append(ws, Watch{ID: r.Uint(), Path: r.String(), Kind: watch.Kind(r.Uint8())})
	}
	return ws
}

// DecodeMessage decodes what AppendMessage encoded, from bytes that may be
// hostile. The message's bytes alias b.
func DecodeMessage(b []byte) (Message, error) {
	r := codec.NewReader(b)
	fields := r.Array(16) - 1
	kind := messageKind(r.Uint8())
	expect := func(n int) {
		if fields != n {
			r.Fail("wrong number of fields")
		}
	}
	var m Message
	switch kind {
	case kindAttached:
		expect(7)
		m = &Attached{
			Session: r.Int(), Attachment: r.Int(), Timeout: r.Int(), LastSequence: r.Uint(),
			Limits: tree.Limits{Data: int(r.Int32()), Ops: int(r.Int32()), Bytes: int(r.Int32())},
		}
	case kindRefused:
		expect(3)
		m = &Refused{Reason: Refusal(readEnum(&r, uint8(refusals))), Attachment: r.Int(), Fates: readFates(&r)}
	case kindAnswer:
		expect(6)
		m = &Answer{
			ID: r.Uint(), Zxid: readZxid(&r), Code: readCode(&r), Record: r.Bytes(),
			WatchRefused: r.Bool(), Read: readReading(&r, true),
		}
	case kindEvents:
		expect(3)
		m = readEvents(&r)
	case kindPong:
		expect(1)
		m = &Pong{N: r.Uint()}
	case kindHold:
		expect(0)
		m = &Hold{}
	case kindGoingAway:
		expect(0)
		m = &GoingAway{}
	case kindEnded:
		expect(3)
		m = &Ended{Reason: End(readEnum(&r, uint8(ends))), Zxid: readZxid(&r), Fates: readFates(&r)}
	default:
		r.Fail("unknown kind of message")
	}
	if err := r.Done(); err != nil {
		return nil, malformed(err)
	}
	return m, nil
}

func readEnum(r *codec.Reader, end uint8) uint8 {
	v := r.Uint8()
	if v == 0 || v >= end {
		r.Fail("value out of range")
	}
	return v
}

func readZxid(r *codec.Reader) int64 {
	z := r.Int()
	if z < 0 {
		r.Fail("negative zxid")
	}
	return z
}

func readCode(r *codec.Reader) tree.Code {
	c := tree.Code(r.Uint8())
	if errors.Is(c.Err(), tree.ErrMalformed) {
		r.Fail("unknown result code")
	}
	return c
}

func readFates(r *codec.Reader) []Fate {
	n := r.Array(math.MaxInt32)
	if n == 0 {
		return nil
	}
	fates := make([]Fate, 0, min(n, 64)) // grows with what is there
	for i := 0; i < n && r.Err() == nil; i++ {
		r.Fields(4)
		fates = append(fates, Fate{Sequence: r.Uint(), Known: r.Bool(), Applied: r.Bool(), Record: r.Bytes()})
	}
	return fates
}

func readEvents(r *codec.Reader) *Events {
	m := &Events{Zxid: readZxid(r), More: r.Bool()}
	n := r.Array(MaxEvents)
	for i := 0; i < n && r.Err() == nil; i++ {
		r.Fields(2)
		id := r.Uint()
		ev, after, err := watch.DecodeEvent(r.Rest())
		if err != nil {
			r.Fail(err.Error())
			break
		}
		*r = codec.NewReader(after)
		m.Events = append(m.Events, Event{Watch: id, Event: ev})
	}
	return m
}

// readReading reads a Reading, or nil. Those of parts have no parts themselves.
func readReading(r *codec.Reader, parts bool) *Reading {
	if r.Nil() {
		return nil
	}
	r.Fields(10)
	v := &Reading{Exists: r.Bool(), Armed: r.Bool(), Stat: readStat(r), Data: r.Bytes()}
	v.More, v.Count, v.Identities = r.Bool(), r.Int(), readIDs(r)
	n := r.Array(MaxParts)
	if n > 0 && !parts {
		r.Fail("parts within a part")
	}
	for ; n > 0 && r.Err() == nil; n-- {
		r.Fields(2)
		v.Parts = append(v.Parts, PartReading{readCode(r), readReading(r, false)})
	}
	if !r.Nil() {
		n := r.Array(math.MaxInt32)
		v.Names = make([]string, 0, min(n, 1024))
		for i := 0; i < n && r.Err() == nil; i++ {
			v.Names = append(v.Names, r.String())
		}
	}
	if !r.Nil() {
		n := r.Array(math.MaxInt32)
		v.ACL = make([]tree.ACL, 0, min(n, 64))
		for i := 0; i < n && r.Err() == nil; i++ {
			r.Fields(3)
			a := tree.ACL{Perms: tree.Perms(r.Uint8())}
			a.ID = tree.ID{Scheme: r.String(), ID: r.String()}
			v.ACL = append(v.ACL, a)
		}
	}
	return v
}

func readStat(r *codec.Reader) (s tree.Stat) {
	r.Fields(13)
	s.Czxid, s.Mzxid, s.Pzxid, s.Ctime, s.Mtime = r.Int(), r.Int(), r.Int(), r.Int(), r.Int()
	s.Version, s.Cversion, s.Aversion = r.Int32(), r.Int32(), r.Int32()
	s.EphemeralOwner = r.Int()
	setDuration(&s.TTL, r.Int())
	s.DataLength, s.NumChildren = r.Int32(), r.Int32()
	s.Container = r.Bool()
	return s
}

// setDuration sets a time.Duration by its nanoseconds, without package time.
func setDuration[D ~int64](d *D, nanoseconds int64) { *d = D(nanoseconds) }
