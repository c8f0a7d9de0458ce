package zkwire

import "fmt"

// A Stat is a znode's metadata.
type Stat struct {
	Czxid, Mzxid               int64
	Ctime, Mtime               int64
	Version, Cversion          int32
	Aversion                   int32
	EphemeralOwner             int64
	DataLength, NumberChildren int32
	Pzxid                      int64
}

// An Event is what a watch saw.
type Event struct {
	Type  int32
	State int32
	Path  *string
}

// An ID is a scheme and an identity in it.
type ID struct{ Scheme, Name *string }

// A Reply is the answer to a request, or an event. Which of the body's fields are
// there depends on the request; a null string, buffer or vector is nil.
type Reply struct {
	Xid  int32
	Zxid int64
	Err  int32

	Path  *string
	Data  []byte
	Stat  *Stat
	Names []string // children and ephemerals
	ACL   []ACL
	IDs   []ID
	Count *int32 // of GetAllChildrenNumber, and the error inside AddWatch's answer

	Results []Result // of Multi and MultiRead
	Event   *Event

	// Bytes behind the body: there should be none.
	Rest []byte
}

// A Result is the answer to one operation of a multi.
type Result struct {
	Type Opcode
	Err  int32 // in its header
	Reply
}

// Decode decodes a frame as the answer to r. A frame with the xid of an event is
// decoded as one, whatever r is.
func Decode(frame []byte, r *Request) (*Reply, error) {
	d := &decoder{b: frame}
	reply := &Reply{Xid: d.int(), Zxid: d.long(), Err: d.int()}
	switch {
	case d.err != nil:
	case reply.Xid == XidEvent:
		reply.Event = &Event{Type: d.int(), State: d.int(), Path: d.string()}
	case r != nil && reply.Err == 0 && len(d.b) > 0:
		reply.body(d, r.Op)
	}
	if d.err != nil {
		return nil, fmt.Errorf("%w: answer to %v: %x", d.err, r, clip(frame))
	}
	reply.Rest = append([]byte(nil), d.b...)
	return reply, nil
}

func (r *Reply) body(d *decoder, op Opcode) {
	switch op {
	case Create:
		r.Path = d.string()
	case Create2, CreateContainer, CreateTTL:
		r.Path, r.Stat = d.string(), d.stat()
	case Exists, SetData, SetACL:
		r.Stat = d.stat()
	case GetData, Reconfig:
		r.Data, r.Stat = d.buffer(), d.stat()
	case GetACL:
		r.ACL, r.Stat = d.acl(), d.stat()
	case GetChildren, GetEphemerals:
		r.Names = d.strings()
	case GetChildren2:
		r.Names, r.Stat = d.strings(), d.stat()
	case Sync:
		r.Path = d.string()
	case SASL:
		r.Data = d.buffer()
	case GetAllChildrenNumber, AddWatch:
		r.Count = new(d.int())
	case WhoAmI:
		r.IDs = []ID{}
		if !d.vector(func() { r.IDs = append(r.IDs, ID{d.string(), d.string()}) }) {
			r.IDs = nil
		}
	case Multi, MultiRead:
		r.results(d)
	}
}

func (r *Reply) results(d *decoder) {
	r.Results = []Result{}
	for d.err == nil {
		res := Result{Type: Opcode(d.int())}
		done := d.bool()
		res.Err = d.int()
		if done || d.err != nil {
			return
		}
		switch res.Type {
		case Error:
			res.Count = new(d.int())
		case Delete, Check:
		default:
			res.body(d, res.Type)
		}
		r.Results = append(r.Results, res)
	}
}

func (d *decoder) stat() *Stat {
	return &Stat{
		Czxid: d.long(), Mzxid: d.long(), Ctime: d.long(), Mtime: d.long(),
		Version: d.int(), Cversion: d.int(), Aversion: d.int(),
		EphemeralOwner: d.long(), DataLength: d.int(), NumberChildren: d.int(), Pzxid: d.long(),
	}
}

func (d *decoder) acl() []ACL {
	list := []ACL{}
	if !d.vector(func() { list = append(list, ACL{Perms: d.int(), Scheme: d.string(), ID: d.string()}) }) {
		return nil
	}
	return list
}
