package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// raw is a link without a protocol.Client behind it.
type raw struct {
	*wire
	t  *testing.T
	w  *world
	id uint64 // of the last request
	n  uint64 // the last sequence
}

func (w *world) raw(t *testing.T) *raw {
	w.nextID++
	l := &wire{id: w.nextID, rep: w.reps[0]}
	w.links[l.id] = l
	l.rep.host.Connect(l.id)
	return &raw{wire: l, t: t, w: w}
}

// send sends requests, has everything applied that comes of them, and returns what
// has come back since.
func (l *raw) send(requests ...protocol.Request) []protocol.Message {
	for _, r := range requests {
		l.rep.host.Request(l.wire.id, r)
	}
	l.w.collect(l.rep)
	for range 100 {
		if len(l.w.proposals) == 0 && l.rep.applied == len(l.w.log) {
			break
		}
		for len(l.w.proposals) > 0 {
			l.w.propose(0)
		}
		l.w.apply(l.rep, len(l.w.log))
	}
	got := l.down
	l.down = nil
	return got
}

// open opens a session with identities.
func (l *raw) open(ids ...tree.ID) *protocol.Attached {
	l.t.Helper()
	got := l.send(&protocol.Open{Timeout: timeout, Password: tree.Password{byte(l.wire.id)}, Identities: ids})
	require.Len(l.t, got, 1)
	require.IsType(l.t, &protocol.Attached{}, got[0])
	return got[0].(*protocol.Attached)
}

// write returns the results of an operation.
func (l *raw) write(op tree.Op) []tree.Result {
	l.t.Helper()
	l.id++
	l.n++
	got := l.send(&protocol.Write{ID: l.id, Sequence: l.n, Op: op})
	require.NotEmpty(l.t, got)
	a, ok := got[len(got)-1].(*protocol.Answer)
	require.True(l.t, ok, "%T", got[len(got)-1])
	require.Equal(l.t, tree.CodeOK, a.Code)
	results, err := tree.DecodeRecord(a.Record)
	require.NoError(l.t, err)
	return results
}

// read returns the answer to a read.
func (l *raw) read(r protocol.Read) *protocol.Answer {
	l.t.Helper()
	l.id++
	r.ID = l.id
	got := l.send(&r)
	require.Len(l.t, got, 1)
	return got[0].(*protocol.Answer)
}

// A session has the identities of its connection from the start, and others with
// another connection. What it may do, read and be told of follows.
func TestIdentitiesOfAConnection(t *testing.T) {
	w := calmWorld(t, 1)
	ann, bob := tree.DigestID("ann", "secret"), tree.DigestID("bob", "secret")
	first := w.raw(t)
	at := first.open(ann)
	require.NoError(t, first.write(tree.Create{Path: "/p", ACL: []tree.ACL{tree.Auth(tree.PermAll)}})[0].Err)
	require.Equal(t, tree.CodeOK, first.read(protocol.Read{Kind: protocol.ReadData, Path: "/p"}).Code)

	other := w.raw(t)
	other.open()
	require.Equal(t, tree.CodeNoAuth, other.read(protocol.Read{Kind: protocol.ReadData, Path: "/p"}).Code)
	owner := w.raw(t)
	owner.open(bob, ann)

	// Elsewhere, with another identity: what happened meanwhile is not told, nor what
	// happens from now on.
	require.NoError(t, owner.write(tree.Set{Path: "/p"})[0].Err)
	watches := &protocol.Rearm{Watches: []protocol.Watch{{ID: 1, Path: "/p", Kind: watch.Persistent}}}
	second := w.raw(t)
	got := second.send(watches, &protocol.Attach{
		Session: at.Session, Password: tree.Password{byte(first.wire.id)}, LastSeen: at.Attachment,
		AnsweredUpTo: 1, LastSent: 1, Identities: []tree.ID{bob}, ReplaceIdentities: true,
	})
	require.Equal(t, &protocol.Ended{Reason: protocol.EndMoved}, first.down[0])
	require.Len(t, got, 1, "no events before Attached")
	attached := got[0].(*protocol.Attached)
	require.NoError(t, owner.write(tree.Set{Path: "/p"})[0].Err)
	require.Empty(t, second.down)
	require.Equal(t, tree.CodeNoAuth, second.read(protocol.Read{Kind: protocol.ReadData, Path: "/p"}).Code)

	// It proves the other one again, and keeps both over a move that replaces nothing.
	second.id++
	answer := second.send(&protocol.AddAuth{ID: second.id, Scheme: "digest", Credential: []byte("ann:secret")})
	require.Equal(t, tree.CodeOK, answer[0].(*protocol.Answer).Code)
	require.NoError(t, owner.write(tree.Set{Path: "/p"})[0].Err)
	require.Len(t, second.down, 1)
	seen := second.down[0].(*protocol.Events).Zxid
	require.NoError(t, owner.write(tree.Set{Path: "/p"})[0].Err)

	third := w.raw(t)
	got = third.send(watches, &protocol.Attach{
		Session: at.Session, Password: tree.Password{byte(first.wire.id)}, From: attached.Attachment, LastSeen: seen,
		AnsweredUpTo: 1, LastSent: 1,
	})
	require.Len(t, got, 2)
	require.Len(t, got[0].(*protocol.Events).Events, 1, "what was missed")
	info, _ := w.reps[0].state.View().Session(at.Session)
	require.Equal(t, []tree.ID{bob, ann}, info.Identities)
}

