package protocol

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawZxid(t *rapid.T, label string) Zxid {
	return Zxid{rapid.Uint32().Draw(t, label+" epoch"), rapid.Uint64().Draw(t, label+" counter")}
}

func drawEntry(t *rapid.T) Entry {
	e := Entry{Zxid: drawZxid(t, "zxid"), PrevEpoch: rapid.Uint32().Draw(t, "previous"),
		Kind: EntryKind(rapid.Uint8().Draw(t, "kind")), Wall: rapid.Int64().Draw(t, "wall"), Clock: rapid.Int64().Draw(t, "clock"),
		Origin: rapid.Uint64().Draw(t, "origin"), Request: rapid.Uint64().Draw(t, "request")}
	if rapid.Bool().Draw(t, "has data") {
		e.Data = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
	}
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOf(rapid.Byte()).Draw(t, "before")
		e := drawEntry(t)
		raw := AppendEntry(bytes.Clone(before), &e)
		require.Equal(t, before, raw[:len(before)])
		raw = raw[len(before):]
		require.LessOrEqual(t, len(raw), len(e.Data)+EntryOverhead)

		got, n, err := DecodeEntry(append(bytes.Clone(raw), rapid.SliceOf(rapid.Byte()).Draw(t, "behind")...))
		require.NoError(t, err)
		require.Equal(t, len(raw), n)
		require.Equal(t, e, got) // nil and empty data are told apart
		require.Equal(t, Zxid{e.PrevEpoch, e.Zxid.Counter - 1}, got.Prev())
		for cut := range raw {
			_, _, err := DecodeEntry(raw[:cut])
			require.ErrorIs(t, err, ErrCorruptEntry)
		}
	})
}

// TestEntryOverhead: the bound is reached.
func TestEntryOverhead(t *testing.T) {
	e := Entry{Zxid: Zxid{math.MaxUint32, math.MaxUint64}, PrevEpoch: math.MaxUint32, Kind: KindCommand,
		Wall: math.MinInt64, Clock: math.MinInt64, Origin: math.MaxUint64, Request: math.MaxUint64, Data: make([]byte, 1<<16)}
	require.Equal(t, len(e.Data)+EntryOverhead, len(AppendEntry(nil, &e)))
}

// TestEntryBitFlips: no single bit turned, and no single byte changed at all, goes
// undetected.
func TestEntryBitFlips(t *testing.T) {
	for _, e := range []Entry{
		{Zxid: Zxid{1, 1}, Kind: KindOpen},
		{Zxid: Zxid{1, 2}, PrevEpoch: 1, Kind: KindCommand, Wall: 1, Data: []byte("data")},
		{Zxid: Zxid{70000, 1 << 40}, PrevEpoch: 300, Kind: KindCommand, Wall: 1 << 60, Clock: -5, Origin: 3, Request: 1 << 33, Data: bytes.Repeat([]byte("x"), 300)},
	} {
		raw := AppendEntry(nil, &e)
		for i := range raw {
			for flip := 1; flip < 256; flip++ {
				bad := bytes.Clone(raw)
				bad[i] ^= byte(flip)
				if got, _, err := DecodeEntry(bad); !errors.Is(err, ErrCorruptEntry) {
					t.Fatalf("byte %d of %v changed by %#x is read as %+v, %v", i, e.Zxid, flip, got, err)
				}
			}
		}
	}
}

func TestDecodeEntries(t *testing.T) {
	a := Entry{Zxid: Zxid{1, 1}, Kind: KindOpen}
	b := Entry{Zxid: Zxid{1, 2}, PrevEpoch: 1, Kind: KindCommand, Data: []byte("b")}
	c := Entry{Zxid: Zxid{2, 3}, PrevEpoch: 1, Kind: KindOpen}
	gap := Entry{Zxid: Zxid{2, 4}, PrevEpoch: 1, Kind: KindOpen}
	raw := AppendEntry(AppendEntry(AppendEntry(nil, &a), &b), &c)
	head := []Entry{{Zxid: Zxid{9, 9}}}

	got, err := DecodeEntries(head, raw)
	require.NoError(t, err)
	require.Equal(t, []Entry{head[0], a, b, c}, got)

	for _, bad := range [][]byte{
		AppendEntry(AppendEntry(nil, &a), &c), // a gap
		AppendEntry(AppendEntry(nil, &b), &b), // twice
		AppendEntry(AppendEntry(AppendEntry(nil, &a), &b), &gap),
		raw[:len(raw)-1],
		append(bytes.Clone(raw), 0),
	} {
		got, err := DecodeEntries(head, bad)
		require.ErrorIs(t, err, ErrCorruptEntry)
		require.Equal(t, head, got)
	}
}

// FuzzDecodeEntry: no bytes are decoded into something that does not encode to the
// very same bytes, and none allocate more than they are long.
func FuzzDecodeEntry(f *testing.F) {
	for _, e := range []Entry{{}, {Zxid: Zxid{1, 2}, PrevEpoch: 1, Kind: KindCommand, Wall: -1, Clock: 1 << 40, Origin: 200, Request: 70000, Data: []byte("data")},
		{Zxid: Zxid{3, 9}, Kind: KindOpen, Data: appendMembership(nil, Membership{{ID: 1, Incarnation: 2, Addr: "a"}})}} {
		f.Add(AppendEntry(nil, &e))
	}
	f.Add([]byte{0x9a, 0xce, 0, 0, 0, 0, 0xc6, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, n, err := DecodeEntry(raw)
		if err != nil {
			if !errors.Is(err, ErrCorruptEntry) || n != 0 {
				t.Fatalf("%d, %v", n, err)
			}
			return
		}
		again, k, err := DecodeEntry(AppendEntry(nil, &e))
		if err != nil || k > n || again.Zxid != e.Zxid || !bytes.Equal(again.Data, e.Data) {
			t.Fatalf("%+v, encoded again, is %+v, %v", e, again, err)
		}
		if len(e.Data) > len(raw) {
			t.Fatalf("%d bytes of data in %d", len(e.Data), len(raw))
		}
	})
}

func TestRawLen(t *testing.T) {
	first := AppendEntry(nil, &Entry{Zxid: Zxid{1, 1}, Data: []byte("first")})
	both := AppendEntry(first, &Entry{Zxid: Zxid{1, 2}, PrevEpoch: 1, Data: []byte("second")})
	for n, want := range []int{0, len(first), len(both), len(both)} {
		require.Equal(t, want, rawLen(both, n))
	}
}
