package check

import (
	"github.com/zabtree/zabtree/tree"
)

// Final says what a healthy member has at the end: everything that anyone was ever
// shown, and the same as all others.
func (c *Checker) Final(id uint64, v *tree.View) error {
	if c.err != nil {
		return c.err
	}
	if v.Zxid() < c.acked {
		return c.fail(AckedDurability, "member %d ends at zxid %d, and zxid %d was acknowledged", id, v.Zxid(), c.acked)
	}
	return c.View(id, v)
}

// Finish says that the run is over, with an ensemble that is healthy and at rest.
// Clients that are neither Silent nor over have everything that they were owed.
func (c *Checker) Finish() error {
	if c.err != nil {
		return c.err
	}
	for _, cl := range c.order {
		if cl.silent || cl.ended {
			continue
		}
		if cl.over {
			return c.fail(Expiry, "client %d was not told that session %d ended", cl.id, cl.session)
		}
		if len(cl.calls) > 0 {
			return c.fail(SessionOrder, "client %d: call %d was never resolved", cl.id, cl.pending[0].id)
		}
		if err := c.owing(cl, c.model.Last()); err != nil {
			return err
		}
	}
	return nil
}
