package sim

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/zab/protocol"
)

// describe says how the members are, for whoever has to find out why.
func (w *World) describe() string {
	var b strings.Builder
	c := w.config()
	fmt.Fprintf(&b, "committed %d; configuration %d: %v, pending at %v: %v\n", w.observe.committed, c.Version, c.Current, c.PendingAt, c.Pending)
	for _, m := range w.members {
		fmt.Fprintf(&b, "  %d (%x): ", m.id, m.incarnation)
		switch p := m.proc; {
		case p == nil:
			fmt.Fprintf(&b, "down after %d lives, removed %v, damaged %v\n", m.lives, m.removed, m.damaged)
		default:
			s := p.machine.Status()
			fmt.Fprintf(&b, "%v leader %d epoch %d accepted %d last %v durable %v commit %v base %v applied %v serving %v, paused %v, peers %v\n",
				s.Phase, s.Leader, s.Epoch, s.AcceptedEpoch, s.Last, s.Durable, s.Commit, s.Base, p.applied, p.serving.Serves(), p.owner.Paused(), s.Peers)
		}
	}
	for _, c := range w.clients {
		if c.m != nil {
			fmt.Fprintf(&b, "  client %d: session %d at member %d, %d unanswered, leased %v, ended %v\n", c.name, c.m.Session(), c.conn.Peer(), c.m.Unanswered(), c.leased, c.m.Ended())
			for _, q := range c.waiting[:min(len(c.waiting), 3)] {
				fmt.Fprintf(&b, "    call %d: %.200s\n", q.n, fmt.Sprintf("%T%+v %+v", q.Op, q.Op, q.Read))
			}
		}
	}
	return b.String()
}

// writeText is a write in a few words, when somebody reads them.
type writeText struct{ w *protocol.Write }

func (t writeText) String() string {
	b := &t.w.Batch
	s := fmt.Sprintf("#%d", t.w.Seq)
	if b.HardState != nil {
		s += fmt.Sprintf(" accepted %d", b.HardState.AcceptedEpoch)
	}
	if b.Base != nil {
		s += fmt.Sprintf(" base %v", b.Base.Zxid())
	}
	if b.Latest != nil {
		s += fmt.Sprintf(" latest %v", b.Latest.Zxid())
	}
	if b.Truncate != nil {
		s += fmt.Sprintf(" cut after %v", *b.Truncate)
	}
	if n := len(b.Entries); n > 0 {
		s += fmt.Sprintf(" entries %v to %v", b.Entries[0].Zxid, b.Entries[n-1].Zxid)
	}
	return s
}
