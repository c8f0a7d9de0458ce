package host

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// calmWorld is a world whose replicas know their leader, the first.
func calmWorld(t *testing.T, n int) *world {
	return startWorld(newWorld(n, t.Fatalf, func(string, ...any) {}))
}

func startWorld(w *world) *world {
	w.elect(0)
	for _, r := range w.reps {
		w.tellStatus(r)
	}
	w.settle()
	return w
}

func (c *client) do(op tree.Op) *call {
	k := &call{seq: len(c.calls), write: -1}
	k.Op, k.Owner = op, k
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
	return k
}

// ask submits a read that the checks of counts know nothing of.
func (c *client) ask(r protocol.Read) *call {
	k := &call{write: -2}
	k.Read, k.Owner = r, k
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
	return k
}

func exists(w *world, path string) bool {
	_, ok := w.state().Exists(path)
	return ok
}

// ZOOKEEPER-1208, 1496: a create of an ephemeral races with the session's end.
func TestNothingAfterTheEnd(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(1)
	w.settle()
	k := c.do(tree.Create{Path: "/e", Mode: tree.Ephemeral})
	w.up(c.wire)
	// The create is on its way to the log, and the end of the session gets there
	// before it.
	c.leased = false // it is an operator that ends it
	w.append(logEntry{epoch: w.epoch, origin: -1, data: tree.ExpireSessions{Sessions: []int64{c.m.Session()}}.AppendTo(nil)})
	w.settle()
	require.False(t, exists(w, "/e"))
	require.True(t, c.ended)
	require.Equal(t, protocol.FaultExpired, k.Fault)
	require.False(t, k.Unknown, "the tombstone knows")
	// Ending it once more changes nothing.
	w.append(logEntry{epoch: w.epoch, origin: -1, data: tree.ExpireSessions{Sessions: []int64{c.m.Session()}}.AppendTo(nil)})
	w.settle()
	require.Equal(t, map[int64]int64{c.m.Session(): 3}, w.ended)
}

// All ephemerals of a session go with one entry, whoever ends it.
func TestEphemeralsGoAtOnce(t *testing.T) {
	w := calmWorld(t, 2)
	c, o := w.addClient(0), w.addClient(1)
	w.settle()
	for i := range 5 {
		c.do(tree.Create{Path: fmt.Sprintf("/e%d", i), Mode: tree.Ephemeral})
	}
	o.observe()
	w.settle()
	c.closed = true
	c.m.Close(c.time())
	w.effects(c)
	w.settle()
	require.True(t, c.ended)
	require.Equal(t, protocol.FaultClosed, c.fault)
	seen := o.watch.seen
	require.Len(t, seen, 10)
	seen = seen[5:]
	for _, ev := range seen {
		require.Equal(t, watch.Deleted, ev.Type)
		require.Equal(t, seen[0].Zxid, ev.Zxid)
	}
}

// A session that was moved leaves nothing behind that could still act for it.
func TestMovedIsFenced(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	c.count()
	w.settle()
	c.count()
	w.up(c.wire) // proposed by the first replica
	old := w.proposals
	w.proposals = nil
	c.m.Move(1, c.time())
	w.effects(c)
	for c.wire.rep != w.reps[1] || len(w.proposals) == 0 {
		w.up(c.wire)
	}
	w.propose(0) // the Attach
	w.proposals = append(w.proposals, old...)
	w.propose(0) // and now the write of the first replica
	w.settle()
	w.calm()
	w.check()
	require.Zero(t, w.reps[0].host.Hosted())
	require.Equal(t, 1, w.reps[1].host.Hosted())
}

