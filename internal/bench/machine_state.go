package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/zabtree/zabtree/zab"
)

// mapMachine is mapState as a state machine of zab.
type mapMachine struct {
	mu    sync.Mutex // between the replica and those who compare replicas
	state *mapState
}

func newMapMachine() *mapMachine { return &mapMachine{state: newMapState()} }

func (m *mapMachine) Apply(entries []zab.Entry, _ []any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range entries {
		if e := &entries[i]; e.Kind == zab.KindCommand && len(e.Data) >= keyBytes {
			m.state.apply(e.Data)
		}
	}
}

func (m *mapMachine) Digest() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.digest()
}

func (m *mapMachine) Snapshot() (zab.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return mapSnapshot{m.state.share()}, nil
}

// mapSnapshot is written as the number of commands, their fold and the number of
// keys, and then each key in order with the length of its value and the value.
type mapSnapshot struct{ state *mapState }

func (s mapSnapshot) Digest() uint64 { return s.state.digest() }
func (s mapSnapshot) Release()       {}

func (s mapSnapshot) WriteTo(w io.Writer) (int64, error) {
	all := map[uint64][]byte{}
	for _, shard := range s.state.shard {
		maps.Copy(all, shard)
	}
	b := bufio.NewWriterSize(w, 64<<10)
	n := int64(0)
	put := func(p []byte) {
		b.Write(p) // an error stays until Flush
		n += int64(len(p))
	}
	word := func(v uint64) { put(binary.LittleEndian.AppendUint64(nil, v)) }
	word(s.state.count)
	word(s.state.fold)
	word(uint64(len(all)))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		word(key)
		word(uint64(len(all[key])))
		put(all[key])
	}
	return n, b.Flush()
}

func (m *mapMachine) Restore(_ zab.SnapshotMeta, r io.Reader) error {
	b := bufio.NewReaderSize(r, 64<<10)
	var failed error
	word := func() uint64 {
		var p [8]byte
		if failed == nil {
			_, failed = io.ReadFull(b, p[:])
		}
		return binary.LittleEndian.Uint64(p[:])
	}
	s := newMapState()
	s.count, s.fold = word(), word()
	for n := word(); n > 0 && failed == nil; n-- {
		key, size := word(), word()
		if size > 1<<20 {
			return errors.New("bench: value in a snapshot is too long")
		}
		value := make([]byte, size)
		if failed == nil {
			_, failed = io.ReadFull(b, value)
		}
		s.shard[key%shards][key] = value
	}
	if failed != nil {
		return failed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
	return nil
}
