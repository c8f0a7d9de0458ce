package protocol

// A session is pinged so many times in its timeout, so that a few lost ones cost
// nothing.
const pingsPerTimeout = 5

// A confirmation of a ping older than this many others would renew nothing.
const maxPings = 2 * pingsPerTimeout

// Clocks of different machines are taken to run at rates that differ by less
// than 5 %. That and nothing else is assumed of time (no two clocks need agree):
// a holder counts its lease for 95 % of the timeout from the moment it sent a
// ping, the leader the whole timeout from a later moment.
const leasePercent = 95

// ping asks the leader to count the timeout anew.
func (c *Client) ping() {
	c.nextN++
	if len(c.pings) == maxPings {
		c.pings = append(c.pings[:0], c.pings[1:]...)
	}
	c.pings = append(c.pings, sentPing{c.nextN, c.now})
	c.pingAt = c.now + max(c.timeout/pingsPerTimeout, 1)
	c.send(&Ping{N: c.nextN})
}

// pong takes the leader's confirmation of a ping, and so of all before it.
func (c *Client) pong(n uint64) {
	for i, p := range c.pings {
		if p.n != n {
			continue
		}
		c.pings = append(c.pings[:0], c.pings[i+1:]...)
		c.renew(p.at)
		c.giveUpAt = max(c.giveUpAt, c.now+c.patience(c.timeout/2, c.timeout))
		return
	}
}

// renew counts the lease from a moment at which the leader had not begun to
// count its own.
func (c *Client) renew(from int64) {
	until := from + c.timeout/100*leasePercent
	if until <= c.now || c.leased && until <= c.until {
		return
	}
	c.leased, c.until = true, until
	c.emit(Effect{Kind: EffectLease, Until: until})
}

// loseLease ends the lease: for no fault if its time is up.
func (c *Client) loseLease(fault Fault) {
	if c.leased {
		c.leased = false
		c.emit(Effect{Kind: EffectLeaseLost, Fault: fault})
	}
}
