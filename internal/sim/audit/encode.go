package audit

import (
	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Append appends f's encoding, for histories that are made by hand and for frames that
// nobody should send. Of proposals and refused requests, which a Frame only counts, it
// makes up the contents.
func (f *Frame) Append(dst []byte) []byte {
	dst = codec.AppendUint(dst, uint64(f.Kind))
	switch f.Kind {
	case Look:
		dst = codec.AppendBool(dst, f.Looking)
		dst = appendZxid(appendZxid(codec.AppendUint(dst, f.Round), f.Last), f.Commit)
		dst = codec.AppendBool(codec.AppendUint(dst, uint64(f.Accepted)), f.Founded)
		return codec.AppendUint(codec.AppendBool(dst, f.Candidate), f.Prefer)
	case Support:
		return codec.AppendUint(codec.AppendUint(dst, f.Round), uint64(f.Accepted))
	}
	dst = codec.AppendUint(dst, uint64(f.Epoch))
	switch f.Kind {
	case Lead:
		return appendFounders(dst, f.Founders)
	case Nack:
		return codec.AppendUint(dst, uint64(f.Accepted))
	case Join:
		return f.appendJoin(dst)
	case Sync:
		return codec.AppendUint(appendZxid(codec.AppendUint(dst, f.Attempt), f.Common), f.UpTo)
	case Snap:
		dst = appendBase(codec.AppendUint(dst, f.Attempt), f.Snapshot)
		return codec.AppendUint(codec.AppendUint(dst, f.N), f.UpTo)
	case Chunk:
		return codec.AppendBytes(codec.AppendBool(codec.AppendUint(dst, f.N), f.Final), f.Data)
	case ChunkAck:
		return codec.AppendUint(dst, f.N)
	case Entries:
		return append(appendZxid(dst, f.Commit), f.Data...)
	case Ack:
		return codec.AppendUint(dst, f.Counter)
	case Propose:
		dst = codec.AppendArray(dst, 3*f.Requests)
		for i := range f.Requests {
			dst = codec.AppendBytes(codec.AppendBool(codec.AppendUint(dst, uint64(i+1)), false), []byte{byte(i)})
		}
	case Refuse:
		dst = codec.AppendArray(codec.AppendUint(dst, uint64(f.Code)), f.Requests)
		for i := range f.Requests {
			dst = codec.AppendUint(dst, uint64(i+1))
		}
	case Reconfigure:
		return AppendMembership(codec.AppendUint(codec.AppendUint(dst, f.ID), f.Version), f.Next)
	case Ping, Pong:
		return codec.AppendUint(dst, f.Round)
	case Read:
		return codec.AppendUint(dst, f.ID)
	case ReadAnswer:
		return appendZxid(codec.AppendBool(codec.AppendUint(dst, f.ID), f.OK), f.Zxid)
	}
	return dst
}

func (f *Frame) appendJoin(dst []byte) []byte {
	dst = codec.AppendBool(codec.AppendUint(dst, f.Attempt), f.Promised)
	dst = appendZxid(appendZxid(dst, f.Base), f.Last)
	dst = codec.AppendArray(dst, 2*len(f.Ends))
	for _, e := range f.Ends {
		dst = codec.AppendUint(codec.AppendUint(dst, uint64(e.Epoch)), e.Last)
	}
	return codec.AppendUint(appendMeta(dst, f.Partial), f.Chunks)
}

func appendZxid(dst []byte, z protocol.Zxid) []byte {
	return codec.AppendUint(codec.AppendUint(dst, uint64(z.Epoch)), z.Counter)
}

func appendFounders(dst []byte, fs []protocol.Founder) []byte {
	if fs == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, 2*len(fs))
	for _, f := range fs {
		dst = codec.AppendUint(codec.AppendUint(dst, f.ID), f.Incarnation)
	}
	return dst
}

func appendMeta(dst []byte, m protocol.SnapshotMeta) []byte {
	dst = appendZxid(codec.AppendArray(dst, 5), m.Zxid)
	dst = codec.AppendInt(codec.AppendUint(dst, m.Digest), m.Size)
	return codec.AppendUint(dst, m.Sum)
}

func appendBase(dst []byte, b *protocol.Base) []byte {
	dst = codec.AppendInt(appendMeta(codec.AppendArray(dst, 3), b.Snapshot), b.Clock)
	dst = AppendMembership(codec.AppendUint(codec.AppendArray(dst, 5), b.Config.Version), b.Config.Current)
	return AppendMembership(appendZxid(dst, b.Config.PendingAt), b.Config.Pending)
}

// AppendMembership appends the Data of an entry that founds or changes a membership.
func AppendMembership(dst []byte, m protocol.Membership) []byte {
	if m == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, len(m))
	for _, x := range m {
		addrs := []string{x.Addr}
		if x.ElectionAddr+x.ClientAddr != "" {
			addrs = append(addrs, x.ElectionAddr, x.ClientAddr)
		}
		dst = codec.AppendUint(codec.AppendUint(codec.AppendArray(dst, 4+len(addrs)), x.ID), x.Incarnation)
		dst = codec.AppendUint(codec.AppendUint(dst, uint64(x.Role)), uint64(x.Weight))
		for _, addr := range addrs {
			dst = codec.AppendString(dst, addr)
		}
	}
	return dst
}
