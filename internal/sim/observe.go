package sim

import (
	"errors"
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/check"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
	zab "github.com/zabtree/zabtree/zab/protocol"
)

// Names of the checkers that are not package check's.
const (
	durabilityAudit = "durability-audit"
	refinement      = "refinement"
	storageAudit    = "storage-audit"
	liveness        = "liveness"
	noHalt          = "no-halt"
	noPanic         = "no-panic"
)

var (
	errUnknown = errors.New("sim: outcome unknown")
	errIO      = errors.New("sim: input/output error")
)

// observers is where everything that happens is told to the checkers.
type observers struct {
	w         *World
	committed uint64            // the highest counter that was applied anywhere
	config    zab.Configuration // the newest that any process has shown
	members   memberships

	snapshotBytes int64 // of the largest snapshot

	check *check.Checker
	spec  *spec.Spec
	audit map[uint64]*audit.Auditor
	links map[zab.LinkID]*seenLink
	lives int // of clients, so far
	flows map[flowKey]*flow
	fates map[proposal]fate
	frame audit.Frame // that is being looked at

	floors map[gap]int64 // of the histories of the hosts that sent them
}

// seenLink is a link of which an end was up, and which ends are not up any more.
type seenLink struct{ a, b, gone uint64 }

func (o *observers) begin(w *World) {
	o.w = w
	o.check = check.New(check.Config{
		Settings: w.opts.Settings, Window: 1 << 13, ExpiryBound: w.opts.expiryBound(),
		Slices: check.Slices{Root: sliceRoot, MaxOps: 60, Every: 40, Judge: judge},
	})
	o.spec = spec.New(w.opts.founding())
	o.audit = map[uint64]*audit.Auditor{}
	o.links = map[zab.LinkID]*seenLink{}
	o.flows, o.fates = map[flowKey]*flow{}, map[proposal]fate{}
	o.floors = map[gap]int64{}
}

// hold ends the run if a checker found something.
func (o *observers) hold(checker string, err error) {
	if err == nil {
		return
	}
	var v *check.Violation
	if errors.As(err, &v) {
		o.w.fail(v.Checker, "%s", v.Message)
	}
	o.w.fail(checker, "%v", err)
}

func (o *observers) auditor(m *member) *audit.Auditor {
	a := o.audit[m.id]
	if a == nil {
		a = audit.New(m.id)
		o.audit[m.id] = a
	}
	return a
}

// empty tells of a process that has no state yet.
func (o *observers) empty(m *member, view *tree.View) {
	o.hold(check.Digest, o.check.Restarted(m.id))
	o.hold(check.Digest, o.check.Restored(m.id, 0, view.Digest()))
}

// started tells what a member's disk holds when its process begins to speak.
func (o *observers) started(m *member, found *audit.Disk) {
	a := o.auditor(m)
	if a.Disk().HardState.Incarnation == found.HardState.Incarnation {
		there, err := audit.Survived(a.Disk(), m.underWay, found)
		o.hold(storageAudit, err)
		for i := range there {
			o.hold(durabilityAudit, a.Durable(&there[i]))
			o.hold(refinement, o.spec.Durable(m.id, &there[i]))
		}
		if len(there) > 0 {
			o.w.mark("write survived that nobody knew of")
		}
	} else {
		o.leftOver(m, found)
	}
	m.underWay = nil
	o.hold(durabilityAudit, a.Restarted(found))
	o.hold(refinement, o.spec.Started(m.id, found))
	m.speaks = true
}

// leftOver tells of what was under way when a member went down, and is the end of what
// it has left under another incarnation.
func (o *observers) leftOver(m *member, found *audit.Disk) {
	if o.auditor(m).Disk().Holds(found.Last) {
		return
	}
	for i := range m.underWay {
		b := &m.underWay[i]
		n := slices.IndexFunc(b.Entries, func(e zab.Entry) bool { return e.Zxid == found.Last })
		if n < 0 {
			continue
		}
		for j := range m.underWay[:i] {
			o.hold(refinement, o.spec.Durable(m.id, &m.underWay[j]))
		}
		part := *b
		part.Entries, part.Raw = b.Entries[:n+1], nil
		for k := range part.Entries {
			part.Raw = zab.AppendEntry(part.Raw, &part.Entries[k])
		}
		o.hold(refinement, o.spec.Durable(m.id, &part))
		return
	}
}

