package host

import "github.com/zabtree/zabtree/session/protocol"

// Delivery is what to send over a link, in order.
type Delivery struct {
	Link     LinkID
	Messages []protocol.Message
	// Close says that the link ends after that.
	Close bool
}

// PeerMessage is for the host of another replica, or of this one.
type PeerMessage struct {
	To      uint64
	Message []byte
}

// Output is what the driver must do after events. The parts are independent;
// within each, order matters.
type Output struct {
	Proposals  []Proposal
	Deliveries []Delivery
	Peers      []PeerMessage
	// ReadRounds are read points to ask for, each to be answered by ReadPoint.
	ReadRounds []uint64
}

// TakeOutput returns what is to be done, and forgets it. The slices are good until the
// next call, what is in them for ever.
func (h *Host) TakeOutput() Output {
	h.reads.begin(h)
	h.out.reclaim()
	out := &h.out.next
	for _, l := range h.dirty {
		l.dirty = false
		out.Deliveries = append(out.Deliveries, Delivery{l.id, l.out, l.closing})
		l.out = nil
		if l.closing {
			h.forget(l)
		}
	}
	clear(h.dirty)
	h.dirty = h.dirty[:0]
	return h.out.take()
}

// outbox has the output that is being made, and the memory of what was taken last, which
// is used again: a read leaves nothing behind but its answer.
type outbox struct {
	next, taken Output
	spare       [][]protocol.Message // for the next links that have something to say
}

// What is kept for the next time. There may be thousands of links.
const (
	maxSpare     = 16
	maxSpareSize = 256
)

func (o *outbox) take() Output {
	o.next, o.taken = o.taken, o.next
	return o.taken
}

// reclaim takes back what was taken last.
func (o *outbox) reclaim() {
	for _, d := range o.taken.Deliveries {
		if len(o.spare) < maxSpare && cap(d.Messages) > 0 {
			if m := emptied(d.Messages); m != nil {
				o.spare = append(o.spare, m)
			}
		}
	}
	t := &o.taken
	t.Proposals, t.Deliveries = emptied(t.Proposals), emptied(t.Deliveries)
	t.Peers, t.ReadRounds = emptied(t.Peers), emptied(t.ReadRounds)
}

// messages returns an empty slice.
func (o *outbox) messages() []protocol.Message {
	n := len(o.spare)
	if n == 0 {
		return nil
	}
	m := o.spare[n-1]
	o.spare = o.spare[:n-1]
	return m
}

// emptied returns s without what was in it, or nil if it has become too large.
func emptied[E any](s []E) []E {
	if cap(s) > maxSpareSize {
		return nil
	}
	clear(s)
	return s[:0]
}
