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
// can be served from the log, and damage to the latest snapshot loses nothing;
// it stays where it is while a follower is being sent that snapshot.
func (c *Core) Compacted(latest Base) {
	z := latest.Zxid()
	if c.halted || !c.log.contains(z) || !c.log.latest.Zxid().Less(z) || c.commit.Less(z) {
		return
	}
	b := Batch{Latest: &latest}
	previous := c.log.latest
	if c.log.base.Zxid().Less(previous.Zxid()) && c.log.contains(previous.Zxid()) && !c.sending(previous.Zxid()) {
		c.log.advanceBase(previous)
		b.Base = &previous
	}
	c.log.latest = latest
	c.log.past = slices.DeleteFunc(c.log.past, func(x Configuration) bool { return x.Version < latest.Config.Version })
	c.write(b)
}

// sending says whether a follower needs the log from before z on, because the
// snapshot that it is being sent ends there.
func (c *Core) sending(z Zxid) bool {
	for _, l := range c.links {
		if l.progress.mode == snapshotting && l.progress.snap.base.Zxid().Less(z) {
			return true
		}
	}
	return false
}
