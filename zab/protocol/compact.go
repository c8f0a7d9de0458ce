package protocol

import "slices"

// BaseAt describes a snapshot of the state after z, which is committed, as a
// base: with the configuration that was in force then and the clock of z.
func (c *Core) BaseAt(meta SnapshotMeta, clock int64) Base {
	return Base{Snapshot: meta, Clock: clock, Config: c.log.configAt(meta.Zxid)}
}

// configAt returns the configuration after z, which is committed: the latest that
// is not from behind it. A change after z is not pending there yet.
func (j *journal) configAt(z Zxid) Configuration {
	at := j.config
	for i := len(j.past) - 1; i >= 0 && at.Version > z.Counter; i-- {
		at = j.past[i]
	}
	if at.Pending != nil && z.Less(at.PendingAt) {
		at.Pending, at.PendingAt = nil, Zxid{}
	}
	return at.Clone()
}

// Compacted reports that a snapshot of this replica's own state is whole in
// storage, and makes it the latest by a record in the log. The log's beginning
// moves up to the snapshot before, so that followers that are a little behind
// can be served from the log, and damage to the latest snapshot loses nothing. It
// stays where it is while a follower is being sent that snapshot, or catching up
// after one: else one that takes longer to receive a snapshot than this replica to
// take the next two would be sent one after the other and never the log. When space
// is low that is not waited for.
func (c *Core) Compacted(latest Base) {
	z := latest.Zxid()
	if c.halted || !c.log.contains(z) || !c.log.latest.Zxid().Less(z) || c.commit.Less(z) {
		return
	}
	b := Batch{Latest: &latest}
	previous := c.log.latest
	if c.log.base.Zxid().Less(previous.Zxid()) && c.log.contains(previous.Zxid()) && !c.needed(previous.Zxid()) {
		c.log.advanceBase(previous)
		b.Base = &previous
	}
	c.log.latest = latest
	c.log.past = slices.DeleteFunc(c.log.past, func(x Configuration) bool { return x.Version < latest.Config.Version })
	c.write(b)
}

// needed says whether a follower needs the log from before z on, because the
// snapshot that it is being sent, or has been sent last, ends there.
func (c *Core) needed(z Zxid) bool {
	if c.lowSpace {
		return false
	}
	for _, l := range c.links {
		switch p := &l.progress; {
		case p.mode == snapshotting && p.snap.base.Zxid().Less(z),
			p.mode == streaming && p.catchingUp && p.next <= z.Counter:
			return true
		}
	}
	return false
}