// The same session at two links: the later one has it, the earlier one is told.
func TestTwoLinks(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	first := c.wire
	// A second link that the client's machine knows nothing of.
	second := &wire{id: 1000, rep: w.reps[0], client: c}
	w.links[second.id] = second
	w.reps[0].host.Connect(second.id)
	var p tree.Password
	copy(p[:], "client 0")
	w.reps[0].host.Request(second.id, &protocol.Attach{Session: c.m.Session(), Password: p, LastSeen: 1})
	w.collect(w.reps[0])
	for len(w.proposals) > 0 {
		w.propose(0)
	}
	w.apply(w.reps[0], 100)
	require.Equal(t, &protocol.Ended{Reason: protocol.EndMoved}, first.down[0])
	require.IsType(t, &protocol.Attached{}, second.down[0])

	// A wrong password is as good as no session, and says nothing of its writes.
	third := &wire{id: 1001, rep: w.reps[0], client: c}
	w.links[third.id] = third
	w.reps[0].host.Connect(third.id)
	w.reps[0].host.Request(third.id, &protocol.Attach{Session: c.m.Session(), LastSent: 5})
	w.collect(w.reps[0])
	w.propose(0)
	w.apply(w.reps[0], 100)
	require.Equal(t, &protocol.Refused{Reason: protocol.RefusedExpired}, third.down[0])
}

// Where a session is hosted no more, its link is told.
func TestMovedIsTold(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	second := &wire{id: 1000, rep: w.reps[1], client: c}
	w.links[second.id] = second
	w.reps[1].host.Connect(second.id)
	var p tree.Password
	copy(p[:], "client 0")
	w.reps[1].host.Request(second.id, &protocol.Attach{Session: c.m.Session(), Password: p})
	w.collect(w.reps[1])
	w.propose(0)
	w.apply(w.reps[0], 100)
	require.Equal(t, []protocol.Message{&protocol.Ended{Reason: protocol.EndMoved}, nil}, c.wire.down)
	require.Zero(t, w.reps[0].host.Hosted())
}

// What was applied under an earlier attachment is answered at once: else a write
// behind it could be applied first, and a read between the two see it.
func TestAppliedBeforeIsAnsweredFirst(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	c.count()
	w.settle()
	second := c.count()
	w.up(c.wire)
	w.propose(0) // applied, and not answered
	c.m.Move(1, c.time())
	w.effects(c)
	w.up(c.wire)
	w.apply(w.reps[1], 100)
	w.propose(0)
	w.apply(w.reps[1], 100)
	w.down(c.wire) // attached
	read := c.read(false)
	third := c.count()
	for len(c.wire.up) > 0 {
		w.up(c.wire)
	}
	require.Len(t, w.proposals, 1, "the third write alone")
	for len(c.wire.down) > 0 {
		w.down(c.wire)
	}
	require.True(t, second.done)
	require.True(t, read.done)
	require.False(t, third.done)
	w.calm()
	w.check()
}

// A session waits once, however much there is behind its read.
func TestWaitsOnce(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	for range 10 {
		c.ask(protocol.Read{Linearizable: true})
		w.up(c.wire)
	}
	require.Len(t, w.reps[0].host.reads.waiting, 1)
	w.settle()
	require.Zero(t, c.m.Unanswered())
}

// A write that has come to an end without a result is answered with its code; one that
// ended with the session, or moved with it, is not.
func TestOutcomeWithoutRecord(t *testing.T) {
	for code, answered := range map[tree.Code]bool{
		tree.CodeTooLarge: true, tree.CodeSessionExpired: false, tree.CodeSessionMoved: false, tree.CodeResend: false, tree.CodeLimit: false,
	} {
		w := calmWorld(t, 1)
		c := w.addClient(0)
		w.settle()
		c.count()
		w.up(c.wire)
		h := w.reps[0].host
		h.note(h.sessions[c.m.Session()], &tree.Outcome{Sequence: 1, Code: code})
		w.collect(w.reps[0])
		if answered {
			require.Equal(t, []protocol.Message{&protocol.Answer{ID: 1, Zxid: h.at, Code: code}}, c.wire.down)
		} else {
			require.Empty(t, c.wire.down, "%v", code)
		}
	}
}

// What a host does for all its sessions it does in the order of their links.
func TestHostedInOrder(t *testing.T) {
	w := calmWorld(t, 1)
	for range 20 {
		w.addClient(0)
	}
	w.settle()
	var ids []LinkID
	for _, s := range w.reps[0].host.hosted() {
		ids = append(ids, s.link.id)
	}
	require.Len(t, ids, 20)
	require.IsIncreasing(t, ids)
}

