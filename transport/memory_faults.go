package transport

import (
	"slices"
	"time"
)

// AnyID stands for every replica, present and future, where a fault of a Memory
// names one.
const AnyID uint64 = 0

// memoryFaults are the faults in force; guarded by Memory.mu.
type memoryFaults struct {
	group    map[uint64]int // by Partition; nil if there is none
	isolated map[uint64]bool
	cut      map[memoryPath]bool

	delay memoryRules[memoryDelay]
	drop  memoryRules[float64]
	slow  memoryRules[int] // bytes per second, by receiver
}

// memoryDelay is what a frame's way takes: fixed, and up to jitter more.
type memoryDelay struct{ fixed, jitter time.Duration }

// silent reports whether what from sends does not reach to.
func (f *memoryFaults) silent(from, to uint64) bool {
	if from != to && (f.isolated[from] || f.isolated[to]) {
		return true
	}
	if f.group != nil && f.group[from] != f.group[to] {
		return true
	}
	return f.cut[memoryPath{from, to}] || f.cut[memoryPath{from, AnyID}] ||
		f.cut[memoryPath{AnyID, to}] || f.cut[memoryPath{}]
}

// of returns the faults of one direction.
func (f *memoryFaults) of(path memoryPath) memoryFault {
	return memoryFault{
		silent: f.silent(path.from, path.to),
		delay:  f.delay.get(path.from, path.to),
		drop:   f.drop.get(path.from, path.to),
		slow:   f.slow.get(path.from, path.to),
	}
}

// memoryRules are settings of paths. Of those that fit a path, the newest counts.
type memoryRules[T comparable] []memoryRule[T]

type memoryRule[T comparable] struct {
	path  memoryPath
	value T
}

// set makes value count for path, and drops the rules that it hides.
func (r *memoryRules[T]) set(from, to uint64, value T) {
	path := memoryPath{from, to}
	*r = slices.DeleteFunc(*r, func(old memoryRule[T]) bool { return path.covers(old.path) })
	*r = append(*r, memoryRule[T]{path, value})
}

func (r memoryRules[T]) get(from, to uint64) (value T) {
	for _, rule := range slices.Backward(r) {
		if rule.path.covers(memoryPath{from, to}) {
			return rule.value
		}
	}
	return value
}

func (p memoryPath) covers(q memoryPath) bool {
	return (p.from == AnyID || p.from == q.from) && (p.to == AnyID || p.to == q.to)
}

// set changes the faults and tells every open connection.
func (m *Memory) set(change func(f *memoryFaults)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.faults)
	for _, l := range m.links {
		l.setFaults(&m.faults)
	}
	m.notify()
}

// Partition lets only replicas of the same group reach each other; those that are
// named in no group form one together. It takes the place of the partition
// before; without groups it ends it. Frames between groups stall as by Cut.
func (m *Memory) Partition(groups ...[]uint64) {
	m.set(func(f *memoryFaults) {
		f.group = nil
		for i, ids := range groups {
			if f.group == nil {
				f.group = make(map[uint64]int)
			}
			for _, id := range ids {
				f.group[id] = i + 1
			}
		}
	})
}

// Cut silences one direction: what was sent and has not arrived, and what is
// sent from now on, stalls until Heal, as on a TCP connection whose route died.
// Neither side is told, not even of a Close by the other; a sender goes on until
// the buffer is full. Dial waits, as it needs both directions.
func (m *Memory) Cut(from, to uint64) {
	m.set(func(f *memoryFaults) {
		if f.cut == nil {
			f.cut = make(map[memoryPath]bool)
		}
		f.cut[memoryPath{from, to}] = true
	})
}

// Isolate silences everything between a replica and all others, both ways, as
// by Cut.
func (m *Memory) Isolate(id uint64) {
	m.set(func(f *memoryFaults) {
		if f.isolated == nil {
			f.isolated = make(map[uint64]bool)
		}
		f.isolated[id] = true
	})
}

// Heal ends every partition, cut and isolation; what stalled arrives now, in
// order, or when its delay is over if that is later. With ids it ends only
// the isolation of these and the cuts that name one of them.
func (m *Memory) Heal(ids ...uint64) {
	m.set(func(f *memoryFaults) {
		if len(ids) == 0 {
			f.group, f.isolated, f.cut = nil, nil, nil
			return
		}
		for _, id := range ids {
			delete(f.isolated, id)
			for path := range f.cut {
				if path.from == id || path.to == id {
					delete(f.cut, path)
				}
			}
		}
	})
}

// Delay makes frames take d, and a random time below jitter more, in one
// direction, without ever changing their order. It counts for what is sent from
// now on; zero ends it. Either end may be AnyID; of several settings that fit,
// the newest counts. Values below zero are zero.
func (m *Memory) Delay(from, to uint64, d, jitter time.Duration) {
	m.set(func(f *memoryFaults) { f.delay.set(from, to, memoryDelay{max(d, 0), max(jitter, 0)}) })
}

// Drop gives every frame that is sent in one direction the probability p (0 to
// 1) to be lost; with it goes everything that is sent later on its connection,
// in both directions, as a connection can lose nothing else than a suffix. The
// Send of that frame still succeeds; both sides learn that the connection broke
// after what was sent before. Zero ends it; otherwise as Delay.
func (m *Memory) Drop(from, to uint64, p float64) {
	m.set(func(f *memoryFaults) { f.drop.set(from, to, p) })
}

// SlowReader makes a replica take frames off each of its connections at no more
// than a rate in bytes per second, so that senders feel its back pressure. id may
// be AnyID; zero ends it, and what is below zero is zero.
func (m *Memory) SlowReader(id uint64, bytesPerSecond int) {
	m.set(func(f *memoryFaults) { f.slow.set(AnyID, id, max(bytesPerSecond, 0)) })
}

// Break resets every connection between two replicas: both sides are told at
// once, whatever else the network hides, and what was not received is lost.
// Either may be AnyID. New connections can be made right away.
func (m *Memory) Break(a, b uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there, back := memoryPath{a, b}, memoryPath{b, a}
	m.links = slices.DeleteFunc(m.links, func(l *memoryLink) bool {
		if !there.covers(l.path(0)) && !back.covers(l.path(0)) {
			return false
		}
		l.reset()
		return true
	})
}
