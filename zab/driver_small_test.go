package zab

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

func TestSnapshotPlan(t *testing.T) {
	es, _ := entriesFrom(Zxid{}, 3, 10)
	p := snapshotPlan{everyEntries: 5, everyBytes: 1 << 20}
	require.False(t, p.due(Zxid{}))
	p.applied(es)
	require.False(t, p.due(Zxid{Epoch: 1, Counter: 3}))
	p.applied(es)
	require.True(t, p.due(Zxid{Epoch: 1, Counter: 6}))
	p.applied(es)
	p.applied(es)
	require.False(t, p.due(Zxid{Epoch: 1, Counter: 12}), "one at a time")
	one := SnapshotMeta{Zxid: Zxid{Epoch: 1, Counter: 6}}
	require.True(t, p.written(one))
	require.False(t, p.due(Zxid{Epoch: 1, Counter: 12}), "not before it is named")
	p.named()
	require.True(t, p.due(Zxid{Epoch: 1, Counter: 12}))
	p.failed()
	require.False(t, p.due(Zxid{Epoch: 1, Counter: 12}), "not again at once")

	p.want()
	require.True(t, p.due(Zxid{Epoch: 1, Counter: 13}))
	p.installed(&Base{Snapshot: SnapshotMeta{Zxid: Zxid{Epoch: 2, Counter: 20}}})
	require.False(t, p.written(SnapshotMeta{Zxid: Zxid{Epoch: 1, Counter: 13}}), "a newer one was received")
	p.want()
	require.False(t, p.due(Zxid{Epoch: 2, Counter: 20}), "there is one of this very state")
	require.False(t, p.busy)

	p = snapshotPlan{everyEntries: 1 << 30, everyBytes: 100}
	p.applied(es)
	require.True(t, p.due(Zxid{Epoch: 1, Counter: 3}), "by bytes")
}

func TestStatusViewServesOnceApplied(t *testing.T) {
	var v statusView
	require.True(t, v.protocol(protocol.Status{ID: 1, Phase: protocol.Synchronising, Leader: 2, Epoch: 3}))
	require.False(t, v.protocol(protocol.Status{ID: 1, Phase: protocol.Synchronising, Leader: 2, Epoch: 3, Last: Zxid{Epoch: 3, Counter: 9}}))
	v.applied(Zxid{Epoch: 2, Counter: 5})
	serving := protocol.Status{ID: 1, Phase: protocol.Broadcasting, Leader: 2, Epoch: 3, Serving: true, ServeAt: Zxid{Epoch: 3, Counter: 7}}
	require.True(t, v.protocol(serving))
	require.False(t, v.now.Serving)
	require.False(t, v.applied(Zxid{Epoch: 3, Counter: 6}))
	require.True(t, v.applied(Zxid{Epoch: 3, Counter: 7}))
	require.True(t, v.now.Serving)
	require.False(t, v.applied(Zxid{Epoch: 3, Counter: 8}))
	require.True(t, v.protocol(protocol.Status{ID: 1}))
	require.False(t, v.now.Serving)
}

func TestDialPlan(t *testing.T) {
	const first, longest = int64(10), int64(80)
	ep := func(id uint64, addr string) transport.Endpoint { return transport.Endpoint{ID: id, Addr: addr} }
	p := dialPlan{self: 3, first: first, longest: longest}
	p.members([]transport.Endpoint{ep(1, "a"), ep(2, "b"), ep(4, "d")}, 0)
	require.Equal(t, []transport.Endpoint{ep(1, "a"), ep(2, "b")}, p.due(0), "only those with a lower ID")
	at, ok := p.next()
	require.True(t, ok)
	require.Equal(t, 8*longest, at, "nothing to do while they are being dialed, but the one with a higher ID is not waited for for ever")

	// Failures wait longer and longer, up to a bound.
	now := int64(0)
	for _, wait := range []int64{10, 20, 40, 80, 80} {
		p.down(1, now)
		at, ok := p.next()
		require.True(t, ok)
		require.Equal(t, now+wait, at)
		require.Empty(t, p.due(at-1))
		now = at
		require.Equal(t, []transport.Endpoint{ep(1, "a")}, p.due(now))
	}
	// A link that breaks at once counts as a failure, one that lasted does not.
	p.up(1, now)
	p.down(1, now+1)
	require.Empty(t, p.due(now+1))
	require.Len(t, p.due(now+1+longest), 1)
	p.up(1, now)
	p.down(1, now+longest)
	require.Len(t, p.due(now+longest), 1)
	p.down(1, now+longest)
	at, _ = p.next()
	require.Equal(t, now+longest+first, at)

	// A new address is tried at once; whoever has gone is not.
	p.members([]transport.Endpoint{ep(1, "z"), ep(4, "d")}, now+longest)
	require.Equal(t, []transport.Endpoint{ep(1, "z")}, p.due(now+longest))
	p.down(2, now)
	require.Equal(t, []transport.Endpoint{ep(4, "d")}, p.due(now+1000*longest))
	p.down(4, now)
	require.Empty(t, p.due(now+8*longest-1))
}

