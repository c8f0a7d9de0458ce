package tree

import (
	"github.com/zabtree/zabtree/internal/codec"
)

// AppendOp appends the encoded operation to dst, copying everything.
func AppendOp(dst []byte, op Op) []byte {
	multi, ok := op.(Multi)
	if !ok {
		return appendOne(dst, op)
	}
	dst = append(codec.AppendArray(dst, 1+len(multi.Ops)), byte(opMulti))
	for _, member := range multi.Ops {
		dst = appendOne(dst, member)
	}
	return dst
}

func appendOne(dst []byte, op Op) []byte {
	head := func(kind opKind, fields int, path string) {
		dst = append(codec.AppendArray(dst, fields+1), byte(kind))
		dst = codec.AppendString(dst, path)
	}
	switch op := op.(type) {
	case Create:
		head(opCreate, 5, op.Path)
		dst = codec.AppendBytes(dst, op.Data)
		dst = codec.AppendUint(dst, uint64(op.Mode))
		dst = codec.AppendInt(dst, int64(op.TTL))
		dst = appendACL(dst, op.ACL)
	case Set:
		head(opSet, 3, op.Path)
		dst = codec.AppendBytes(dst, op.Data)
		dst = appendCond(dst, op.If)
	case Delete:
		head(opDelete, 2, op.Path)
		dst = appendCond(dst, op.If)
	case Check:
		head(opCheck, 2, op.Path)
		dst = appendCond(dst, op.If)
	case SetACL:
		head(opSetACL, 3, op.Path)
		dst = appendACL(dst, op.ACL)
		dst = appendCond(dst, op.If)
	default:
		dst = append(dst, 0x91, 0) // an operation of no kind
	}
	return dst
}

func appendCond(dst []byte, c Cond) []byte {
	if !c.exact {
		return codec.AppendNil(dst)
	}
	return codec.AppendInt(dst, int64(c.version))
}

func appendACL(dst []byte, acl []ACL) []byte {
	if acl == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, len(acl))
	for i := range acl {
		dst = append(dst, 0x93)
		dst = codec.AppendUint(dst, uint64(acl[i].Perms))
		dst = codec.AppendString(dst, acl[i].ID.Scheme)
		dst = codec.AppendString(dst, acl[i].ID.ID)
	}
	return dst
}

// appendIDs appends identities as an array of schemes and IDs by turns.
func appendIDs(dst []byte, ids []ID) []byte {
	dst = codec.AppendArray(dst, 2*len(ids))
	for i := range ids {
		dst = codec.AppendString(dst, ids[i].Scheme)
		dst = codec.AppendString(dst, ids[i].ID)
	}
	return dst
}

func appendStat(dst []byte, s *Stat) []byte {
	dst = codec.AppendInt(dst, s.Czxid)
	dst = codec.AppendInt(dst, s.Mzxid)
	dst = codec.AppendInt(dst, s.Pzxid)
	dst = codec.AppendInt(dst, s.Ctime)
	dst = codec.AppendInt(dst, s.Mtime)
	dst = codec.AppendInt(dst, int64(s.Version))
	dst = codec.AppendInt(dst, int64(s.Cversion))
	dst = codec.AppendInt(dst, int64(s.Aversion))
	dst = codec.AppendInt(dst, s.EphemeralOwner)
	dst = codec.AppendBool(dst, s.Container)
	dst = codec.AppendInt(dst, int64(s.TTL))
	dst = codec.AppendInt(dst, int64(s.DataLength))
	return codec.AppendInt(dst, int64(s.NumChildren))
}

// appendSettings appends s with its defaults filled in, so that what they are
// elsewhere does not matter.
func appendSettings(dst []byte, s Settings) []byte {
	s = s.withDefaults()
	dst = codec.AppendArray(dst, 8)
	for _, v := range []int{s.Unanswered, s.ResultBytes, s.Identities, s.Tombstones, s.TombstoneBytes} {
		dst = codec.AppendInt(dst, int64(v))
	}
	dst = codec.AppendInt(dst, int64(s.TombstoneTime))
	return codec.AppendBool(codec.AppendBool(dst, s.X509), s.SoftQuotas)
}
