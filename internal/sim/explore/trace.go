package explore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Trace is a path through a configuration's states: the actions one after the
// other. It means something only together with that configuration.
type Trace []uint32

// Violation is a broken invariant and the shortest way to it.
type Violation struct {
	Invariant Invariant
	Detail    string
	Trace     Trace
	// Timeline is the trace as text, a line an action.
	Timeline string
}

func (v *Violation) String() string {
	return fmt.Sprintf("%s: %s\n%s", v.Invariant, v.Detail, v.Timeline)
}

func newViolation(cfg Config, v *violation, t Trace) *Violation {
	out := &Violation{Invariant: v.name, Detail: v.detail, Trace: t}
	var b strings.Builder
	// The outcome is known already: this is for the text.
	_, _ = replay(cfg, t, func(line string) { b.WriteString(line + "\n") })
	out.Timeline = b.String()
	return out
}

// ErrTrace says that a trace is none of the configuration that it is replayed in.
var ErrTrace = errors.New("explore: the trace does not belong to the configuration")

// Replay goes along a trace and returns the violation at its end, or nil if there
// is none.
func Replay(cfg Config, t Trace) (*Violation, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	v, err := replay(cfg, t, func(string) {})
	if v == nil || err != nil {
		return nil, err
	}
	return newViolation(cfg, v, t), nil
}

func replay(cfg Config, t Trace, line func(string)) (*violation, error) {
	x := newSpace(cfg)
	s, v := x.first()
	if v != nil {
		return v, nil
	}
	for i, packed := range t {
		a := unpack(packed)
		if !x.possible(s, a) {
			return nil, fmt.Errorf("%w: step %d, %v", ErrTrace, i+1, a.kind)
		}
		text := x.describe(s, a)
		ok, v := x.apply(s, a)
		if !ok {
			return nil, fmt.Errorf("%w: step %d, %v", ErrTrace, i+1, a.kind)
		}
		if v != nil {
			line(fmt.Sprintf("%3d  %s: %s: %s", i+1, text, v.name, v.detail))
			return v, nil
		}
		line(fmt.Sprintf("%3d  %-60s %s", i+1, text, x.summary(s)))
	}
	return nil, nil
}

func (x *space) possible(s state, a action) bool {
	for _, b := range x.actions(s, nil) {
		if a == b {
			return true
		}
	}
	return false
}

// describe says in words what an action does in a state.
func (x *space) describe(s state, a action) string {
	switch a.kind {
	case actDeliver:
		f := x.frames.at(x.queues.head(s[x.queueSlot(a.a, a.b, a.l)]))
		return fmt.Sprintf("%d > %d  %s", a.a+1, a.b+1, protocol.Describe(f.bytes))
	case actWritten:
		return fmt.Sprintf("%d      durable: %s", a.a+1, batchString(&x.node(s, a.a).queue[0].Batch))
	case actStored:
		return fmt.Sprintf("%d      durable: a chunk of a snapshot", a.a+1)
	case actConnect, actDisconnect, actHandover:
		return fmt.Sprintf("%d - %d  %v", a.a+1, a.b+1, a.kind)
	}
	return fmt.Sprintf("%d      %v", a.a+1, a.kind)
}

func batchString(b *protocol.Batch) string {
	var parts []string
	if b.HardState != nil {
		parts = append(parts, fmt.Sprintf("accepted %d", b.HardState.AcceptedEpoch))
	}
	if b.Base != nil {
		parts = append(parts, fmt.Sprintf("base %v", b.Base.Zxid()))
	}
	if b.Latest != nil {
		parts = append(parts, fmt.Sprintf("snapshot %v", b.Latest.Zxid()))
	}
	if b.Truncate != nil {
		parts = append(parts, fmt.Sprintf("truncate to %v", b.Truncate))
	}
	for i := range b.Entries {
		parts = append(parts, b.Entries[i].Zxid.String())
	}
	return strings.Join(parts, ", ")
}

// summary says of each replica what it is (L eading, F ollowing or looking, in
// lower case until established or serving), its epoch, its log on disk and how much
// of it is committed as far as it knows.
func (x *space) summary(s state) string {
	var b strings.Builder
	for i := range x.n {
		n := x.node(s, i)
		if n.gone {
			fmt.Fprintf(&b, " %d gone", i+1)
			continue
		}
		role := "?"
		switch v := &n.view; {
		case v.established != 0:
			role = "L"
		case v.leads:
			role = "l"
		case v.follows && v.serving:
			role = "F"
		case v.follows:
			role = "f"
		}
		p, _ := n.disk.prefix(n.disk.last(&x.entries).Counter)
		fmt.Fprintf(&b, " %d%s%d %s+%d c%d", i+1, role, n.view.epoch, x.prefixString(&p), len(n.queue), n.view.known)
	}
	return b.String()
}
