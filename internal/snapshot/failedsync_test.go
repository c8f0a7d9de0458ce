package snapshot

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// After a sync that failed, reads show what never gets to the disk, and the next sync
// succeeds: what is resumed is written again.
func TestResumeAfterAFailedSync(t *testing.T) {
	mem, want, label := newMem(t), content(9, 3*ChunkBytes+200), []byte("label")
	w, err := Create(mem, part, Header{ID: 7, Label: label})
	require.NoError(t, err)
	_, err = w.Write(want[:2*ChunkBytes+100])
	require.NoError(t, err)
	mem.SetHook(func(op disk.Op) disk.Fault {
		if op.Kind == disk.OpSync {
			return disk.Fault{Err: syscall.EIO, Lost: true}
		}
		return disk.Fault{}
	})
	require.ErrorIs(t, w.Sync(), syscall.EIO)
	mem.SetHook(nil)
	require.NoError(t, w.Abort())

	w, err = Resume(mem, part, Header{ID: 8, Label: label}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2*ChunkBytes+100, w.Offset(), "reads show it")
	_, err = w.Write(want[w.Offset():])
	require.NoError(t, err)
	require.NoError(t, w.Commit(final, nil))
	got, err := read(mem.Crash(disk.KeepNothing))
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}
