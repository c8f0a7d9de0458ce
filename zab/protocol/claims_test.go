package protocol

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaims(t *testing.T) {
	entry := Entry{Zxid: Zxid{2, 7}, PrevEpoch: 1, Kind: KindOpen}
	cases := []struct {
		frame []byte
		want  Claims
		text  string
	}{
		{(&look{looking: true, round: 3, last: Zxid{1, 4}, accepted: 2}).encode(), Claims{Accepted: 2, Position: true, Last: Zxid{1, 4}}, "look: round 3"},
		{(&look{round: 3, accepted: 2}).encode(), Claims{Accepted: 2}, "has a leader"},
		{(&support{round: 3, accepted: 2}).encode(), Claims{Accepted: 2}, "support: round 3"},
		{(&lead{epoch: 2}).encode(), Claims{Accepted: 2}, "lead: epoch 2"},
		{(&nack{epoch: 2, accepted: 3}).encode(), Claims{}, "nack: epoch 2"},
		{(&join{epoch: 2, last: Zxid{1, 4}, ends: []EpochEnd{{1, 4}}}).encode(), Claims{Accepted: 2, Position: true, Last: Zxid{1, 4}}, "join: epoch 2"},
		{(&ack{epoch: 2, counter: 7}).encode(), Claims{Accepted: 2, Acked: 7}, "ack: epoch 2, up to 7"},
		{(&syncFrom{epoch: 2, common: Zxid{1, 4}}).encode(), Claims{}, "sync: epoch 2, common 1:4"},
		{(&snap{epoch: 2}).encode(), Claims{}, "snap: epoch 2"},
		{(&chunkMsg{epoch: 2, n: 1}).encode(), Claims{}, "chunk 1"},
		{(&chunkAck{epoch: 2, n: 1}).encode(), Claims{}, "chunk 1 is durable"},
		{AppendEntry(appendEntriesHeader(nil, entriesHeader{2, Zxid{1, 4}}), &entry), Claims{}, "entries: epoch 2, commit 1:4: 2:7"},
		{(&propose{epoch: 2, proposals: make([]Proposal, 2)}).encode(), Claims{}, "propose: epoch 2, 2 of them"},
		{(&refuse{epoch: 2, requests: []uint64{5}}).encode(), Claims{}, "refuse: [5]"},
		{(&reconfigure{epoch: 2, version: 9, next: Membership{{ID: 1}}}).encode(), Claims{}, "reconfigure: version 9"},
		{encodeEpoch(kindTakeOver, 2), Claims{}, "take over: epoch 2"},
		{encodeEpoch(kindRemoved, 2), Claims{}, "removed: epoch 2"},
		{(&beat{2, 5}).encode(kindPing), Claims{Heartbeat: true}, "ping: epoch 2, round 5"},
		{(&beat{2, 5}).encode(kindPong), Claims{}, "pong: epoch 2, round 5"},
		{(&beat{2, 5}).encode(kindRead), Claims{}, "read: epoch 2, request 5"},
		{(&readAnswer{epoch: 2, id: 5}).encode(), Claims{}, "read answer: 5"},
	}
	kinds := [256]bool{}
	for _, c := range cases {
		kinds[c.frame[0]] = true
		got, err := ClaimsOf(c.frame)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.text)
		require.True(t, strings.HasPrefix(Describe(c.frame), c.text), Describe(c.frame))
	}
	for k := kindLook; k <= kindReadAnswer; k++ {
		require.True(t, kinds[k], "kind %d", k)
	}

	_, err := ClaimsOf([]byte{byte(kindAck), 2})
	require.ErrorIs(t, err, ErrBadFrame)
	require.Contains(t, Describe([]byte{byte(kindAck), 2}), "malformed")
	require.Contains(t, Describe([]byte{0x7f}), "frame of kind 127")
	require.NotPanics(t, func() { Describe(nil) })
}

// TestCanonical: what makes no difference is not encoded, what does is.
func TestCanonical(t *testing.T) {
	c := newBenchEnsemble(t).cores[2]
	want := string(c.AppendCanonical(nil))
	same := func(change func(*Core)) bool {
		d := c.Clone()
		change(d)
		require.NotEqual(t, c.AppendState(nil), d.AppendState(nil))
		return string(d.AppendCanonical(nil)) == want
	}
	require.True(t, same(func(d *Core) { d.log.seq += 5 }))
	require.True(t, same(func(d *Core) { d.tokens += 5 }))
	require.True(t, same(func(d *Core) { d.log.tail = tail{} }))
	require.True(t, same(func(d *Core) { d.links[0].answered += 5 }), "a leader has done with elections")
	require.False(t, same(func(d *Core) { d.links[0].progress.acked-- }))
	require.False(t, same(func(d *Core) { d.commit.Counter-- }))
	require.False(t, same(func(d *Core) { d.hs.AcceptedEpoch++ }))
	require.False(t, same(func(d *Core) { d.links[0].heard++ }))
}
