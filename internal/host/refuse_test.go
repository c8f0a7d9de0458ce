package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

func TestConfig(t *testing.T) {
	good := Config{MinTimeout: 1, MaxTimeout: 1, TickEvery: 1, MaxProposals: 1}
	for name, c := range map[string]struct {
		edit func(c *Config)
		ok   bool
	}{
		"the least there can be": {func(*Config) {}, true},
		"MinTimeout":             {func(c *Config) { c.MinTimeout = 0 }, false},
		"MaxTimeout":             {func(c *Config) { c.MinTimeout = 2 }, false},
		"TickEvery":              {func(c *Config) { c.TickEvery = 0 }, false},
		"MaxProposals":           {func(c *Config) { c.MaxProposals = 0 }, false},
		"Watches":                {func(c *Config) { c.Watches.Total = -1 }, false},
		"History":                {func(c *Config) { c.History.MaxChanges = -1 }, false},
	} {
		config := good
		c.edit(&config)
		h, err := New(config, tree.New(tree.Settings{}).View())
		require.Equal(t, c.ok, err == nil, name)
		require.Equal(t, c.ok, h != nil, name)
	}
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
		"anew, and waiting":     {&protocol.Attach{Session: 1, LastSent: 1, Anew: true}},
		"negative zxid":         {&protocol.Attach{Session: 1, LastSeen: -1}},
		"sequence skipped":      {nil, &protocol.Write{ID: 1, Sequence: 2, Op: set}},
		"id not rising":         {nil, &protocol.Read{ID: 2}, &protocol.Read{ID: 2}},
		"auth id not rising":    {nil, &protocol.Read{ID: 2}, &protocol.AddAuth{ID: 2, Scheme: "digest"}},
		"write id not rising":   {nil, &protocol.Read{ID: 2}, &protocol.Write{ID: 2, Sequence: 1, Op: set}},
		"answers of the future": {nil, &protocol.Write{ID: 1, Sequence: 1, AnsweredUpTo: 1, Op: set}},
		"acknowledged too much": {nil, &protocol.Acknowledge{AnsweredUpTo: 1}},
		"close acknowledges":    {nil, &protocol.Close{ID: 1, Sequence: 1, AnsweredUpTo: 3}},
		"large operation":       {nil, &protocol.Write{ID: 1, Sequence: 1, Op: tree.Set{Path: "/a", Data: make([]byte, 1<<20+1)}}},
		"multi in a multi":      {nil, &protocol.Write{ID: 1, Sequence: 1, Op: tree.Multi{Ops: []tree.Op{tree.Multi{}}}}},
		"no operation":          {nil, &protocol.Write{ID: 1, Sequence: 1}},
		"too many parts":        {nil, &protocol.Read{ID: 1, Kind: protocol.ReadMany, Parts: make([]protocol.Part, protocol.MaxParts+1)}},
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

// Whoever asks for a session that there is not is told so, also by a number that no
// session has.
func TestNoSuchSession(t *testing.T) {
	w := calmWorld(t, 1)
	for i, session := range []int64{0, -1, 99} {
		l := &wire{id: LinkID(1000 + i), rep: w.reps[0]}
		w.links[l.id] = l
		w.reps[0].host.Connect(l.id)
		w.reps[0].host.Request(l.id, &protocol.Attach{Session: session})
		w.collect(w.reps[0])
		w.propose(0)
		w.apply(w.reps[0], 1)
		require.Equal(t, []protocol.Message{&protocol.Refused{Reason: protocol.RefusedExpired}, nil}, l.down, "session %d", session)
	}
}
