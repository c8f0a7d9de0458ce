package check

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/tree"
)

// compareEphemerals looks at whose ephemerals come and go, by the changes
// themselves: every one has an owner that is alive, and all of an owner's go in
// the entry that ends it.
func (c *Checker) compareEphemerals(a *Applied, p *model.Prediction) error {
	z := a.Entry.Zxid
	if !slices.Equal(a.Outcome.Ended, p.Ended) {
		return c.fail(Ephemerals, "zxid %d ends the sessions %d, should end %d", z, a.Outcome.Ended, p.Ended)
	}
	for i := range a.Changes {
		ch := &a.Changes[i]
		switch ch.Kind {
		case tree.Created:
			if err := c.ephemeralCreated(z, ch); err != nil {
				return err
			}
		case tree.Deleted:
			owner := ch.Before.Stat().EphemeralOwner
			if owner == 0 {
				continue
			}
			if !c.owned[owner][ch.Path] {
				return c.fail(Ephemerals, "zxid %d deletes %s as one of session %d, which it is not", z, ch.Path, owner)
			}
			delete(c.owned[owner], ch.Path)
			if slices.Contains(p.Ended, owner) {
				c.stats.EphemeralsEnd++
			}
		}
	}
	for _, id := range p.Ended {
		if left := c.owned[id]; len(left) > 0 {
			return c.fail(Ephemerals, "session %d ended at zxid %d, and %d of its ephemerals stay", id, z, len(left))
		}
		delete(c.owned, id)
	}
	return nil
}

func (c *Checker) ephemeralCreated(z int64, ch *tree.Change) error {
	owner := ch.After.Stat().EphemeralOwner
	if owner == 0 {
		return nil
	}
	if x := c.model.Session(owner); x == nil || x.Ended != 0 {
		return c.fail(Ephemerals, "zxid %d creates %s for session %d, which is not alive", z, ch.Path, owner)
	}
	if c.owned[owner] == nil {
		c.owned[owner] = map[string]bool{}
	}
	c.owned[owner][ch.Path] = true
	return nil
}
