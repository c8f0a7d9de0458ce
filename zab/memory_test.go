package zab_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/zab"
	"github.com/zabtree/zabtree/zab/zabtest"
)

func TestMemoryStorage(t *testing.T) {
	stores := map[string]zab.Storage{}
	zabtest.TestStorage(t, func(t *testing.T, dir string) zab.Storage {
		if stores[dir] == nil {
			stores[dir] = zab.NewMemoryStorage()
		}
		return stores[dir]
	})
}

func TestMemoryStorageInUse(t *testing.T) {
	s := zab.NewMemoryStorage()
	_, err := s.Load()
	require.NoError(t, err)
	_, err = s.Load()
	require.ErrorIs(t, err, zab.ErrInUse)
	require.NoError(t, s.Close())
	_, err = s.Load()
	require.NoError(t, err)
}
