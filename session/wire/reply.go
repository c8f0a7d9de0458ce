package wire

import (
	"encoding/binary"
	"strings"

	"github.com/zabtree/zabtree/internal/jute"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// replyHeader stands in front of every reply's body. There is a body only if err
// is errOK.
type replyHeader struct {
	xid int32 // of the request, but always xidPing for a ping
	// zxid is the write's, or the last one that a read reflects. It is 0 for auth
	// and sasl, and -1 for an unknown opcode.
	zxid int64
	err  errCode
}

// beginReply appends room for the length of a frame, and the header. The body is
// the caller's to append, and endFrame to call with what len(dst) was.
func beginReply(dst []byte, h replyHeader) []byte {
	dst = jute.AppendInt(dst, 0) // length
	dst = jute.AppendInt(dst, h.xid)
	dst = jute.AppendLong(dst, h.zxid)
	return jute.AppendInt(dst, int32(h.err))
}

// endFrame writes the length of the frame that begins at start.
func endFrame(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// Each of the functions below appends one whole frame.

// appendReply appends a reply without a body: whatever failed (but a multi), and
// delete, ping, auth, setWatches, setWatches2, checkWatches, removeWatches and
// closeSession.
func appendReply(dst []byte, h replyHeader) []byte {
	return endFrame(beginReply(dst, h), len(dst))
}

// appendPathReply appends the reply to create and sync.
func appendPathReply(dst []byte, h replyHeader, path string) []byte {
	start := len(dst)
	return endFrame(jute.AppendString(beginReply(dst, h), path), start)
}

// appendPathStatReply appends the reply to create2, createContainer and createTTL.
func appendPathStatReply(dst []byte, h replyHeader, path string, stat *tree.Stat) []byte {
	start := len(dst)
	dst = jute.AppendString(beginReply(dst, h), path)
	return endFrame(appendStat(dst, stat), start)
}

// appendStatReply appends the reply to exists, setData and setACL.
func appendStatReply(dst []byte, h replyHeader, stat *tree.Stat) []byte {
	start := len(dst)
	return endFrame(appendStat(beginReply(dst, h), stat), start)
}

// appendDataReply appends the reply to getData and reconfig.
func appendDataReply(dst []byte, h replyHeader, data []byte, stat *tree.Stat) []byte {
	start := len(dst)
	dst = jute.AppendBuffer(beginReply(dst, h), data)
	return endFrame(appendStat(dst, stat), start)
}

// appendACLReply appends the reply to getACL.
func appendACLReply(dst []byte, h replyHeader, acl []tree.ACL, stat *tree.Stat) []byte {
	start := len(dst)
	dst = appendACL(beginReply(dst, h), acl)
	return endFrame(appendStat(dst, stat), start)
}

// appendNamesReply appends the reply to getChildren and getEphemerals.
func appendNamesReply(dst []byte, h replyHeader, names []string) []byte {
	start := len(dst)
	return endFrame(appendNames(beginReply(dst, h), names), start)
}

// appendNamesStatReply appends the reply to getChildren2.
func appendNamesStatReply(dst []byte, h replyHeader, names []string, stat *tree.Stat) []byte {
	start := len(dst)
	dst = appendNames(beginReply(dst, h), names)
	return endFrame(appendStat(dst, stat), start)
}

// appendIntReply appends the reply to getAllChildrenNumber, and to addWatch,
// which is 0.
func appendIntReply(dst []byte, h replyHeader, v int32) []byte {
	start := len(dst)
	return endFrame(jute.AppendInt(beginReply(dst, h), v), start)
}

// appendTokenReply appends the reply to sasl. A server that knows no SASL answers
// with a nil token.
func appendTokenReply(dst []byte, h replyHeader, token []byte) []byte {
	start := len(dst)
	return endFrame(jute.AppendBuffer(beginReply(dst, h), token), start)
}

// appendIdentitiesReply appends the reply to whoAmI. Of a digest only the user is
// shown.
func appendIdentitiesReply(dst []byte, h replyHeader, ids []tree.ID) []byte {
	start := len(dst)
	dst = jute.AppendVector(beginReply(dst, h), len(ids))
	for _, id := range ids {
		user := id.ID
		if id.Scheme == "digest" {
			user, _, _ = strings.Cut(user, ":")
		}
		dst = jute.AppendString(dst, id.Scheme)
		dst = jute.AppendString(dst, user)
	}
	return endFrame(dst, start)
}

// appendWatchEvent appends an event of a watch. Servers before 3.9 send -1 for
// the zxid.
func appendWatchEvent(dst []byte, zxid int64, typ watch.Type, path string) []byte {
	start := len(dst)
	dst = beginReply(dst, replyHeader{xid: xidWatchEvent, zxid: zxid})
	dst = jute.AppendInt(dst, int32(typ))
	dst = jute.AppendInt(dst, stateSyncConnected)
	return endFrame(jute.AppendString(dst, path), start)
}

// statLen is how many bytes appendStat appends.
const statLen = 68

// appendStat appends a Stat. A container and a znode with a TTL have no owner,
// as a real server shows them.
func appendStat(dst []byte, s *tree.Stat) []byte {
	dst = jute.AppendLong(dst, s.Czxid)
	dst = jute.AppendLong(dst, s.Mzxid)
	dst = jute.AppendLong(dst, s.Ctime)
	dst = jute.AppendLong(dst, s.Mtime)
	dst = jute.AppendInt(dst, s.Version)
	dst = jute.AppendInt(dst, s.Cversion)
	dst = jute.AppendInt(dst, s.Aversion)
	dst = jute.AppendLong(dst, s.EphemeralOwner)
	dst = jute.AppendInt(dst, s.DataLength)
	dst = jute.AppendInt(dst, s.NumChildren)
	return jute.AppendLong(dst, s.Pzxid)
}

// appendNames appends a vector of strings, which is never null.
func appendNames(dst []byte, names []string) []byte {
	dst = jute.AppendVector(dst, len(names))
	for _, name := range names {
		dst = jute.AppendString(dst, name)
	}
	return dst
}

func appendACL(dst []byte, acl []tree.ACL) []byte {
	dst = jute.AppendVector(dst, len(acl))
	for i := range acl {
		dst = jute.AppendInt(dst, int32(acl[i].Perms))
		dst = jute.AppendString(dst, acl[i].ID.Scheme)
		dst = jute.AppendString(dst, acl[i].ID.ID)
	}
	return dst
}
