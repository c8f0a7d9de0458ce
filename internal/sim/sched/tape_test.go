package sched_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/sim/sched"
)

// recorded returns a tape of two streams and what was drawn.
func recorded(seed uint64) (tape *sched.Tape, net, disk []uint64) {
	src := sched.NewSource(seed)
	early := src.Stream("net") // a stream may be there before the recording
	tape = src.Record()
	net = use(early, 30)
	disk = use(src.Stream("disk-1"), 20)
	return tape, net, disk
}

func TestRecordingChangesNothing(t *testing.T) {
	_, net, disk := recorded(4)
	src := sched.NewSource(4)
	require.Equal(t, use(src.Stream("net"), 30), net)
	require.Equal(t, use(src.Stream("disk-1"), 20), disk)
}

func TestReplayEqualsRecord(t *testing.T) {
	for _, fallback := range []sched.Fallback{sched.Calm, sched.FromSeed} {
		tape, net, disk := recorded(4)
		tape.Seed += 1000 // what is on the tape needs no seed
		src := sched.Replay(tape, fallback)
		again := src.Record()
		require.Equal(t, disk, use(src.Stream("disk-1"), 20))
		require.Equal(t, net, use(src.Stream("net"), 30))
		require.Equal(t, tape, again)
		require.Equal(t, tape.Len("net"), src.Stream("net").Draws())
	}
}

func TestReplayPastTheEnd(t *testing.T) {
	tape, net, _ := recorded(4)
	cut := tape.Clone()
	cut.Truncate("net", 77)
	require.Equal(t, net, use(sched.Replay(cut, sched.FromSeed).Stream("net"), 30), "a tape cut short leads to the same run")

	s := sched.Replay(sched.NewTape(4), sched.Calm).Stream("net")
	require.Zero(t, s.IntN(10))
	require.Zero(t, s.Exp(1e9))
	require.False(t, s.Chance(999, 1000))
	require.True(t, s.Chance(1, 1), "what is certain happens")
	require.EqualValues(t, -3, s.Range(-3, 3))
	require.Equal(t, []int{1, 2, 3}, sched.Shuffled(s, []int{1, 2, 3}))
	require.Equal(t, 7, sched.Pick(s, []int{7, 8}))

	require.Equal(t, use(sched.NewSource(4).Stream("new"), 3), use(sched.Replay(tape, sched.FromSeed).Stream("new"), 3),
		"a stream that the tape does not know comes from the seed")
}

// A tape is read under code that has changed: ranges are others now.
func TestReplayIntoOtherRanges(t *testing.T) {
	tape := sched.NewTape(0)
	tape.Set("x", []uint64{17, 17, 1, 0, math.MaxUint64, 9, 3})
	s := sched.Replay(tape, sched.Calm).Stream("x")
	require.Equal(t, 17, s.IntN(18))
	require.Equal(t, 2, s.IntN(5))
	require.True(t, s.Chance(1, 1_000_000), "the decision is on the tape, not what led to it")
	require.False(t, s.Chance(999_999, 1_000_000))
	require.Less(t, s.Uint64(), uint64(math.MaxUint64))
	require.False(t, s.Chance(0, 10), "what is impossible does not happen")
	require.EqualValues(t, 11, s.Range(10, 11))
}

