package driver

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

func zx(epoch uint32, counter uint64) protocol.Zxid {
	return protocol.Zxid{Epoch: epoch, Counter: counter}
}

func ptr[T any](v T) *T { return &v }

// entriesFrom makes n commands that follow a zxid, and their encoding.
func entriesFrom(after protocol.Zxid, n, size int) ([]protocol.Entry, []byte) {
	var es []protocol.Entry
	var raw []byte
	for i := range n {
		e := protocol.Entry{Zxid: protocol.Zxid{Epoch: max(after.Epoch, 1), Counter: after.Counter + 1}, PrevEpoch: after.Epoch,
			Kind: protocol.KindCommand, Data: bytes.Repeat([]byte{byte(i)}, size)}
		raw = protocol.AppendEntry(raw, &e)
		es = append(es, e)
		after = e.Zxid
	}
	return es, raw
}

func entryWrite(seq uint64, after protocol.Zxid, n, size int) protocol.Write {
	es, raw := entriesFrom(after, n, size)
	return protocol.Write{Seq: seq, Batch: protocol.Batch{Entries: es, Raw: raw}}
}

func TestWritesOfEntriesAreJoined(t *testing.T) {
	var p WritePlan
	_, n := p.Next()
	require.Zero(t, n)
	p.Add([]protocol.Write{entryWrite(1, protocol.Zxid{}, 2, 10), entryWrite(2, protocol.Zxid{Epoch: 1, Counter: 2}, 1, 10)})
	p.Add([]protocol.Write{
		{Seq: 3, Batch: protocol.Batch{HardState: &protocol.HardState{Replica: 1}}},
		entryWrite(4, protocol.Zxid{Epoch: 1, Counter: 3}, 1, 10),
	})
	batch, n := p.Next()
	require.Equal(t, 2, n)
	require.Len(t, batch.Entries, 3)
	es, err := protocol.DecodeEntries(nil, batch.Raw)
	require.NoError(t, err)
	require.Equal(t, batch.Entries, es)
	require.EqualValues(t, 2, p.Wrote(2))
	require.Equal(t, make([]protocol.Entry, 3), batch.Entries, "they were lent, and hold on to nothing")

	batch, n = p.Next()
	require.Equal(t, 1, n)
	require.NotNil(t, batch.HardState)
	require.EqualValues(t, 3, p.Wrote(1))
	batch, n = p.Next()
	require.Equal(t, 1, n)
	require.Len(t, batch.Entries, 1)
	require.EqualValues(t, 4, p.Wrote(1))
	_, n = p.Next()
	require.Zero(t, n)
}

func TestJoinedWritesAreBounded(t *testing.T) {
	var p WritePlan
	var after protocol.Zxid
	for i := range 5 {
		w := entryWrite(uint64(i+1), after, 1, 2<<20)
		after = w.Batch.Entries[0].Zxid
		p.Add([]protocol.Write{w})
	}
	for p.waiting != nil {
		batch, n := p.Next()
		require.LessOrEqual(t, len(batch.Raw), maxJoinBytes)
		require.LessOrEqual(t, n, 2)
		p.Wrote(n)
	}
	// One alone may be larger.
	p.Add([]protocol.Write{entryWrite(9, after, 1, maxJoinBytes+1)})
	_, n := p.Next()
	require.Equal(t, 1, n)
}

func TestOnlyWhatFreesSpacePasses(t *testing.T) {
	latest := &protocol.Base{}
	var p WritePlan
	p.Add([]protocol.Write{
		entryWrite(1, protocol.Zxid{}, 1, 10),
		entryWrite(2, protocol.Zxid{Epoch: 1, Counter: 1}, 1, 10),
		{Seq: 3, Batch: protocol.Batch{Latest: latest, Base: &protocol.Base{}}},
		{Seq: 4, Batch: protocol.Batch{HardState: &protocol.HardState{}}},
		{Seq: 5, Batch: protocol.Batch{Latest: latest}},
	})
	batch, at, ok := p.Pass()
	require.True(t, ok)
	require.Equal(t, 2, at)
	require.NotNil(t, batch.Base)
	p.DidPass(at)
	_, _, ok = p.Pass() // behind a hard state nothing passes
	require.False(t, ok)

	// What passed is reported in its turn, and not written again.
	batch, n := p.Next()
	require.Equal(t, 2, n)
	require.Len(t, batch.Entries, 2)
	require.EqualValues(t, 3, p.Wrote(2))
	batch, n = p.Next()
	require.Equal(t, 1, n)
	require.NotNil(t, batch.HardState)
	require.EqualValues(t, 4, p.Wrote(1))

	// At the head it is written as everything else; behind a truncation it waits.
	_, _, ok = p.Pass()
	require.False(t, ok)
	p = WritePlan{}
	p.Add([]protocol.Write{entryWrite(1, protocol.Zxid{}, 1, 10), {Seq: 2, Batch: protocol.Batch{Truncate: &protocol.Zxid{}}}, {Seq: 3, Batch: protocol.Batch{Latest: latest}}})
	_, _, ok = p.Pass()
	require.False(t, ok)
}

func TestReadBarrier(t *testing.T) {
	var b ReadBarrier
	w := entryWrite(1, protocol.Zxid{}, 1, 10)
	b.issued(&w)
	require.Equal(t, ReadBarrier{Cut: 0, All: 1}, b)
	b.issued(&protocol.Write{Seq: 2, Batch: protocol.Batch{Truncate: &protocol.Zxid{}}})
	b.issued(&protocol.Write{Seq: 3, Batch: protocol.Batch{HardState: &protocol.HardState{}}})
	require.Equal(t, ReadBarrier{Cut: 2, All: 3}, b)
	b.issued(&protocol.Write{Seq: 4, Batch: protocol.Batch{Base: &protocol.Base{}}})
	require.Equal(t, ReadBarrier{Cut: 4, All: 4}, b)
}
