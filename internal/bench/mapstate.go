package main

import (
	"encoding/binary"
	"hash/crc32"
)

const shards = 64

// mapState is the least state machine that deserves the name: a map from a
// command's key to its value. It is sharded so that a snapshot can share the
// shards and a later write copies only the one it touches.
type mapState struct {
	shard  [shards]map[uint64][]byte
	shared [shards]bool // a snapshot reads this shard
	count  uint64       // commands applied
	fold   uint64       // of all commands, in order
}

func newMapState() *mapState {
	m := &mapState{}
	for i := range m.shard {
		m.shard[i] = make(map[uint64][]byte)
	}
	return m
}

// apply sets the command's key to its value. A write to a key that was there
// allocates nothing.
func (m *mapState) apply(cmd []byte) {
	key, value := binary.LittleEndian.Uint64(cmd), cmd[keyBytes:]
	i := key % shards
	if m.shared[i] {
		m.unshare(i)
	}
	old, ok := m.shard[i][key]
	if ok && len(old) == len(value) {
		copy(old, value)
	} else {
		m.shard[i][key] = append(make([]byte, 0, len(value)), value...)
	}
	m.count++
	m.fold = m.fold*0x9e3779b97f4a7c15 + key + 1
}

func (m *mapState) unshare(i uint64) {
	next := make(map[uint64][]byte, len(m.shard[i]))
	for k, v := range m.shard[i] {
		next[k] = append(make([]byte, 0, len(v)), v...)
	}
	m.shard[i], m.shared[i] = next, false
}

// share returns the shards as they are now, never to change.
func (m *mapState) share() *mapState {
	c := *m
	for i := range m.shared {
		m.shared[i], c.shared[i] = true, true
	}
	return &c
}

// digest covers the content and the order of all commands. It walks the map: it
// is for the end of a round, not for its middle.
func (m *mapState) digest() uint64 {
	sum := m.fold + m.count
	for i := range m.shard {
		for k, v := range m.shard[i] {
			sum ^= uint64(crc32.Update(uint32(k), castagnoli, v)) * (2*k + 1)
		}
	}
	return sum
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
