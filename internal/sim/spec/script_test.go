package spec_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/zab/protocol"
)

func z(epoch uint32, counter uint64) protocol.Zxid {
	return protocol.Zxid{Epoch: epoch, Counter: counter}
}

// script makes a history by hand: replicas that have their logs and do what they are
// told. The first violation stays in err.
type script struct {
	t    *testing.T
	spec *spec.Spec
	err  error
	at   map[uint64]*actor
}

// actor is a replica of a script.
type actor struct {
	hs     protocol.HardState
	log    []protocol.Entry // durable
	stream []protocol.Entry // of a leader: all that it has broadcast or began with
	commit protocol.Zxid
}

func (a *actor) last() protocol.Zxid { return end(a.log) }

func end(log []protocol.Entry) protocol.Zxid {
	if len(log) == 0 {
		return protocol.Zxid{}
	}
	return log[len(log)-1].Zxid
}

// newScript starts five replicas of which the first three are the founding voters, the
// fourth is an observer and the fifth no member, linked to each other.
func newScript(t *testing.T) *script {
	founding := protocol.Membership{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4, Role: protocol.Observer}}
	x := &script{t: t, spec: spec.New(founding), at: map[uint64]*actor{}}
	for id := uint64(1); id <= 5; id++ {
		x.at[id] = &actor{hs: protocol.HardState{Replica: id, Incarnation: 10 + id}}
		x.note(x.spec.Started(id, x.disk(id)))
	}
	for id := uint64(1); id <= 5; id++ {
		x.link(id)
	}
	return x
}

func linkID(a, b uint64) protocol.LinkID { return protocol.LinkID(10*min(a, b) + max(a, b)) }

// link connects one with everybody, anew.
func (x *script) link(a uint64) {
	for b := uint64(1); b <= 5; b++ {
		if b != a {
			x.note(x.spec.LinkDown(linkID(a, b)))
			x.note(x.spec.LinkUp(linkID(a, b), a, b))
		}
	}
}

func (x *script) note(err error) {
	if x.err == nil {
		x.err = err
	}
}

// fine requires that nothing was found so far.
func (x *script) fine() *script {
	x.t.Helper()
	require.NoError(x.t, x.err)
	return x
}

// disk is what an actor's disk holds.
func (x *script) disk(id uint64) *audit.Disk {
	a := x.at[id]
	d := &audit.Disk{HardState: a.hs}
	if err := d.Write(&protocol.Batch{Entries: a.log}); err != nil {
		x.t.Fatal(err)
	}
	return d
}

func (x *script) restart(id uint64) {
	x.note(x.spec.Down(id))
	x.note(x.spec.Started(id, x.disk(id)))
}

// wipe restarts an actor empty, under another incarnation.
func (x *script) wipe(id uint64) {
	x.note(x.spec.Down(id))
	x.at[id] = &actor{hs: protocol.HardState{Replica: id, Incarnation: x.at[id].hs.Incarnation + 10}}
	x.note(x.spec.Started(id, x.disk(id)))
	x.link(id)
}

func (x *script) send(from, to uint64, f audit.Frame) {
	x.note(x.spec.Sent(from, to, linkID(from, to), f.Append(nil)))
}

func (x *script) deliver(from, to uint64, f audit.Frame) {
	x.note(x.spec.Delivered(from, to, linkID(from, to), f.Append(nil)))
}

func (x *script) pass(from, to uint64, f audit.Frame) {
	x.send(from, to, f)
	x.deliver(from, to, f)
}

// accept makes an epoch an actor's accepted one, durably.
func (x *script) accept(id uint64, epoch uint32, founders ...protocol.Founder) {
	a := x.at[id]
	a.hs.AcceptedEpoch = epoch
	if founders != nil {
		a.hs.Founders = founders
	}
	hs := a.hs
	x.note(x.spec.Durable(id, &protocol.Batch{HardState: &hs}))
}

// write makes entries durable at the end of an actor's log.
func (x *script) write(id uint64, es ...protocol.Entry) {
	a := x.at[id]
	a.log = append(a.log, es...)
	x.note(x.spec.Durable(id, batch(es...)))
}

func batch(es ...protocol.Entry) *protocol.Batch {
	b := &protocol.Batch{Entries: es, Raw: []byte{}}
	for i := range es {
		b.Raw = protocol.AppendEntry(b.Raw, &es[i])
	}
	return b
}

func (x *script) truncate(id uint64, at protocol.Zxid) {
	a := x.at[id]
	a.log = slices.DeleteFunc(slices.Clone(a.log), func(e protocol.Entry) bool { return at.Less(e.Zxid) })
	x.note(x.spec.Durable(id, &protocol.Batch{Truncate: &at}))
}

// join has an actor tell a leader its history and promise it the epoch.
func (x *script) join(id, leader uint64, promised bool) {
	a := x.at[id]
	x.pass(id, leader, audit.Frame{Kind: audit.Join, Epoch: a.hs.AcceptedEpoch, Attempt: 1, Promised: promised, Last: a.last(), Ends: x.disk(id).Ends})
}