// replaced tells that a member that is down has another disk now.
func (o *observers) replaced(m *member) {
	m.underWay = nil
	o.audit[m.id] = audit.New(m.id)
	o.hold(refinement, o.spec.Replaced(m.id))
}

func (o *observers) down(m *member) {
	for _, l := range m.proc.links {
		o.linkDown(m, l)
	}
	if m.speaks {
		m.speaks = false
		o.auditor(m).Down()
		o.hold(refinement, o.spec.Down(m.id))
	}
	o.hold(check.Digest, o.check.Restarted(m.id))
}

// durable tells of a batch that the simulated disk has.
func (o *observers) durable(m *member, b *zab.Batch) {
	o.members.written(b.Entries)
	if m.speaks { // else it is part of what is found
		o.hold(durabilityAudit, o.auditor(m).Durable(b))
		o.hold(refinement, o.spec.Durable(m.id, b))
	}
}

// chunkDurable tells that a chunk of a snapshot is durable, and with it all before it.
func (o *observers) chunkDurable(m *member, q *zab.StoreChunk) {
	a, next := o.auditor(m), uint64(0)
	if a.Disk().Partial == q.Meta {
		next = a.Disk().Chunks
	}
	for n := min(next, q.N); n <= q.N; n++ {
		o.hold(durabilityAudit, a.ChunkDurable(q.Meta, n))
	}
}

func (o *observers) linkUp(m *member, l *peerLink) {
	s := o.links[l.shared]
	if s == nil {
		s = &seenLink{a: m.id, b: l.peer.ID}
		o.links[l.shared] = s
		o.hold(refinement, o.spec.LinkUp(l.shared, m.id, l.peer.ID))
	}
}

// linkDown tells of one end of a link. The other one may still send.
func (o *observers) linkDown(m *member, l *peerLink) {
	s := o.links[l.shared]
	if s == nil || s.gone == m.id {
		return
	}
	if s.gone == 0 {
		s.gone = m.id
		return
	}
	o.hold(refinement, o.spec.LinkDown(l.shared))
}

func (o *observers) sent(m *member, l *peerLink, frame []byte) {
	o.hold(durabilityAudit, o.auditor(m).Sent(l.peer.ID, frame))
	o.hold(refinement, o.spec.Sent(m.id, l.peer.ID, l.shared, frame))
	o.flowsOut(m, l, frame)
}

func (o *observers) delivered(m *member, l *peerLink, frame []byte) {
	o.hold(durabilityAudit, o.auditor(m).Delivered(frame))
	o.hold(refinement, o.spec.Delivered(l.peer.ID, m.id, l.shared, frame))
	o.flowsIn(m, l, frame)
}

func (o *observers) installed(m *member, b *zab.Base) {
	o.hold(refinement, o.spec.Installed(m.id, b))
}

func (o *observers) readAsked(m *member, id uint64) { o.hold(refinement, o.spec.ReadAsked(m.id, id)) }

func (o *observers) readAnswered(m *member, a *zab.ReadAnswer) {
	if a.Err != nil {
		o.hold(refinement, o.spec.ReadFailed(m.id, a.ID))
		return
	}
	o.hold(refinement, o.spec.ReadAnswered(m.id, a.ID, a.Zxid))
}

// status takes what a process knows of the configuration.
func (o *observers) status(s *zab.Status) {
	c := &s.Config
	o.members.proposed(c.PendingAt, c.Pending)
	o.members.claimed(s)
	o.settled()
	if c.Version > o.config.Version || c.Version == o.config.Version && c.PendingAt != o.config.PendingAt {
		o.config = c.Clone()
	}
}

// settled holds what replicas say of changes of the membership to be so: whoever is told
// that one is settled shuts down the members that have left.
func (o *observers) settled() {
	if !o.members.honest() {
		o.w.fail(liveness, "a change of membership is said to be settled, and a crash may have its former members needed: %v", o.members.claims)
	}
}

