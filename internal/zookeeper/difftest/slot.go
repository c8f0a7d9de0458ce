package difftest

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// slot is one session at one server, over all its connections.
type slot struct {
	conn     *zkwire.Conn // nil if there is none
	id       int64        // of the last session opened, 0 if none
	password []byte
	seen     int64 // the greatest zxid of its answers
	xid      int32
}

func (s *slot) drop() {
	if s.conn != nil {
		s.conn.Close() // what it says of a connection that may be broken is of no interest
		s.conn = nil
	}
}

// SlotOutcome is what one session saw of a step.
type SlotOutcome struct {
	Handshake *zkwire.ConnectReply
	Replies   []*zkwire.Reply
	Events    []SeenEvent
	Closed    bool // the server closed the connection, during the step or at its end
	OldClosed bool // of a resume: the connection before
	Text      string
}

// SeenEvent is an event and how many replies of the step came before it.
type SeenEvent struct {
	zkwire.Event
	Zxid  int64
	Err   int32
	After int
	Rest  []byte
}

// read reads the answer to r, and the events before it, which go to out. It returns
// nil if the connection is closed.
func (s *slot) read(r *zkwire.Request, out *SlotOutcome) (*zkwire.Reply, error) {
	for {
		reply, err := s.readFrame(r, out)
		if err != nil || s.conn == nil {
			return nil, err
		}
		if reply != nil {
			s.seen = max(s.seen, reply.Zxid)
			return reply, nil
		}
	}
}

// readFrame reads one frame: the answer to r, or an event, or the connection's end.
func (s *slot) readFrame(r *zkwire.Request, out *SlotOutcome) (*zkwire.Reply, error) {
	frame, err := s.conn.ReadFrame()
	switch {
	case isTimeout(err):
		return nil, fmt.Errorf("no answer to %v: %w", r, err)
	case err != nil:
		s.drop()
		out.Closed = true
		return nil, nil
	}
	reply, err := zkwire.Decode(frame, r)
	if err != nil {
		return nil, err
	}
	if e := reply.Event; e != nil {
		out.Events = append(out.Events, SeenEvent{Event: *e, Zxid: reply.Zxid, Err: reply.Err, After: len(out.Replies), Rest: reply.Rest})
		return nil, nil
	}
	return reply, nil
}

// awaitEvents reads until n events have arrived.
func (s *slot) awaitEvents(n int, out *SlotOutcome) error {
	for s.conn != nil && len(out.Events) < n {
		reply, err := s.readFrame(nil, out)
		if err != nil {
			return err
		}
		if reply != nil {
			return fmt.Errorf("an answer to xid %d that nobody asked for", reply.Xid)
		}
	}
	return nil
}

// ping is sent as a barrier: what the server wrote before it answers has arrived.
func ping() *zkwire.Request { return &zkwire.Request{Xid: zkwire.XidPing, Op: zkwire.Ping} }

// sendPing reports whether the ping was sent; a broken connection is noticed when
// the answer is read.
func (s *slot) sendPing() {
	if s.conn != nil {
		if err := s.conn.Write(ping().AppendFrame(nil)); err != nil && isTimeout(err) {
			s.drop()
		}
	}
}

// await reads up to the ping's answer.
func (s *slot) await(out *SlotOutcome) error {
	if s.conn == nil {
		return nil
	}
	reply, err := s.read(ping(), out)
	if err != nil || reply == nil {
		return err
	}
	if reply.Xid != zkwire.XidPing {
		return fmt.Errorf("an answer to xid %d that nobody asked for", reply.Xid)
	}
	return nil
}
