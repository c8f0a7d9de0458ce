package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// paced is a follower's pace with the timer that it sets.
type paced struct {
	Pace
	now, due int64
	ticks    []int64 // from one to the next
	alone    int     // ticks that the timer had to wake up for
}

func newPaced() *paced {
	p := &paced{Pace: Pace{Tick: paceTick}, now: int64(time.Hour)}
	p.due = p.now + p.Ticked(p.now)
	return p
}

// until lets the timer fire until some time.
func (p *paced) until(t int64) {
	for ; p.due <= t; p.alone++ {
		p.ticks = append(p.ticks, p.due-p.last)
		p.due += p.Ticked(p.due)
	}
	p.now = t
}

// beat is a heartbeat after d.
func (p *paced) beat(d time.Duration) (counted bool) {
	p.until(p.now + int64(d))
	last := p.last
	due, wait := p.Heard(p.now)
	if due {
		p.ticks = append(p.ticks, p.now-last)
	}
	p.due = p.now + wait
	return due
}

const paceTick = int64(800 * time.Millisecond)

// Whenever a leader's heartbeats begin, a follower soon counts with them, and wakes
// up for nothing else, also if they come a little early or late.
func TestPaceKeepsStep(t *testing.T) {
	for first := time.Millisecond; first <= time.Duration(2*paceTick); first += 7 * time.Millisecond {
		p := newPaced()
		p.beat(first)
		p.beat(time.Duration(paceTick))
		p.alone = 0
		for i := range 100 {
			jitter := []time.Duration{0, 90, -90, 90, 0, -90}[i%6] * time.Millisecond
			require.True(t, p.beat(time.Duration(paceTick)+jitter), "first after %v, beat %d", first, i)
		}
		require.Zero(t, p.alone, "first after %v", first)
	}
}

// Heartbeats at any rate leave the ticks at about theirs.
func TestPaceIsKept(t *testing.T) {
	for _, every := range []time.Duration{1, 10, 100, 399, 700, 800, 1000, 1600, 2399, 2400, 10_000} {
		p := newPaced()
		for range 2000 {
			p.beat(every * time.Millisecond)
		}
		for _, d := range p.ticks {
			require.GreaterOrEqual(t, d, paceTick-p.slack(), "heartbeats every %d ms", every)
			require.LessOrEqual(t, d, 2*paceTick, "heartbeats every %d ms", every)
		}
	}
}

// A leader's silence is as long as the ticks that are counted after its last
// heartbeat say.
func TestPaceOfSilence(t *testing.T) {
	for first := time.Millisecond; first <= time.Duration(paceTick); first += 7 * time.Millisecond {
		p := newPaced()
		p.beat(first)
		p.ticks = nil
		beat := p.now
		for n := 1; n <= 4; n++ {
			p.until(p.due)
			require.Len(t, p.ticks, n)
			require.Equal(t, int64(n)*paceTick+p.slack(), p.now-beat)
		}
	}
}
