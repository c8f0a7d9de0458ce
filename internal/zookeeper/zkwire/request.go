package zkwire

import (
	"fmt"
	"strings"
)

// An ACL entry; a nil Scheme or ID is null.
type ACL struct {
	Perms  int32
	Scheme *string
	ID     *string
}

// Permissions of an ACL entry.
const (
	PermRead   int32 = 1
	PermWrite  int32 = 2
	PermCreate int32 = 4
	PermDelete int32 = 8
	PermAdmin  int32 = 16
	PermAll    int32 = 31
)

// A Request is any request: Op says which, and so which of the other fields are
// sent. A nil Data, ACL or vector is sent as null.
type Request struct {
	Xid int32
	Op  Opcode

	Path     string
	NullPath bool `json:",omitempty"`

	Data    []byte `json:",omitempty"`
	ACL     []ACL  `json:",omitempty"`
	Flags   int32  `json:",omitempty"`
	TTL     int64  `json:",omitempty"`
	Version int32  `json:",omitempty"`
	Watch   bool   `json:",omitempty"`
	Type    int32  `json:",omitempty"` // of CheckWatches and RemoveWatches, mode of AddWatch, type of Auth

	Scheme *string `json:",omitempty"`

	// Of SetWatches: data, exist, child, and of SetWatches2 also persistent and
	// recursive.
	Zxid    int64       `json:",omitempty"`
	Watches [5][]string `json:",omitzero"`

	Ops []Request `json:",omitempty"` // of Multi and MultiRead

	// If not nil, sent in place of the body.
	Raw []byte `json:",omitempty"`
	// Sent behind the body.
	Trailer []byte `json:",omitempty"`
}

// AppendFrame appends the request with its length and header.
func (r *Request) AppendFrame(b []byte) []byte {
	start := len(b)
	b = appendInt(b, 0)
	b = appendInt(b, r.Xid)
	b = appendInt(b, int32(r.Op))
	b = r.appendBody(b)
	b = append(b, r.Trailer...)
	appendInt(b[start:start], int32(len(b)-start-4))
	return b
}

// Body returns the encoded body alone.
func (r *Request) Body() []byte { return r.appendBody(nil) }

func (r *Request) appendPath(b []byte) []byte {
	if r.NullPath {
		return appendInt(b, -1)
	}
	return appendString(b, r.Path)
}

func (r *Request) appendBody(b []byte) []byte {
	if r.Raw != nil {
		return append(b, r.Raw...)
	}
	switch r.Op {
	case Create, Create2, CreateContainer, CreateTTL:
		b = appendBuffer(r.appendPath(b), r.Data)
		b = appendInt(appendACL(b, r.ACL), r.Flags)
		if r.Op == CreateTTL {
			b = appendLong(b, r.TTL)
		}
	case Delete, Check:
		b = appendInt(r.appendPath(b), r.Version)
	case Exists, GetData, GetChildren, GetChildren2:
		b = appendBool(r.appendPath(b), r.Watch)
	case SetData:
		b = appendInt(appendBuffer(r.appendPath(b), r.Data), r.Version)
	case GetACL, Sync, GetEphemerals, GetAllChildrenNumber:
		b = r.appendPath(b)
	case SetACL:
		b = appendInt(appendACL(r.appendPath(b), r.ACL), r.Version)
	case CheckWatches, RemoveWatches, AddWatch:
		b = appendInt(r.appendPath(b), r.Type)
	case Auth:
		b = appendBuffer(appendNullable(appendInt(b, r.Type), r.Scheme), r.Data)
	case SASL:
		b = appendBuffer(b, r.Data)
	case SetWatches, SetWatches2:
		b = appendLong(b, r.Zxid)
		n := 3
		if r.Op == SetWatches2 {
			n = 5
		}
		for _, list := range r.Watches[:n] {
			b = appendStrings(b, list)
		}
	case Reconfig:
		// Joining and leaving servers are null.
		b = appendInt(appendInt(b, -1), -1)
		b = appendLong(appendBuffer(b, r.Data), int64(r.Version))
	case DeleteContainer:
		b = append(b, r.Path...)
	case Multi, MultiRead:
		for i := range r.Ops {
			b = appendMultiHeader(b, r.Ops[i].Op, false)
			b = r.Ops[i].appendBody(b)
		}
		b = appendMultiHeader(b, Error, true)
	}
	return b
}

func appendMultiHeader(b []byte, op Opcode, done bool) []byte {
	return appendInt(appendBool(appendInt(b, int32(op)), done), -1)
}

func appendACL(b []byte, list []ACL) []byte {
	if list == nil {
		return appendInt(b, -1)
	}
	b = appendInt(b, int32(len(list)))
	for _, a := range list {
		b = appendNullable(appendNullable(appendInt(b, a.Perms), a.Scheme), a.ID)
	}
	return b
}

// String shows a request in one line.
func (r *Request) String() string {
	if r == nil {
		return "nothing"
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%v", r.Op)
	if r.Raw != nil {
		fmt.Fprintf(&s, " raw=%x", clip(r.Raw))
		return s.String()
	}
	switch r.Op {
	case Ping, CloseSession, WhoAmI:
	case Multi, MultiRead:
		for i := range r.Ops {
			fmt.Fprintf(&s, " [%v]", &r.Ops[i])
		}
	case SetWatches, SetWatches2:
		fmt.Fprintf(&s, " %q", r.Watches)
	case Auth:
		fmt.Fprintf(&s, " %s %q", text(r.Scheme), r.Data)
	default:
		if r.NullPath {
			s.WriteString(" null")
		} else {
			fmt.Fprintf(&s, " %q", clip(r.Path))
		}
	}
	switch r.Op {
	case Create, Create2, CreateContainer, CreateTTL:
		fmt.Fprintf(&s, " flags=%d data=%s acl=%s", r.Flags, buffer(r.Data), FormatACL(r.ACL))
		if r.Op == CreateTTL {
			fmt.Fprintf(&s, " ttl=%d", r.TTL)
		}
	case SetData:
		fmt.Fprintf(&s, " version=%d data=%s", r.Version, buffer(r.Data))
	case SetACL:
		fmt.Fprintf(&s, " version=%d acl=%s", r.Version, FormatACL(r.ACL))
	case Delete, Check:
		fmt.Fprintf(&s, " version=%d", r.Version)
	case CheckWatches, RemoveWatches, AddWatch:
		fmt.Fprintf(&s, " type=%d", r.Type)
	case Exists, GetData, GetChildren, GetChildren2:
		if r.Watch {
			s.WriteString(" watch")
		}
	}
	if r.Trailer != nil {
		fmt.Fprintf(&s, " and %d bytes more", len(r.Trailer))
	}
	return s.String()
}

// FormatACL shows a list as perms:scheme:id.
func FormatACL(list []ACL) string {
	if list == nil {
		return "null"
	}
	var s strings.Builder
	s.WriteByte('[')
	for i, a := range list {
		if i > 0 {
			s.WriteByte(' ')
		}
		fmt.Fprintf(&s, "%d:%s:%s", a.Perms, text(a.Scheme), text(a.ID))
	}
	s.WriteByte(']')
	return s.String()
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func buffer(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", clip(b))
}

// clip keeps a line readable.
func clip[T string | []byte](s T) T { return s[:min(len(s), 64)] }
