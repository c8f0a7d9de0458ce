package driver

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

func TestGreeting(t *testing.T) {
	g := greeting{self: 1, ensemble: protocol.EnsembleID{1}, member: func(id uint64) bool { return id <= 3 }, config: 5}
	good := hello{min: 1, max: 1, ensemble: protocol.EnsembleID{1}, from: 2, incarnation: 7, to: 1}
	require.NoError(t, g.check(&good, 0, 0))
	require.NoError(t, g.check(&good, 2, 2))
	require.NoError(t, g.check(&hello{min: 1, max: 9, ensemble: protocol.EnsembleID{1}, from: 2, to: 1}, 0, 0), "a later version that speaks this one")
	for _, c := range []struct {
		kind         RefusalKind
		change       func(h *hello)
		want, proved uint64
	}{
		{RefusedVersion, func(h *hello) { h.min, h.max = 2, 3 }, 0, 0},
		{RefusedVersion, func(h *hello) { h.min, h.max = 0, 0 }, 0, 0},
		{RefusedEnsemble, func(h *hello) { h.ensemble[3]++ }, 0, 0},
		{RefusedIdentity, func(h *hello) { h.from = 1 }, 0, 0},
		{RefusedIdentity, func(h *hello) { h.to = 3 }, 0, 0},
		{RefusedIdentity, func(h *hello) {}, 3, 0},
		{RefusedIdentity, func(h *hello) {}, 0, 3},
		{RefusedStranger, func(h *hello) { h.from = 4 }, 0, 0},
		{RefusedStranger, func(h *hello) { h.from, h.config = 4, 9 }, 0, 0},
		{RefusedStranger, func(h *hello) { h.from, h.config, h.lists = 4, 5, true }, 0, 0},
	} {
		h := good
		c.change(&h)
		var why *Refusal
		require.ErrorAs(t, g.check(&h, c.want, c.proved), &why, "%+v", h)
		require.Equal(t, c.kind, why.Kind)
	}
	// Who is unknown here but knows of a later configuration, with this replica in
	// it, is let in.
	newer := good
	newer.from, newer.config, newer.lists = 4, 6, true
	require.NoError(t, g.check(&newer, 0, 0))
	require.True(t, g.vouched(&newer))
	require.False(t, g.vouched(&good))
}
