package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/zabtree/zabtree/zab"
)

func entriesOf(n, size int) []zab.Entry {
	var entries []zab.Entry
	for i := range n {
		cmd := make([]byte, size)
		binary.LittleEndian.PutUint64(cmd, uint64(i%100))
		entries = append(entries, zab.Entry{Zxid: zab.Zxid{Epoch: 1, Counter: uint64(i + 1)}, Kind: zab.KindCommand, Data: cmd})
	}
	return entries
}

// A machine restored from a snapshot is the one that was captured, whatever was
// applied while the snapshot was written; half a snapshot restores nothing.
func TestMachineSnapshot(t *testing.T) {
	m := newMapMachine()
	m.Apply(entriesOf(250, 40), make([]any, 250))
	want := m.Digest()
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	m.Apply(entriesOf(10, 60), make([]any, 10))
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || s.Digest() != want || m.Digest() == want {
		t.Fatalf("wrote %d bytes and said %d, %v; digest %x, not %x", b.Len(), n, err, s.Digest(), want)
	}
	restored := newMapMachine()
	if err := restored.Restore(zab.SnapshotMeta{}, bytes.NewReader(b.Bytes())); err != nil || restored.Digest() != want {
		t.Errorf("restored %x, not %x; %v", restored.Digest(), want, err)
	}
	if err := restored.Restore(zab.SnapshotMeta{}, bytes.NewReader(b.Bytes()[:b.Len()-1])); err == nil || restored.Digest() != want {
		t.Errorf("restored from half a snapshot: %v", err)
	}
}
