package protocol

import "github.com/zabtree/zabtree/watch"

// EffectKind says what a Client wants to have done.
type EffectKind uint8

// The kinds of effects, with the fields of Effect that they use.
const (
	// EffectConnect: open link Link to backend Backend, and report it by Connected
	// or Lost.
	EffectConnect EffectKind = 1 + iota
	// EffectDisconnect: close Link, also while it is being opened.
	EffectDisconnect
	// EffectSend: send Request on Link.
	EffectSend
	// EffectResolve: Call has its Answer or Fault.
	EffectResolve
	// EffectEvents: Events for Watch, in order; all of an entry's in one effect. If
	// Replay is not 0 they answer a registration as of a zxid in the past, and it
	// is that registration's number among those of the watch.
	EffectEvents
	// EffectEndWatch: the one-shot watch Watch has fired, or could not be armed.
	EffectEndWatch
	// EffectAttached: the session is attached, by Backend. EffectDetached: it is
	// not any more.
	EffectAttached
	EffectDetached
	// EffectLease: until Until nobody else can hold what the session holds.
	EffectLease
	// EffectLeaseLost: that time has passed, or the session ends because of Fault.
	EffectLeaseLost
	// EffectEnded: the session is over, because of Fault. It is the last effect.
	EffectEnded
)

// Effect is something that a Client wants to have done. Effects are carried out
// in order.
type Effect struct {
	Kind    EffectKind
	Link    uint64
	Backend int
	Request Request
	Call    *Call
	Watch   uint64
	Events  []watch.Event
	Replay  uint64
	Until   int64
	Fault   Fault
}