// A linearizable read at a replica that is behind waits for what was committed.
func TestLinearizableWaits(t *testing.T) {
	w := calmWorld(t, 2)
	writer, reader := w.addClient(0), w.addClient(1)
	w.settle()
	writer.count()
	for writer.m.Unanswered() > 0 {
		w.up(writer.wire)
		for len(w.proposals) > 0 {
			w.propose(0)
		}
		w.apply(w.reps[0], 100)
		w.down(writer.wire)
	}
	k := reader.peek(writer)
	w.up(reader.wire)
	require.Len(t, w.rounds, 1)
	require.Empty(t, reader.wire.down)
	round := w.rounds[0]
	w.reps[1].host.ReadPoint(round.round, 0, 0, errLost)
	w.rounds = nil
	w.reps[1].host.Tick(1) // a round that failed is made again
	w.collect(w.reps[1])
	require.Len(t, w.rounds, 1)
	w.answerRound(0)
	require.Empty(t, reader.wire.down)
	w.apply(w.reps[1], 100)
	w.down(reader.wire)
	require.True(t, k.done)
	require.Equal(t, []byte("1"), k.Answer.Read.Data)
	require.EqualValues(t, len(w.log), k.Answer.Zxid)
}

// Many linearizable reads share one round, and those that come later begin
// another.
func TestRoundsAreShared(t *testing.T) {
	w := calmWorld(t, 1)
	c := w.addClient(0)
	w.settle()
	var calls []*call
	for range 10 {
		calls = append(calls, c.ask(protocol.Read{Linearizable: true}))
	}
	h := w.reps[0].host
	for _, r := range c.wire.up {
		h.Request(c.wire.id, r)
	}
	c.wire.up = nil
	w.collect(w.reps[0])
	require.Len(t, w.rounds, 1)
	late := c.ask(protocol.Read{Linearizable: true})
	w.up(c.wire)
	require.Len(t, w.rounds, 2)
	w.answerRound(0)
	for len(c.wire.down) > 0 {
		w.down(c.wire)
	}
	for _, k := range calls {
		require.True(t, k.done)
	}
	require.False(t, late.done)
	w.settle()
	require.True(t, late.done)
}

// A replica takes a session in only when it has applied what the session has seen.
func TestAcceptance(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	c.count()
	for c.m.Unanswered() > 0 { // the second replica applies nothing
		w.up(c.wire)
		for len(w.proposals) > 0 {
			w.propose(0)
		}
		w.apply(w.reps[0], 100)
		w.down(c.wire)
	}
	c.m.Move(1, c.time())
	w.effects(c)
	w.up(c.wire)
	require.Empty(t, w.proposals)
	w.apply(w.reps[1], 100)
	require.Len(t, w.proposals, 1)
	w.settle()
	require.Equal(t, 1, w.reps[1].host.Hosted())
}

