package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/zabtree/zabtree/tree"
)

// Prediction is what must come of an entry.
type Prediction struct {
	Command tree.Command // nil: nothing for the tree

	// As in tree.Outcome.
	Code       tree.Code
	Session    int64
	Attachment int64
	Sequence   uint64
	Next       uint64
	Server     uint64
	Ended      []int64
	Repeated   bool

	// Executed says that a write is executed by this entry: with Results, or, if
	// Code is not CodeOK, failing at the operation Failed of a multi of so many.
	Executed bool
	Results  []tree.Result
	Failed   int
	Members  int
	Multi    bool
	// Record is the stored result of a write that is Repeated.
	Record []byte

	Changes []Change
}

// Apply applies the next entry and says what must have come of it. The record is
// what the write's result was in fact, if it was executed; it is kept as it is for
// the time when the write is repeated. An error means that it is no entry to be
// applied next.
func (m *Model) Apply(e tree.Entry, record []byte) (*Prediction, error) {
	if e.Zxid != m.zxid+1 {
		return nil, fmt.Errorf("zxid %d after %d", e.Zxid, m.zxid)
	}
	p := &Prediction{}
	if len(e.Data) > 0 {
		c, err := tree.DecodeCommand(e.Data)
		if err != nil {
			return nil, fmt.Errorf("zxid %d: %w", e.Zxid, err)
		}
		p.Command = c
	}
	m.zxid, m.clock, m.wall = e.Zxid, max(m.clock, e.Clock), e.Wall/1_000_000
	m.changes = nil
	m.command(p, record)
	p.Changes = m.changes
	m.counts = append(m.counts, int32(m.count))
	m.forget()
	return p, nil
}

func (m *Model) command(p *Prediction, record []byte) {
	switch c := p.Command.(type) {
	case tree.CreateSession:
		m.createSession(p, c)
	case tree.Attach:
		m.attach(p, c)
	case tree.CloseSession:
		m.closeSession(p, c)
	case tree.ExpireSessions:
		for _, id := range c.Sessions {
			if x := m.alive[id]; x != nil {
				m.end(p, x)
			}
		}
	case tree.Write:
		m.write(p, c, record)
	case tree.AddAuth:
		m.addAuth(p, c)
	case tree.DeleteNode:
		p.Code = m.reap(c)
	case tree.ChangeSettings:
		m.settings = withDefaults(c.Settings)
	case tree.SetConfig:
		m.setData("/zookeeper/config", c.Data, -1)
	}
}

func (m *Model) createSession(p *Prediction, c tree.CreateSession) {
	x := &Session{
		ID: m.zxid, Timeout: min(max(c.Timeout.Milliseconds(), 0), math.MaxInt32), Password: c.Password,
		Server: c.Server, Attachment: m.zxid, records: map[uint64][]byte{}, ephemerals: map[string]bool{},
	}
	p.Server = c.Server
	if p.Code = m.identify(x, c.Identities, false); p.Code != tree.CodeOK {
		return
	}
	m.sessions[x.ID], m.alive[x.ID] = x, x
	p.Session, p.Attachment, p.Next = x.ID, x.ID, 1
}

// identify gives a session identities, in place of those that it has or besides them.
func (m *Model) identify(x *Session, ids []tree.ID, replace bool) tree.Code {
	had := m.identitiesOf(x, m.zxid)
	if replace {
		had = nil
	}
	has := slices.Clone(had)
	for _, id := range ids {
		if !validIdentity(id) {
			return tree.CodeInvalidACL
		}
		if !slices.Contains(has, id) {
			has = append(has, id)
		}
	}
	if len(has) > len(had) && len(has) > m.settings.Identities {
		return tree.CodeLimit
	}
	low := m.Low()
	x.identities = slices.DeleteFunc(x.identities, func(id identity) bool { return id.until != 0 && id.until < low })
	if replace {
		for i := range x.identities {
			if x.identities[i].until == 0 {
				x.identities[i].until = m.zxid
			}
		}
	}
	for _, id := range has[len(had):] {
		x.identities = append(x.identities, identity{ID: id, since: m.zxid})
	}
	return tree.CodeOK
}

func (m *Model) attach(p *Prediction, c tree.Attach) {
	p.Session, p.Server = c.Session, c.Server
	if slices.ContainsFunc(c.Identities, func(id tree.ID) bool { return !validIdentity(id) }) {
		p.Code = tree.CodeInvalidACL
		return
	}
	x := m.alive[c.Session]
	if x == nil || x.Password != c.Password {
		p.Code = tree.CodeSessionExpired
		return
	}
	p.Next = x.Last + 1
	if c.From != 0 && c.From != x.Attachment {
		p.Code = tree.CodeSessionMoved
	} else if p.Code = m.identify(x, c.Identities, c.Replace); p.Code == tree.CodeOK {
		x.Attachment, x.Server = m.zxid, c.Server
	}
	p.Attachment = x.Attachment
}

