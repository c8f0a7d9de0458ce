package driver

// Pace says when ticks are counted. One follows another after a tick's time; but a
// replica that follows keeps step with its leader, whose heartbeats wake it anyway:
// it counts the tick that is about due when it hears one, and has the next come a
// little late, so that the next heartbeat is there first. With nothing to do that
// leaves one wake-up of two. Silence is borne as long as without: a follower counts
// whole ticks from the last heartbeat on.
//
// It is a step machine. Times are nanoseconds from any beginning. Whoever owns it
// begins with Ticked, sets one timer by what it returns, counts a tick when that
// fires, and calls Heard once everything in an Output that has Heard is done.
type Pace struct {
	Tick int64 // how long one is
	last int64 // when one was counted
}

// slack is how much earlier or later than it is due a tick may be counted, to be
// counted with a heartbeat.
func (p *Pace) slack() int64 { return p.Tick / 8 }

// Ticked takes note of a tick and returns when the next is due, from now on.
func (p *Pace) Ticked(now int64) (wait int64) {
	p.last = now
	return p.Tick
}

// Heard takes note of a heartbeat: it returns whether a tick is to be counted with
// it, and when the next is due. A heartbeat that came too early for that puts off
// the tick, once, so that the next heartbeat will not.
func (p *Pace) Heard(now int64) (due bool, wait int64) {
	if due = now-p.last >= p.Tick-p.slack(); due {
		p.last = now
	}
	return due, p.Tick + p.slack()
}
