package protocol

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBatchLengths(t *testing.T) {
	a := Entry{Zxid: Zxid{1, 1}, Kind: KindOpen}
	b := Entry{Zxid: Zxid{1, 2}, PrevEpoch: 1, Kind: KindCommand, Data: bytes.Repeat([]byte("b"), 300)}
	gap := Entry{Zxid: Zxid{1, 4}, PrevEpoch: 1, Kind: KindCommand}
	rawA, rawB := AppendEntry(nil, &a), AppendEntry(nil, &b)
	raw := append(bytes.Clone(rawA), rawB...)
	want := []uint32{7, uint32(len(rawA)), uint32(len(rawB))}

	batch := Batch{Entries: []Entry{a, b}, Raw: raw}
	got, last, err := batch.Lengths([]uint32{7}, Zxid{})
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, b.Zxid, last)

	got, last, err = (&Batch{}).Lengths(nil, b.Zxid)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Equal(t, b.Zxid, last)

	for _, bad := range []Batch{
		{Entries: []Entry{b}, Raw: rawB},
		{Entries: []Entry{a, gap}, Raw: append(bytes.Clone(rawA), AppendEntry(nil, &gap)...)},
		{Entries: []Entry{a, a}, Raw: append(bytes.Clone(rawA), rawA...)},
		{Entries: []Entry{a, b}, Raw: rawA},
		{Entries: []Entry{a}, Raw: raw},
		{Entries: []Entry{a, b}},
		{Raw: rawA},
	} {
		_, _, err := bad.Lengths(nil, Zxid{})
		require.Error(t, err, "%v", bad)
	}
	_, _, err = (&Batch{Entries: []Entry{a}, Raw: rawA[:len(rawA)-1]}).Lengths(nil, Zxid{})
	require.ErrorIs(t, err, ErrCorruptEntry)
}

// What a head has is nobody else's, and a base that is newer than the latest snapshot
// is the latest.
func TestHeadWith(t *testing.T) {
	hard := &HardState{Replica: 1, Founders: []Founder{{ID: 1, Incarnation: 2}}}
	at := func(counter uint64) *Base {
		return &Base{Snapshot: SnapshotMeta{Zxid: Zxid{1, counter}}, Config: Configuration{Current: Membership{{ID: counter}}}}
	}
	base := at(5)
	h := Head{}.With(&Batch{HardState: hard, Base: base})
	require.Equal(t, Head{HardState: hard, Base: *base, Latest: *base}, h)
	c := h.Clone()
	require.Equal(t, h, c)
	hard.Founders[0].Incarnation, base.Config.Current[0].ID = 9, 9
	require.Equal(t, c, h)
	c.HardState.Founders[0].ID, c.Base.Config.Current[0].ID, c.Latest.Config.Current[0].ID = 9, 9, 9
	require.Equal(t, Head{HardState: &HardState{Replica: 1, Founders: []Founder{{ID: 1, Incarnation: 2}}}, Base: *at(5), Latest: *at(5)}, h)

	require.Equal(t, h, h.With(&Batch{}))
	h = h.With(&Batch{Latest: at(9)})
	require.Equal(t, []Base{*at(5), *at(9)}, []Base{h.Base, h.Latest})
	h = h.With(&Batch{Base: at(7)})
	require.Equal(t, []Base{*at(7), *at(9)}, []Base{h.Base, h.Latest})
	h = h.With(&Batch{Base: at(10), Latest: at(11)})
	require.Equal(t, []Base{*at(10), *at(11)}, []Base{h.Base, h.Latest})
	h = h.With(&Batch{Base: &Base{}})
	require.Equal(t, []Base{{}, {}}, []Base{h.Base, h.Latest})
}

// FuzzEntryLengths: the lengths of whatever has any are all of it, and those of what
// can be decoded are those of the entries.
func FuzzEntryLengths(f *testing.F) {
	a := Entry{Zxid: Zxid{1, 2}, PrevEpoch: 1, Kind: KindCommand, Wall: -1, Clock: 1 << 40, Origin: 200, Request: 70000, Data: []byte("data")}
	b := Entry{Zxid: Zxid{2, 3}, PrevEpoch: 1, Kind: KindOpen}
	f.Add(AppendEntry(AppendEntry(nil, &a), &b))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		lengths, err := entryLengths(nil, raw)
		if err != nil {
			require.ErrorIs(t, err, ErrCorruptEntry)
			_, err := DecodeEntries(nil, raw)
			require.Error(t, err)
			return
		}
		n := 0
		for _, length := range lengths {
			if _, k, err := DecodeEntry(raw[n:]); err == nil {
				require.Equal(t, int(length), k)
			}
			n += int(length)
		}
		require.Equal(t, len(raw), n)
	})
}
