package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/session/server"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// Members that begin with other settings would differ from the first entry on.
// They are another ensemble; what is a default is the same whether it was set or
// not.
func TestSettingsArePartOfTheIdentity(t *testing.T) {
	dir := t.TempDir()
	start := func(s tree.Settings) error {
		m, err := server.Start(t.Context(), server.Config{Dir: dir, Settings: s, Tick: 5 * time.Millisecond})
		if err != nil {
			return err
		}
		require.NoError(t, m.Ready(t.Context()))
		return m.Close()
	}
	require.NoError(t, start(tree.Settings{}))
	require.NoError(t, start(tree.New(tree.Settings{}).View().Settings()))
	require.ErrorIs(t, start(tree.Settings{Unanswered: 7}), zab.ErrForeign)
	require.NoError(t, start(tree.Settings{}))
}
