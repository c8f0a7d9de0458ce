package protocol

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestTailAgainstArray compares the tail with an array of all entries: what it
// gives is the log, byte for byte; it has everything that is not durable, and
// not much more than its limit besides.
func TestTailAgainstArray(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all [][]byte // encoded entries, by counter-1
		var tl tail
		durable := uint64(0)
		limit := rapid.IntRange(0, 4000).Draw(t, "limit")
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				last := uint64(len(all))
				for after := range last {
					c, ok := tl.after(after)
					if !ok {
						require.Less(t, after, durable, "what is not durable must be there")
						continue
					}
					require.Equal(t, after+1, c.first)
					require.Equal(t, bytes.Join(all[after:c.last], nil), c.raw)
				}
				_, ok := tl.after(last)
				require.False(t, ok, "there is nothing behind the end")
				bytes := 0
				for i := range tl.chunks {
					bytes += tl.chunks[i].size()
				}
				require.Equal(t, bytes, tl.bytes)
			},
			"add": func(t *rapid.T) {
				c := chunk{first: uint64(len(all)) + 1}
				for range rapid.IntRange(1, 5).Draw(t, "entries") {
					e := Entry{Zxid: Zxid{1, uint64(len(all)) + 1}, Kind: KindCommand,
						Data: make([]byte, rapid.IntRange(0, 200).Draw(t, "bytes"))}
					raw := AppendEntry(nil, &e)
					all = append(all, raw)
					c.raw = append(c.raw, raw...)
				}
				c.last = uint64(len(all))
				kept := bytes.Clone(c.raw)
				tl.add(c, limit, durable)
				// Beyond the limit there is only what is not durable, and the last.
				if tl.bytes > limit && len(tl.chunks) > 1 {
					require.Greater(t, tl.chunks[0].last, durable)
				}
				require.Equal(t, kept, c.raw, "bytes are never changed")
			},
			"durable": func(t *rapid.T) {
				durable = uint64(rapid.IntRange(int(durable), len(all)).Draw(t, "durable"))
			},
			"truncate": func(t *rapid.T) {
				keep := rapid.IntRange(0, len(all)).Draw(t, "keep")
				all = all[:keep:keep]
				durable = min(durable, uint64(keep))
				tl.truncate(uint64(keep))
			},
		})
	})
}