func (m *Model) closeSession(p *Prediction, c tree.CloseSession) {
	p.Session, p.Attachment, p.Sequence = c.Session, c.Attachment, c.Sequence
	x := m.alive[c.Session]
	switch {
	case x == nil:
		p.Code = tree.CodeSessionExpired
		return
	case c.Attachment != 0 && c.Attachment != x.Attachment:
		p.Code = tree.CodeSessionMoved
	case c.Sequence != 0 && c.Sequence != x.Last+1:
		p.Code = tree.CodeResend
	default:
		m.end(p, x)
		return
	}
	p.Next = x.Last + 1
}

// end ends a session, and all of its ephemerals with it.
func (m *Model) end(p *Prediction, x *Session) {
	paths := make([]string, 0, len(x.ephemerals))
	for path := range x.ephemerals {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		m.remove(path)
	}
	x.Ended, x.records = m.zxid, nil
	delete(m.alive, x.ID)
	p.Ended = append(p.Ended, x.ID)
}

func (m *Model) addAuth(p *Prediction, c tree.AddAuth) {
	p.Session, p.Attachment = c.Session, c.Attachment
	x := m.alive[c.Session]
	switch {
	case slices.ContainsFunc(c.Identities, func(id tree.ID) bool { return !validIdentity(id) }):
		p.Code = tree.CodeInvalidACL
		return
	case x == nil:
		p.Code = tree.CodeSessionExpired
		return
	}
	p.Next = x.Last + 1
	if c.Attachment != x.Attachment {
		p.Code = tree.CodeSessionMoved
		return
	}
	p.Code = m.identify(x, c.Identities, false)
}

// reap deletes a container or TTL znode that is due.
func (m *Model) reap(c tree.DeleteNode) tree.Code {
	n := m.Now(c.Path)
	if n == nil {
		return tree.CodeNoNode
	}
	if n.Stat.Czxid != c.Czxid || n.Stat.Mzxid != c.Mzxid {
		return tree.CodeBadVersion
	}
	if n.Stat.NumChildren > 0 {
		return tree.CodeNotEmpty
	}
	used := n.Stat.Container && n.Creates != 0
	old := n.Stat.TTL > 0 && m.clock-n.Touched >= int64(n.Stat.TTL)
	if !used && !old {
		return tree.CodeBadVersion
	}
	m.remove(c.Path)
	return tree.CodeOK
}

func (m *Model) write(p *Prediction, c tree.Write, record []byte) {
	p.Session, p.Attachment, p.Sequence = c.Session, c.Attachment, c.Sequence
	x := m.alive[c.Session]
	if x == nil {
		p.Code = tree.CodeSessionExpired
		return
	}
	p.Next = x.Last + 1
	switch {
	case c.Attachment != x.Attachment:
		p.Code = tree.CodeSessionMoved
	case c.Sequence == 0 || c.Sequence > x.Last+1:
		p.Code = tree.CodeResend
	case c.Sequence <= x.Answered:
		p.Code = tree.CodeAnswered
	case c.Sequence <= x.Last:
		p.Repeated, p.Record = true, x.records[c.Sequence]
	default:
		m.execute(p, c, x, record)
	}
}

func (m *Model) execute(p *Prediction, c tree.Write, x *Session, record []byte) {
	for x.Answered < min(c.AnsweredUpTo, x.Last) {
		x.Answered++
		x.bytes -= len(x.records[x.Answered])
		delete(x.records, x.Answered)
	}
	if len(x.records) >= m.settings.Unanswered || x.bytes >= m.settings.ResultBytes {
		p.Code = tree.CodeLimit
		return
	}
	p.Executed = true
	m.operate(p, c.Op, x)
	x.Last++
	p.Next = x.Last + 1
	x.records[x.Last] = record
	x.bytes += len(record)
}

// operate executes an operation or a multi, all or nothing.
func (m *Model) operate(p *Prediction, op tree.Op, x *Session) {
	ids := m.IdentitiesAt(x.ID, m.zxid)
	multi, isMulti := op.(tree.Multi)
	if !isMulti {
		var r tree.Result
		p.Members = 1
		if r, p.Code = m.do(op, x, ids); p.Code == tree.CodeOK {
			p.Results = []tree.Result{r}
		}
		return
	}
	p.Multi, p.Members = true, len(multi.Ops)
	m.inMulti = true
	for i, member := range multi.Ops {
		r, code := m.do(member, x, ids)
		if code != tree.CodeOK {
			p.Code, p.Failed, p.Results = code, i, nil
			m.takeBack()
			m.changes = nil
			break
		}
		p.Results = append(p.Results, r)
	}
	m.inMulti, m.undo = false, m.undo[:0]
}
