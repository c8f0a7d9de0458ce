package transport

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A connection that both sides closed, or that broke, is not remembered.
func TestMemoryForgetsConnections(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	a, b := m.Endpoint(1), m.Endpoint(2)
	for i := range 10 {
		x, err := a.Dial(t.Context(), Endpoint{ID: 2})
		require.NoError(t, err)
		y, err := b.Accept(t.Context())
		require.NoError(t, err)
		require.NoError(t, y.Close())
		require.Len(t, m.links, 1)
		if i%2 == 0 {
			m.Break(1, 2)
			require.Empty(t, m.links)
		}
		require.NoError(t, x.Close())
		require.Empty(t, m.links)
	}
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	require.Empty(t, m.endpoints)
}

// A queue that is never empty uses its memory again, and a receiver that is gone
// is sent nothing.
func TestMemoryQueueIsBounded(t *testing.T) {
	var p memoryPipe
	p.init(memoryPath{1, 2}, 1<<20, [3]uint64{})
	p.push([]byte("first"))
	for range 100_000 {
		p.push([]byte("next"))
		frame, _, err := p.pop()
		require.NoError(t, err)
		require.NotNil(t, frame)
	}
	require.Less(t, cap(p.queue), 1000)
	require.Equal(t, len("next")+memoryOverhead, p.used)
	for _, f := range p.queue[:cap(p.queue)][len(p.queue):] {
		require.Nil(t, f.data, "a frame that was taken is still held")
	}
	p.discard()
	p.push([]byte("to nobody"))
	require.Empty(t, p.queue)
}
