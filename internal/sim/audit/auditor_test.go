package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// fixture is member 1, with epochs 1 and 2 in its log, which has accepted epoch 3 in
// this run.
type fixture struct {
	*audit.Auditor
	err error
}

func hardState(accepted uint32) *protocol.HardState {
	return &protocol.HardState{Replica: 1, Incarnation: 11, AcceptedEpoch: accepted}
}

func entries(prev protocol.Zxid, zs ...protocol.Zxid) *protocol.Batch {
	b := &protocol.Batch{}
	for _, x := range zs {
		e := protocol.Entry{Zxid: x, PrevEpoch: prev.Epoch, Kind: protocol.KindCommand}
		b.Entries, b.Raw = append(b.Entries, e), protocol.AppendEntry(b.Raw, &e)
		prev = x
	}
	return b
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	a := audit.New(1)
	require.NoError(t, a.Restarted(&audit.Disk{HardState: *hardState(2)}))
	require.NoError(t, a.Durable(entries(z(0, 0), z(1, 1), z(1, 2), z(2, 3), z(2, 4))))
	require.NoError(t, a.Durable(&protocol.Batch{HardState: hardState(3)}))
	return &fixture{Auditor: a}
}

func (x *fixture) send(f audit.Frame) { x.note(x.Sent(2, f.Append(nil))) }

func (x *fixture) get(f audit.Frame) { x.note(x.Delivered(f.Append(nil))) }

func (x *fixture) write(b *protocol.Batch) { x.note(x.Durable(b)) }

func (x *fixture) note(err error) {
	if x.err == nil {
		x.err = err
	}
}

// join is what the fixture may tell, stream what follows on it.
func join() audit.Frame {
	return audit.Frame{Kind: audit.Join, Epoch: 3, Attempt: 1, Promised: true, Last: z(2, 4),
		Ends: []protocol.EpochEnd{{Epoch: 1, Last: 2}, {Epoch: 2, Last: 4}}}
}

func (x *fixture) stream(common protocol.Zxid) {
	x.send(join())
	x.get(audit.Frame{Kind: audit.Sync, Epoch: 3, Attempt: 1, Common: common, UpTo: 5})
}

// install begins a stream with a snapshot of two chunks.
func (x *fixture) install() {
	x.send(join())
	x.get(audit.Frame{Kind: audit.Snap, Epoch: 3, Attempt: 1, Snapshot: &protocol.Base{Snapshot: snapshot}})
	x.get(audit.Frame{Kind: audit.Chunk, Epoch: 3, N: 0, Data: []byte{1}})
	x.get(audit.Frame{Kind: audit.Chunk, Epoch: 3, N: 1, Final: true, Data: []byte{1}})
	x.note(x.ChunkDurable(snapshot, 0))
}

func ack(n uint64) audit.Frame { return audit.Frame{Kind: audit.Ack, Epoch: 3, Counter: n} }

func look(last, commit protocol.Zxid, accepted uint32) audit.Frame {
	return audit.Frame{Kind: audit.Look, Looking: true, Last: last, Commit: commit, Accepted: accepted}
}

