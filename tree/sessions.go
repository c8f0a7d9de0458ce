package tree

import (
	"crypto/subtle"
	"slices"
	"time"
)

// session is the replicated part of a session. Like a znode it is replaced and
// not changed once a View has it.
type session struct {
	id         int64
	timeout    int64 // milliseconds
	password   Password
	server     uint64
	attachment int64
	last       uint64
	answered   uint64
	// records has the results of the writes answered+1 to last. Versions of a
	// session share its array: only the newest appends, behind the others' ends.
	records    []storedRecord
	bytes      int // of records
	identities []ID

	hash  uint64 // of everything but the records
	token uint64 // the State's batch in which it was made; see State.touch
}

type storedRecord struct {
	data []byte
	hash uint64
}

func (x *session) info() SessionInfo {
	return SessionInfo{
		ID: x.id, Timeout: time.Duration(x.timeout) * time.Millisecond, Password: x.password,
		Server: x.server, Attachment: x.attachment,
		LastSequence: x.last, AnsweredUpTo: x.answered, ResultBytes: x.bytes,
		Identities: x.identities[:len(x.identities):len(x.identities)],
	}
}

// record returns the stored result of a write, nil if it is not held.
func (x *session) record(sequence uint64) []byte {
	if sequence <= x.answered || sequence > x.last {
		return nil
	}
	return x.records[sequence-x.answered-1].data
}

// seat is where a session has its newest version, for apply alone.
type seat struct {
	newest *session
	index  uint32
}

// sessionItem says where in versions a session is.
type sessionItem struct {
	id    int64
	index uint32
}

func lessSession(a, b sessionItem) bool { return a.id < b.id }

// session returns the newest version of a session, nil if it is not alive.
func (s *State) session(id int64) *session {
	if at := s.byID[id]; at != nil {
		return at.newest
	}
	return nil
}

// touch returns a version of x that may be changed until the next View: x
// itself if it was made for this batch. The caller calls settle when done.
func (s *State) touch(x *session) *session {
	s.sum -= x.hash
	if x.token == s.batch {
		return x
	}
	c := *x
	c.token = s.batch
	at := s.byID[c.id]
	at.newest = &c
	s.sessions.set(at.index, &c)
	return &c
}

func (s *State) settle(x *session) {
	x.hash = x.rehash()
	s.sum += x.hash
}

// addSession adds a session; the caller calls settle.
func (s *State) addSession(x *session) {
	at := &seat{x, s.sessions.reserve()}
	s.byID[x.id] = at
	s.sessions.set(at.index, x)
	s.sessionOrder.put(sessionItem{x.id, at.index})
}

// dropAnswered forgets the results up to the sequence.
func (s *State) dropAnswered(x *session, upTo uint64) {
	upTo = min(upTo, x.last)
	if upTo <= x.answered {
		return
	}
	n := upTo - x.answered
	for i := range x.records[:n] {
		x.bytes -= len(x.records[i].data)
		s.sum -= x.records[i].hash
	}
	x.answered = upTo
	if x.records = x.records[n:]; len(x.records) == 0 {
		x.records = nil // lets go of the array
	}
}

// store keeps the result of the session's next write.
func (s *State) store(x *session, data []byte) {
	x.last++
	rec := storedRecord{data, recordHash(x.id, x.last, data)}
	s.sum += rec.hash
	x.records = append(x.records, rec)
	x.bytes += len(data)
}

func (s *State) createSession(c *flatCommand, out *Outcome) {
	out.Server = c.server
	ids, code := joinIDs(nil, c.identities, s.settings.Identities)
	if code != CodeOK {
		out.Code = code
		return
	}
	x := &session{
		id: s.zxid, timeout: c.timeout, password: c.password,
		server: c.server, attachment: s.zxid, identities: ids, token: s.batch,
	}
	s.addSession(x)
	s.settle(x)
	out.Session, out.Attachment, out.Next = x.id, x.attachment, 1
}

