package netsim

import "github.com/zabtree/zabtree/internal/sim/sched"

// Counts is what was done to the network and what happened on it.
type Counts struct {
	// Injected.
	Crashes, SilentCrashes, Pauses, ReadPauses      uint64
	Stalls, Refusals, Blackholes, Delays, Throttles uint64
	Cuts                                            uint64

	// Connections: dialed; accepted; refused; dialed into a black hole; dialed to a
	// machine that is silent; ended by the other side; reset.
	Dials, Accepted, Refused, Blackholed, Unanswered, Closed, Resets uint64
	// HalfOpen counts sides that are never told that their connection is gone.
	HalfOpen uint64

	// Frames: sent; delivered; lost although sent; cut in the middle.
	Sent, Frames, FramesLost, CutsInFrame uint64
	StalledBytes                          uint64 // that arrived late because of a stall
	WindowFull                            uint64 // times that something was backed up
	MaxBacklog                            int64  // bytes
}

// Counts returns what happened so far.
func (n *Net) Counts() Counts { return n.counts }

// The marks of this package in a trace.
const (
	MarkStart sched.Mark = 0x100 + iota
	MarkCrash
	MarkPause
	MarkResume
	MarkDial
	MarkAccept
	MarkOpen
	MarkFrame
	MarkBroken
	MarkClose
	MarkCut
	MarkStall
	MarkRefuse
	MarkBlackhole
	MarkDelay
	MarkThrottle
	MarkHealAll
)

func defineMarks(t *sched.Trace) {
	t.Define(MarkStart, "net: %d starts")
	t.Define(MarkCrash, "net: %d crashes (silently: %d)")
	t.Define(MarkPause, "net: %d is stopped")
	t.Define(MarkResume, "net: %d goes on")
	t.Define(MarkDial, "net: #%d: %d dials %d, port %d")
	t.Define(MarkAccept, "net: #%d: %d accepts %d")
	t.Define(MarkOpen, "net: #%d: open for %d")
	t.Define(MarkFrame, "net: #%d: to %d, %d bytes, up to %d")
	t.Define(MarkBroken, "net: #%d: broken for %d, reason %d")
	t.Define(MarkClose, "net: #%d: closed by %d")
	t.Define(MarkCut, "net: #%d: cut between %d and %d, tell %d")
	t.Define(MarkStall, "net: stall from %d to %d: %d")
	t.Define(MarkRefuse, "net: refuse from %d to %d: %d")
	t.Define(MarkBlackhole, "net: black hole from %d to %d: %d")
	t.Define(MarkDelay, "net: delay from %d to %d: %d ns")
	t.Define(MarkThrottle, "net: bandwidth from %d to %d: %d bytes per second")
	t.Define(MarkHealAll, "net: all %d faults heal")
}

func (n *Net) note(mark sched.Mark, args ...uint64) {
	if n.cfg.Trace != nil {
		n.cfg.Trace.Note(n.sched.Now(), mark, args...)
	}
}
