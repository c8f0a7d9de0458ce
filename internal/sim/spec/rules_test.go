package spec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// doctored is a history with one thing wrong.
type doctored struct {
	rule spec.Rule
	what string
	do   func(x *script)
}

func testDoctored(t *testing.T, cases []doctored) {
	t.Helper()
	for _, c := range cases {
		x := newScript(t)
		c.do(x)
		var v *spec.Violation
		require.ErrorAs(t, x.err, &v, "%s: %s", c.rule, c.what)
		require.Equal(t, c.rule, v.Rule, "%s: %v", c.what, v)
		require.Equal(t, x.err, x.spec.Err())
		require.Equal(t, x.err, x.spec.Down(1), "the first violation stays")
	}
}

func frame(k audit.Kind, epoch uint32) audit.Frame { return audit.Frame{Kind: k, Epoch: epoch} }

func TestDoctoredLeaders(t *testing.T) {
	testDoctored(t, []doctored{
		{spec.OneLeader, "a second leader of an epoch", func(x *script) {
			x.found()
			x.send(2, 3, frame(audit.Entries, 1))
		}},
		{spec.OneLeader, "a leader goes on after a restart", func(x *script) {
			x.found().restart(1)
			x.send(1, 3, frame(audit.Entries, 1))
		}},
		{spec.OneLeader, "two with overlapping promises", func(x *script) {
			x.found()
			x.lead(2, 2, 3)
			x.accept(1, 2)
			x.send(1, 4, frame(audit.Sync, 2))
		}},

		{spec.PromiseRaised, "promised twice", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.join(3, 1, true)
			x.join(3, 2, true)
		}},
		{spec.PromiseRaised, "promised at accepted = e", func(x *script) {
			x.found()
			x.restart(3)
			x.join(3, 2, true)
		}},
		{spec.PromiseRaised, "promised from memory", func(x *script) {
			x.found()
			x.at[3].hs.AcceptedEpoch = 2
			x.join(3, 2, true)
		}},
		{spec.PromiseRaised, "promised, then led", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.join(3, 2, true)
			x.send(3, 1, frame(audit.Lead, 2))
		}},
		{spec.PromiseRaised, "led from memory", func(x *script) {
			x.found()
			x.send(3, 1, frame(audit.Lead, 2))
		}},
		{spec.PromiseRaised, "opened in another run than accepted", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.restart(3)
			x.promise(3, 2)
			x.send(3, 2, frame(audit.Sync, 2))
		}},
		{spec.PositionDurable, "a join ahead of the disk", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.send(3, 2, audit.Frame{Kind: audit.Join, Epoch: 2, Last: z(1, 2)})
		}},

		{spec.PromiseQuorum, "without promises", func(x *script) {
			x.found()
			x.lead(3, 2)
			x.send(3, 2, frame(audit.Sync, 2))
		}},
		{spec.PromiseQuorum, "with an observer's", func(x *script) {
			x.found()
			x.lead(3, 2, 4)
		}},
		{spec.PromiseQuorum, "with one that raised nothing", func(x *script) {
			x.found()
			x.accept(2, 2)
			x.accept(3, 2)
			x.join(2, 3, false)
			x.send(3, 2, frame(audit.Sync, 2))
		}},
		{spec.PromiseQuorum, "with one that was not delivered", func(x *script) {
			x.found()
			x.accept(2, 2)
			x.accept(3, 2)
			x.send(2, 3, audit.Frame{Kind: audit.Join, Epoch: 2, Promised: true, Last: z(1, 1)})
			x.send(3, 2, frame(audit.Sync, 2))
		}},
		{spec.PromiseQuorum, "with one for an earlier epoch", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.promise(3, 2)
			x.accept(3, 3)
			x.send(3, 2, frame(audit.Sync, 3))
		}},
		{spec.PromiseQuorum, "with a wiped voter's", func(x *script) {
			x.found().wipe(2)
			x.lead(3, 2, 2)
		}},
		{spec.PromiseQuorum, "of the new membership only", func(x *script) {
			x.found()
			x.promoted(5)
			x.write(1, x.change(1, append(membership(), voter(5)), 2, 3, 4, 5))
			x.lead(1, 2, 5) // two of four, one of three
		}},
		{spec.PromiseQuorum, "of the old membership only", func(x *script) {
			x.found()
			x.promoted(5)
			e := x.change(1, append(membership(), voter(5)), 2, 3, 4, 5)
			x.write(2, e)
			x.lead(2, 2, 3) // two of three, two of four
		}},
		{spec.PromiseQuorum, "half of the weight", func(x *script) {
			x.found()
			heavy := membership()
			heavy[0].Weight = 2
			x.replicate(1, []protocol.Entry{x.change(1, heavy)}, 2, 3)
			x.write(1, x.at[1].stream[1])
			x.commit(1, z(1, 2), 2)
			x.lead(3, 2, 2) // two of four
		}},

		{spec.BestHistory, "a better one has promised", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(2, e)
			x.lead(3, 2, 2)
		}},
		{spec.Completeness, "something committed is missing", func(x *script) {
			x.found()
			e := x.command(1)
			x.write(1, e)
			x.entries(1, 2, e)
			x.deliver(2, 1, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 2}) // which it has not
			x.lead(3, 2, 2)
		}},
		{spec.Completeness, "something is committed late that a higher leader lacks", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(1, e)
			x.lead(3, 2, 2)
			x.deliver(2, 1, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 2})
		}},

		{spec.FoundingAll, "without a voter", func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 2)
			x.send(1, 2, frame(audit.Sync, 1))
		}},
		{spec.FoundingAll, "with a list without a voter", func(x *script) {
			x.accept(1, 1, founders()[:2]...)
			x.promise(1, 2)
			x.send(1, 2, frame(audit.Sync, 1))
		}},
		{spec.FoundingAll, "with one too many", func(x *script) {
			x.accept(1, 1, append(founders(), protocol.Founder{ID: 5, Incarnation: 15})...)
			x.promise(1, 2, 3, 5)
			x.send(1, 2, frame(audit.Sync, 1))
		}},
		{spec.FoundingAll, "with one that was wiped since", func(x *script) {
			x.wipe(2)
			x.accept(1, 1, founders()...)
			x.promise(1, 2, 3)
			x.send(1, 2, frame(audit.Sync, 1))
		}},
		{spec.FoundingAll, "with one that recorded another list", func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 3)
			x.accept(2, 1, founders()[:2]...)
			x.join(2, 1, true)
			x.send(1, 2, frame(audit.Sync, 1))
		}},
		{spec.FoundingAll, "offered with another list than recorded", func(x *script) {
			x.accept(1, 1, founders()...)
			x.send(1, 2, audit.Frame{Kind: audit.Lead, Epoch: 1, Founders: founders()[:2]})
		}},
		{spec.FoundingAll, "as somebody else", func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 2, 3)
			other := membership()
			other[3].Role = protocol.Voter
			x.write(1, x.openEpoch(1, data(other)))
		}},
		{spec.FoundingAll, "as fewer", func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 2, 3)
			x.write(1, x.openEpoch(1, data(membership()[:3])))
		}},
		{spec.FoundingOnce, "again, by voters that were wiped", func(x *script) {
			x.found()
			x.wipe(1)
			x.wipe(2)
			x.wipe(3)
			list := []protocol.Founder{{ID: 1, Incarnation: 21}, {ID: 2, Incarnation: 22}, {ID: 3, Incarnation: 23}}
			x.accept(1, 2, list...)
			x.promise(1, 2, 3)
			x.write(1, x.openEpoch(1, data(membership())))
		}},
		{spec.FoundingOnce, "again, in a later epoch", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.promise(3, 2)
			x.write(3, x.openEpoch(3, data(membership())))
		}},
		{spec.FoundingOnce, "without a membership", func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 2, 3)
			x.write(1, x.openEpoch(1, nil))
		}},
	})
}

