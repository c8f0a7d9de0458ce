package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/session/protocol"
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
