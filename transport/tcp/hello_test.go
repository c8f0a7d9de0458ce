package tcp

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHelloRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := hello{
			Magic:    helloMagic,
			Version:  rapid.Uint32Min(1).Draw(t, "version"),
			From:     rapid.Uint64().Draw(t, "from"),
			To:       rapid.Uint64().Draw(t, "to"),
			MaxFrame: rapid.Uint32().Draw(t, "max frame"),
			Refusal:  rapid.String().Draw(t, "refusal"),
		}
		h.Oldest = rapid.Uint32Max(h.Version).Draw(t, "oldest")
		b, err := appendHello(nil, h)
		if err != nil || len(b) > maxHello {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if len(h.Refusal) > maxRefusal {
			h.Refusal = h.Refusal[:maxRefusal]
		}
		after := bytes.NewReader(append(b, "and frames"...))
		got, err := readHello(after)
		if err != nil || got != h {
			t.Fatalf("%+v, %v, want %+v", got, err, h)
		}
		if rest, _ := io.ReadAll(after); string(rest) != "and frames" {
			t.Fatalf("left over: %q", rest)
		}
	})
}

func TestHelloLargestFitsTheLimit(t *testing.T) {
	b, err := appendHello(nil, hello{Magic: helloMagic, Version: math.MaxUint32, Oldest: math.MaxUint32,
		From: math.MaxUint64, To: math.MaxUint64, MaxFrame: math.MaxUint32, Refusal: string(make([]byte, 10_000))})
	require.NoError(t, err)
	require.Less(t, len(b), maxHello)
}

func FuzzHello(f *testing.F) {
	good, err := appendHello(nil, hello{Magic: helloMagic, Version: 1, Oldest: 1, From: 3, MaxFrame: 1 << 20, Refusal: "no"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\x00\x00\x00\x05\xdf\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x06\xc6\xff\xff\xff\xff\x00"))
	f.Add(append([]byte{0, 0, 0x0f, 0xff}, bytes.Repeat([]byte{0x91}, 4095)...))
	f.Add(append([]byte{0, 0, 0x0f, 0xff}, bytes.Repeat([]byte{0xdf, 0xff, 0xff}, 1365)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		var h hello
		var err error
		if got := allocated(func() { h, err = readHello(r) }); got > 2<<20 {
			t.Fatalf("%d bytes allocated for a hello of %d", got, len(stream))
		}
		if taken := len(stream) - r.Len(); taken > maxHello+lengthBytes {
			t.Fatalf("%d bytes taken", taken)
		}
		if err != nil {
			return
		}
		if n := int(binary.BigEndian.Uint32(stream)); len(stream)-r.Len() != n+lengthBytes {
			t.Fatalf("a hello of %d bytes took %d", n, len(stream)-r.Len())
		}
		if len(h.Refusal) > maxRefusal {
			return // longer than this side would write
		}
		again, err := appendHello(nil, h)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := readHello(bytes.NewReader(again)); err != nil || same != h {
			t.Fatalf("%+v became %+v, %v", h, same, err)
		}
	})
}

func TestReportsAreRateLimited(t *testing.T) {
	var r reporter
	start := time.Now()
	lines, suppressed := 0, 0
	for i := range 10_000 { // a thousand a second for ten seconds
		if n, ok := r.admit(start.Add(time.Duration(i) * time.Millisecond)); ok {
			lines++
			suppressed += n
		}
	}
	require.Equal(t, 10*maxReports, lines)
	n, ok := r.admit(start.Add(time.Hour))
	require.True(t, ok)
	require.Equal(t, 10_000-lines, suppressed+n)
}
