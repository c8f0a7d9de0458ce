package zab

import (
	"sync"
	"sync/atomic"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// inbox is what the loop has not seen yet, by kind. It takes all of it at once.
type inbox struct {
	control, bulk []inFrame
	arrivals      []arrival
	broken        []brokenLane
	durable       uint64 // the last write that is durable; 0 for no news
	disk          []diskDone
	snapshots     []snapshotDone
	proposals     []proposal
	reads         []func(Zxid, error)
	calls         []call
}

// inFrame is a frame and the lane it came from.
type inFrame struct {
	from  *lane
	frame []byte
}

// arrival is a connection that has said hello and been believed.
type arrival struct {
	half   driver.Half // without its Conn, which the loop numbers
	conn   transport.Conn
	dialed bool
}

type brokenLane struct {
	link protocol.LinkID
	err  error
}

// snapshotDone says that the snapshotter is done, or failed.
type snapshotDone struct {
	meta  SnapshotMeta
	clock int64
	err   error
}

// call is a rare request; the loop calls it with what it owns.
type call func(l *loop)

// mailbox is how everybody tells the loop something. The mutex is held for an
// append or a swap only.
type mailbox struct {
	mu     sync.Mutex
	in     inbox
	closed bool // no proposals, reads or calls any more

	bell chan struct{} // capacity 1
	low  atomic.Bool   // proposals are refused: low on space, and leading

	// gathering says that the loop waits for a batch to become durable, and could do
	// nothing with a proposal but keep it. It takes back the word before it takes what
	// is here, so that nothing is left lying.
	gathering atomic.Bool
	bytes     int // of in.proposals

	pending    atomic.Int64 // proposals that are not resolved
	maxPending int64
}

// post appends something to the inbox and wakes the loop.
func (m *mailbox) post(put func(in *inbox)) {
	m.mu.Lock()
	put(&m.in)
	m.mu.Unlock()
	ring(m.bell)
}

// ask is post for what must be answered; it returns false if nobody will.
func (m *mailbox) ask(put func(in *inbox)) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	put(&m.in)
	m.mu.Unlock()
	ring(m.bell)
	return true
}

// quietBytes is how many bytes of proposals may wait without the loop being woken.
const quietBytes = 16 << 10

// propose is ask for a proposal. It does not wake a loop that could only keep it.
func (m *mailbox) propose(p proposal) bool {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false
	}
	m.in.proposals = append(m.in.proposals, p)
	m.bytes += len(p.Data) + frameOverhead
	few := m.bytes < quietBytes
	m.mu.Unlock()
	if !few || p.Err != nil || !m.gathering.Load() {
		ring(m.bell)
	}
	return true
}

// take returns everything that came since the last call. spare, which was
// returned before, is cleared and reused.
func (m *mailbox) take(spare *inbox) *inbox {
	spare.reset()
	m.mu.Lock()
	m.in, *spare = *spare, m.in
	m.bytes = 0
	m.mu.Unlock()
	return spare
}

// close lets nothing in any more that has to be answered.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
}

func (in *inbox) reset() {
	in.control, in.bulk = emptied(in.control), emptied(in.bulk)
	in.arrivals, in.broken = emptied(in.arrivals), emptied(in.broken)
	in.disk, in.snapshots = emptied(in.disk), emptied(in.snapshots)
	in.proposals, in.reads, in.calls = emptied(in.proposals), emptied(in.reads), emptied(in.calls)
	in.durable = 0
}

// emptied keeps a slice's memory unless it is much, and none of what it held.
func emptied[T any](s []T) []T {
	if cap(s) > 1<<14 {
		return nil
	}
	clear(s)
	return s[:0]
}
