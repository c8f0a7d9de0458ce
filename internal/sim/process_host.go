package sim

import (
	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab/protocol"
)

// notice is something that the notifier tells; one field is set.
type notice struct {
	ended   *driver.Resolution[waiter]
	read    *protocol.ReadAnswer // for round
	round   uint64
	status  *host.Status
	tick    bool
	message []byte
	from    uint64
}

// notify is the notifier: everything that is to be told, in order, a little later.
func (p *process) notify(n notice) {
	p.notices = append(p.notices, n)
	if p.notifying {
		return
	}
	p.notifying = true
	p.after(p.m.net.Exp(p.m.w.opts.LoopLag)+p.starved.notify, func() {
		p.notifying = false
		list := p.notices
		p.notices = nil
		for i := range list {
			p.tell(&list[i])
		}
	})
}

func (p *process) tell(n *notice) {
	switch {
	case n.ended != nil:
		p.proposalEnded(n.ended)
		return
	case n.read != nil:
		p.host.ReadPoint(n.round, int64(n.read.Zxid.Counter), n.read.Zxid.Epoch, n.read.Err)
	case n.status != nil:
		p.host.Status(*n.status)
	case n.tick:
		p.host.Tick(p.m.mono())
	default:
		if err := p.host.Peer(n.from, n.message); err != nil {
			p.m.w.fail(noHalt, "member %d: message of %d: %v", p.m.id, n.from, err)
		}
	}
	p.finishHost()
}

// proposalEnded tells who waits for a proposal.
func (p *process) proposalEnded(r *driver.Resolution[waiter]) {
	if c := r.Waiter.change; c != nil {
		c.ended(r.Outcome)
		return
	}
	p.proposed--
	p.copies.ended(r.Waiter.n)
	p.m.w.observe.outcome(p, r)
	t := r.Waiter.token
	if r.Outcome == driver.Applied && (t.Purpose == host.ForWrite || t.Purpose == host.ForClose) {
		p.host.ProposalsDone(1)
		p.finishHost()
		return
	}
	err := r.Err
	if r.Outcome == driver.Unknown {
		err = errUnknown
	}
	outcome, _ := r.Value.(*tree.Outcome)
	p.host.Proposed(t, outcome, err)
	p.finishHost()
}

// finishHost carries out what the host wants.
func (p *process) finishHost() {
	out := p.host.TakeOutput()
	for i := range out.Proposals {
		q := &out.Proposals[i]
		if limit := p.m.w.opts.MaxProposals; q.Token.Purpose == host.ForWrite && p.proposed >= limit {
			p.m.w.fail(bounded, "member %d: a write is proposed with %d proposals under way, %d may be", p.m.id, p.proposed, limit)
		}
		if q.Token.Purpose == host.ForExpiry {
			p.m.w.faults.ending()
		}
		p.proposed++
		p.asked++
		if x, ok := p.copies.add(p.asked, q); !ok {
			p.m.w.fail(bounded, "member %d: %+v is proposed again, with %d copies on their way", p.m.id, x, p.copies.of[x]-1)
		}
		p.in.proposals = append(p.in.proposals, driver.Proposal[waiter]{
			Data: q.Command, Waiter: waiter{token: q.Token, n: p.asked}, Essential: q.Essential(), Err: p.admit(q.Essential()),
		})
	}
	p.in.rounds = append(p.in.rounds, out.ReadRounds...)
	if len(out.Proposals)+len(out.ReadRounds) > 0 && p.machine != nil {
		p.wake()
	}
	for _, m := range out.Peers {
		p.sendMessage(m.To, m.Message)
	}
	for _, d := range out.Deliveries {
		p.deliver(&d)
	}
}

// admit says why a proposal is refused before the core sees it.
func (p *process) admit(essential bool) error {
	if p.low && !essential && p.status.Leader == p.m.id {
		p.m.w.mark("refused: low on space")
		return protocol.ErrLowSpace
	}
	return nil
}
