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

// auth submits an AddAuth.
func (c *client) auth(credential string) *call {
	k := &call{write: -2}
	k.Auth, k.Owner = &protocol.AddAuth{Scheme: "digest", Credential: []byte(credential)}, k
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
	return k
}

// A session is told what it may know also if it ends in the same stretch of the log:
// its identities are those at the event, not at the end of what was applied.
func TestIdentityAtTheEvent(t *testing.T) {
	w := calmWorld(t, 1)
	c, other := w.addClient(0), w.addClient(0)
	w.settle()
	c.auth("ann:secret")
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

// annOnly makes a znode that ann may read, and anybody may set.
func annOnly(w *world, path string) {
	c := w.addClient(0)
	w.settle()
	c.auth("ann:secret")
	c.do(tree.Create{Path: path, ACL: []tree.ACL{tree.Auth(tree.PermAll), tree.World(tree.PermWrite)}})
	w.settle()
}

// set has a session set a znode, and returns the zxid.
func (c *client) set(path string) int64 {
	c.do(tree.Set{Path: path})
	c.w.up(c.wire)
	c.w.propose(0)
	return int64(len(c.w.log))
}

// An identity opens what comes behind it in the log and nothing before, also if the
// session does not see the end of what was applied in one go.
func TestIdentityFromItsEntryOn(t *testing.T) {
	for _, ends := range []bool{false, true} {
		w := calmWorld(t, 1)
		annOnly(w, "/p")
		c, other := w.addClient(0), w.addClient(0)
		w.settle()
		c.observe()
		w.settle()
		c.watch.armed = -1 // the world's own check knows of no ACLs

		other.set("/p")
		c.auth("ann:secret")
		w.up(c.wire)
		w.propose(0)
		after := other.set("/p")
		if ends {
			c.leased = false // it is an operator that ends it
			w.append(logEntry{epoch: w.epoch, origin: -1, data: tree.ExpireSessions{Sessions: []int64{c.m.Session()}}.AppendTo(nil)})
		}
		w.apply(w.reps[0], 100) // all in one go
		w.settle()
		require.Equal(t, ends, c.ended)
		require.Len(t, c.watch.seen, 1)
		require.Equal(t, after, c.watch.seen[0].Zxid)
	}
}

// An AddAuth that failed and was made again may reach the log a second time after it
// was answered. It is not taken for the one that is under way by then, or is the next.
func TestStrayAuth(t *testing.T) {
	for _, behindWrite := range []bool{false, true} {
		w := calmWorld(t, 1)
		annOnly(w, "/p")
		c, other := w.addClient(0), w.addClient(0)
		w.settle()
		c.observe()
		w.settle()
		c.watch.armed = -1 // the world's own check knows of no ACLs

		first := c.auth("bob:secret")
		w.up(c.wire)
		stray := w.proposals[0]
		w.proposals = nil
		w.refuse(stray)
		w.pass(tick)
		w.settle()
		require.NotNil(t, first.Answer)

		if behindWrite {
			c.do(tree.Delete{Path: "/none"})
			w.up(c.wire)
			w.propose(0)
		}
		second := c.auth("ann:secret")
		w.up(c.wire)
		late := w.proposals
		w.proposals = nil
		w.append(logEntry{epoch: w.epoch, origin: stray.origin, token: stray.token, data: stray.command, told: true})
		before := other.set("/p")
		w.apply(w.reps[0], 100) // all in one go
		w.proposals = append(w.proposals, late...)
		w.settle()
		w.pass(tick)
		w.settle()
		require.NotNil(t, second.Answer)
		require.Equal(t, tree.CodeOK, second.Answer.Code)
		after := other.set("/p")
		w.settle()
		require.Greater(t, after, before)
		require.Len(t, c.watch.seen, 1)
		require.Equal(t, after, c.watch.seen[0].Zxid)
	}
}