func TestTapeEdits(t *testing.T) {
	tape := sched.NewTape(0)
	tape.Set("b", []uint64{1, 2, 3, 4, 5})
	tape.Set("a", []uint64{9})
	whole := tape.Clone()
	require.Equal(t, []string{"a", "b"}, tape.Streams())
	require.Equal(t, 6, tape.Total())

	tape.Zero("b", 1, 3)
	require.Equal(t, []uint64{1, 0, 0, 4, 5}, tape.Draws("b"))
	tape.Drop("b", 0, 2)
	require.Equal(t, []uint64{0, 4, 5}, tape.Draws("b"))
	tape.Truncate("b", 2)
	require.Equal(t, []uint64{0, 4}, tape.Draws("b"))
	tape.DropStream("a")
	require.Equal(t, []string{"b"}, tape.Streams())

	tape.Set("c", []uint64{0, 3, 0, 0})
	tape.Set("d", []uint64{0, 0})
	tape.Trim()
	require.Equal(t, []string{"b", "c"}, tape.Streams())
	require.Equal(t, []uint64{0, 4}, tape.Draws("b"))
	require.Equal(t, []uint64{0, 3}, tape.Draws("c"))

	require.Equal(t, []uint64{1, 2, 3, 4, 5}, whole.Draws("b"), "a clone shares nothing")

	// Out of bounds and unknown: as far as there is something.
	whole.Zero("b", -3, 1)
	whole.Drop("b", 4, 99)
	whole.Drop("b", 3, 1)
	whole.Truncate("b", 100)
	whole.Truncate("none", 1)
	whole.Zero("none", 0, 1)
	whole.DropStream("none")
	require.Equal(t, []uint64{0, 2, 3, 4}, whole.Draws("b"))
	whole.Truncate("b", -1)
	require.Zero(t, whole.Len("b"))
}

func TestTapeRoundTrip(t *testing.T) {
	for seed := range uint64(20) {
		tape, _, _ := recorded(seed)
		tape.Set("empty", nil)
		tape.Set("", []uint64{0, math.MaxUint64})
		tape.Set(strings.Repeat("n", 300), []uint64{1})
		b := tape.Append([]byte("before"))
		require.True(t, bytes.HasPrefix(b, []byte("before")))
		back, err := sched.DecodeTape(b[6:])
		require.NoError(t, err)
		require.Equal(t, b[6:], back.Append(nil))
		require.Equal(t, tape.Streams(), back.Streams())
		for _, name := range tape.Streams() {
			require.Equal(t, append([]uint64{}, tape.Draws(name)...), append([]uint64{}, back.Draws(name)...))
		}
	}
}

func TestHostileTapes(t *testing.T) {
	head := func(streams uint64, more ...byte) []byte {
		b := append([]byte("ZTAP\x01"), make([]byte, 8)...)
		return append(binary.AppendUvarint(b, streams), more...)
	}
	good := head(1, 1, 'x', 2, 5, 6)
	_, err := sched.DecodeTape(good)
	require.NoError(t, err)
	for i := range good {
		_, err := sched.DecodeTape(good[:i])
		require.ErrorIs(t, err, sched.ErrTape, "%d bytes", i)
	}
	for name, b := range map[string][]byte{
		"magic":             append([]byte("ZTAQ"), good[4:]...),
		"version":           append([]byte("ZTAP\x02"), good[5:]...),
		"something behind":  append(bytes.Clone(good), 0),
		"too many streams":  head(1<<17, make([]byte, 1<<19)...),
		"many streams":      head(1 << 40),
		"overflow":          head(1, 1, 'x', 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2),
		"not the shortest":  head(1, 1, 'x', 1, 0x85, 0),
		"many draws":        head(1, 1, 'x', 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
		"long name":         head(1, append([]byte{0x80, 2}, make([]byte, 300)...)...),
		"twice the same":    head(2, 1, 'x', 0, 1, 'x', 0),
		"not in order":      head(2, 1, 'y', 0, 1, 'x', 0),
		"draws beyond data": head(1, 1, 'x', 100, 1),
	} {
		tape, err := sched.DecodeTape(b)
		require.ErrorIs(t, err, sched.ErrTape, name)
		require.Nil(t, tape, name)
	}
}

func FuzzDecodeTape(f *testing.F) {
	tape, _, _ := recorded(1)
	tape.Truncate("net", 20)
	tape.Truncate("disk-1", 5)
	f.Add(tape.Append(nil))
	f.Add(sched.NewTape(0).Append(nil))
	f.Add([]byte("ZTAP\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01x\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tape, err := sched.DecodeTape(b)
		if err != nil {
			require.ErrorIs(t, err, sched.ErrTape)
			return
		}
		require.Equal(t, b, tape.Append(nil), "a tape has one encoding")
		require.LessOrEqual(t, tape.Total(), len(b))
		s := sched.Replay(tape, sched.Calm)
		for _, name := range tape.Streams() {
			use(s.Stream(name), 2)
		}
	})
}