// joinIDs returns the identities have and more, each once, unless that adds one
// above the limit. have is shared with Views, and what is returned may share its
// array.
func joinIDs(have, more []ID, limit int) ([]ID, Code) {
	if validateIDs(more) != nil {
		return nil, CodeInvalidACL
	}
	ids := slices.Clip(have)
	for _, id := range more {
		switch {
		case slices.Contains(ids, id):
		case len(ids) >= limit:
			return nil, CodeLimit
		default:
			ids = append(ids, id)
		}
	}
	return ids, CodeOK
}

func (s *State) attach(c *flatCommand, out *Outcome) {
	out.Attachment, out.Server = 0, c.server
	x := s.session(c.session)
	if validateIDs(c.identities) != nil {
		out.Code = CodeInvalidACL
		return
	}
	if x == nil || subtle.ConstantTimeCompare(x.password[:], c.password[:]) != 1 {
		out.Code = CodeSessionExpired
		return
	}
	out.Next, out.Attachment = x.last+1, x.attachment
	if c.attachment != 0 && c.attachment != x.attachment {
		out.Code = CodeSessionMoved
		return
	}
	have := x.identities
	if c.replace {
		have = nil
	}
	ids, code := joinIDs(have, c.identities, s.settings.Identities)
	if code != CodeOK {
		out.Code = code
		return
	}
	x = s.touch(x)
	x.server, x.attachment, x.identities = c.server, s.zxid, ids
	if c.timeout > 0 {
		x.timeout = c.timeout
	}
	s.settle(x)
	out.Attachment = x.attachment
}

func (s *State) addAuth(c *flatCommand, out *Outcome) {
	x := s.session(c.session)
	switch {
	case validateIDs(c.identities) != nil:
		out.Code = CodeInvalidACL
		return
	case x == nil:
		out.Code = CodeSessionExpired
		return
	}
	out.Next = x.last + 1
	if c.attachment != x.attachment {
		out.Code = CodeSessionMoved
		return
	}
	ids, code := joinIDs(x.identities, c.identities, s.settings.Identities)
	if code != CodeOK || len(ids) == len(x.identities) {
		out.Code = code
		return
	}
	x = s.touch(x)
	x.identities = ids
	s.settle(x)
}

func (s *State) closeSession(c *flatCommand, out *Outcome) {
	x := s.session(c.session)
	if x == nil {
		out.Code = CodeSessionExpired
		return
	}
	out.Next = x.last + 1
	switch {
	case c.attachment != 0 && c.attachment != x.attachment:
		out.Code = CodeSessionMoved
		return
	case c.sequence != 0 && c.sequence != x.last+1:
		out.Code = CodeResend
		return
	}
	if c.sequence != 0 {
		x = s.touch(x)
		s.store(x, appendRecordHead(nil, CodeOK, true, 0))
		s.settle(x)
	}
	out.Next = 0
	out.Ended = []int64{x.id}
	s.endSession(x)
}

func (s *State) expireSessions(c *flatCommand, out *Outcome) {
	for _, id := range c.sessions {
		if x := s.session(id); x != nil {
			out.Ended = append(out.Ended, id)
			s.endSession(x)
		}
	}
}

// endSession deletes the session's ephemeral znodes, found by their owner here
// and now (ZOOKEEPER-1208, 3145, 4306), and leaves a tombstone.
func (s *State) endSession(x *session) {
	s.paths = s.paths[:0]
	s.ephemerals.live.AscendGreaterOrEqual(ephemeralKey{owner: x.id}, func(k ephemeralKey) bool {
		if k.owner == x.id {
			s.paths = append(s.paths, k.path)
		}
		return k.owner == x.id
	})
	for _, path := range s.paths {
		s.deleteNode(s.index[path].newest)
	}
	clear(s.paths)
	at := s.byID[x.id]
	s.sessions.set(at.index, nil)
	s.sessions.release(at.index)
	s.sessionOrder.remove(sessionItem{id: x.id})
	delete(s.byID, x.id)
	s.sum -= x.hash
	for i := range x.records {
		s.sum -= x.records[i].hash
	}
	s.bury(x)
}