// Whoever is to have identities that no session can have is refused, whether or not
// that shows before it is logged.
func TestIdentitiesRefused(t *testing.T) {
	for _, ids := range [][]tree.ID{
		{{Scheme: "nobody"}}, make([]tree.ID, protocol.MaxIdentities+1),
		{tree.DigestID("a", ""), tree.DigestID("b", ""), tree.DigestID("c", "")},
	} {
		w := calmWorld(t, 1)
		good := w.raw(t)
		at := good.open()
		command := func(c tree.Command) {
			w.append(logEntry{epoch: w.epoch, origin: -1, data: c.AppendTo(nil)})
		}
		command(tree.ChangeSettings{Settings: tree.Settings{Identities: 2}})
		w.apply(w.reps[0], 1)
		attach := &protocol.Attach{Session: at.Session, Password: tree.Password{byte(good.wire.id)}, Identities: ids}
		refused := []protocol.Message{&protocol.Refused{Reason: protocol.RefusedProtocol}, nil}
		require.Equal(t, refused, w.raw(t).send(&protocol.Open{Timeout: 1, Identities: ids}))
		require.Equal(t, refused, w.raw(t).send(attach))
		require.Empty(t, good.send(), "it was not moved")

		// It was in order when it was proposed.
		ids = []tree.ID{tree.DigestID("a", ""), tree.DigestID("b", "")}
		attach.Identities = ids
		for _, r := range []protocol.Request{&protocol.Open{Timeout: 1, Identities: ids}, attach} {
			command(tree.ChangeSettings{Settings: tree.Settings{Identities: 2}})
			w.apply(w.reps[0], 1)
			command(tree.ChangeSettings{Settings: tree.Settings{Identities: 1}})
			sessions := w.reps[0].state.View().NumSessions()
			require.Equal(t, refused, w.raw(t).send(r))
			require.Equal(t, sessions, w.reps[0].state.View().NumSessions())
		}
		require.Empty(t, good.send())
	}
}

// Whoever proves to be the user of SuperDigest is permitted everything besides; nobody
// is by default. A credential may be anything that is not too long.
func TestSuperDigest(t *testing.T) {
	for _, configured := range []string{"", tree.DigestID("root", "secret").ID} {
		w := calmWorld(t, 1)
		w.reps[0].host.config.SuperDigest = configured
		owner := w.raw(t)
		owner.open(tree.DigestID("ann", ""))
		require.NoError(t, owner.write(tree.Create{Path: "/p", ACL: []tree.ACL{tree.Auth(tree.PermAll)}})[0].Err)
		l := w.raw(t)
		at := l.open()
		prove := func(scheme, credential string) tree.Code {
			l.id++
			got := l.send(&protocol.AddAuth{ID: l.id, Scheme: scheme, Credential: []byte(credential)})
			return got[0].(*protocol.Answer).Code
		}
		require.Equal(t, tree.CodeOK, prove("digest", "root:wrong"))
		require.Equal(t, tree.CodeOK, prove("digest", ""))
		require.Equal(t, tree.CodeInvalidACL, prove("super", ""))
		require.Equal(t, tree.CodeInvalidACL, prove("ip", "127.0.0.1"))
		require.Equal(t, tree.CodeInvalidACL, prove("digest", string(make([]byte, tree.MaxIDBytes+1))))
		require.ErrorIs(t, l.write(tree.Set{Path: "/p"})[0].Err, tree.ErrNoAuth)
		require.Equal(t, tree.CodeOK, prove("digest", "root:secret"))
		info, _ := w.reps[0].state.View().Session(at.Session)
		ids := []tree.ID{tree.DigestID("root", "wrong"), tree.DigestCredential(""), tree.DigestID("root", "secret")}
		if configured == "" {
			require.Equal(t, ids, info.Identities)
			require.ErrorIs(t, l.write(tree.Set{Path: "/p"})[0].Err, tree.ErrNoAuth)
			continue
		}
		require.Equal(t, []tree.ID{ids[0], ids[1], tree.Super, ids[2]}, info.Identities)
		require.NoError(t, l.write(tree.Set{Path: "/p"})[0].Err)
		require.Equal(t, tree.CodeOK, l.read(protocol.Read{Kind: protocol.ReadACL, Path: "/p"}).Code)
	}
}

// A connection that knows of a session no more than its id and password goes on behind
// the last of its writes, whatever became of the answers.
func TestAttachAnew(t *testing.T) {
	w := calmWorld(t, 1)
	first := w.raw(t)
	at := first.open()
	first.write(tree.Create{Path: "/a"})
	first.write(tree.Delete{Path: "/none"})
	// One that is under way is fenced.
	first.rep.host.Request(first.wire.id, &protocol.Write{ID: 9, Sequence: 3, Op: tree.Create{Path: "/late"}})
	w.collect(first.rep)
	late := w.proposals
	w.proposals = nil

	second := w.raw(t)
	got := second.send(&protocol.Attach{Session: at.Session, Password: tree.Password{byte(first.wire.id)}, LastSeen: 1, Anew: true})
	require.Equal(t, &protocol.Ended{Reason: protocol.EndMoved}, first.down[0])
	attached := got[len(got)-1].(*protocol.Attached)
	require.EqualValues(t, 2, attached.LastSequence)
	w.proposals = late
	second.n = attached.LastSequence
	require.Equal(t, "/b", second.write(tree.Create{Path: "/b"})[0].Path)
	require.Equal(t, "/c", second.write(tree.Create{Path: "/c"})[0].Path)
	v := w.reps[0].state.View()
	require.Nil(t, v.Lookup("/late"))
	info, _ := v.Session(at.Session)
	require.EqualValues(t, 4, info.LastSequence)
	require.Zero(t, info.AnsweredUpTo, "nobody has said that there are answers")
}
