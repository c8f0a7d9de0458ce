package spec_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/internal/sim/spec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// split leaves 1:2 at 1 alone, and has 3 lead epoch 2 with 2:2 instead, committed by 2
// and 3.
func (x *script) split() *script {
	x.found()
	e := x.command(1)
	x.entries(1, 4, e)
	x.write(1, e)
	open := x.lead(3, 2, 2)
	x.write(3, open)
	x.replicate(3, []protocol.Entry{open}, 2)
	x.commit(3, z(2, 2), 2)
	return x.fine()
}

func TestDoctoredCommits(t *testing.T) {
	testDoctored(t, []doctored{
		{spec.CommitQuorum, "with the leader alone", func(x *script) {
			x.found()
			x.write(1, x.command(1))
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "with one follower, the leader's own not durable", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2)
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "with an ack that was not delivered", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.write(1, e)
			x.write(2, e)
			x.send(2, 1, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 2})
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "with an observer", func(x *script) {
			x.found()
			e := x.command(1)
			x.write(1, e)
			x.replicate(1, []protocol.Entry{e}, 4)
			x.commit(1, z(1, 2), 4)
		}},
		{spec.CommitQuorum, "with a wiped voter", func(x *script) {
			x.found().wipe(2)
			x.promoted(2)
			e := x.command(1)
			x.write(1, e)
			x.replicate(1, []protocol.Entry{e}, 2)
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "before the opening entry has a quorum", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 2, e)
			x.entries(1, 3, e)
			x.write(2, e)
			x.write(3, e)
			open := x.lead(3, 2, 2)
			x.write(3, open)
			x.entries(3, 2, open)
			x.ack(2, 3, 2)
			x.fine()
			x.commit(3, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "with acks of an old epoch", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 3, e)
			x.entries(1, 2, e)
			x.write(2, e)
			x.write(3, e)
			open := x.lead(3, 2, 2)
			x.write(3, open)
			x.entries(3, 2, open)
			x.deliver(2, 3, audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 3})
			x.commit(3, z(2, 3), 2)
		}},
		{spec.CommitQuorum, "a look tells more than is committed", func(x *script) {
			x.found()
			e := x.command(1)
			x.write(1, e)
			x.send(1, 2, audit.Frame{Kind: audit.Look, Looking: true, Last: e.Zxid, Commit: e.Zxid})
		}},
		{spec.CommitQuorum, "a snapshot of what is not committed", func(x *script) {
			x.found()
			x.write(1, x.command(1))
			x.base(1, z(1, 2))
		}},
		{spec.CommitQuorum, "delivered and not committed", func(x *script) {
			x.found()
			x.write(1, x.command(1))
			x.apply(1, x.at[1].log...)
		}},
		{spec.CommitQuorum, "a commit that is not in the leader's history", func(x *script) {
			x.split()
			e := x.command(3)
			x.write(3, e)
			x.replicate(3, []protocol.Entry{e}, 2)
			x.commit(1, z(2, 3), 4)
		}},
		{spec.PrefixConsistency, "another history is told as committed", func(x *script) {
			x.split()
			x.commit(1, z(1, 2), 4)
		}},
		{spec.PrefixConsistency, "a snapshot of another history", func(x *script) {
			x.split()
			x.base(1, z(1, 2))
		}},
		{spec.Agreement, "another entry is delivered at the same place", func(x *script) {
			x.split()
			x.apply(1, x.at[1].log...)
		}},
		{spec.ApplyDurable, "delivered before it is durable", func(x *script) {
			x.found()
			e := x.command(1)
			x.entries(1, 3, e)
			x.replicate(1, []protocol.Entry{e}, 2)
			x.write(1, e)
			x.apply(3, x.at[3].log...)
			x.apply(3, e)
		}},
		{spec.ApplyDurable, "delivered with another entry in its place", func(x *script) {
			x.split()
			x.apply(1, x.at[1].log[0], x.at[3].log[1])
		}},
		{spec.ApplyDurable, "installed and not the base", func(x *script) {
			x.found()
			x.note(x.spec.Installed(1, snapshot(z(1, 1), membership())))
		}},

		{spec.LocalPrimaryOrder, "an entry is skipped", func(x *script) {
			x.found()
			es := []protocol.Entry{x.command(1), x.command(1)}
			x.replicate(1, es, 2, 3)
			x.apply(2, x.at[2].log[0], es[1])
		}},
		{spec.LocalPrimaryOrder, "delivered twice", func(x *script) {
			x.found()
			x.apply(2, x.at[2].log[0], x.at[2].log[0])
		}},
		{spec.GlobalPrimaryOrder, "an earlier epoch after a later", func(x *script) {
			x.split()
			x.apply(3, x.at[3].log...)
			x.apply(3, x.at[1].log[1])
		}},
		{spec.TotalOrder, "the first entry of an epoch out of its place", func(x *script) {
			x.split()
			x.apply(3, x.at[3].log[1])
		}},
		{spec.TotalOrder, "a snapshot goes back", func(x *script) {
			x.found()
			x.apply(1, x.at[1].log...)
			x.base(1, z(1, 1))
			x.note(x.spec.Installed(1, snapshot(z(1, 1), membership())))
		}},

		{spec.PrimaryIntegrity, "a command before the opening entry is committed", func(x *script) {
			x.found()
			open := x.lead(3, 2, 2)
			x.write(3, open)
			x.entries(3, 2, open, x.command(3))
		}},
		{spec.PrimaryIntegrity, "an epoch that opens with a command", func(x *script) {
			x.found()
			x.accept(3, 2)
			x.promise(3, 2)
			x.at[3].stream = x.at[3].log
			x.write(3, x.command(3))
		}},
		{spec.PrimaryIntegrity, "an epoch that is opened twice", func(x *script) {
			x.found()
			x.write(1, x.propose(1, protocol.KindOpen, nil))
		}},
		{spec.FrameForm, "an entry of an unknown kind", func(x *script) {
			x.found()
			x.write(1, x.propose(1, 9, nil))
		}},
	})
}

