//go:build race

package tree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSharedBytesAreWatched: under the race detector, a State finds out when
// somebody writes to bytes that it shared.
func TestSharedBytesAreWatched(t *testing.T) {
	e := newEnv(t)
	e.ok(Create{Path: "/a", Data: []byte("data")})
	data, _, err := e.s.View().Get("/a")
	require.NoError(t, err)
	data[0] = 'D'
	_, _, err = e.s.Apply([]Entry{e.w.write(1, Delete{Path: "/a"})})
	require.ErrorContains(t, err, "the shared data of /a was written to")
}