// promise has actors accept a leader's epoch and promise it.
func (x *script) promise(leader uint64, by ...uint64) {
	for _, id := range by {
		x.accept(id, x.at[leader].hs.AcceptedEpoch, x.at[leader].hs.Founders...)
		x.join(id, leader, true)
	}
}

// propose has a leader put an entry behind what it has, without telling anybody.
func (x *script) propose(leader uint64, kind protocol.EntryKind, data []byte) protocol.Entry {
	a := x.at[leader]
	prev := end(a.stream)
	e := protocol.Entry{Zxid: z(a.hs.AcceptedEpoch, prev.Counter+1), PrevEpoch: prev.Epoch, Kind: kind, Data: data}
	a.stream = append(a.stream, e)
	return e
}

func (x *script) command(leader uint64) protocol.Entry {
	return x.propose(leader, protocol.KindCommand, []byte("command"))
}

// openEpoch has a leader propose its opening entry.
func (x *script) openEpoch(leader uint64, data []byte) protocol.Entry {
	a := x.at[leader]
	a.stream = slices.Clone(a.log)
	return x.propose(leader, protocol.KindOpen, data)
}

// sync begins a follower's stream after what it has in common with the leader.
func (x *script) sync(leader, to uint64, common protocol.Zxid) {
	x.pass(leader, to, audit.Frame{Kind: audit.Sync, Epoch: x.at[leader].hs.AcceptedEpoch, Attempt: 1, Common: common})
}

// entries sends entries to a follower, with the leader's commit.
func (x *script) entries(leader, to uint64, es ...protocol.Entry) {
	a := x.at[leader]
	x.pass(leader, to, audit.Frame{Kind: audit.Entries, Epoch: a.hs.AcceptedEpoch, Commit: a.commit, Data: batch(es...).Raw})
}

// commit has a leader tell everybody who follows what is committed.
func (x *script) commit(leader uint64, at protocol.Zxid, to ...uint64) {
	x.at[leader].commit = at
	for _, id := range to {
		x.entries(leader, id)
	}
}

func (x *script) ack(id, leader uint64, counter uint64) {
	x.pass(id, leader, audit.Frame{Kind: audit.Ack, Epoch: x.at[leader].hs.AcceptedEpoch, Counter: counter})
}

// replicate sends entries to followers, makes them durable there and has them
// acknowledged.
func (x *script) replicate(leader uint64, es []protocol.Entry, to ...uint64) {
	for _, id := range to {
		x.entries(leader, id, es...)
		x.write(id, es...)
		x.ack(id, leader, end(es).Counter)
	}
}

func (x *script) apply(id uint64, es ...protocol.Entry) {
	for i := range es {
		x.note(x.spec.Applied(id, &es[i]))
	}
}

func founders() []protocol.Founder {
	return []protocol.Founder{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 12}, {ID: 3, Incarnation: 13}}
}

// membership is the founding one, with incarnations.
func membership() protocol.Membership {
	return protocol.Membership{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 12}, {ID: 3, Incarnation: 13}, {ID: 4, Role: protocol.Observer}}
}

func data(m protocol.Membership) []byte { return audit.AppendMembership(nil, m) }

// found has 1 found the ensemble in epoch 1: its opening entry 1:1 is durable
// everywhere and committed, and 2, 3 and 4 follow.
func (x *script) found() *script {
	x.accept(1, 1, founders()...)
	x.send(1, 2, audit.Frame{Kind: audit.Lead, Epoch: 1, Founders: founders()})
	x.promise(1, 2, 3)
	open := x.openEpoch(1, data(membership()))
	x.sync(1, 2, z(0, 0))
	x.sync(1, 3, z(0, 0))
	x.accept(4, 1)
	x.join(4, 1, true)
	x.sync(1, 4, z(0, 0))
	x.write(1, open)
	x.replicate(1, []protocol.Entry{open}, 2, 3, 4)
	x.commit(1, z(1, 1), 2, 3, 4)
	return x.fine()
}

// lead has an actor open an epoch with the promises of others, and synchronise them
// with what it has: its opening entry is durable at none.
func (x *script) lead(leader uint64, epoch uint32, by ...uint64) protocol.Entry {
	x.accept(leader, epoch)
	x.promise(leader, by...)
	open := x.openEpoch(leader, nil)
	for _, id := range by {
		x.sync(leader, id, x.common(leader, id))
	}
	return open
}

// common is the last entry that a leader's log and another's share.
func (x *script) common(leader, id uint64) protocol.Zxid {
	var last protocol.Zxid
	for i, e := range x.at[id].log {
		if i < len(x.at[leader].stream) && x.at[leader].stream[i].Zxid == e.Zxid {
			last = e.Zxid
		}
	}
	return last
}

// change has a leader, whose epoch is committed, broadcast a change of membership.
func (x *script) change(leader uint64, next protocol.Membership, to ...uint64) protocol.Entry {
	e := x.propose(leader, protocol.KindMembership, data(next))
	for _, id := range to {
		x.entries(leader, id, e)
	}
	return e
}