// What is true may be told.
func TestTrueFramesPass(t *testing.T) {
	for name, do := range map[string]func(x *fixture){
		"look":    func(x *fixture) { x.send(look(z(2, 4), z(1, 2), 3)) },
		"support": func(x *fixture) { x.send(audit.Frame{Kind: audit.Support, Accepted: 3}) },
		"found":   func(x *fixture) { x.send(audit.Frame{Kind: audit.Look, Accepted: 3}) },
		"lead": func(x *fixture) {
			x.send(audit.Frame{Kind: audit.Lead, Epoch: 3})
			x.send(audit.Frame{Kind: audit.Lead, Epoch: 3})
			for _, k := range []audit.Kind{audit.Sync, audit.Entries, audit.Chunk, audit.Removed, audit.TakeOver, audit.Ping} {
				x.send(audit.Frame{Kind: k, Epoch: 3})
			}
			x.send(audit.Frame{Kind: audit.Entries, Epoch: 3, Commit: z(2, 4), Data: entries(z(2, 4), z(3, 5)).Raw}) // before it is durable
		},
		"stream": func(x *fixture) {
			x.stream(z(2, 3))
			x.send(ack(3)) // the cut is not durable, but that far the log is the leader's
			cut := z(2, 3)
			x.write(&protocol.Batch{Truncate: &cut})
			x.write(entries(cut, z(3, 4), z(3, 5)))
			x.send(ack(4))
			x.send(ack(5))
			x.send(audit.Frame{Kind: audit.Pong, Epoch: 3, Round: 1})
			x.send(audit.Frame{Kind: audit.Propose, Epoch: 3, Requests: 1})
			x.send(audit.Frame{Kind: audit.Read, Epoch: 3, ID: 1})
		},
		"install": func(x *fixture) {
			x.install()
			x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 3, N: 0})
			x.note(x.ChunkDurable(snapshot, 1))
			x.write(&protocol.Batch{Base: &protocol.Base{Snapshot: snapshot}, Latest: &protocol.Base{Snapshot: snapshot}})
			x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 3, N: 1})
			x.send(ack(5))
			require.Equal(t, z(2, 5), x.Disk().Last)
			require.Equal(t, []protocol.EpochEnd{{Epoch: 2, Last: 5}}, x.Disk().Ends)
		},
		"answers that repeat": func(x *fixture) {
			x.send(audit.Frame{Kind: audit.Refuse, Epoch: 9, Requests: 1})
			x.send(audit.Frame{Kind: audit.ReadAnswer, Epoch: 9})
			x.note(x.Sent(2, []byte{0x80, 1, 2}))
		},
		"hints": func(x *fixture) {
			x.send(audit.Frame{Kind: audit.Nack, Epoch: 2, Accepted: 4})
			x.send(audit.Frame{Kind: audit.Pong, Epoch: 4})
			require.Equal(t, audit.Hints{Nacks: 1, Pongs: 1}, x.Hints())
		},
		"restart": func(x *fixture) {
			d := x.Disk().Clone()
			x.Down()
			x.note(x.Restarted(&d))
			x.send(audit.Frame{Kind: audit.Join, Epoch: 3, Last: z(2, 4), Ends: d.Ends})
		},
		"another incarnation": func(x *fixture) {
			x.Down()
			x.note(x.Restarted(&audit.Disk{HardState: protocol.HardState{Replica: 1, Incarnation: 12}}))
			x.send(look(z(0, 0), z(0, 0), 0))
		},
	} {
		x := newFixture(t)
		do(x)
		require.NoError(t, x.err, name)
		require.NoError(t, x.Err(), name)
	}
}

