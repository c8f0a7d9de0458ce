package protocol

import "github.com/zabtree/zabtree/tree"

// Call is something submitted to a session: exactly one of Op, Auth and Read,
// the last if the other two are nil. It belongs to the [Client] until that has
// resolved it.
type Call struct {
	Op   tree.Op // with bytes that nobody writes to
	Auth *AddAuth
	Read Read

	// Owner is for the submitter alone.
	Owner any

	// Answer is the host's, or nil and Fault says why there is none.
	Answer *Answer
	Fault  Fault
	// Unknown says with a Fault that the call may have taken effect, or may yet.
	Unknown bool

	id       uint64
	sequence uint64 // of a write that was sent, now or earlier
	closing  bool   // the session's Close
	everSent bool   // on any link
	counted  bool   // sent on this link and expected to be answered

	unwatched bool // the watch that its read was to arm is not wanted any more
	resolved  bool
}

// Fault is why a call has no answer.
type Fault uint8

// The faults.
const (
	FaultNone Fault = iota
	// FaultCancelled: its submitter did not want to wait any longer.
	FaultCancelled
	// FaultOvertaken: the link broke while a read was under way, and a write that
	// was submitted after it has taken effect already. The read can be submitted
	// again, but no longer take place where it stood.
	FaultOvertaken
	// FaultExpired: the session has expired.
	FaultExpired
	// FaultClosed: the session was closed.
	FaultClosed
	// FaultUnreachable: every backend is closed for good.
	FaultUnreachable
)

// watch returns the watch that the call is to arm, or 0.
func (c *Call) watch() uint64 {
	if c.write() || c.Auth != nil || c.unwatched {
		return 0
	}
	return c.Read.Watch
}

// write says whether the call has a sequence among the session's writes.
func (c *Call) write() bool { return c.Op != nil || c.closing }

// queue holds the calls without an answer in the order in which they were
// submitted. The first sent of them went out on the current link, or need not.
type queue struct {
	calls []*Call
	head  int
	sent  int
}

func (q *queue) len() int { return len(q.calls) - q.head }

func (q *queue) at(i int) *Call { return q.calls[q.head+i] }

func (q *queue) push(c *Call) {
	if q.head > 32 && q.head > len(q.calls)/2 {
		n := copy(q.calls, q.calls[q.head:])
		clear(q.calls[n:])
		q.calls, q.head = q.calls[:n], 0
	}
	q.calls = append(q.calls, c)
}

func (q *queue) pop() *Call {
	c := q.calls[q.head]
	q.calls[q.head] = nil
	q.head++
	if q.sent > 0 {
		q.sent--
	}
	return c
}

// trim drops calls at the front that nobody waits for and that need no answer.
func (q *queue) trim() {
	for q.len() > 0 && q.at(0).idle() {
		q.pop()
	}
}

// idle says whether the call is of no interest any more: it is resolved, and is
// not a write whose sequence has to be filled.
func (c *Call) idle() bool { return c.resolved && (!c.write() || !c.everSent) }
