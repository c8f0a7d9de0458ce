package tree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDigestIsIncremental(t *testing.T) {
	s, _, paths := benchState(t, 500, 3)
	require.Equal(t, s.View().ComputeDigest(), s.View().Digest())
	_, stat, err := s.View().Get(paths[7])
	require.NoError(t, err)
	require.EqualValues(t, 100, stat.DataLength)
}