func TestDoctoredChanges(t *testing.T) {
	joint := func(x *script) protocol.Entry { // adds voters 4 and 5
		x.found()
		x.promoted(5)
		next := append(membership(), voter(5))
		next[3] = voter(4)
		e := x.change(1, next, 2, 3, 4, 5)
		x.write(1, e)
		return e
	}
	testDoctored(t, []doctored{
		{spec.CommitQuorum, "a change with the old quorum only", func(x *script) {
			e := joint(x)
			x.write(2, e)
			x.ack(2, 1, 2)
			x.fine()
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "a change with the new quorum only", func(x *script) {
			e := joint(x)
			x.write(4, e)
			x.write(5, e)
			x.ack(4, 1, 2)
			x.ack(5, 1, 2)
			x.fine()
			x.commit(1, z(1, 2), 2)
		}},
		{spec.CommitQuorum, "what follows a pending change, with the old quorum", func(x *script) {
			es := []protocol.Entry{joint(x), x.command(1)}
			x.write(1, es[1])
			x.entries(1, 2, es[1])
			x.write(2, es...)
			x.ack(2, 1, 3)
			x.fine()
			x.commit(1, z(1, 3), 2)
		}},
		{spec.CommitQuorum, "half of the weight", func(x *script) {
			x.found()
			heavy := membership()
			heavy[1].Weight = 2
			e := x.change(1, heavy)
			x.replicate(1, []protocol.Entry{e}, 2, 3)
			x.write(1, e)
			x.commit(1, z(1, 2), 2, 3)
			c := x.command(1)
			x.write(1, c)
			x.replicate(1, []protocol.Entry{c}, 3) // two of four
			x.fine()
			x.commit(1, z(1, 3), 3)
		}},
		{spec.OneChange, "two at a time", func(x *script) {
			joint(x)
			x.change(1, membership(), 2)
		}},
		{spec.OneChange, "said to be committed while pending", func(x *script) {
			joint(x)
			x.write(1, x.propose(1, protocol.KindMembership, nil))
		}},
		{spec.ChangeForm, "without the leader", func(x *script) {
			x.found()
			x.change(1, membership()[1:], 2)
		}},
		{spec.ChangeForm, "keeping no voter", func(x *script) {
			x.found()
			x.promoted(5)
			next := membership()
			next[0].Role, next[2].Role = protocol.Observer, protocol.Observer
			e := x.change(1, membership()[:2], 2, 3)
			x.write(1, e)
			x.write(2, e)
			x.write(3, e)
			x.ack(2, 1, 2)
			x.ack(3, 1, 2)
			x.commit(1, z(1, 2), 2)
			x.entries(1, 5, e)
			x.write(5, e)
			open := x.lead(2, 2, 1) // then 1 and 2 make room for 5
			x.write(2, open)
			x.replicate(2, []protocol.Entry{open}, 1)
			x.accept(5, 2)
			x.join(5, 2, true)
			x.sync(2, 5, z(1, 2))
			x.replicate(2, []protocol.Entry{open}, 5)
			x.fine()
			x.change(2, protocol.Membership{voter(5)}, 1)
		}},
		{spec.ChangeForm, "with nobody", func(x *script) {
			x.found()
			x.change(1, protocol.Membership{}, 2)
		}},
		{spec.ChangeForm, "that is no membership", func(x *script) {
			x.found()
			x.write(1, x.propose(1, protocol.KindMembership, []byte("x")))
		}},
		{spec.Promotion, "of one that has not been heard of", func(x *script) {
			x.found()
			x.change(1, append(membership(), voter(5)), 2)
		}},
		{spec.Promotion, "under another incarnation than it is synchronised with", func(x *script) {
			x.found()
			x.promoted(5)
			next := append(membership(), voter(5))
			next[4].Incarnation++
			x.change(1, next, 2)
		}},
		{spec.BaseConfig, "a base without the incarnations", func(x *script) {
			x.found()
			m := membership()
			m[0].Incarnation = 0
			x.note(x.spec.Durable(1, &protocol.Batch{Latest: snapshot(z(1, 1), m)}))
		}},
		{spec.BaseConfig, "a base with a later membership", func(x *script) {
			x.found()
			b := snapshot(z(1, 1), membership())
			b.Config.Version = 2
			x.note(x.spec.Durable(1, &protocol.Batch{Latest: b}))
		}},
		{spec.BaseConfig, "a base with a change that is not there", func(x *script) {
			x.found()
			b := snapshot(z(1, 1), membership())
			b.Config.Pending, b.Config.PendingAt = membership(), z(1, 1)
			x.note(x.spec.Durable(1, &protocol.Batch{Latest: b}))
		}},
	})
}

// asks has 2 ask 1 for a read point, which then begins a round.
func (x *script) asks(round uint64) {
	x.note(x.spec.ReadAsked(2, 7))
	x.pass(2, 1, audit.Frame{Kind: audit.Read, Epoch: 1, ID: 7})
	x.send(1, 2, audit.Frame{Kind: audit.Ping, Epoch: 1, Round: round})
}

func (x *script) pong(from, round uint64) {
	x.pass(from, 1, audit.Frame{Kind: audit.Pong, Epoch: 1, Round: round})
}

func (x *script) answer(at protocol.Zxid) {
	x.pass(1, 2, audit.Frame{Kind: audit.ReadAnswer, Epoch: 1, ID: 7, OK: true, Zxid: at})
	x.note(x.spec.ReadAnswered(2, 7, at))
}

func TestDoctoredReads(t *testing.T) {
	testDoctored(t, []doctored{
		{spec.StaleRead, "older than what was committed", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.commit(1, z(1, 2), 2, 3)
			x.asks(1)
			x.pong(3, 1)
			x.answer(z(1, 1))
		}},
		{spec.StaleRead, "an old leader's own", func(x *script) {
			x.split()
			x.note(x.spec.ReadAsked(1, 1))
			x.deliver(2, 1, audit.Frame{Kind: audit.Pong, Epoch: 1, Round: 1})
			x.note(x.spec.ReadAnswered(1, 1, z(1, 1)))
		}},
		{spec.StaleRead, "before the leader's opening entry", func(x *script) {
			x.found()
			open := x.lead(3, 2, 2)
			x.write(3, open)
			x.note(x.spec.ReadAsked(3, 1))
			x.deliver(2, 3, audit.Frame{Kind: audit.Pong, Epoch: 2, Round: 1})
			x.note(x.spec.ReadAnswered(3, 1, z(1, 1)))
		}},
		{spec.ReadConfirmed, "not confirmed", func(x *script) {
			x.found()
			x.asks(1)
			x.answer(z(1, 1))
		}},
		{spec.ReadConfirmed, "confirmed by a round that began before", func(x *script) {
			x.found()
			x.send(1, 3, audit.Frame{Kind: audit.Ping, Epoch: 1, Round: 1})
			x.asks(2)
			x.pong(3, 1)
			x.answer(z(1, 1))
		}},
		{spec.ReadConfirmed, "confirmed by an observer", func(x *script) {
			x.found()
			x.asks(1)
			x.pong(4, 1)
			x.answer(z(1, 1))
		}},
		{spec.ReadConfirmed, "confirmed in another epoch", func(x *script) {
			x.found()
			x.asks(1)
			x.deliver(3, 1, audit.Frame{Kind: audit.Pong, Epoch: 2, Round: 1})
			x.answer(z(1, 1))
		}},
		{spec.ReadConfirmed, "confirmed by the current membership only", func(x *script) {
			x.found()
			x.promoted(5)
			next := append(membership(), voter(5))
			next[3] = voter(4)
			x.change(1, next, 2, 3, 4, 5)
			x.asks(1)
			x.pong(3, 1)
			x.answer(z(1, 1))
		}},
		{spec.ReadConfirmed, "answered to somebody who has not asked", func(x *script) {
			x.found()
			x.send(1, 2, audit.Frame{Kind: audit.ReadAnswer, Epoch: 1, ID: 7, OK: true, Zxid: z(1, 1)})
		}},
		{spec.ReadConfirmed, "another point than the leader's", func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.asks(1)
			x.pong(3, 1)
			x.pass(1, 2, audit.Frame{Kind: audit.ReadAnswer, Epoch: 1, ID: 7, OK: true, Zxid: z(1, 1)})
			x.note(x.spec.ReadAnswered(2, 7, z(1, 2)))
		}},
		{spec.ReadConfirmed, "by a follower of its own accord", func(x *script) {
			x.found()
			x.asks(1)
			x.note(x.spec.ReadAnswered(2, 7, z(1, 1)))
		}},
		{spec.ReadConfirmed, "by a leader without a quorum", func(x *script) {
			x.found()
			x.note(x.spec.ReadAsked(1, 7))
			x.note(x.spec.ReadAnswered(1, 7, z(1, 1)))
		}},
		{spec.CommitQuorum, "at what is not committed", func(x *script) {
			x.found()
			x.asks(1)
			x.pong(3, 1)
			x.answer(z(1, 2))
		}},
		{spec.Feed, "not asked", func(x *script) { x.found(); x.note(x.spec.ReadAnswered(2, 7, z(1, 1))) }},
	})
}