func TestGreeting(t *testing.T) {
	g := greeting{self: 1, ensemble: EnsembleID{1}, member: func(id uint64) bool { return id <= 3 }, config: 5}
	good := hello{min: 1, max: 1, ensemble: EnsembleID{1}, from: 2, incarnation: 7, to: 1}
	require.NoError(t, g.check(&good, 0, 0))
	require.NoError(t, g.check(&good, 2, 2))
	require.NoError(t, g.check(&hello{min: 1, max: 9, ensemble: EnsembleID{1}, from: 2, to: 1}, 0, 0), "a later version that speaks this one")
	for _, c := range []struct {
		kind         refusalKind
		change       func(h *hello)
		want, proved uint64
	}{
		{refusedVersion, func(h *hello) { h.min, h.max = 2, 3 }, 0, 0},
		{refusedVersion, func(h *hello) { h.min, h.max = 0, 0 }, 0, 0},
		{refusedEnsemble, func(h *hello) { h.ensemble[3]++ }, 0, 0},
		{refusedIdentity, func(h *hello) { h.from = 1 }, 0, 0},
		{refusedIdentity, func(h *hello) { h.to = 3 }, 0, 0},
		{refusedIdentity, func(h *hello) {}, 3, 0},
		{refusedIdentity, func(h *hello) {}, 0, 3},
		{refusedStranger, func(h *hello) { h.from = 4 }, 0, 0},
		{refusedStranger, func(h *hello) { h.from, h.config = 4, 9 }, 0, 0},
		{refusedStranger, func(h *hello) { h.from, h.config, h.lists = 4, 5, true }, 0, 0},
	} {
		h := good
		c.change(&h)
		var why *refusal
		require.ErrorAs(t, g.check(&h, c.want, c.proved), &why, "%+v", h)
		require.Equal(t, c.kind, why.kind)
	}
	// Who is unknown here but knows of a later configuration, with this replica in
	// it, is let in.
	newer := good
	newer.from, newer.config, newer.lists = 4, 6, true
	require.NoError(t, g.check(&newer, 0, 0))
	require.True(t, g.vouched(&newer))
	require.False(t, g.vouched(&good))
}

func TestRefusalsAreLoggedNowAndThen(t *testing.T) {
	var l refusalLog
	now := time.Unix(1000, 0)
	_, ok := l.note(refusalKey{refusedHello, 0}, now)
	require.True(t, ok)
	for range 5 {
		_, ok = l.note(refusalKey{refusedHello, 0}, now.Add(time.Second))
		require.False(t, ok)
	}
	_, ok = l.note(refusalKey{refusedStranger, 0}, now.Add(time.Second))
	require.True(t, ok, "another reason")
	for peer := range uint64(2) {
		_, ok = l.note(refusalKey{refusedDial, peer + 1}, now)
		require.True(t, ok, "another member")
		_, ok = l.note(refusalKey{refusedDial, peer + 1}, now)
		require.False(t, ok)
	}
	held, ok := l.note(refusalKey{refusedHello, 0}, now.Add(refusalEvery))
	require.True(t, ok)
	require.Equal(t, 5, held)
}
