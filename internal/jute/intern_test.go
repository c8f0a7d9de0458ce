package jute

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// With an Interner the same strings are read as without.
func TestInterned(t *testing.T) {
	in := NewInterner()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 3), rapid.SliceOfN(rapid.Byte(), 0, maxInterned+2)).Draw(t, "text")
		frame := AppendBuffer(nil, text)
		plain, interned := NewReader(frame), NewReader(frame)
		want, wantOK := plain.Ustring()
		for range 2 {
			interned = NewReader(frame)
			got, ok := interned.Interned(in)
			require.Equal(t, wantOK, ok)
			require.Equal(t, want, got)
		}
		require.Equal(t, plain.Offset(), interned.Offset())
	})
	null := NewReader(AppendInt(nil, -1))
	_, ok := null.Interned(in)
	require.False(t, ok)
	frame := AppendString(nil, "/again/and/again")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r := NewReader(frame)
		if s, _ := r.Interned(in); s != "/again/and/again" {
			t.Error(s)
		}
	}))
}
