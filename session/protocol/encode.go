package protocol

import (
	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

func appendHead(dst []byte, kind uint8, fields int) []byte {
	return append(codec.AppendArray(dst, fields+1), kind)
}

// AppendRequest appends the encoding of r to dst, copying everything.
func AppendRequest(dst []byte, r Request) []byte {
	kind := uint8(r.requestKind())
	switch r := r.(type) {
	case *Open:
		dst = appendHead(dst, kind, 4)
		dst = codec.AppendInt(dst, r.Timeout)
		dst = codec.AppendBytes(dst, r.Password[:])
		dst = codec.AppendInt(dst, r.LastSeen)
		dst = appendIDs(dst, r.Identities)
	case *Rearm:
		dst = appendHead(dst, kind, 1)
		dst = codec.AppendArray(dst, len(r.Watches))
		for i := range r.Watches {
			w := &r.Watches[i]
			dst = codec.AppendUint(codec.AppendArray(dst, 3), w.ID)
			dst = codec.AppendString(dst, w.Path)
			dst = codec.AppendUint(dst, uint64(w.Kind))
		}
	case *Attach:
		dst = appendHead(dst, kind, 10)
		dst = codec.AppendInt(dst, r.Session)
		dst = codec.AppendBytes(dst, r.Password[:])
		dst = codec.AppendInt(dst, r.Timeout)
		dst = codec.AppendInt(dst, r.From)
		dst = codec.AppendInt(dst, r.LastSeen)
		dst = codec.AppendUint(dst, r.AnsweredUpTo)
		dst = codec.AppendUint(dst, r.LastSent)
		dst = codec.AppendBool(dst, r.Anew)
		dst = appendIDs(dst, r.Identities)
		dst = codec.AppendBool(dst, r.ReplaceIdentities)
	case *Write:
		dst = appendHead(dst, kind, 4)
		dst = codec.AppendUint(dst, r.ID)
		dst = codec.AppendUint(dst, r.Sequence)
		dst = codec.AppendUint(dst, r.AnsweredUpTo)
		dst = tree.AppendOp(dst, r.Op)
	case *Read:
		dst = appendHead(dst, kind, 11)
		dst = codec.AppendUint(dst, r.ID)
		dst = codec.AppendUint(dst, uint64(r.Kind))
		dst = codec.AppendString(dst, r.Path)
		dst = codec.AppendString(dst, r.After)
		dst = codec.AppendInt(dst, int64(r.Limit))
		dst = codec.AppendArray(dst, len(r.Parts))
		for _, p := range r.Parts {
			dst = codec.AppendUint(codec.AppendArray(dst, 2), uint64(p.Kind))
			dst = codec.AppendString(dst, p.Path)
		}
		dst = codec.AppendBool(dst, r.Linearizable)
		dst = codec.AppendUint(dst, r.Watch)
		dst = codec.AppendUint(dst, uint64(r.WatchKind))
		dst = codec.AppendBool(dst, r.Resume)
		dst = codec.AppendInt(dst, r.Since)
	case *AddAuth:
		dst = appendHead(dst, kind, 3)
		dst = codec.AppendUint(dst, r.ID)
		dst = codec.AppendString(dst, r.Scheme)
		dst = codec.AppendBytes(dst, r.Credential)
	case *Unwatch:
		dst = codec.AppendUint(appendHead(dst, kind, 1), r.Watch)
	case *Cancel:
		dst = codec.AppendUint(appendHead(dst, kind, 1), r.ID)
	case *Acknowledge:
		dst = codec.AppendUint(appendHead(dst, kind, 1), r.AnsweredUpTo)
	case *Ping:
		dst = codec.AppendUint(appendHead(dst, kind, 1), r.N)
	case *Close:
		dst = appendHead(dst, kind, 3)
		dst = codec.AppendUint(dst, r.ID)
		dst = codec.AppendUint(dst, r.Sequence)
		dst = codec.AppendUint(dst, r.AnsweredUpTo)
	}
	return dst
}

// appendIDs appends identities as an array of schemes and IDs by turns.
func appendIDs(dst []byte, ids []tree.ID) []byte {
	dst = codec.AppendArray(dst, 2*len(ids))
	for i := range ids {
		dst = codec.AppendString(dst, ids[i].Scheme)
		dst = codec.AppendString(dst, ids[i].ID)
	}
	return dst
}

// AppendMessage appends the encoding of m to dst, copying everything. Znodes in
// events are left out (see watch.AppendEvent).
func AppendMessage(dst []byte, m Message) []byte {
	kind := uint8(m.messageKind())
	switch m := m.(type) {
	case *Attached:
		dst = appendHead(dst, kind, 7)
		dst = codec.AppendInt(dst, m.Session)
		dst = codec.AppendInt(dst, m.Attachment)
		dst = codec.AppendInt(dst, m.Timeout)
		dst = codec.AppendUint(dst, m.LastSequence)
		for _, limit := range [...]int{m.Limits.Data, m.Limits.Ops, m.Limits.Bytes} {
			dst = codec.AppendInt(dst, int64(limit))
		}
	case *Refused:
		dst = appendHead(dst, kind, 3)
		dst = codec.AppendUint(dst, uint64(m.Reason))
		dst = codec.AppendInt(dst, m.Attachment)
		dst = appendFates(dst, m.Fates)
	case *Answer:
		dst = appendHead(dst, kind, 6)
		dst = codec.AppendUint(dst, m.ID)
		dst = codec.AppendInt(dst, m.Zxid)
		dst = codec.AppendUint(dst, uint64(m.Code))
		dst = codec.AppendBytes(dst, m.Record)
		dst = codec.AppendBool(dst, m.WatchRefused)
		dst = appendReading(dst, m.Read)
	case *Events:
		dst = appendHead(dst, kind, 3)
		dst = codec.AppendInt(dst, m.Zxid)
		dst = codec.AppendBool(dst, m.More)
		dst = codec.AppendArray(dst, len(m.Events))
		for i := range m.Events {
			dst = codec.AppendUint(codec.AppendArray(dst, 2), m.Events[i].Watch)
			dst = watch.AppendEvent(dst, m.Events[i].Event)
		}
	case *Pong:
		dst = codec.AppendUint(appendHead(dst, kind, 1), m.N)
	case *Hold, *GoingAway:
		dst = appendHead(dst, kind, 0)
	case *Ended:
		dst = appendHead(dst, kind, 3)
		dst = codec.AppendUint(dst, uint64(m.Reason))
		dst = codec.AppendInt(dst, m.Zxid)
		dst = appendFates(dst, m.Fates)
	}
	return dst
}

func appendFates(dst []byte, fates []Fate) []byte {
	dst = codec.AppendArray(dst, len(fates))
	for i := range fates {
		f := &fates[i]
		dst = codec.AppendUint(codec.AppendArray(dst, 4), f.Sequence)
		dst = codec.AppendBool(dst, f.Known)
		dst = codec.AppendBool(dst, f.Applied)
		dst = codec.AppendBytes(dst, f.Record)
	}
	return dst
}

func appendReading(dst []byte, r *Reading) []byte {
	if r == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, 10)
	dst = codec.AppendBool(dst, r.Exists)
	dst = codec.AppendBool(dst, r.Armed)
	dst = appendStat(dst, &r.Stat)
	dst = codec.AppendBytes(dst, r.Data)
	dst = codec.AppendBool(dst, r.More)
	dst = codec.AppendInt(dst, r.Count)
	dst = appendIDs(dst, r.Identities)
	dst = codec.AppendArray(dst, len(r.Parts))
	for i := range r.Parts {
		dst = codec.AppendUint(codec.AppendArray(dst, 2), uint64(r.Parts[i].Code))
		dst = appendReading(dst, r.Parts[i].Read)
	}
	if r.Names == nil {
		dst = codec.AppendNil(dst)
	} else {
		dst = codec.AppendArray(dst, len(r.Names))
		for _, name := range r.Names {
			dst = codec.AppendString(dst, name)
		}
	}
	if r.ACL == nil {
		return codec.AppendNil(dst)
	}
	dst = codec.AppendArray(dst, len(r.ACL))
	for _, a := range r.ACL {
		dst = codec.AppendUint(codec.AppendArray(dst, 3), uint64(a.Perms))
		dst = codec.AppendString(dst, a.ID.Scheme)
		dst = codec.AppendString(dst, a.ID.ID)
	}
	return dst
}

func appendStat(dst []byte, s *tree.Stat) []byte {
	dst = codec.AppendArray(dst, 13)
	for _, v := range [...]int64{
		s.Czxid, s.Mzxid, s.Pzxid, s.Ctime, s.Mtime,
		int64(s.Version), int64(s.Cversion), int64(s.Aversion),
		s.EphemeralOwner, int64(s.TTL), int64(s.DataLength), int64(s.NumChildren),
	} {
		dst = codec.AppendInt(dst, v)
	}
	return codec.AppendBool(dst, s.Container)
}
