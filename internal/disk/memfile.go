package disk

import (
	"io"
	"io/fs"
	"slices"
)

// sector is never changed once it is in place, so that copies share it.
type sector [SectorSize]byte

// inode is a file's content: as a running process sees it, as it is on the disk,
// and the unsynced writes between the two. A nil sector is all zeros.
type inode struct {
	size, safeSize int64
	now, safe      []*sector
	dirty          []write
}

// write is one unsynced change of a file: of a sector, or, with index < 0, of its
// size.
type write struct {
	seq   uint64
	index int64
	data  *sector
	size  int64
}

func (n *inode) clone() *inode {
	c := *n
	c.now, c.safe, c.dirty = slices.Clone(n.now), slices.Clone(n.safe), slices.Clone(n.dirty)
	return &c
}

func (w *write) apply(sectors []*sector, size int64) ([]*sector, int64) {
	if w.index >= 0 {
		return put(sectors, w.index, w.data), size
	}
	if keep := sectorsOf(w.size); int64(len(sectors)) > keep {
		sectors = slices.Clone(sectors[:keep])
	}
	return sectors, w.size
}

func put(sectors []*sector, i int64, s *sector) []*sector {
	for int64(len(sectors)) <= i {
		sectors = append(sectors, nil)
	}
	sectors[i] = s
	return sectors
}

func sectorsOf(size int64) int64 { return (size + SectorSize - 1) / SectorSize }

func get(sectors []*sector, i int64) *sector {
	if i < int64(len(sectors)) {
		return sectors[i]
	}
	return nil
}

func (n *inode) readAt(b []byte, off int64) int {
	if off >= n.size {
		return 0
	}
	b = b[:min(int64(len(b)), n.size-off)]
	for done := 0; done < len(b); {
		at := off + int64(done)
		part := b[done:min(len(b), done+int(SectorSize-at%SectorSize))]
		if s := get(n.now, at/SectorSize); s != nil {
			copy(part, s[at%SectorSize:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(b)
}

// memFile is an open file of a Mem.
type memFile struct {
	m      *Mem
	name   string
	node   *inode
	closed bool
}

func (f *memFile) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// record applies a change to what the process sees and remembers it as unsynced,
// unless the disk is to lose it although it says that it did not.
func (f *memFile) record(w write, lost bool) {
	n := f.node
	n.now, n.size = w.apply(n.now, n.size)
	if lost {
		return
	}
	f.m.seq++
	w.seq = f.m.seq
	n.dirty = append(n.dirty, w)
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	fault := f.m.begin(OpRead, f.name, off, len(b))
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.closed:
		return 0, f.fail("read", fs.ErrClosed)
	case off < 0:
		return 0, f.fail("read", fs.ErrInvalid)
	case fault.Err != nil:
		return 0, f.fail("read", fault.Err)
	}
	n := f.node.readAt(b, off)
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	fault := f.m.begin(OpWrite, f.name, off, len(b))
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	err := fault.Err
	switch {
	case f.closed:
		return 0, f.fail("write", fs.ErrClosed)
	case off < 0:
		return 0, f.fail("write", fs.ErrInvalid)
	case err != nil:
		b = b[:min(max(fault.Short, 0), len(b))]
	}
	if gerr := f.m.grow(off + int64(len(b)) - f.node.size); gerr != nil {
		return 0, f.fail("write", gerr)
	}
	f.write(b, off, fault.Lost)
	return len(b), f.fail("write", err)
}

func (f *memFile) write(b []byte, off int64, lost bool) {
	if end := off + int64(len(b)); end > f.node.size && len(b) > 0 {
		f.record(write{index: -1, size: end}, lost)
	}
	for len(b) > 0 {
		s := new(sector)
		if old := get(f.node.now, off/SectorSize); old != nil {
			*s = *old
		}
		n := copy(s[off%SectorSize:], b)
		f.record(write{index: off / SectorSize, data: s}, lost)
		b, off = b[n:], off+int64(n)
	}
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, f.fail("stat", fs.ErrClosed)
	}
	return f.node.size, nil
}

func (f *memFile) Truncate(size int64) error { return f.resize(OpTruncate, "truncate", size, true) }

func (f *memFile) Preallocate(size int64) error {
	return f.resize(OpPreallocate, "preallocate", size, false)
}

func (f *memFile) resize(op OpKind, name string, size int64, shrink bool) error {
	fault := f.m.begin(op, f.name, size, 0)
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	switch {
	case f.closed:
		return f.fail(name, fs.ErrClosed)
	case size < 0:
		return f.fail(name, fs.ErrInvalid)
	case fault.Err != nil:
		return f.fail(name, fault.Err)
	case size < f.node.size && !shrink:
		return nil
	}
	if err := f.m.grow(size - f.node.size); err != nil {
		return f.fail(name, err)
	}
	if cut := size % SectorSize; size < f.node.size && cut > 0 {
		if old := get(f.node.now, size/SectorSize); old != nil {
			s := *old
			clear(s[cut:])
			f.record(write{index: size / SectorSize, data: &s}, fault.Lost)
		}
	}
	f.record(write{index: -1, size: size}, fault.Lost)
	return nil
}

func (f *memFile) Sync() error {
	fault := f.m.begin(OpSync, f.name, 0, 0)
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := f.node
	switch {
	case f.closed:
		return f.fail("sync", fs.ErrClosed)
	case fault.Lost:
		// What a kernel does on a write error: the pages count as clean, reads
		// still show them, and the disk never gets them.
		n.dirty = nil
		return f.fail("sync", fault.Err)
	case fault.Err != nil:
		return f.fail("sync", fault.Err)
	}
	for _, w := range n.dirty {
		n.safe, n.safeSize = w.apply(n.safe, n.safeSize)
	}
	n.dirty = nil
	return nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return f.fail("close", fs.ErrClosed)
	}
	f.closed = true
	return nil
}
