package snapshot

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// Files have chunks of the size that they were begun with, whatever is asked for when
// they are resumed.
func TestSizesOfChunks(t *testing.T) {
	for _, chunk := range []int{MinChunkBytes, 700, MaxChunkBytes} {
		mem, label := newMem(t), []byte("label")
		want := content(3, 3*chunk+chunk/2)
		w, err := Create(mem, part, Header{ID: 7, Label: label, ChunkBytes: chunk})
		require.NoError(t, err)
		_, err = w.Write(want[:2*chunk+100])
		require.NoError(t, err)
		require.NoError(t, w.Sync())
		after := mem.Crash(disk.KeepNothing)

		w, err = Resume(after, part, Header{ID: 8, Label: label, ChunkBytes: 900}, nil)
		require.NoError(t, err)
		require.EqualValues(t, 2*chunk+100, w.Offset())
		_, err = w.Write(want[w.Offset():])
		require.NoError(t, err)
		require.NoError(t, w.Commit(final, nil))
		r, err := Open(after, final)
		require.NoError(t, err)
		require.EqualValues(t, 4, r.Chunks())
		require.NoError(t, r.Close())
		got, err := read(after)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got))
	}
}

func TestSizesOfChunksAreBounded(t *testing.T) {
	for _, chunk := range []int{-1, 1, MinChunkBytes - 1, MaxChunkBytes + 1} {
		_, err := Create(newMem(t), part, Header{ChunkBytes: chunk})
		require.ErrorIs(t, err, ErrChunkBytes)
	}
	// A header that says something else is no header of ours.
	for _, chunk := range []int{0, MinChunkBytes - 1, MaxChunkBytes + 1} {
		mem := newMem(t)
		f, err := mem.Create(part)
		require.NoError(t, err)
		_, err = f.WriteAt((&Header{ID: 1, ChunkBytes: chunk}).encode(), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		_, _, err = Partial(mem, part)
		require.ErrorIs(t, err, ErrDamaged)
	}
}
