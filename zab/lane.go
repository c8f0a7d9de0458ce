package zab

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Frames that are not the protocol's own begin with a byte that none of its
// frames begins with.
const (
	frameMessage byte = 0xa0 // an application's message, on the control lane
	framePing    byte = 0xa1 // nothing but a sign of life, on either lane
)

// Bounds of what waits in memory, in bytes for each lane.
const (
	maxInBytes      = 4 << 20 // received and not seen by the loop: then the sender waits
	maxControlBytes = 8 << 20 // to be sent: then the link breaks
	maxBulkBytes    = 64 << 20
	frameOverhead   = 64
)

var errSlowLink = errors.New("too much is waiting to be sent")

// liveLink is a link that is up.
type liveLink struct {
	id    protocol.LinkID
	peer  protocol.Peer
	lanes [protocol.Lanes]*lane
	gone  chan struct{} // closed when the link is down
}

// lane is one connection of a link, with a goroutine that receives and one that
// sends.
type lane struct {
	link *liveLink
	kind protocol.Lane
	conn transport.Conn

	heard  atomic.Bool  // something came since the last look
	sent   atomic.Bool  // something was to be sent since then
	queued atomic.Int64 // bytes received and not seen by the loop
	room   chan struct{}

	mu   sync.Mutex // guards out and size, for an append or a swap
	out  [][]byte
	size int
	bell chan struct{}
}

func newLiveLink(id protocol.LinkID, peer protocol.Peer, conns [protocol.Lanes]transport.Conn) *liveLink {
	l := &liveLink{id: id, peer: peer, gone: make(chan struct{})}
	for kind := range protocol.Lanes {
		l.lanes[kind] = &lane{link: l, kind: kind, conn: conns[kind],
			room: make(chan struct{}, 1), bell: make(chan struct{}, 1)}
	}
	return l
}

// close ends the link's connections and goroutines, and does not wait for them.
func (l *liveLink) close() {
	close(l.gone)
	for _, lane := range l.lanes {
		lane.conn.Close()
	}
}

// put queues a frame to be sent. It returns false if too much is waiting.
func (l *lane) put(frame []byte) bool {
	limit := maxBulkBytes
	if l.kind == protocol.Control {
		limit = maxControlBytes
	}
	l.mu.Lock()
	if l.size > 0 && l.size+len(frame) > limit {
		l.mu.Unlock()
		return false
	}
	l.out = append(l.out, frame)
	l.size += len(frame) + frameOverhead
	first := len(l.out) == 1
	l.mu.Unlock()
	if first {
		if !l.sent.Load() {
			l.sent.Store(true)
		}
		ring(l.bell)
	}
	return true
}

// send is the goroutine that sends: everything that is queued in one call.
func (l *lane) send(r *Replica) {
	var frames [][]byte
	for {
		clear(frames)
		l.mu.Lock()
		frames, l.out = l.out, frames[:0]
		l.size = 0
		l.mu.Unlock()
		if len(frames) == 0 {
			select {
			case <-l.bell:
				continue
			case <-l.link.gone:
				return
			}
		}
		if err := l.conn.Send(frames...); err != nil {
			l.broken(r, err)
			return
		}
	}
}

// receive is the goroutine that receives. It stops receiving while the loop does
// not keep up, so that the other side feels it.
func (l *lane) receive(r *Replica) {
	for {
		frame, err := l.conn.Recv()
		if err != nil {
			l.broken(r, err)
			return
		}
		if !l.heard.Load() {
			l.heard.Store(true)
		}
		if len(frame) > 0 && frame[0] >= frameMessage {
			if frame[0] == frameMessage && !r.notices.message(l.link.peer.ID, frame[1:]) {
				l.broken(r, errors.New("messages are not taken off"))
				return
			}
			continue
		}
		l.queued.Add(int64(len(frame)) + frameOverhead)
		r.box.post(func(in *inbox) {
			if l.kind == protocol.Control {
				in.control = append(in.control, inFrame{l, frame})
			} else {
				in.bulk = append(in.bulk, inFrame{l, frame})
			}
		})
		for l.queued.Load() > maxInBytes {
			select {
			case <-l.room:
			case <-l.link.gone:
				return
			}
		}
	}
}

// seen says that the loop is done with a frame.
func (l *lane) seen(frame []byte) {
	n := int64(len(frame)) + frameOverhead
	if left := l.queued.Add(-n); left <= maxInBytes && left+n > maxInBytes {
		ring(l.room)
	}
}

func (l *lane) broken(r *Replica, err error) {
	select {
	case <-l.link.gone: // the loop knows
	default:
		r.box.post(func(in *inbox) { in.broken = append(in.broken, brokenLane{l.link.id, err}) })
	}
}
