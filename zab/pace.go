package zab

import "time"

// pace says when ticks are counted. One follows another after a tick's time; but a
// replica that follows keeps step with its leader, whose heartbeats wake it anyway:
// it counts the tick that is about due when it hears one, and has the next come a
// little late, so that the next heartbeat is there first. With nothing to do that
// leaves one wake-up of two. Silence is borne as long as without: a follower counts
// whole ticks from the last heartbeat on.
type pace struct {
	tick time.Duration
	last time.Time // when a tick was counted
}

// slack is how much earlier or later than it is due a tick may be counted, to be
// counted with a heartbeat.
func (p *pace) slack() time.Duration { return p.tick / 8 }

// ticked takes note of a tick and returns when the next is due.
func (p *pace) ticked(now time.Time) time.Duration {
	p.last = now
	return p.tick
}

// heard takes note of a heartbeat: it returns whether a tick is to be counted with
// it, and when the next is due. A heartbeat that came too early for that puts off
// the tick, once, so that the next heartbeat will not.
func (p *pace) heard(now time.Time) (due bool, next time.Duration) {
	if due = now.Sub(p.last) >= p.tick-p.slack(); due {
		p.last = now
	}
	return due, p.tick + p.slack()
}

// inStep says whether a tick is to be counted at once because the leader was heard.
func (l *loop) inStep(timer *time.Timer) bool {
	if !l.heard {
		return false
	}
	l.heard = false
	due, next := l.pace.heard(time.Now())
	timer.Reset(next)
	return due
}