// applied tells of entries that a member has applied.
func (o *observers) applied(m *member, es []zab.Entry, entries []tree.Entry, outcomes []tree.Outcome, changes []tree.Change, view *tree.View) {
	now := o.w.sched.Now()
	for i := range es {
		o.hold(refinement, o.spec.Applied(m.id, &es[i]))
		o.took(m, &es[i])
		n := 0
		for n < len(changes) && changes[n].Zxid == entries[i].Zxid {
			n++
		}
		a := check.Applied{Member: m.id, Entry: entries[i], Epoch: es[i].Zxid.Epoch, Outcome: outcomes[i], Changes: changes[:n], Now: now}
		if changes = changes[n:]; i == len(es)-1 {
			a.Digest = view.Digest()
		}
		o.hold(check.Digest, o.check.Applied(&a))
	}
	o.members.committed(es)
	o.settled()
	last := es[len(es)-1].Zxid.Counter
	o.committed = max(o.committed, last)
	o.w.note(noteApplied, m.id, last, view.Digest())
}

func (o *observers) restored(m *member, view *tree.View) {
	o.hold(check.Digest, o.check.Restored(m.id, view.Zxid(), view.Digest()))
}

func (o *observers) final(m *member) {
	view := m.proc.state.View()
	o.hold(check.AckedDurability, o.check.Final(m.id, view))
	o.hold(check.Digest, o.check.View(m.id, view))
}

// finish tells that the ensemble is healthy since a time, and that nothing is under
// way any more.
func (o *observers) finish(healthySince int64) {
	o.hold(check.Expiry, o.check.Overdue(healthySince, o.w.sched.Now()))
	if err := o.check.Finish(); err != nil {
		o.w.fail(check.SessionOrder, "%v\n%s", err, o.w.describe())
	}
}

// opened tells of a client's new session, which is another client to the checkers.
func (o *observers) opened(c *client) {
	o.lives++
	c.life = o.lives
}

func (o *observers) abandoned(c *client) {
	o.hold(check.Expiry, o.check.LeaseLost(c.life))
	o.hold(check.Expiry, o.check.Silent(c.life, o.w.sched.Now()))
}

func (o *observers) attached(c *client) {
	o.hold(check.SessionOrder, o.check.Attached(c.life, c.m.Session(), c.m.LastSeen(), o.w.sched.Now()))
}

func (o *observers) seen(c *client) {
	o.hold(check.SessionOrder, o.check.LastSeen(c.life, c.m.LastSeen()))
}

func (o *observers) ended(c *client, fault protocol.Fault) {
	o.hold(check.SessionOrder, o.check.Ended(c.life, fault))
}

func (o *observers) lease(c *client) {
	if o.w.opts.Beyond[wideClocks] {
		return // nobody may rely on it
	}
	o.hold(check.Expiry, o.check.Lease(c.life, c.until, o.w.sched.Now()))
}

func (o *observers) leaseLost(c *client) { o.hold(check.Expiry, o.check.LeaseLost(c.life)) }

// gap is a Gap on its way to a client.
type gap struct {
	client, watch uint64
	since, zxid   int64
}

// gaps takes the Gaps among events that a host sends: from floor on it had every
// change, or more than that when it decided.
func (o *observers) gaps(client uint64, events []protocol.Event, floor int64) {
	for i := range events {
		if ev := &events[i].Event; ev.Type == watch.Gap {
			o.floors[gap{client, events[i].Watch, ev.Since, ev.Zxid}] = floor
			o.w.mark("gap told")
		}
	}
}

func (o *observers) events(c *client, id uint64, events []watch.Event) {
	for i := range events {
		ev, floor := &events[i], int64(-1)
		if ev.Type == watch.Gap {
			floor = o.floors[gap{c.id, id, ev.Since, ev.Zxid}]
		}
		o.hold(check.Watches, o.check.Event(c.life, id, ev, floor))
	}
}

func (o *observers) unwatched(c *client, id uint64) {
	o.hold(check.Watches, o.check.Unwatched(c.life, id))
}

func (o *observers) submitted(c *client, k *call) {
	o.hold(check.SessionOrder, o.check.Submitted(c.life, k.n, &k.Call))
}

func (o *observers) answered(c *client, k *call) {
	o.hold(check.SessionOrder, o.check.Resolved(c.life, k.n, &k.Call))
}
