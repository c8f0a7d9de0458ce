package driver

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

func someHello() hello {
	return hello{min: 1, max: 3, features: 5, ensemble: protocol.EnsembleID{1, 2, 3}, from: 7, incarnation: 1 << 60, to: 8,
		lane: protocol.Bulk, nonce: 99, config: 70, lists: true, refused: "because"}
}

func TestHelloRoundTrip(t *testing.T) {
	h := someHello()
	got, err := decodeHello(h.encode())
	require.NoError(t, err)
	require.Equal(t, h, got)
	h.refused = string(bytes.Repeat([]byte("x"), 10_000))
	require.Less(t, len(h.encode()), maxHelloBytes)
}

// A later version may add fields.
func TestHelloOfALaterVersion(t *testing.T) {
	h := someHello()
	b := h.encode()
	longer := append(codec.AppendArray(nil, helloFields+1), b[1:]...)
	got, err := decodeHello(codec.AppendString(longer, "new"))
	require.NoError(t, err)
	require.Equal(t, h, got)
}

func TestBadHellos(t *testing.T) {
	bad := func(change func(h *hello)) []byte {
		h := someHello()
		change(&h)
		return h.encode()
	}
	good := bad(func(*hello) {})
	for name, b := range map[string][]byte{
		"empty":       {},
		"http":        []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"long":        append(bytes.Clone(good), make([]byte, maxHelloBytes)...),
		"trailing":    append(bytes.Clone(good), 1),
		"cut":         good[:len(good)-1],
		"no from":     bad(func(h *hello) { h.from = 0 }),
		"no life":     bad(func(h *hello) { h.incarnation = 0 }),
		"lane":        bad(func(h *hello) { h.lane = protocol.Lanes }),
		"versions":    bad(func(h *hello) { h.min, h.max = 3, 2 }),
		"other magic": append([]byte{good[0]}, append(codec.AppendString(nil, "zootree"), good[1+1+len(helloMagic):]...)...),
	} {
		_, err := decodeHello(b)
		var why *Refusal
		require.ErrorAs(t, err, &why, name)
		require.Equal(t, RefusedHello, why.Kind)
	}
}

func FuzzHello(f *testing.F) {
	h := someHello()
	f.Add(h.encode())
	f.Add([]byte{0x9b, 0xa7})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHello(b)
		if err != nil {
			return
		}
		h.refused = h.refused[:min(len(h.refused), 512)]
		again, err := decodeHello(h.encode())
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}
