package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// An identity that is asked for while nobody leads is proposed once somebody does,
// also if nothing else comes from that session.
func TestAuthWaitsForALeader(t *testing.T) {
	w := newWorld(1, t.Fatalf, t.Logf)
	w.elect(0)
	w.tellStatus(w.reps[0])
	c := w.addClient(0)
	w.settle()
	require.NotZero(t, c.m.Session())

	w.elect(-1)
	w.tellStatus(w.reps[0])
	k := &call{}
	k.Auth = &protocol.AddAuth{Scheme: "digest", Credential: []byte("user:password")}
	k.Owner = k
	c.m.Submit(&k.Call, c.time())
	w.effects(c)
	w.settle()
	require.Zero(t, k.Answer)

	w.elect(0)
	w.tellStatus(w.reps[0])
	w.settle()
	w.pass(tick)
	w.settle()
	require.NotNil(t, k.Answer)
}

// A session is told what it may know also if it ends in the same stretch of the log:
// its identities are those at the event, not at the end of what was applied.
func TestIdentityAtTheEvent(t *testing.T) {
	w := calmWorld(t, 1)
	c, other := w.addClient(0), w.addClient(0)
	w.settle()
	auth := &call{write: -2}
	auth.Auth, auth.Owner = &protocol.AddAuth{Scheme: "digest", Credential: []byte("ann:secret")}, auth
	c.m.Submit(&auth.Call, c.time())
	w.effects(c)
	c.do(tree.Create{Path: "/p", ACL: []tree.ACL{tree.Auth(tree.PermAll), tree.World(tree.PermWrite)}})
	w.settle()
	c.observe()
	w.settle()

	other.do(tree.Set{Path: "/p", Data: []byte("x")})
	w.up(other.wire)
	c.closed = true
	c.m.Close(c.time())
	w.effects(c)
	w.up(c.wire)
	for len(w.proposals) > 0 {
		w.propose(0)
	}
	w.apply(w.reps[0], 100) // both in one go
	w.settle()
	require.Len(t, c.watch.seen, 1)
	require.Equal(t, "/p", c.watch.seen[0].Path)
}
