package wire

import (
	"slices"
	"time"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// readOnlyLink is the link of a read-only session, and its host: it answers at once, from
// the member's view, and nothing that it knows outlives the connection, whose reading
// goroutine is the only one to use it.
type readOnlyLink struct {
	c          *conn
	session    int64
	timeout    time.Duration
	identities []tree.ID
	watches    map[uint64]struct{} // that nothing will ever fire
	message    [1]protocol.Message
}

// Bounds of the watches of read-only sessions: of one, and of all. They are those of
// package watch.
const (
	maxReadOnlyWatches    = 1 << 17
	maxAllReadOnlyWatches = 1 << 22
)

// Send implements session.Link. The connection calls it anew while it is told something,
// but with nothing that is answered.
func (l *readOnlyLink) Send(requests ...protocol.Request) {
	for _, r := range requests {
		if m := l.take(r); m != nil {
			l.message[0] = m
			l.c.Receive(l.message[:])
		}
	}
}

// Close implements session.Link.
func (l *readOnlyLink) Close() {
	l.c.s.readOnlyWatches.Add(-int64(len(l.watches)))
	l.watches = nil
}

// take returns the answer to a request, nil if there is none.
func (l *readOnlyLink) take(r protocol.Request) protocol.Message {
	switch r := r.(type) {
	case *protocol.Open:
		return l.open(r)
	case *protocol.Read:
		return l.read(r)
	case *protocol.AddAuth:
		return l.auth(r)
	case *protocol.Ping:
		l.pinged()
	case *protocol.Unwatch:
		if _, ok := l.watches[r.Watch]; ok {
			delete(l.watches, r.Watch)
			l.c.s.readOnlyWatches.Add(-1)
		}
	case *protocol.Close:
		return &protocol.Ended{Reason: protocol.EndClosed, Zxid: l.c.s.host.View().Zxid()}
	}
	return nil
}

func (l *readOnlyLink) open(r *protocol.Open) protocol.Message {
	if l.add(r.Identities) != tree.CodeOK {
		return &protocol.Refused{Reason: protocol.RefusedProtocol}
	}
	config := &l.c.s.config
	l.session = newReadOnlyID()
	l.timeout = min(max(time.Duration(r.Timeout), config.MinSessionTimeout), config.MaxSessionTimeout)
	l.pinged()
	return &protocol.Attached{Session: l.session, Attachment: l.session, Timeout: int64(l.timeout)}
}

// pinged has the session live on for its timeout. Requests that come soon after a ping
// are none (see pulse), which must not cost the session anything.
func (l *readOnlyLink) pinged() { l.c.readBy(time.Now().Add(l.timeout + l.timeout/8)) }

func (l *readOnlyLink) read(r *protocol.Read) protocol.Message {
	v := l.c.s.host.View()
	a := &protocol.Answer{ID: r.ID, Zxid: v.Zxid(), Read: &protocol.Reading{}}
	if a.Code = r.Look(v, l.session, l.identities, a.Read); a.Code != tree.CodeOK {
		a.Read = nil
		return a
	}
	if r.Watch != 0 {
		a.Read.Armed = tree.ValidatePath(r.Path) == nil && l.arm(r.Watch)
		a.WatchRefused = !a.Read.Armed
	}
	return a
}

func (l *readOnlyLink) arm(watch uint64) bool {
	if len(l.watches) >= maxReadOnlyWatches {
		return false
	}
	if l.c.s.readOnlyWatches.Add(1) > maxAllReadOnlyWatches {
		l.c.s.readOnlyWatches.Add(-1)
		return false
	}
	if l.watches == nil {
		l.watches = map[uint64]struct{}{}
	}
	l.watches[watch] = struct{}{}
	return true
}

func (l *readOnlyLink) auth(r *protocol.AddAuth) protocol.Message {
	a := &protocol.Answer{ID: r.ID, Zxid: l.c.s.host.View().Zxid(), Code: tree.CodeInvalidACL}
	if ids := r.Proves(l.c.s.config.SuperDigest); ids != nil {
		a.Code = l.add(ids)
	}
	return a
}

// add adds identities, unless they are none or too many.
func (l *readOnlyLink) add(ids []tree.ID) tree.Code {
	all := slices.Clip(l.identities)
	for _, id := range ids {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	code, _ := tree.CodeOf(tree.CheckIdentities(all, l.c.s.host.View().Settings()))
	if code == tree.CodeOK {
		l.identities = all
	}
	return code
}
