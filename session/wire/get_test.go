package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// gets is a client that asks for the same znodes over and over, and allocates nothing
// itself.
type gets struct {
	*raw
	frames [][]byte
	answer []byte
}

// gets makes so many znodes.
func (s *served) gets(znodes int) *gets {
	c := &gets{raw: s.open(), answer: make([]byte, 4<<10)}
	for i := range znodes {
		path := fmt.Sprintf("/n%d", i)
		g, _ := c.do(opCreate, create(path))
		require.Equal(s.t, errOK, g.err)
		b := &sheet{b: []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, byte(opGetData)}}
		b.body(&getDataRequest{path: path})
		binary.BigEndian.PutUint32(b.b, uint32(len(b.b)-4))
		c.frames = append(c.frames, b.b)
	}
	return c
}

// read asks for each znode once, so many at a time.
func (g *gets) read(atOnce int) {
	for i := 0; i < len(g.frames); i += atOnce {
		some := g.frames[i:min(i+atOnce, len(g.frames))]
		for _, frame := range some {
			if _, err := g.n.Write(frame); err != nil {
				g.t.Fatal(err)
			}
		}
		for range some {
			if _, err := io.ReadFull(g.n, g.answer[:4]); err != nil {
				g.t.Fatal(err)
			}
			if _, err := io.ReadFull(g.n, g.answer[:binary.BigEndian.Uint32(g.answer)]); err != nil {
				g.t.Fatal(err)
			}
		}
	}
}

// A get allocates what its session's host answers, once, and nothing else on the way
// from the port to the tree and back.
func TestGetAllocatesItsAnswer(t *testing.T) {
	const rounds, znodes = 50, 100
	s := serve(t, Config{})
	c := s.gets(znodes)
	for _, atOnce := range []int{1, 10} {
		c.read(atOnce)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			c.read(atOnce)
		}
		runtime.ReadMemStats(&after)
		each := float64(after.Mallocs-before.Mallocs) / rounds / znodes
		t.Logf("%d at once: %.2f allocations of %.0f bytes for each", atOnce, each, float64(after.TotalAlloc-before.TotalAlloc)/rounds/znodes)
		if !race { // which has pools forget things
			require.Less(t, each, 1.2) // the member's ticks are in it
		}
	}
}

func BenchmarkGet(b *testing.B) {
	for _, atOnce := range []int{1, 16} {
		b.Run(fmt.Sprint(atOnce, " at once"), func(b *testing.B) {
			s := serve(b, Config{})
			c := s.gets(atOnce)
			b.ReportAllocs()
			for b.Loop() {
				c.read(atOnce)
			}
		})
	}
}
