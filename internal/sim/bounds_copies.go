package sim

import (
	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/tree"
)

// copies counts how often the same thing is on its way into the log. A log that is
// behind must not be given more to do for that: a host that proposes a session's
// writes, or its end, again and again keeps it from ever being worked off.
type copies struct {
	of   map[proposed]int
	made map[uint64][]proposed // by the number of the proposal
}

// proposed is a write of a session, or the end of one whose time is up.
type proposed struct {
	session, attachment int64
	sequence            uint64
	epoch               uint32 // of the leader that ends it
}

// maxCopies of a write may be on their way: whoever is told that one was in vain may have
// been told before that an earlier one came to nothing, which was not so.
const maxCopies = 4

// add counts what a proposal is, and returns what is on its way too often.
func (c *copies) add(n uint64, q *host.Proposal) (many proposed, ok bool) {
	if c.of == nil {
		c.of, c.made = map[proposed]int{}, map[uint64][]proposed{}
	}
	ok = true
	for _, x := range proposedBy(q) {
		c.made[n] = append(c.made[n], x)
		c.of[x]++
		if c.of[x] > maxCopies || x.epoch != 0 && c.of[x] > 1 {
			many, ok = x, false
		}
	}
	return many, ok
}

// ended takes a proposal out, of which it is known what became.
func (c *copies) ended(n uint64) {
	for _, x := range c.made[n] {
		if c.of[x]--; c.of[x] == 0 {
			delete(c.of, x)
		}
	}
	delete(c.made, n)
}

// proposedBy returns what is counted of a proposal.
func proposedBy(q *host.Proposal) []proposed {
	command, epoch := q.Command, uint32(0)
	if q.Token.Purpose == host.ForExpiry { // behind its guard
		r := codec.NewReader(command)
		epoch = r.Uint32()
		command = host.Command(epoch, command)
	}
	decoded, err := tree.DecodeCommand(command)
	if err != nil {
		return nil
	}
	switch c := decoded.(type) {
	case tree.Write:
		return []proposed{{session: c.Session, attachment: c.Attachment, sequence: c.Sequence}}
	case tree.CloseSession:
		return []proposed{{session: c.Session, attachment: c.Attachment, sequence: c.Sequence}}
	case tree.ExpireSessions:
		ends := make([]proposed, len(c.Sessions))
		for i, id := range c.Sessions {
			ends[i] = proposed{session: id, epoch: epoch}
		}
		return ends
	}
	return nil
}
