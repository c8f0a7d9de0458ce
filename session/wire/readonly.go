package wire

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"

	"github.com/zabtree/zabtree/session/protocol"
)

// readOnlyMode is what the member is while it serves reads alone, in ZooKeeper's words.
const readOnlyMode = "read-only"

// errNotHere says that a session cannot be looked at without a leader. It goes on, as far
// as anybody here knows.
var errNotHere = errors.New("a member without a leader takes over no session")

// wish is what a connection has to do with read-only serving.
type wish uint8

const (
	wishNone  wish = iota
	wishWaits      // for the member to serve, or to serve reads alone
	wishReads      // it has a read-only session
)

// readOnly says whether the member serves reads alone: from when it has not served for
// SyncTimeout until it serves again. Server.mu guards it, and the wishes.
type readOnly struct {
	on   bool
	turn chan struct{} // closed when that changes
}

// mode returns the host's mode, or readOnlyMode if it serves reads alone.
func (s *Server) mode() string {
	mode, _ := s.host.Mode()
	s.mu.Lock()
	defer s.mu.Unlock()
	if mode == "" && s.readOnly.on {
		return readOnlyMode
	}
	return mode
}

// isro answers the word by which clients of a read-only member look for another one.
func isro(mode string) string {
	switch mode {
	case "":
		return "null"
	case readOnlyMode:
		return "ro"
	}
	return "rw"
}

// unserved ends the connections of a member that has not served for a while, but for
// those of clients that are content to read, whose time begins: unless the member, which
// has just been started, knows of nothing. It may have all of it in its log.
func (s *Server) unserved() {
	something := s.host.View().Zxid() > 0
	s.mu.Lock()
	if s.config.ReadOnly && !s.readOnly.on && something {
		s.readOnly.on = true
		close(s.readOnly.turn)
		s.readOnly.turn = make(chan struct{})
	}
	s.mu.Unlock()
	s.failAll("this member does not serve", func(c *conn) bool { return c.wish == wishNone })
}

// served ends read-only serving, and with it the sessions: their clients can write now.
func (s *Server) served() {
	s.mu.Lock()
	if s.readOnly.on {
		s.readOnly.on = false
		close(s.readOnly.turn)
		s.readOnly.turn = make(chan struct{})
	}
	s.mu.Unlock()
	s.failAll("this member serves more than reads", func(c *conn) bool { return c.wish == wishReads })
}

// failAll ends the connections that are so, which is asked under Server.mu.
func (s *Server) failAll(reason string, so func(*conn) bool) {
	var list []*conn
	s.mu.Lock()
	for c := range s.conns {
		if so(c) {
			list = append(list, c)
		}
	}
	s.mu.Unlock()
	for _, c := range list {
		c.fail(reason, slog.LevelInfo)
	}
}

// wishes sets what the connection wishes. One that is to read does so only while reads
// are served, which the result says; the channel is closed when that changes.
func (c *conn) wishes(w wish) (bool, <-chan struct{}) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if w == wishReads && !s.readOnly.on {
		return false, s.readOnly.turn
	}
	c.wish = w
	return true, s.readOnly.turn
}

// joinAs is join for a client that may have agreed to read alone.
func (c *conn) joinAs(q *connectRequest, first protocol.Request) (joining, error) {
	if !c.s.config.ReadOnly || !q.readOnly {
		return c.join(first, q.lastZxidSeen)
	}
	reads, err := c.looksOn()
	switch {
	case err != nil:
		return joining{}, err
	case reads:
		return c.joinReadOnly(first)
	}
	return c.join(first, q.lastZxidSeen)
}

// looksOn says whether the client, which has agreed to it, gets a read-only session. It
// waits until that is known: for longer than others wait for the host, since that the
// member does not serve may have been noticed a moment after the client came.
func (c *conn) looksOn() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*c.s.config.SyncTimeout)
	defer cancel()
	c.wishes(wishWaits)
	for {
		mode, changed := c.s.host.Mode()
		if mode != "" {
			c.wishes(wishNone)
			return false, nil
		}
		reads, turn := c.wishes(wishReads)
		if reads {
			return true, nil
		}
		select {
		case <-changed:
		case <-turn:
		case <-ctx.Done():
			return false, errTooLate
		case <-c.s.stop:
			return false, errStopping
		}
	}
}

// joinReadOnly is join for a read-only session. No other is taken over here: a member
// without a leader cannot tell one that it has not heard of from one that is over.
func (c *conn) joinReadOnly(first protocol.Request) (joining, error) {
	c.readOnly = true
	switch r := first.(type) {
	case *protocol.Attach:
		if !isReadOnly(r.Session) {
			return joining{}, errNotHere
		}
		return joining{refused: &protocol.Refused{Reason: protocol.RefusedExpired}}, nil
	case *protocol.Open:
		if r.LastSeen > c.s.host.View().Zxid() {
			return joining{}, errTooLate
		}
	}
	c.mu.Lock()
	c.link = &readOnlyLink{c: c}
	c.mu.Unlock()
	c.link.Send(first)
	select {
	case j := <-c.joined:
		return j, nil
	default: // the member has begun to serve
		return joining{}, net.ErrClosed
	}
}

// newReadOnlyID returns the id of a read-only session. The ensemble's are zxids, which
// never come that far; so it knows of none that has expired.
func newReadOnlyID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // which never fails
	return int64(binary.BigEndian.Uint64(b[:])>>2 | 1<<62)
}

// isReadOnly says whether an id is, or was, that of a read-only session somewhere.
func isReadOnly(id int64) bool { return id>>62 == 1 }

// changes says whether a request may change something, or asks for what a member without
// a leader does not know: what else was committed (sync), or has happened. A read-only
// member does not look at what is in it.
func changes(op opcode) bool {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opDeleteContainer, opSetData, opSetACL,
		opCheck, opMulti, opReconfig, opSync, opOnce, opResumeWatch:
		return true
	}
	return false
}
