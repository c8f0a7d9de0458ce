package audit

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Kind says what a frame is.
type Kind uint8

// The protocol's frames.
const (
	Look Kind = iota + 1
	Support
	Lead
	Nack
	Join
	Sync
	Snap
	Chunk
	ChunkAck
	Entries
	Ack
	Propose
	Refuse
	Reconfigure
	TakeOver
	Removed
	Ping
	Pong
	Read
	ReadAnswer
)

func (k Kind) String() string {
	names := [...]string{"Look", "Support", "Lead", "Nack", "Join", "Sync", "Snap", "Chunk", "ChunkAck", "Entries", "Ack",
		"Propose", "Refuse", "Reconfigure", "TakeOver", "Removed", "Ping", "Pong", "Read", "ReadAnswer"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("frame of kind %d", uint8(k))
	}
	return names[k-1]
}

// Frame is a decoded frame of any kind; the fields that a kind does not have are zero.
type Frame struct {
	Kind  Kind
	Epoch uint32 // of all but Look and Support

	Looking, Founded, Candidate bool          // Look
	Round                       uint64        // Look, Support, Ping, Pong
	Accepted                    uint32        // Look, Support, Nack
	Prefer                      uint64        // Look
	Last                        protocol.Zxid // Look, Join
	Commit                      protocol.Zxid // Look, Entries

	Founders []protocol.Founder // Lead

	Attempt  uint64                // Join, Sync, Snap
	Promised bool                  // Join
	Base     protocol.Zxid         // Join
	Ends     []protocol.EpochEnd   // Join
	Partial  protocol.SnapshotMeta // Join
	Chunks   uint64                // Join

	Common   protocol.Zxid  // Sync
	UpTo     uint64         // Sync, Snap
	Snapshot *protocol.Base // Snap
	N        uint64         // Snap, Chunk, ChunkAck
	Final    bool           // Chunk
	Counter  uint64         // Ack

	ID      uint64              // Read, ReadAnswer, Reconfigure
	OK      bool                // ReadAnswer
	Zxid    protocol.Zxid       // ReadAnswer
	Code    uint8               // Refuse
	Version uint64              // Reconfigure
	Next    protocol.Membership // Reconfigure

	Requests int    // Propose, Refuse: how many
	Data     []byte // Chunk; of Entries, the encoded entries. It aliases the frame.
}

// Foreign says whether a frame is not the protocol's but one of the driver's own.
func Foreign(raw []byte) bool { return len(raw) > 0 && raw[0] >= 0x80 }

// Limits of what is decoded.
const (
	maxEpochs   = 1 << 16
	maxRequests = 1 << 17
)

// Decode decodes a frame into f, whose slices it reuses.
func Decode(f *Frame, raw []byte) error {
	*f = Frame{Ends: f.Ends[:0], Founders: f.Founders[:0]}
	r := codec.NewReader(raw)
	f.Kind = Kind(r.Uint8())
	f.read(&r)
	if err := r.Done(); err != nil {
		return fmt.Errorf("%v: %w", f.Kind, err)
	}
	return nil
}

func (f *Frame) read(r *codec.Reader) {
	switch f.Kind {
	case Look:
		f.Looking, f.Round, f.Last, f.Commit = r.Bool(), r.Uint(), zxid(r), zxid(r)
		f.Accepted, f.Founded, f.Candidate, f.Prefer = r.Uint32(), r.Bool(), r.Bool(), r.Uint()
		return
	case Support:
		f.Round, f.Accepted = r.Uint(), r.Uint32()
		return
	}
	f.Epoch = r.Uint32()
	switch f.Kind {
	case Lead:
		f.Founders = founders(r, f.Founders)
	case Nack:
		f.Accepted = r.Uint32()
	case Join:
		f.readJoin(r)
	case Sync:
		f.Attempt, f.Common, f.UpTo = r.Uint(), zxid(r), r.Uint()
	case Snap:
		f.Attempt, f.Snapshot, f.N, f.UpTo = r.Uint(), base(r), r.Uint(), r.Uint()
	case Chunk:
		f.N, f.Final, f.Data = r.Uint(), r.Bool(), r.Bytes()
	case ChunkAck:
		f.N = r.Uint()
	case Entries:
		f.Commit = zxid(r)
		if r.Err() == nil {
			f.Data = r.Rest()
			*r = codec.Reader{} // the entries are none of this decoder's business
		}
	case Ack:
		f.Counter = r.Uint()
	case Propose:
		f.readPropose(r)
	case Refuse:
		f.readRefuse(r)
	case Reconfigure:
		f.ID, f.Version, f.Next = r.Uint(), r.Uint(), membership(r)
	case TakeOver, Removed:
	case Ping, Pong:
		f.Round = r.Uint()
	case Read:
		f.ID = r.Uint()
	case ReadAnswer:
		f.ID, f.OK, f.Zxid = r.Uint(), r.Bool(), zxid(r)
	default:
		r.Fail("unknown kind")
	}
}