func voter(id uint64) protocol.Member { return protocol.Member{ID: id, Incarnation: 10 + id} }

// promoted has an actor that is no voter follow 1 and acknowledge all that it has.
func (x *script) promoted(id uint64) {
	x.accept(id, 1)
	x.join(id, 1, true)
	x.sync(1, id, z(0, 0))
	x.replicate(1, x.at[1].stream, id)
	x.fine()
}

func TestDoctoredHistories(t *testing.T) {
	testDoctored(t, []doctored{
		{spec.PromiseKept, "an ack of an epoch that was given up", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(2, e)
			x.accept(2, 2)
			x.ack(2, 1, 2)
		}},
		{spec.PromiseKept, "entries of an epoch that was given up", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.accept(2, 2)
			x.write(2, e)
		}},
		{spec.PromiseKept, "a confirmation of an epoch that was given up", func(x *script) {
			x.found()
			x.accept(2, 2)
			x.send(2, 1, frame(audit.Pong, 1))
		}},
		{spec.PromiseKept, "an accepted epoch that falls", func(x *script) {
			x.found()
			x.accept(2, 3)
			x.accept(2, 2)
		}},

		{spec.Integrity, "an entry that nobody broadcast", func(x *script) {
			x.found()
			x.write(2, x.command(1))
		}},
		{spec.Integrity, "another content than was broadcast", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			e.Data = []byte("Command")
			x.write(2, e)
		}},
		{spec.Integrity, "another time than was broadcast", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			e.Clock++
			x.write(2, e)
		}},
		{spec.Integrity, "the leader writes something else", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			e.Request = 9
			x.write(1, e)
		}},
		{spec.Integrity, "something else is delivered", func(x *script) {
			x.found()
			e := x.at[1].log[0]
			e.Wall = 5
			x.apply(1, e)
		}},
		{spec.Integrity, "a log of another ensemble is found", func(x *script) {
			x.found()
			x.at[3].log = []protocol.Entry{{Zxid: z(7, 1), Kind: protocol.KindOpen}}
			x.at[3].hs.Incarnation = 99
			x.restart(3)
		}},
		{spec.FrameForm, "bytes that are not the entries", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			b := batch(e)
			b.Entries[0].Request = 4
			x.note(x.spec.Durable(2, b))
		}},

		{spec.Contiguous, "a gap", func(x *script) {
			x.found()
			x.command(1)
			e := x.command(1)
			x.write(1, e)
		}},
		{spec.Contiguous, "cut where it is not", func(x *script) {
			x.found()
			x.truncate(2, z(1, 2))
		}},
		{spec.CommittedKept, "committed entries are cut", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.truncate(2, z(1, 1))
		}},
		{spec.CommittedKept, "applied entries are cut", func(x *script) {
			x.found()
			x.apply(4, x.at[4].log...)
			x.truncate(4, z(0, 0))
		}},
		{spec.CommittedKept, "a base goes back", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.base(2, z(1, 2))
			x.base(2, z(1, 1))
		}},
		{spec.StateKept, "an entry is lost", func(x *script) {
			x.found()
			x.at[2].log = nil
			x.restart(2)
		}},
		{spec.StateKept, "an accepted epoch is lost", func(x *script) {
			x.found()
			x.accept(2, 2)
			x.at[2].hs.AcceptedEpoch = 1
			x.restart(2)
		}},
		{spec.StateKept, "founders are lost", func(x *script) {
			x.found()
			x.at[2].hs.Founders = nil
			x.restart(2)
		}},
		{spec.StateKept, "a snapshot from nowhere", func(x *script) {
			x.found()
			d := x.disk(2)
			d.Latest.Snapshot.Zxid = z(1, 1)
			x.note(x.spec.Down(2))
			x.note(x.spec.Started(2, d))
		}},
		{spec.StateKept, "a base from nowhere", func(x *script) {
			x.found()
			d := x.disk(2)
			d.Base.Snapshot.Zxid, d.Latest.Snapshot.Zxid = z(1, 1), z(1, 1)
			x.note(x.spec.Down(2))
			x.note(x.spec.Started(2, d))
		}},
		{spec.StateKept, "a wrong table of epochs", func(x *script) {
			x.found()
			d := x.disk(2)
			d.Ends = []protocol.EpochEnd{{Epoch: 1, Last: 2}}
			x.note(x.spec.Down(2))
			x.note(x.spec.Started(2, d))
		}},
		{spec.StateKept, "founders change", func(x *script) {
			x.found()
			x.accept(2, 2, founders()[:2]...)
		}},

		{spec.ProcessConsistency, "an ack before it is durable", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.ack(2, 1, 2)
		}},
		{spec.ProcessConsistency, "an ack of another history", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(2, e)
			open := x.lead(3, 2, 1)
			x.replicate(3, []protocol.Entry{open}, 1)
			x.accept(2, 2)
			x.join(2, 3, false)
			x.sync(3, 2, z(1, 1))
			x.fine()
			x.ack(2, 3, 2) // its 1:2 is not cut yet, nor 2:2 there
		}},
		{spec.ProcessConsistency, "an ack to somebody else", func(x *script) {
			x.found()
			x.send(2, 3, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 1})
		}},
		{spec.ProcessConsistency, "an ack of what was not broadcast", func(x *script) {
			x.found()
			x.deliver(2, 1, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 9})
		}},
		{spec.ProcessConsistency, "a snapshot of another history", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.send(1, 2, audit.Frame{Kind: audit.Snap, Epoch: 1, Snapshot: snapshot(z(1, 9), membership())})
		}},
		{spec.LastCommon, "too late", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(2, e)
			x.lead(3, 2, 1)
			x.accept(2, 2)
			x.join(2, 3, false)
			x.sync(3, 2, z(1, 2))
		}},
		{spec.LastCommon, "too early", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.promise(3, 2)
			x.openEpoch(3, nil)
			x.sync(3, 2, z(0, 0))
		}},
		{spec.StreamOrder, "synchronised without a join", func(x *script) {
			x.found()
			x.sync(1, 5, z(0, 0))
		}},
		{spec.StreamOrder, "a snapshot without a join", func(x *script) {
			x.found()
			x.send(1, 5, audit.Frame{Kind: audit.Snap, Epoch: 1, Snapshot: snapshot(z(1, 1), membership())})
		}},
		{spec.StreamOrder, "entries before the stream has begun", func(x *script) {
			x.found()
			x.entries(1, 5, x.at[1].log...)
		}},
		{spec.StreamOrder, "a duplicate", func(x *script) {
			x.found()
			x.entries(1, 2, x.at[1].log...)
		}},
		{spec.StreamOrder, "a gap", func(x *script) {
			x.found()
			x.command(1)
			x.entries(1, 2, x.command(1))
		}},
		{spec.Feed, "a frame of one that is down", func(x *script) {
			x.found()
			x.note(x.spec.Down(2))
			x.send(2, 1, frame(audit.Pong, 1))
		}},
		{spec.Feed, "a frame on a link that is down", func(x *script) {
			x.found()
			x.note(x.spec.LinkDown(linkID(1, 2)))
			x.deliver(2, 1, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 1})
		}},
		{spec.Feed, "started twice", func(x *script) { x.note(x.spec.Started(1, x.disk(1))) }},
		{spec.Feed, "a link used twice", func(x *script) { x.note(x.spec.LinkUp(linkID(1, 2), 1, 2)) }},
		{spec.FrameForm, "trailing bytes", func(x *script) {
			x.found()
			f := frame(audit.Pong, 1)
			x.note(x.spec.Sent(2, 1, linkID(1, 2), append(f.Append(nil), 0)))
		}},
	})
}

func snapshot(at protocol.Zxid, m protocol.Membership) *protocol.Base {
	return &protocol.Base{Snapshot: protocol.SnapshotMeta{Zxid: at}, Config: protocol.Configuration{Version: 1, Current: m}}
}

// base makes an actor's log begin after a snapshot with the founding membership.
func (x *script) base(id uint64, at protocol.Zxid) {
	x.note(x.spec.Durable(id, &protocol.Batch{Base: snapshot(at, membership())}))
}
