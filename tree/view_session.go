package tree

import (
	"iter"
	"strings"
	"time"
)

// SessionInfo is the replicated part of a session.
type SessionInfo struct {
	ID         int64 // the zxid of its CreateSession
	Timeout    time.Duration
	Password   Password
	Server     uint64 // that it is attached to
	Attachment int64  // the zxid of its last Attach, or of its CreateSession

	LastSequence uint64 // of the last write applied
	AnsweredUpTo uint64 // results are held for the sequences after it
	ResultBytes  int    // of the results held

	Identities []ID // shared and read-only
}

// Session returns what is known of a session, and whether it is alive.
func (v *View) Session(id int64) (SessionInfo, bool) {
	if x := v.session(id); x != nil {
		return x.info(), true
	}
	return SessionInfo{}, false
}

func (v *View) session(id int64) *session {
	if item, ok := v.sessionOrder.Get(sessionItem{id: id}); ok {
		return v.sessions.at(item.index)
	}
	return nil
}

// Sessions returns the sessions that are alive, in ascending order of id.
func (v *View) Sessions() iter.Seq[SessionInfo] {
	return func(yield func(SessionInfo) bool) {
		v.sessionOrder.Ascend(func(item sessionItem) bool { return yield(v.sessions.at(item.index).info()) })
	}
}

// NumSessions returns the number of sessions that are alive.
func (v *View) NumSessions() int { return v.sessionOrder.Len() }

// Ephemerals returns the paths of the session's ephemeral znodes, in ascending
// order.
func (v *View) Ephemerals(session int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		v.ephemerals.AscendGreaterOrEqual(ephemeralKey{owner: session}, func(k ephemeralKey) bool {
			return k.owner == session && yield(k.path)
		})
	}
}

// EphemeralsWith returns those of Ephemerals that begin with prefix.
func (v *View) EphemeralsWith(session int64, prefix string) iter.Seq[string] {
	return func(yield func(string) bool) {
		v.ephemerals.AscendGreaterOrEqual(ephemeralKey{session, prefix}, func(k ephemeralKey) bool {
			return k.owner == session && strings.HasPrefix(k.path, prefix) && yield(k.path)
		})
	}
}

// Fate is what is known of a session's write.
type Fate uint8

// The fates.
const (
	// FateUnknown: there is no such session any more, and no tombstone of it.
	FateUnknown Fate = iota
	// FatePending: the session is alive and the write was not applied yet.
	FatePending
	// FateApplied: the write was executed, and its result is still there. It may
	// be that it failed.
	FateApplied
	// FateAnswered: the write was executed; the session had its answer.
	FateAnswered
	// FateNever: the session ended without the write. It will never be applied.
	FateNever
)

// String returns "unknown", "pending", "applied", "answered" or "never".
func (f Fate) String() string {
	switch f {
	case FatePending:
		return "pending"
	case FateApplied:
		return "applied"
	case FateAnswered:
		return "answered"
	case FateNever:
		return "never"
	}
	return "unknown"
}

// Fate says whether a write of a session was executed, also for some time after
// the session ended: see [Settings]. For FateApplied the Outcome is the one
// that the write would have now; a CloseSession that had a sequence is found
// too. The answer is as new as the View: ask one that a linearizable read
// returned.
func (v *View) Fate(id int64, sequence uint64) (Fate, Outcome) {
	x := v.session(id)
	ended := x == nil
	if ended {
		item, ok := v.tombs.Get(tombItem{id: id})
		if !ok {
			return FateUnknown, Outcome{}
		}
		x = item.t.final
	}
	switch {
	case sequence > x.last && ended:
		return FateNever, Outcome{}
	case sequence > x.last:
		return FatePending, Outcome{}
	case sequence <= x.answered:
		return FateAnswered, Outcome{}
	}
	out := Outcome{
		Zxid: v.zxid, Session: id, Attachment: x.attachment, Sequence: sequence,
		Repeated: true, kind: kindWrite, record: x.record(sequence),
	}
	if !ended {
		out.Next = x.last + 1
	}
	out.Code = Code(out.record[0])
	return FateApplied, out
}

// eachRecord calls f with the results held.
func (x *session) eachRecord(f func(sequence uint64, data []byte)) {
	for i := range x.records {
		f(x.answered+1+uint64(i), x.records[i].data)
	}
}
