package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

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

// A host hangs up on who does not keep to the protocol, and on nobody else.
func TestBadClient(t *testing.T) {
	attach := &protocol.Attach{Session: 1, LastSeen: 1}
	long := make([]protocol.Watch, 1<<17+1)
	set := tree.Set{Path: "/a"}
	cases := map[string][]protocol.Request{
		"write before open":     {&protocol.Write{ID: 1, Sequence: 1, Op: set}},
		"open twice":            {&protocol.Open{Timeout: 1}, &protocol.Open{Timeout: 1}},
		"attach after open":     {&protocol.Open{Timeout: 1}, attach},
		"attach twice":          {attach, attach},
		"no timeout":            {&protocol.Open{}},
		"too many watches":      {&protocol.Rearm{Watches: long}},
		"more answers than ids": {&protocol.Attach{Session: 1, AnsweredUpTo: 2, LastSent: 1}},
		"negative zxid":         {&protocol.Attach{Session: 1, LastSeen: -1}},
		"sequence skipped":      {nil, &protocol.Write{ID: 1, Sequence: 2, Op: set}},
		"id not rising":         {nil, &protocol.Read{ID: 2}, &protocol.Read{ID: 2}},
		"write id not rising":   {nil, &protocol.Read{ID: 2}, &protocol.Write{ID: 2, Sequence: 1, Op: set}},
		"answers of the future": {nil, &protocol.Write{ID: 1, Sequence: 1, AnsweredUpTo: 1, Op: set}},
		"acknowledged too much": {nil, &protocol.Acknowledge{AnsweredUpTo: 1}},
		"close acknowledges":    {nil, &protocol.Close{ID: 1, Sequence: 1, AnsweredUpTo: 3}},
		"bad operation":         {nil, &protocol.Write{ID: 1, Sequence: 1, Op: tree.Set{Path: "a"}}},
		"no operation":          {nil, &protocol.Write{ID: 1, Sequence: 1}},
		"attach again":          {nil, attach},
	}
	for name, requests := range cases {
		t.Run(name, func(t *testing.T) {
			w := calmWorld(t, 1)
			good := w.addClient(0)
			c := w.addClient(0)
			w.settle()
			l := c.wire
			if requests[0] != nil {
				l = &wire{id: 500, rep: w.reps[0], client: c}
				w.links[l.id] = l
				w.reps[0].host.Connect(l.id)
			} else {
				requests = requests[1:]
			}
			for _, r := range requests {
				w.reps[0].host.Request(l.id, r)
			}
			w.collect(w.reps[0])
			require.Nil(t, l.down[len(l.down)-1])
			w.reps[0].host.Request(l.id, &protocol.Ping{N: 1})
			require.NotContains(t, w.reps[0].host.links, l.id)
			delete(w.links, l.id)
			l.dead = true
			c.wire = nil
			good.count()
			w.settle()
			require.Zero(t, good.m.Unanswered())
		})
	}
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
