package tcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/transport"
)

// sink is a connection that takes at most most bytes of each write and then says
// that the deadline passed.
type sink struct {
	net.Conn
	got    bytes.Buffer
	most   int // 0: all
	dead   bool
	writes int
}

func (s *sink) Write(b []byte) (int, error) {
	s.writes++
	if s.dead {
		return 0, os.ErrDeadlineExceeded
	}
	if s.most > 0 && len(b) > s.most {
		n, _ := s.got.Write(b[:s.most])
		return n, os.ErrDeadlineExceeded
	}
	return s.got.Write(b)
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func newWriter(s *sink, vectored bool) frameWriter {
	st := newStream(s)
	st.patience = time.Hour
	w := frameWriter{to: st, limit: 1 << 20}
	if vectored {
		w.vectors = st
	}
	return w
}

// framesOf returns frames around every size at which something changes.
func framesOf(r *rand.Rand, n int) (frames [][]byte) {
	sizes := []int{0, 1, carveUpTo, carveUpTo + 1, copyUpTo - 4, copyUpTo, copyUpTo + 1, writeAtOnce - 4,
		writeAtOnce, writeAtOnce + 1, trustedFrame, trustedFrame + 1, 1 << 20}
	for range n {
		size := r.IntN(3000)
		if r.IntN(3) == 0 {
			size = sizes[r.IntN(len(sizes))]
		}
		frame := make([]byte, size)
		for i := range frame {
			frame[i] = byte(r.Uint32())
		}
		frames = append(frames, frame)
	}
	return frames
}

// encoded is the stream of frames, in the plainest way.
func encoded(frames [][]byte) (b []byte) {
	for _, f := range frames {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return b
}

// What is written is the same stream however the other side takes it, and a
// deadline that passes after progress is none.
func TestWriterWritesTheStream(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		var all, calls [][]byte
		for _, most := range []int{0, 1000, 70_000} {
			for _, vectored := range []bool{false, true} {
				s := &sink{most: most}
				w := newWriter(s, vectored)
				all = all[:0]
				for range 3 {
					calls = framesOf(r, 1+r.IntN(8))
					all = append(all, calls...)
					require.NoError(t, w.write(calls), "seed %d", seed)
					for _, v := range w.vector[:cap(w.vector)] {
						require.Nil(t, v, "the writer keeps bytes of the caller's")
					}
				}
				require.True(t, bytes.Equal(encoded(all), s.got.Bytes()), "seed %d, most %d, vectored %v", seed, most, vectored)
				require.LessOrEqual(t, cap(w.buf), 2*writeAtOnce)
			}
		}
	}
}

// Small frames of one call are one write, many frames a few.
func TestWriterGathers(t *testing.T) {
	s := new(sink)
	w := newWriter(s, true)
	require.NoError(t, w.write([][]byte{make([]byte, 100), make([]byte, 200), nil, make([]byte, 3000)}))
	require.Equal(t, 1, s.writes)
	many := make([][]byte, 10_000)
	require.NoError(t, w.write(many))
	require.Equal(t, 2, s.writes)
	require.NoError(t, w.write(nil))
	require.Equal(t, 2, s.writes)
}

func TestWriterWithoutProgress(t *testing.T) {
	for _, vectored := range []bool{false, true} {
		w := newWriter(&sink{dead: true}, vectored)
		require.ErrorIs(t, w.write([][]byte{make([]byte, 10_000)}), os.ErrDeadlineExceeded)
	}
}

func TestReaderReadsTheStream(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		frames := framesOf(r, 20)
		for _, in := range []io.Reader{
			bytes.NewReader(encoded(frames)), iotest.HalfReader(bytes.NewReader(encoded(frames))),
			iotest.DataErrReader(bytes.NewReader(encoded(frames))),
		} {
			reader := newFrameReader(in, 1<<20)
			for i, want := range frames {
				got, err := reader.next()
				require.NoError(t, err, "seed %d, frame %d", seed, i)
				require.NotNil(t, got)
				require.True(t, bytes.Equal(want, got), "seed %d, frame %d", seed, i)
				if len(got) <= carveUpTo {
					require.Equal(t, len(got), cap(got))
				}
			}
			_, err := reader.next()
			require.Equal(t, io.EOF, err)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A length that promises a gigabyte costs what was sent and a little more.
func TestLyingLength(t *testing.T) {
	const limit = 1 << 30
	for _, sent := range []int{0, 1, 100_000, trustedFrame, 1 << 20} {
		stream := append(binary.BigEndian.AppendUint32(nil, limit), make([]byte, sent)...)
		got := allocated(func() {
			reader := newFrameReader(bytes.NewReader(stream), limit)
			_, err := reader.next()
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		})
		require.Less(t, got, uint64(readAhead+2*trustedFrame+6*sent+64<<10), "%d bytes sent", sent)
	}
	reader := newFrameReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, limit+1)), limit)
	require.Less(t, allocated(func() {
		_, err := reader.next()
		require.ErrorIs(t, err, transport.ErrFrameTooLarge)
	}), uint64(16<<10))
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{}, uint16(100))
	f.Add(encoded([][]byte{{}, []byte("x"), make([]byte, 600)}), uint16(1000))
	f.Add([]byte{0, 0, 0}, uint16(10))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1}, uint16(10))
	f.Add([]byte{0, 0, 0, 9, 1}, uint16(10))
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16) {
		reader := newFrameReader(bytes.NewReader(stream), int(limit))
		rest := stream
		for {
			frame, err := reader.next()
			if err != nil {
				checkEnd(t, rest, int(limit), err)
				return
			}
			if len(frame) > int(limit) || len(rest) < 4 || int(binary.BigEndian.Uint32(rest)) != len(frame) ||
				!bytes.Equal(rest[4:4+len(frame)], frame) {
				t.Fatalf("frame %x out of %x", frame, rest)
			}
			rest = rest[4+len(frame):]
			clear(frame[:cap(frame)]) // ours: neither stream nor later frames may change
		}
	})
}

// checkEnd checks why the reader stopped at what is left of a stream.
func checkEnd(t *testing.T, rest []byte, limit int, err error) {
	t.Helper()
	want := io.ErrUnexpectedEOF
	switch {
	case len(rest) == 0:
		want = io.EOF
	case len(rest) >= 4 && binary.BigEndian.Uint32(rest) > uint32(limit):
		want = transport.ErrFrameTooLarge
	}
	if !errors.Is(err, want) {
		t.Fatalf("stopped at %x with %v, want %v", rest, err, want)
	}
}