// A watch that comes back at any zxid is told exactly what it missed, before
// anything else, or that it is too late.
func TestRearmAtEveryZxid(t *testing.T) {
	w := calmWorld(t, 1)
	writer, c := w.addClient(0), w.addClient(0)
	w.settle()
	for i := range 12 {
		switch i % 4 {
		case 0:
			writer.do(tree.Create{Path: "/a", Data: []byte{byte(i)}})
		case 1:
			writer.do(tree.Set{Path: "/a", Data: []byte{byte(i)}})
		case 2:
			writer.do(tree.Multi{Ops: []tree.Op{tree.Create{Path: "/a/b"}, tree.Delete{Path: "/a/b"}, tree.Create{Path: "/c"}}})
		case 3:
			writer.do(tree.Multi{Ops: []tree.Op{tree.Delete{Path: "/a"}, tree.Delete{Path: "/c"}}})
		}
		w.settle()
	}
	var p tree.Password
	copy(p[:], "client 1")
	now := int64(len(w.log))
	for r := int64(0); r <= now; r++ {
		l := &wire{id: LinkID(100 + r), rep: w.reps[0], client: c}
		w.links[l.id] = l
		h := w.reps[0].host
		h.Connect(l.id)
		h.Request(l.id, &protocol.Rearm{Watches: []protocol.Watch{
			{ID: 1, Path: "/", Kind: watch.PersistentRecursive}, {ID: 2, Path: "/a", Kind: watch.Exist},
		}})
		h.Request(l.id, &protocol.Attach{Session: c.m.Session(), Password: p, LastSeen: r})
		w.collect(w.reps[0])
		w.propose(0)
		w.apply(w.reps[0], 1)
		want := w.eventsBetween(r, now+100)
		var got []watch.Event
		once := 0
		for _, m := range l.down[:len(l.down)-1] {
			for _, ev := range m.(*protocol.Events).Events {
				ev.Event.Before, ev.Event.After = nil, nil
				if ev.Watch == 1 {
					got = append(got, ev.Event)
				} else {
					once++
				}
			}
		}
		require.Equal(t, want, got, "since %d", r)
		require.IsType(t, &protocol.Attached{}, l.down[len(l.down)-1])
		onA := 0
		for _, ev := range want {
			if ev.Path == "/a" {
				onA = 1
			}
		}
		require.Equal(t, onA, once)
	}
}

// An ensemble that keeps no more results for a session asks for acknowledgements
// rather than fail.
func TestLimitOfResults(t *testing.T) {
	w := startWorld(newWorldWith(1, tree.Settings{Unanswered: 3, ResultBytes: 200}, t.Fatalf, func(string, ...any) {}))
	c := w.addClient(0)
	w.settle()
	for range 60 {
		c.count()
		c.read(false)
	}
	w.calm()
	w.check()
}

// More writes than may be proposed at once wait for their turn.
func TestCrowd(t *testing.T) {
	w := calmWorld(t, 1)
	for range 8 {
		w.addClient(0)
	}
	w.settle()
	for range 15 {
		for _, c := range w.clients {
			c.count()
		}
	}
	for _, c := range w.clients {
		for len(c.wire.up) > 0 {
			w.up(c.wire)
		}
	}
	require.Len(t, w.proposals, 64)
	require.True(t, w.reps[0].host.Crowded())
	w.calm()
	w.check()
}

