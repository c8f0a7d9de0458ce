package protocol

// BaseAt describes a snapshot of the state after z, which is committed, as a
// base: with the configuration that was in force then and the clock of z.
func (c *Core) BaseAt(meta SnapshotMeta, clock int64) Base {
	b := Base{Snapshot: meta, Clock: clock, Config: c.log.config.Clone()}
	// What was appended behind the snapshot is not part of it. A change is
	// appended only after the one before is committed, so the current membership
	// is the latest that any later snapshot can be behind by.
	if b.Config.Pending != nil && meta.Zxid.Less(b.Config.PendingAt) {
		b.Config.Pending, b.Config.PendingAt = nil, Zxid{}
	}
	return b
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
