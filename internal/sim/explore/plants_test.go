package explore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// wireJoin is the kind of a join on the wire.
const wireJoin = 5

// TestPlants: the explorer finds what goes wrong when a driver, a disk or a
// network breaks a rule that the protocol rests on, on the shortest way there is.
// Where a check of a single replica would see it at once, the harm to the ensemble
// is looked for too, with that check switched off.
func TestPlants(t *testing.T) {
	atOnce := func(*node, *protocol.Write) bool { return true }
	follower := func(n *node, w *protocol.Write) bool { return n.self != 2 && w.Batch.Entries != nil }
	leader := func(n *node, w *protocol.Write) bool { return n.self == 2 && w.Batch.Entries != nil }
	promise := func(_ *node, w *protocol.Write) bool { return w.Batch.HardState != nil }
	loseEpoch := func(s *storage, entries *entries) { s.hs.AcceptedEpoch = s.last(entries).Epoch }
	three := Config{Voters: 3, Start: Established, MaxEpoch: 2, Writes: 1, Crashes: 1, Disconnects: 1, MaxStates: 1 << 24}
	with := func(change func(*Config)) Config {
		c := three
		change(&c)
		return c
	}
	blind := []Invariant{Audit, NothingUndone, EpochsGrow, NoHalt}

	line := [][2]uint64{{1, 2}, {1, 3}}
	forgets := with(func(c *Config) { c.Links = line })
	two := with(func(c *Config) { c.Writes, c.Links = 2, [][2]uint64{{1, 2}, {2, 3}} })

	plants := []struct {
		name  string
		cfg   Config
		plant plant
		found Invariant
		depth int
	}{
		{"anything is durable at once", three, plant{durableEarly: atOnce}, Audit, 2},
		{"a follower acknowledges from memory", three, plant{durableEarly: follower}, Audit, 2},
		{"a follower acknowledges from memory: harm", three, plant{durableEarly: follower, without: blind}, NothingLost, 19},
		{"a leader counts itself from memory: harm", three, plant{durableEarly: leader, without: blind}, NothingLost, 19},
		{"a promise is told before it is durable", three, plant{durableEarly: promise}, Audit, 4},
		{"a promise is told before it is durable: harm", forgets, plant{durableEarly: promise, without: blind}, Agreement, 32},
		{"a restart forgets a promise", forgets, plant{restart: loseEpoch}, EpochsGrow, 6},
		{"a restart forgets a promise: harm", forgets, plant{restart: loseEpoch, without: blind}, Agreement, 33},
		{"a wiped replica keeps its incarnation", with(func(c *Config) { c.Crashes, c.Wipes = 0, 1 }),
			plant{sameIncarnation: true, without: blind}, NothingLost, 23},
		{"a truncation is forgotten", two, plant{dropTruncate: true}, Audit, 20},
		{"a truncation is forgotten: harm", two, plant{dropTruncate: true, without: blind}, StorageHolds, 24},
		{"who joins again promises again", Config{Voters: 3, Start: Restarted, MaxEpoch: 2, Disconnects: 3, Links: line, FastDisks: true},
			plant{rewrite: promiseAgain}, OneLeader, 28},
		{"who joins hides its history", three, plant{rewrite: hideHistory, without: []Invariant{Audit}}, NoHalt, 7},
	}
	for _, p := range plants {
		if underRace && p.depth > 6 {
			continue // deep ones take minutes
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cfg := p.cfg
			cfg.plant = p.plant
			r, err := Run(cfg, nil)
			require.NoError(t, err)
			require.NotNil(t, r.Violation)
			t.Logf("%d states, %v", r.States, r.Violation)
			require.Equal(t, p.found, r.Violation.Invariant)
			require.Equal(t, p.depth, r.Depth)

			again, err := Replay(cfg, r.Violation.Trace)
			require.NoError(t, err)
			require.Equal(t, r.Violation, again)
			clean := p.cfg
			clean.MaxStates = min(r.States, 300_000)
			if underRace {
				clean.MaxStates = min(r.States, 2000)
			}
			r, err = Run(clean, nil)
			require.NoError(t, err)
			require.Nil(t, r.Violation, "without the plant")
		})
	}
}

// promiseAgain lets every join say that it raised the accepted epoch.
func promiseAgain(frame []byte) []byte {
	r := codec.NewReader(frame)
	if r.Uint8() != wireJoin {
		return frame
	}
	r.Uint32()
	r.Uint()
	at := r.Offset()
	return append(codec.AppendBool(frame[:at:at], true), frame[at+1:]...)
}

// hideHistory lets every join say that its sender has nothing.
func hideHistory(frame []byte) []byte {
	r := codec.NewReader(frame)
	if r.Uint8() != wireJoin {
		return frame
	}
	r.Uint32()
	r.Uint()
	r.Bool()
	at := r.Offset()
	b := frame[:at:at]
	for range 4 { // base and last
		b = codec.AppendUint(b, 0)
	}
	b = codec.AppendArray(b, 0)
	for range 4 {
		r.Uint()
	}
	for range r.Array(1 << 20) {
		r.Uint()
	}
	return append(b, r.Rest()...)
}