func TestIdentities(t *testing.T) {
	w := calmWorld(t, 2)
	owner, other := w.addClient(0), w.addClient(1)
	w.settle()
	other.observe()
	w.settle()
	other.watch.armed = -1 // it is not going to be told of everything
	auth := func(c *client, scheme, credential string) *call {
		k := &call{write: -2}
		k.Auth, k.Owner = &protocol.AddAuth{Scheme: scheme, Credential: []byte(credential)}, k
		c.m.Submit(&k.Call, c.time())
		w.effects(c)
		return k
	}
	bad := auth(owner, "super", "")
	good := auth(owner, "digest", "ann:secret")
	// Both follow at once: nothing overtakes the identity.
	made := owner.do(tree.Multi{Ops: []tree.Op{tree.Create{Path: "/p", ACL: []tree.ACL{tree.Auth(tree.PermAll)}}, tree.Create{Path: "/p/q"}}})
	for len(owner.wire.up) > 0 {
		w.up(owner.wire)
	}
	require.Len(t, w.proposals, 1)
	w.refuse(w.proposals[0]) // not even when it has to be proposed again
	w.proposals = nil
	w.pass(tick)
	w.settle()
	require.Equal(t, tree.CodeInvalidACL, bad.Answer.Code)
	require.Equal(t, tree.CodeOK, good.Answer.Code)
	results, err := tree.DecodeRecord(made.Answer.Record)
	require.NoError(t, err)
	require.NoError(t, results[0].Err)

	read := func(c *client, kind protocol.ReadKind, path string) *protocol.Answer {
		k := c.ask(protocol.Read{Kind: kind, Path: path})
		w.settle()
		return k.Answer
	}
	for _, kind := range []protocol.ReadKind{protocol.ReadData, protocol.ReadExists, protocol.ReadChildren, protocol.ReadACL} {
		require.Equal(t, tree.CodeOK, read(owner, kind, "/p").Code)
		if kind != protocol.ReadExists { // which needs no permission
			require.Equal(t, tree.CodeNoAuth, read(other, kind, "/p").Code, kind)
		}
	}
	watched := owner.ask(protocol.Read{Path: "p/", Watch: owner.m.NewWatch(), WatchKind: watch.Data})
	w.settle()
	require.True(t, watched.Answer.WatchRefused, "nothing is read, and a watch wants a path all the same")
	require.Equal(t, []string{"q"}, read(owner, protocol.ReadChildren, "/p").Read.Names)
	require.Equal(t, tree.CodeNoNode, read(owner, protocol.ReadData, "/none").Code)
	require.False(t, read(owner, protocol.ReadExists, "/none").Read.Exists)
	require.Equal(t, []tree.ACL{tree.World(tree.PermAll)}, read(other, protocol.ReadACL, "/p/q").Read.ACL)
	// ZOOKEEPER-4799: who may not read a znode is not told of it.
	for _, ev := range other.watch.seen {
		require.NotEqual(t, "/p", ev.Path)
	}
	require.Len(t, other.watch.seen, 1)
	// Who moves keeps the identity.
	owner.m.Move(1, owner.time())
	w.effects(owner)
	w.settle()
	require.Equal(t, tree.CodeOK, read(owner, protocol.ReadData, "/p").Code)
	// A reader who may not ADMIN sees no hashes.
	owner.do(tree.SetACL{Path: "/p", ACL: []tree.ACL{{Perms: tree.PermAll, ID: tree.DigestID("ann", "secret")}, tree.World(tree.PermRead)}})
	w.settle()
	require.Contains(t, read(other, protocol.ReadACL, "/p").Read.ACL[0].ID.ID, "ann:x")
}

func TestGoAway(t *testing.T) {
	w := calmWorld(t, 2)
	c := w.addClient(0)
	w.settle()
	w.reps[0].host.GoAway()
	w.collect(w.reps[0])
	w.settle()
	require.Equal(t, w.reps[1], c.wire.rep)
	require.Zero(t, w.reps[0].host.Links())
}

func TestGuard(t *testing.T) {
	plain := tree.ExpireSessions{Sessions: []int64{4}}.AppendTo(nil)
	require.Equal(t, plain, Command(3, plain))
	require.Nil(t, Command(3, nil))
	for _, epoch := range []uint32{1, 127, 128, 70_000, 1<<32 - 1} {
		g := guard(epoch, plain)
		require.Equal(t, plain, Command(epoch, g))
		require.Nil(t, Command(epoch+1, g))
		_, err := tree.DecodeCommand(g)
		require.Error(t, err, "it cannot be taken for a plain one")
	}
	for _, c := range []tree.Command{
		tree.Write{Op: tree.Set{Path: "/a"}}, tree.CloseSession{}, tree.Attach{}, tree.CreateSession{},
		tree.AddAuth{}, tree.DeleteNode{}, tree.ChangeSettings{}, tree.RaiseApplyVersion{}, tree.SetConfig{},
	} {
		b := c.AppendTo(nil)
		require.Equal(t, b, Command(9, b), "%T", c)
	}
	require.NotNil(t, Command(1, []byte{0xcf, 0xff}), "what makes no sense is for the tree to refuse")
}

func FuzzPeer(f *testing.F) {
	f.Add((&pingMessage{round: 3, sessions: []int64{1, 2}}).encode())
	f.Add((&pongMessage{round: 3, ready: true, refused: []int64{1}}).encode())
	f.Add([]byte{0x93, 1, 0, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodePeer(b)
		if err != nil {
			require.ErrorIs(t, err, errPeerMessage)
			return
		}
		again, err := decodePeer(m.(interface{ encode() []byte }).encode())
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
