package disk

import (
	"cmp"
	"maps"
	"slices"
)

// ChangeKind is a kind of unsynced change.
type ChangeKind uint8

const (
	// Data is one sector of a file.
	Data ChangeKind = iota + 1
	// Size is the size of a file.
	Size
	// Entry is an entry of a directory: a file made, renamed or removed.
	Entry
)

// Change is an unsynced change at the moment of a crash. N is its number among
// Total, in the order in which the changes were made, from 0.
type Change struct {
	N, Total int
	Kind     ChangeKind
	Name     string // of the file
	LastData bool   // it is the last of all changes of data
}

// Fate is what becomes of an unsynced change.
type Fate uint8

const (
	// Lose: it never happened.
	Lose Fate = iota
	// Keep: it reached the disk.
	Keep
	// Garble: the sector was being written and holds neither what it held nor what
	// it was to hold. Size and Entry changes are kept.
	Garble
)

// Image decides the fate of unsynced changes. It is asked for each, in order.
type Image func(Change) Fate

// KeepNothing is the image in which nothing unsynced survived.
func KeepNothing(Change) Fate { return Lose }

// KeepAll is the image in which everything survived, as when only the process died.
func KeepAll(Change) Fate { return Keep }

// KeepMetadata is the image of a file system that writes metadata before data:
// sizes and names survived, and where data should be there are zeros.
func KeepMetadata(c Change) Fate {
	if c.Kind == Data {
		return Lose
	}
	return Keep
}

// KeepData is the opposite: what was written inside files survived, names did not.
func KeepData(c Change) Fate {
	if c.Kind == Entry {
		return Lose
	}
	return Keep
}

// GarbleLast is the image in which everything survived but the sector that was
// written last.
func GarbleLast(c Change) Fate {
	if c.LastData {
		return Garble
	}
	return Keep
}

// KeepFirst returns the image in which the first n changes survived, in the order
// in which they were made.
func KeepFirst(n int) Image {
	return func(c Change) Fate {
		if c.N < n {
			return Keep
		}
		return Lose
	}
}

// KeepSome returns the image in which each change survives on the toss of a coin
// that the seed fixes. Order between changes is not respected.
func KeepSome(seed uint64) Image {
	return func(c Change) Fate {
		x := (seed + uint64(c.N) + 1) * 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		if (x^x>>31)&1 == 0 {
			return Lose
		}
		return Keep
	}
}

// Pending returns how many changes are unsynced.
func (m *Mem) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.unsynced())
}

// loose is an unsynced change with what it belongs to.
type loose struct {
	Change
	seq   uint64
	node  *inode       // Data, Size
	write write        // Data, Size
	entry *entryChange // Entry
}

// unsynced returns all unsynced changes in the order in which they were made. The
// caller has the mutex.
func (m *Mem) unsynced() []loose {
	named := map[*inode]string{}
	for name, n := range m.safe {
		named[n] = name
	}
	for i := range m.pending {
		if e := &m.pending[i]; e.node != nil {
			named[e.node] = e.name
		}
	}
	var all []loose
	for n, name := range named {
		for _, w := range n.dirty {
			kind := Data
			if w.index < 0 {
				kind = Size
			}
			all = append(all, loose{Change{Kind: kind, Name: name}, w.seq, n, w, nil})
		}
	}
	for i := range m.pending {
		e := &m.pending[i]
		all = append(all, loose{Change{Kind: Entry, Name: e.name}, e.seq, nil, write{}, e})
	}
	slices.SortFunc(all, func(a, b loose) int { return cmp.Compare(a.seq, b.seq) })
	last := -1
	for i := range all {
		all[i].N, all[i].Total = i, len(all)
		if all[i].Kind == Data {
			last = i
		}
	}
	if last >= 0 {
		all[last].LastData = true
	}
	return all
}

// Crash returns the file system as it is found after a crash at this moment, with
// the fates that the image decides. Nothing in it is locked, and everything in it
// is durable. The receiver is not changed.
func (m *Mem) Crash(image Image) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.dirs, c.capacity = maps.Clone(m.dirs), m.capacity
	files := map[*inode]*inode{}
	fileOf := func(n *inode) *inode {
		if files[n] == nil {
			files[n] = &inode{safeSize: n.safeSize, safe: slices.Clone(n.safe)}
		}
		return files[n]
	}
	for name, n := range m.safe {
		c.names[name] = fileOf(n)
	}
	for _, l := range m.unsynced() {
		fate := image(l.Change)
		switch {
		case fate == Lose:
		case l.Kind == Entry:
			e := *l.entry
			if e.node != nil {
				e.node = fileOf(e.node)
			}
			e.apply(c.names)
		default:
			f := fileOf(l.node)
			if l.Kind == Data && fate == Garble {
				l.write.data = garbage(get(f.safe, l.write.index), l.write.data, l.seq)
			}
			f.safe, f.safeSize = l.write.apply(f.safe, f.safeSize)
		}
	}
	for _, n := range c.names {
		n.settle()
	}
	c.safe = maps.Clone(c.names)
	return c
}

// settle makes what is on the disk what a process sees.
func (n *inode) settle() {
	if keep := sectorsOf(n.safeSize); int64(len(n.safe)) > keep {
		n.safe = n.safe[:keep]
	}
	if cut := n.safeSize % SectorSize; cut > 0 {
		if s := get(n.safe, n.safeSize/SectorSize); s != nil {
			whole := *s
			clear(whole[cut:])
			n.safe[n.safeSize/SectorSize] = &whole
		}
	}
	n.size, n.now, n.dirty = n.safeSize, slices.Clone(n.safe), nil
}

// garbage returns a sector that is unlike both.
func garbage(before, after *sector, seq uint64) *sector {
	s := new(sector)
	for i := range s {
		switch {
		case i%3 == 0:
			s[i] = byte(seq*0x9d + uint64(i)*0x3b + 0x55)
		case before != nil && i%3 == 1:
			s[i] = before[i]
		case after != nil:
			s[i] = after[i]
		}
	}
	return s
}