// Each rule is found broken under its name.
func TestFalseFramesAreNamed(t *testing.T) {
	cases := []struct {
		rule audit.Rule
		what string
		do   func(x *fixture)
	}{
		{audit.Feed, "a frame while down", func(x *fixture) { x.Down(); x.send(ack(1)) }},
		{audit.Feed, "a frame to one that is down", func(x *fixture) { x.Down(); x.get(ack(1)) }},
		{audit.FrameForm, "trailing bytes", func(x *fixture) { f := ack(1); x.note(x.Sent(2, append(f.Append(nil), 0))) }},

		{audit.BatchOrder, "a gap", func(x *fixture) { x.write(entries(z(2, 5), z(2, 6))) }},
		{audit.BatchOrder, "a cut outside", func(x *fixture) { c := z(1, 3); x.write(&protocol.Batch{Truncate: &c}) }},
		{audit.BatchOrder, "a cut behind the end", func(x *fixture) { c := z(2, 9); x.write(&protocol.Batch{Truncate: &c}) }},
		{audit.BatchOrder, "a chunk left out", func(x *fixture) { x.note(x.ChunkDurable(snapshot, 1)) }},
		{audit.AcceptedMonotone, "falls", func(x *fixture) { x.write(&protocol.Batch{HardState: hardState(2)}) }},
		{audit.AcceptedCoversLog, "entries of an epoch that is not accepted", func(x *fixture) { x.write(entries(z(2, 4), z(4, 5))) }},
		{audit.AcceptedCoversLog, "found so", func(x *fixture) {
			d := x.Disk().Clone()
			d.HardState = protocol.HardState{Replica: 1, Incarnation: 12, AcceptedEpoch: 1}
			x.note(x.Restarted(&d))
		}},
		{audit.IdentityKept, "another incarnation while running", func(x *fixture) {
			x.write(&protocol.Batch{HardState: &protocol.HardState{Replica: 1, Incarnation: 12, AcceptedEpoch: 3}})
		}},
		{audit.IdentityKept, "another ensemble", func(x *fixture) {
			h := hardState(3)
			h.Ensemble[0] = 1
			x.write(&protocol.Batch{HardState: h})
			x.write(&protocol.Batch{HardState: hardState(3)})
		}},
		{audit.IdentityKept, "other founders", func(x *fixture) {
			h, g := hardState(3), hardState(3)
			h.Founders, g.Founders = []protocol.Founder{{ID: 1, Incarnation: 11}}, []protocol.Founder{{ID: 1, Incarnation: 12}}
			x.write(&protocol.Batch{HardState: h})
			x.write(&protocol.Batch{HardState: g})
		}},
		{audit.IdentityKept, "no incarnation", func(x *fixture) {
			x.note(x.Restarted(&audit.Disk{HardState: protocol.HardState{Replica: 1}}))
		}},
		{audit.RestartKeeps, "accepted epoch forgotten", restarted(func(d *audit.Disk) { d.HardState.AcceptedEpoch = 2 })},
		{audit.RestartKeeps, "founders made up", restarted(func(d *audit.Disk) { d.HardState.Founders = []protocol.Founder{}; d.HardState.Ensemble[1] = 1 })},
		{audit.RestartKeeps, "an entry lost", restarted(func(d *audit.Disk) { d.Last.Counter--; d.Ends[1].Last-- })},
		{audit.RestartKeeps, "another table", restarted(func(d *audit.Disk) { d.Ends[0].Last-- })},
		{audit.RestartKeeps, "another base", restarted(func(d *audit.Disk) { d.Base.Snapshot.Zxid = z(1, 1) })},
		{audit.RestartKeeps, "a snapshot from nowhere", restarted(func(d *audit.Disk) { d.Latest.Snapshot.Zxid = z(1, 1) })},

		{audit.PositionDurable, "a look ahead of the disk", func(x *fixture) { x.send(look(z(2, 5), z(0, 0), 3)) }},
		{audit.PositionDurable, "a look behind the disk", func(x *fixture) { x.send(look(z(2, 3), z(0, 0), 3)) }},
		{audit.PositionDurable, "a commit of what is not there", func(x *fixture) { x.send(look(z(2, 4), z(1, 3), 3)) }},
		{audit.PositionDurable, "a join ahead of the disk", func(x *fixture) { j := join(); j.Last.Counter++; x.send(j) }},
		{audit.PositionDurable, "a join with another base", func(x *fixture) { j := join(); j.Base = z(1, 1); x.send(j) }},
		{audit.EpochTableDurable, "a join with another table", func(x *fixture) { j := join(); j.Ends[0].Last--; x.send(j) }},
		{audit.EpochTableDurable, "a join with half a table", func(x *fixture) { j := join(); j.Ends = j.Ends[1:]; x.send(j) }},
		{audit.AcceptedDurable, "a look", func(x *fixture) { x.send(look(z(2, 4), z(0, 0), 4)) }},
		{audit.AcceptedDurable, "a look that is over", func(x *fixture) { x.send(audit.Frame{Kind: audit.Look, Accepted: 4}) }},
		{audit.AcceptedDurable, "support", func(x *fixture) { x.send(audit.Frame{Kind: audit.Support, Accepted: 4}) }},
		{audit.AcceptedDurable, "a nack that has forgotten", func(x *fixture) { x.send(audit.Frame{Kind: audit.Nack, Epoch: 1, Accepted: 2}) }},

		{audit.PromiseDurable, "a promise from memory", func(x *fixture) { j := join(); j.Epoch = 4; x.send(j) }},
		{audit.PromiseDurable, "a promise of an old epoch", func(x *fixture) { j := join(); j.Epoch = 2; x.send(j) }},
		{audit.PromiseDurable, "an offer from memory", func(x *fixture) { x.send(audit.Frame{Kind: audit.Lead, Epoch: 4}) }},
		{audit.PromiseDurable, "founders from memory", func(x *fixture) {
			x.send(audit.Frame{Kind: audit.Lead, Epoch: 3, Founders: []protocol.Founder{{ID: 1, Incarnation: 11}}})
		}},
		{audit.PromiseRaised, "promised twice", func(x *fixture) { x.send(join()); x.send(join()) }},
		{audit.PromiseRaised, "promised, then led", func(x *fixture) { x.send(join()); x.send(audit.Frame{Kind: audit.Lead, Epoch: 3}) }},
		{audit.PromiseRaised, "led, then promised", func(x *fixture) { x.send(audit.Frame{Kind: audit.Lead, Epoch: 3}); x.send(join()) }},
		{audit.PromiseRaised, "raised in an earlier run", func(x *fixture) {
			restarted(func(*audit.Disk) {})(x)
			x.send(join())
		}},
		{audit.EpochHeld, "a leader of a later epoch", func(x *fixture) { x.send(audit.Frame{Kind: audit.Entries, Epoch: 4}) }},
		{audit.EpochHeld, "a leader that has accepted a later one", func(x *fixture) { x.send(audit.Frame{Kind: audit.Ping, Epoch: 2}) }},
		{audit.EpochHeld, "an ack of an old epoch", func(x *fixture) { x.send(audit.Frame{Kind: audit.Ack, Epoch: 2, Counter: 1}) }},
		{audit.EpochHeld, "a chunk's", func(x *fixture) { x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 2}) }},
		{audit.EpochHeld, "a read point", func(x *fixture) { x.send(audit.Frame{Kind: audit.ReadAnswer, Epoch: 2, OK: true}) }},

		{audit.AckDurable, "without a stream", func(x *fixture) { x.send(join()); x.send(ack(4)) }},
		{audit.AckDurable, "before it is durable", func(x *fixture) { x.stream(z(2, 4)); x.send(ack(5)) }},
		{audit.AckDurable, "before the cut is durable", func(x *fixture) { x.stream(z(2, 3)); x.send(ack(4)) }},
		{audit.AckDurable, "before a snapshot is the base", func(x *fixture) { x.install(); x.send(ack(2)) }},
		{audit.AckFalls, "falls", func(x *fixture) { x.stream(z(2, 4)); x.send(ack(4)); x.send(ack(3)) }},
		{audit.ChunkAckDurable, "without a snapshot", func(x *fixture) { x.stream(z(2, 4)); x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 3}) }},
		{audit.ChunkAckDurable, "before it is durable", func(x *fixture) {
			x.send(join())
			x.get(audit.Frame{Kind: audit.Snap, Epoch: 3, Attempt: 1, Snapshot: &protocol.Base{Snapshot: snapshot}})
			x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 3, N: 0})
		}},
		{audit.ChunkAckDurable, "the last, before the base is written", func(x *fixture) {
			x.install()
			x.note(x.ChunkDurable(snapshot, 1))
			x.send(audit.Frame{Kind: audit.ChunkAck, Epoch: 3, N: 1})
		}},
		{audit.ChunkAckDurable, "a join with more chunks", func(x *fixture) {
			x.note(x.ChunkDurable(snapshot, 0))
			j := join()
			j.Partial, j.Chunks = snapshot, 2
			x.send(j)
		}},
		{audit.NoLaterPromise, "a pong of an old epoch", func(x *fixture) { x.send(audit.Frame{Kind: audit.Pong, Epoch: 2}) }},
	}
	for _, c := range cases {
		x := newFixture(t)
		c.do(x)
		var v *audit.Violation
		require.ErrorAs(t, x.err, &v, "%s: %s", c.rule, c.what)
		require.Equal(t, c.rule, v.Rule, "%s: %v", c.what, v)
		require.ErrorContains(t, v, string(c.rule))
		require.Equal(t, x.err, x.Durable(entries(z(2, 4), z(3, 5))), "the first violation stays")
		require.Equal(t, x.err, x.Err())
	}
}

