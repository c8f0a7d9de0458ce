package difftest

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// answerTimeout is how long a server may think. It is no measure of anything but
// of a server that does not answer at all.
const answerTimeout = 10 * time.Second

// side carries out steps at one server. It belongs to one goroutine at a time.
type side struct {
	name  string
	addr  string
	slots []*slot

	sessions map[int64]int // session ids by the order in which they were opened
	marks    []mark        // what was the latest zxid after each step
	seen     int64         // the greatest zxid of any answer
}

type mark struct {
	step int
	zxid int64
}

func newSide(name, addr string) *side {
	return &side{name: name, addr: addr, sessions: map[int64]int{}}
}

// startRound forgets the sessions of the round before.
func (s *side) startRound(slots int) {
	s.close()
	s.slots = make([]*slot, slots)
	for i := range s.slots {
		s.slots[i] = &slot{}
	}
	s.marks = s.marks[:0]
	clear(s.sessions)
}

func (s *side) close() {
	for _, sl := range s.slots {
		sl.drop()
	}
	s.slots = nil
}

// do carries out a step and waits until every session has seen what came of it:
// one outcome for each slot.
func (s *side) do(step *Step) ([]SlotOutcome, error) {
	out := make([]SlotOutcome, len(s.slots))
	own := &out[step.Slot]
	sl := s.slots[step.Slot]
	var err error
	switch step.Kind {
	case Burst:
		if sl.conn != nil {
			err = s.burst(sl, step.Ops, nil, own)
		}
	case Connect:
		err = s.connect(sl, step, own)
	case Drop:
		sl.drop()
	case Bytes:
		if sl.conn != nil {
			err = ignoreClosed(sl.conn.Write(step.Bytes))
		}
	case Word:
		own.Text, err = s.word(step.Bytes)
	default:
		err = fmt.Errorf("a step of kind %q", step.Kind)
	}
	if err == nil {
		err = s.slots[step.Watcher].awaitEvents(step.Events, &out[step.Watcher])
	}
	if err == nil && !quiet(step) {
		err = s.barrier(out)
	}
	if err == nil && ending(step, own) {
		err = s.linger(sl, own)
	}
	if err != nil {
		return out, fmt.Errorf("%s: %w in step %v", s.name, err, *step)
	}
	s.marks = append(s.marks, mark{step.ID, s.seen})
	return out, nil
}

// barrier makes sure that all events of what was answered have arrived, and that
// closed connections are known.
func (s *side) barrier(out []SlotOutcome) error {
	for _, sl := range s.slots {
		sl.sendPing()
	}
	for i, sl := range s.slots {
		if err := sl.await(&out[i]); err != nil {
			return err
		}
		s.seen = max(s.seen, sl.seen)
	}
	return nil
}

// quiet says whether a step changes nothing that anybody could see, so that nothing
// needs to be waited for but its answers.
func quiet(step *Step) bool {
	for i := range step.Ops {
		switch step.Ops[i].Op {
		case zkwire.Exists, zkwire.GetData, zkwire.GetChildren, zkwire.GetChildren2, zkwire.GetACL, zkwire.MultiRead,
			zkwire.Sync, zkwire.WhoAmI, zkwire.GetEphemerals, zkwire.GetAllChildrenNumber:
		default:
			return false
		}
	}
	return step.Kind == Burst
}

// ending says whether a step's last answer is one behind which a server may close
// the connection.
func ending(step *Step, out *SlotOutcome) bool {
	n := len(out.Replies)
	if n == 0 || out.Closed {
		return false
	}
	err := out.Replies[n-1].Err
	return err == -6 || err == -115 || step.Ops[n-1].Op == zkwire.CloseSession || step.Ops[n-1].Op == zkwire.SASL
}

// linger gives a server some time to close a connection: Apache ZooKeeper does so
// behind its answer, from a thread that does not hold up others.
func (s *side) linger(sl *slot, out *SlotOutcome) error {
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for i := 0; i < 30 && !out.Closed; i++ {
		<-pause.C
		sl.sendPing()
		if err := sl.await(out); err != nil {
			return err
		}
	}
	return nil
}