// What the rules allow passes, though it looks odd.
func TestOddAndLegal(t *testing.T) {
	for name, do := range map[string]func(x *script){
		"a late leader of a lower epoch": func(x *script) {
			x.found()
			x.accept(1, 2)
			x.accept(3, 2)
			x.join(3, 1, true) // 1 may open epoch 2 from now on
			open := x.lead(2, 3, 3)
			x.write(2, open)
			x.replicate(2, []protocol.Entry{open}, 3)
			x.commit(2, z(3, 2), 3)
			x.openEpoch(1, nil) // without 3:2
			x.sync(1, 3, z(1, 1))
			x.write(1, x.at[1].stream[1])
		},
		"an ack on its way makes an old leader commit": func(x *script) {
			x.found()
			e := x.command(1)
			x.write(1, e)
			x.entries(1, 2, e)
			x.write(2, e)
			f := audit.Frame{Kind: audit.Ack, Epoch: 1, Counter: 2}
			x.send(2, 1, f)
			open := x.lead(2, 2, 3)
			x.write(2, open)
			x.entries(2, 3, e, open)
			x.write(3, e, open)
			x.ack(3, 2, 3)
			x.commit(2, z(2, 3), 3)
			x.deliver(2, 1, f)
			x.commit(1, z(1, 2), 2)
		},
		"founding again after an attempt that came to nothing": func(x *script) {
			x.accept(1, 1, founders()...)
			x.promise(1, 2, 3)
			x.openEpoch(1, data(membership()))
			x.sync(1, 2, z(0, 0)) // but the opening entry is durable nowhere
			x.accept(2, 2, founders()...)
			x.promise(2, 1, 3)
			open := x.openEpoch(2, data(membership()))
			x.sync(2, 1, z(0, 0))
			x.write(2, open)
			x.replicate(2, []protocol.Entry{open}, 1)
			x.commit(2, z(2, 1), 1)
		},
		"a wiped voter is swapped in": func(x *script) {
			x.found().wipe(3)
			x.promoted(3)
			next := membership()
			next[2].Incarnation = x.at[3].hs.Incarnation
			e := x.change(1, next, 2, 3)
			x.write(1, e)
			x.write(2, e)
			x.ack(2, 1, 2) // 1 and 2 are a quorum of both
			x.commit(1, z(1, 2), 2)
			x.write(1, x.propose(1, protocol.KindMembership, nil))
		},
		"what batches were under way turns out after a crash": func(x *script) {
			x.found()
			e := x.command(1)
			x.note(x.spec.Down(1))
			x.write(1, e)
			x.note(x.spec.Started(1, x.disk(1)))
		},
		"a leader that is alone reads": func(x *script) {
			x.found()
			e := x.change(1, membership()[:1])
			x.write(1, e)
			x.replicate(1, []protocol.Entry{e}, 2)
			x.note(x.spec.ReadAsked(1, 1))
			x.note(x.spec.ReadAnswered(1, 1, z(1, 2)))
		},
		"reads": func(x *script) {
			x.found()
			x.asks(1)
			x.pong(3, 1)
			x.answer(z(1, 1))
			x.note(x.spec.ReadAsked(1, 8))
			x.send(1, 3, audit.Frame{Kind: audit.Ping, Epoch: 1, Round: 2})
			x.pong(3, 2)
			x.note(x.spec.ReadAnswered(1, 8, z(1, 1)))
			x.note(x.spec.ReadAsked(1, 9))
			x.note(x.spec.ReadFailed(1, 9))
		},
		"a snapshot is installed": func(x *script) {
			x.found()
			x.replicate(1, []protocol.Entry{x.command(1)}, 2, 3)
			x.accept(5, 1)
			x.join(5, 1, true)
			x.pass(1, 5, audit.Frame{Kind: audit.Snap, Epoch: 1, Snapshot: snapshot(z(1, 2), membership())})
			x.base(5, z(1, 2))
			x.note(x.spec.Installed(5, snapshot(z(1, 2), membership())))
			e := x.command(1)
			x.entries(1, 5, e)
			x.note(x.spec.Durable(5, batch(e)))
			x.ack(5, 1, 3)
		},
		"an uncommitted entry is cut": func(x *script) {
			x.split()
			x.accept(1, 2)
			x.join(1, 3, false)
			x.sync(3, 1, z(1, 1))
			x.truncate(1, z(1, 1))
			x.replicate(3, x.at[3].stream[1:], 1)
			x.apply(1, x.at[1].log...)
		},
	} {
		x := newScript(t)
		do(x)
		require.NoError(t, x.err, name)
	}
}