// restarted starts a fixture with what it has, changed.
func restarted(change func(d *audit.Disk)) func(x *fixture) {
	return func(x *fixture) {
		d := x.Disk().Clone()
		change(&d)
		x.Down()
		x.note(x.Restarted(&d))
	}
}

func TestSurvived(t *testing.T) {
	x := newFixture(t)
	disk := x.Disk().Clone()
	cut := z(2, 3)
	under := []protocol.Batch{*entries(z(2, 4), z(2, 5), z(2, 6), z(2, 7)), {HardState: hardState(4)}, {Truncate: &cut}, *entries(cut, z(4, 4))}
	for n := range len(under) + 1 {
		found := disk.Clone()
		for i := range under[:n] {
			require.NoError(t, found.Write(&under[i]))
		}
		there, err := audit.Survived(&disk, under, &found)
		require.NoError(t, err)
		require.Equal(t, under[:n], append([]protocol.Batch{}, there...), "%d", n)
	}
	for n := 1; n < 3; n++ { // the first batch, cut
		found := disk.Clone()
		part := protocol.Batch{Entries: under[0].Entries[:n]}
		require.NoError(t, found.Write(&part))
		there, err := audit.Survived(&disk, under, &found)
		require.NoError(t, err)
		require.Len(t, there, 1)
		require.Equal(t, part.Entries, there[0].Entries)
		es, err := protocol.DecodeEntries(nil, there[0].Raw)
		require.NoError(t, err)
		require.Len(t, es, n)
	}
	found := disk.Clone()
	found.Last.Counter--
	found.Ends[1].Last--
	_, err := audit.Survived(&disk, under, &found)
	require.Error(t, err)
	require.Equal(t, z(2, 4), disk.Last, "untouched")
}
