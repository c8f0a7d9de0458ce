package protocol

import "fmt"

// insane says which of a core's invariants does not hold, if so.
func insane(c *Core) string {
	j := &c.log
	base := j.base.Zxid()
	switch {
	case j.last.Less(base) || j.last.Counter < base.Counter:
		return fmt.Sprintf("the log ends at %v, before its base %v", j.last, base)
	case j.last.Less(j.durable):
		return fmt.Sprintf("durable up to %v of a log up to %v", j.durable, j.last)
	case c.hs.AcceptedEpoch < j.last.Epoch:
		return fmt.Sprintf("accepted epoch %d with a log up to %v", c.hs.AcceptedEpoch, j.last)
	case c.hs.AcceptedEpoch < c.epoch:
		return fmt.Sprintf("accepted epoch %d in epoch %d", c.hs.AcceptedEpoch, c.epoch)
	case c.role == roleLooking && c.epoch != 0:
		return fmt.Sprintf("role %d in epoch %d", c.role, c.epoch)
	case c.role == roleFollowing && c.leaderLink() == nil && !c.halted:
		return "follows nobody"
	case !j.drained() && c.role == roleLooking && c.election.announced:
		return "has told its position with writes under way"
	}
	if why := insaneTables(j); why != "" {
		return why
	}
	return insaneProgress(c)
}

func insaneTables(j *journal) string {
	n := len(j.ends)
	if n == 0 != j.last.IsZero() || n > 0 && j.ends[n-1] != (EpochEnd{j.last.Epoch, j.last.Counter}) {
		return fmt.Sprintf("the epochs %s of a log up to %v", describeEnds(j.ends), j.last)
	}
	for i := 1; i < n; i++ {
		if j.ends[i].Epoch <= j.ends[i-1].Epoch || j.ends[i].Last <= j.ends[i-1].Last {
			return "epochs out of order: " + describeEnds(j.ends)
		}
	}
	for i := 1; i < len(j.pending); i++ {
		if j.pending[i].seq <= j.pending[i-1].seq {
			return "writes out of order"
		}
	}
	last, again := uint64(0), tail{}
	for i, c := range j.tail.chunks {
		if c.first > c.last || i > 0 && c.first != last+1 || len(c.raw) == 0 {
			return fmt.Sprintf("the tail has %d to %d behind %d", c.first, c.last, last)
		}
		last = c.last
		again.add(c, 1<<30, 0)
	}
	if len(j.tail.chunks) > 0 && last != j.last.Counter || again.bytes != j.tail.bytes {
		return fmt.Sprintf("the tail ends at %d with %d bytes, counted as %d", last, again.bytes, j.tail.bytes)
	}
	if j.config.Founded() {
		if err := j.config.Current.Validate(); err != nil {
			return err.Error()
		}
	}
	if j.config.Pending != nil && j.last.Less(j.config.PendingAt) {
		return fmt.Sprintf("a change at %v is pending in a log up to %v", j.config.PendingAt, j.last)
	}
	return ""
}

func insaneProgress(c *Core) string {
	for _, l := range c.links {
		p := &l.progress
		bytes := 0
		for _, s := range p.inflight {
			bytes += s.bytes
		}
		switch {
		case bytes != p.bytes:
			return fmt.Sprintf("%d bytes on their way to %d, counted as %d", bytes, l.peer.ID, p.bytes)
		case c.role != roleLeading && p.mode != idle:
			return fmt.Sprintf("%d follows, but this is no leader", l.peer.ID)
		case p.mode == streaming && (p.next > c.log.last.Counter+1 || p.acked >= p.next):
			return fmt.Sprintf("%d has acknowledged %d, %d is next", l.peer.ID, p.acked, p.next)
		case p.mode != streaming && p.acked != 0:
			return fmt.Sprintf("%d has acknowledged %d without a stream", l.peer.ID, p.acked)
		case p.snap.acked > p.snap.next || p.snap.next > p.snap.chunks:
			return fmt.Sprintf("%d has %d chunks, %d of %d is next", l.peer.ID, p.snap.acked, p.snap.next, p.snap.chunks)
		}
	}
	return ""
}