func (f *Frame) readJoin(r *codec.Reader) {
	f.Attempt, f.Promised, f.Base, f.Last = r.Uint(), r.Bool(), zxid(r), zxid(r)
	for n := r.Array(2 * maxEpochs); n > 1; n -= 2 {
		f.Ends = append(f.Ends, protocol.EpochEnd{Epoch: r.Uint32(), Last: r.Uint()})
	}
	f.Partial, f.Chunks = meta(r), r.Uint()
}

func (f *Frame) readPropose(r *codec.Reader) {
	n := r.Array(3 * maxRequests)
	if n%3 != 0 {
		r.Fail("proposals have three fields")
	}
	for f.Requests = n / 3; n > 0; n -= 3 {
		r.Uint()
		r.Bool()
		r.Bytes()
	}
}

func (f *Frame) readRefuse(r *codec.Reader) {
	f.Code = r.Uint8()
	f.Requests = r.Array(maxRequests)
	for range f.Requests {
		r.Uint()
	}
}

// DecodeMembership decodes the Data of an entry that founds or changes a membership.
func DecodeMembership(data []byte) (protocol.Membership, error) {
	r := codec.NewReader(data)
	m := membership(&r)
	if m == nil {
		r.Fail("no membership")
	}
	return m, r.Done()
}

func zxid(r *codec.Reader) protocol.Zxid {
	epoch := r.Uint32()
	return protocol.Zxid{Epoch: epoch, Counter: r.Uint()}
}

// founders appends a list to dst; nil, as opposed to an empty list, is no list.
func founders(r *codec.Reader, dst []protocol.Founder) []protocol.Founder {
	if r.Nil() {
		return nil
	}
	if dst == nil {
		dst = []protocol.Founder{}
	}
	for n := r.Array(2 * protocol.MaxMembers); n > 1; n -= 2 {
		id := r.Uint()
		dst = append(dst, protocol.Founder{ID: id, Incarnation: r.Uint()})
	}
	return dst
}

func meta(r *codec.Reader) protocol.SnapshotMeta {
	r.Fields(5)
	z := zxid(r)
	digest, size := r.Uint(), r.Int()
	return protocol.SnapshotMeta{Zxid: z, Digest: digest, Size: size, Sum: r.Uint()}
}

func base(r *codec.Reader) *protocol.Base {
	r.Fields(3)
	b := &protocol.Base{Snapshot: meta(r), Clock: r.Int()}
	r.Fields(5)
	b.Config.Version, b.Config.Current = r.Uint(), membership(r)
	b.Config.PendingAt, b.Config.Pending = zxid(r), membership(r)
	return b
}

func membership(r *codec.Reader) protocol.Membership {
	if r.Nil() {
		return nil
	}
	n := r.Array(protocol.MaxMembers)
	m := make(protocol.Membership, n)
	for i := range m {
		fields := r.Array(7)
		x := &m[i]
		x.ID, x.Incarnation = r.Uint(), r.Uint()
		x.Role, x.Weight, x.Addr = protocol.Role(r.Uint8()), r.Uint32(), r.String()
		if fields == 7 {
			x.ElectionAddr, x.ClientAddr = r.String(), r.String()
		}
	}
	return m
}
