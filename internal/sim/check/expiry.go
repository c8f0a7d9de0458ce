package check

import (
	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/tree"
)

// Lease says that a client believes until the true time until that nobody else
// can hold what its session holds.
func (c *Checker) Lease(id int, until, now int64) error {
	cl := c.client(id)
	if c.err != nil {
		return c.err
	}
	if until > now && cl.expired != 0 {
		return c.fail(Expiry, "client %d believes in a lease of session %d for %d ns more, which expired at zxid %d",
			id, cl.session, until-now, cl.expired)
	}
	cl.leased, cl.until = true, until
	c.stats.Leases++
	return nil
}

// LeaseLost says that a client does not believe in its lease any more.
func (c *Checker) LeaseLost(id int) error {
	c.client(id).leased = false
	return c.err
}

// Silent says that from now on nothing that a client says is heard by anybody: it
// is gone, or cut off for good.
func (c *Checker) Silent(id int, now int64) error {
	if cl := c.client(id); !cl.silent {
		cl.silent, cl.silentSince = true, now
	}
	return c.err
}

// Heard takes Silent back.
func (c *Checker) Heard(id int) error {
	c.client(id).silent = false
	return c.err
}

// expired looks at sessions whose end is applied for the first time: nobody may
// believe in them any more unless it ended them itself.
func (c *Checker) expired(a *Applied, p *model.Prediction) error {
	_, byTime := p.Command.(tree.ExpireSessions)
	for _, id := range p.Ended {
		delete(c.placed, id)
		if !byTime {
			c.stats.Closed++
			continue
		}
		c.stats.Expired++
		c.expiries[id] = a.Entry.Zxid
		cl := c.bySession[id]
		if cl == nil {
			continue
		}
		cl.expired = a.Entry.Zxid
		if cl.leased && a.Now < cl.until {
			return c.fail(Expiry, "session %d expired at zxid %d, and client %d believes in its lease for %d ns more",
				id, a.Entry.Zxid, cl.id, cl.until-a.Now)
		}
	}
	return nil
}

// Overdue says that the ensemble has been healthy since a time: sessions that
// nobody has heard of for long must be gone. It takes time in the number of
// sessions.
func (c *Checker) Overdue(healthySince, now int64) error {
	if c.err != nil {
		return c.err
	}
	for _, id := range c.model.AliveIDs() {
		x, from := c.model.Session(id), max(healthySince, c.placed[id])
		if cl := c.bySession[id]; cl != nil {
			if !cl.silent {
				continue
			}
			from = max(from, cl.silentSince)
		}
		if late := now - from - x.Timeout*1_000_000 - c.config.ExpiryBound; late > 0 {
			return c.fail(Expiry, "session %d should have expired %d ns ago", id, late)
		}
	}
	return nil
}