// burst sends requests behind the bytes that come first, in one packet, and reads
// their answers.
func (s *side) burst(sl *slot, ops []Op, first []byte, out *SlotOutcome) error {
	requests := make([]*zkwire.Request, len(ops))
	packet := first
	for i := range ops {
		r := ops[i].Request
		if r.Xid == 0 {
			sl.xid++
			r.Xid = sl.xid
		}
		r.Zxid = s.zxid(sl, ops[i].Since)
		requests[i] = &r
		packet = r.AppendFrame(packet)
	}
	if err := ignoreClosed(sl.conn.Write(packet)); err != nil {
		return err
	}
	if first != nil {
		if err := s.handshake(sl, out); err != nil || sl.conn == nil {
			return err
		}
	}
	for _, r := range requests {
		reply, err := sl.read(r, out)
		if err != nil || reply == nil {
			return err
		}
		if reply.Xid != r.Xid {
			return fmt.Errorf("an answer to xid %d, not to %d of %v", reply.Xid, r.Xid, r)
		}
		out.Replies = append(out.Replies, reply)
	}
	return nil
}

// connect opens a connection for the slot. If the slot has one, that is left to
// the server.
func (s *side) connect(sl *slot, step *Step, out *SlotOutcome) error {
	old := *sl
	sl.conn = nil
	conn, err := zkwire.Dial(s.addr, answerTimeout)
	if err != nil {
		return err
	}
	sl.conn = conn
	h := step.Connect
	r := zkwire.ConnectRequest{
		Protocol: h.Protocol, LastZxid: s.zxid(sl, h.Seen), Timeout: h.Timeout,
		Password: make([]byte, 16), ReadOnly: h.ReadOnly, OmitReadOnly: h.OmitReadOnly,
	}
	if h.Resume {
		r.SessionID, r.Password = sl.id, sl.password
	}
	if h.Unknown {
		r.SessionID = 0x7a0b000000000001
	}
	switch h.Password {
	case PasswordWrong:
		r.Password = []byte("0123456789abcdef")
	case PasswordNull:
		r.Password = nil
	case PasswordShort:
		r.Password = []byte("short")
	}
	if err := s.burst(sl, step.Ops, r.AppendFrame(nil), out); err != nil {
		return err
	}
	return s.retire(&old, out)
}

// retire looks whether the connection before is still open, and ends it: whoever has
// failed to go on with its session has none.
func (s *side) retire(old *slot, out *SlotOutcome) error {
	if old.conn == nil {
		return nil
	}
	old.sendPing()
	var before SlotOutcome
	if err := old.await(&before); err != nil {
		return err
	}
	out.OldClosed = before.Closed
	out.Events = append(before.Events, out.Events...)
	old.drop()
	return nil
}

func (s *side) handshake(sl *slot, out *SlotOutcome) error {
	frame, err := sl.conn.ReadFrame()
	switch {
	case isTimeout(err):
		return fmt.Errorf("no answer to a handshake: %w", err)
	case err != nil:
		sl.drop()
		out.Closed = true
		return nil
	}
	reply, err := zkwire.DecodeConnect(frame)
	if err != nil {
		return err
	}
	out.Handshake = reply
	if reply.SessionID == 0 {
		// The server closes the connection now.
		if rest, err := sl.conn.ReadAll(); isTimeout(err) || len(rest) > 0 {
			return fmt.Errorf("a refused session goes on: %q, %v", rest, err)
		}
		out.Closed = true
		sl.drop()
		return nil
	}
	if reply.SessionID != sl.id {
		sl.id = reply.SessionID
		sl.seen = 0
		if _, known := s.sessions[sl.id]; !known {
			s.sessions[sl.id] = len(s.sessions) + 1
		}
	}
	sl.password = reply.Password
	return nil
}

func (s *side) word(w []byte) (string, error) {
	c, err := zkwire.Dial(s.addr, answerTimeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.Write(w); err != nil {
		return "", err
	}
	b, err := c.ReadAll()
	if isTimeout(err) {
		return "", err
	}
	return string(b), nil
}

// zxid is what a reference means at this server.
func (s *side) zxid(sl *slot, ref ZxidRef) int64 {
	switch ref.Kind {
	case ZxidLast:
		return sl.seen
	case ZxidStep:
		var z int64
		for _, m := range s.marks {
			if m.step <= ref.Step {
				z = m.zxid
			}
		}
		return z
	case ZxidFuture:
		return 1 << 60
	}
	return 0
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// ignoreClosed drops errors of a connection that the server has closed: that is
// seen when its answers are read.
func ignoreClosed(err error) error {
	if isTimeout(err) {
		return err
	}
	return nil
}
