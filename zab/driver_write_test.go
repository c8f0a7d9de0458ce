package zab

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zabtree/zabtree/zab/protocol"
)

// entriesFrom makes n commands that follow a zxid, and their encoding.
func entriesFrom(after Zxid, n, size int) ([]Entry, []byte) {
	var es []Entry
	var raw []byte
	for i := range n {
		e := Entry{Zxid: Zxid{Epoch: max(after.Epoch, 1), Counter: after.Counter + 1}, PrevEpoch: after.Epoch,
			Kind: KindCommand, Data: bytes.Repeat([]byte{byte(i)}, size)}
		raw = protocol.AppendEntry(raw, &e)
		es = append(es, e)
		after = e.Zxid
	}
	return es, raw
}

func entryWrite(seq uint64, after Zxid, n, size int) protocol.Write {
	es, raw := entriesFrom(after, n, size)
	return protocol.Write{Seq: seq, Batch: Batch{Entries: es, Raw: raw}}
}

func TestWritesOfEntriesAreJoined(t *testing.T) {
	var p writePlan
	_, n := p.next()
	require.Zero(t, n)
	p.add([]protocol.Write{entryWrite(1, Zxid{}, 2, 10), entryWrite(2, Zxid{Epoch: 1, Counter: 2}, 1, 10)})
	p.add([]protocol.Write{
		{Seq: 3, Batch: Batch{HardState: &HardState{Replica: 1}}},
		entryWrite(4, Zxid{Epoch: 1, Counter: 3}, 1, 10),
	})
	batch, n := p.next()
	require.Equal(t, 2, n)
	require.Len(t, batch.Entries, 3)
	es, err := protocol.DecodeEntries(nil, batch.Raw)
	require.NoError(t, err)
	require.Equal(t, batch.Entries, es)
	require.EqualValues(t, 2, p.wrote(2))

	batch, n = p.next()
	require.Equal(t, 1, n)
	require.NotNil(t, batch.HardState)
	require.EqualValues(t, 3, p.wrote(1))
	batch, n = p.next()
	require.Equal(t, 1, n)
	require.Len(t, batch.Entries, 1)
	require.EqualValues(t, 4, p.wrote(1))
	_, n = p.next()
	require.Zero(t, n)
}

func TestJoinedWritesAreBounded(t *testing.T) {
	var p writePlan
	var after Zxid
	for i := range 5 {
		w := entryWrite(uint64(i+1), after, 1, 2<<20)
		after = w.Batch.Entries[0].Zxid
		p.add([]protocol.Write{w})
	}
	for p.waiting != nil {
		batch, n := p.next()
		require.LessOrEqual(t, len(batch.Raw), maxJoinBytes)
		require.LessOrEqual(t, n, 2)
		p.wrote(n)
	}
	// One alone may be larger.
	p.add([]protocol.Write{entryWrite(9, after, 1, maxJoinBytes+1)})
	_, n := p.next()
	require.Equal(t, 1, n)
}

func TestOnlyWhatFreesSpacePasses(t *testing.T) {
	latest := &Base{}
	var p writePlan
	p.add([]protocol.Write{
		entryWrite(1, Zxid{}, 1, 10),
		entryWrite(2, Zxid{Epoch: 1, Counter: 1}, 1, 10),
		{Seq: 3, Batch: Batch{Latest: latest, Base: &Base{}}},
		{Seq: 4, Batch: Batch{HardState: &HardState{}}},
		{Seq: 5, Batch: Batch{Latest: latest}},
	})
	batch, at, ok := p.pass()
	require.True(t, ok)
	require.Equal(t, 2, at)
	require.NotNil(t, batch.Base)
	p.didPass(at)
	_, _, ok = p.pass() // behind a hard state nothing passes
	require.False(t, ok)

	// What passed is reported in its turn, and not written again.
	batch, n := p.next()
	require.Equal(t, 2, n)
	require.Len(t, batch.Entries, 2)
	require.EqualValues(t, 3, p.wrote(2))
	batch, n = p.next()
	require.Equal(t, 1, n)
	require.NotNil(t, batch.HardState)
	require.EqualValues(t, 4, p.wrote(1))

	// At the head it is written as everything else; behind a truncation it waits.
	_, _, ok = p.pass()
	require.False(t, ok)
	p = writePlan{}
	p.add([]protocol.Write{entryWrite(1, Zxid{}, 1, 10), {Seq: 2, Batch: Batch{Truncate: &Zxid{}}}, {Seq: 3, Batch: Batch{Latest: latest}}})
	_, _, ok = p.pass()
	require.False(t, ok)
}

func TestReadBarrier(t *testing.T) {
	var b readBarrier
	w := entryWrite(1, Zxid{}, 1, 10)
	b.issued(&w)
	require.Equal(t, readBarrier{cut: 0, all: 1}, b)
	b.issued(&protocol.Write{Seq: 2, Batch: Batch{Truncate: &Zxid{}}})
	b.issued(&protocol.Write{Seq: 3, Batch: Batch{HardState: &HardState{}}})
	require.Equal(t, readBarrier{cut: 2, all: 3}, b)
	b.issued(&protocol.Write{Seq: 4, Batch: Batch{Base: &Base{}}})
	require.Equal(t, readBarrier{cut: 4, all: 4}, b)
}
