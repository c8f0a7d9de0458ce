package disk

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// Mem is a file system in memory that can crash. Its zero value is not usable;
// NewMem makes one with nothing but the root directory. A handle that was opened
// in a Mem goes on working after Crash, on the old one: what it does is never
// seen in the new one.
type Mem struct {
	mu       sync.Mutex
	dirs     map[string]bool
	names    map[string]*inode // as a running process sees them
	safe     map[string]*inode // as they are on the disk
	pending  []entryChange     // what makes names of safe, in order
	locks    map[string]bool
	seq      uint64 // orders unsynced changes of all kinds
	ops      int
	capacity int64 // bytes; 0 is without limit
	hook     func(Op) Fault
}

var _ FS = (*Mem)(nil)

// entryChange is one unsynced change of a directory: of where name leads (nil is
// nowhere), and for a rename of the name that it had before.
type entryChange struct {
	seq  uint64
	name string
	node *inode
	from string
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{
		dirs:  map[string]bool{},
		names: map[string]*inode{},
		safe:  map[string]*inode{},
		locks: map[string]bool{},
	}
}

// Clone returns a copy that shares nothing that changes: files, unsynced state,
// capacity and the count of operations. Locks and the hook are not copied.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMem()
	c.dirs, c.seq, c.ops, c.capacity = maps.Clone(m.dirs), m.seq, m.ops, m.capacity
	copies := map[*inode]*inode{nil: nil}
	copyOf := func(n *inode) *inode {
		if _, ok := copies[n]; !ok {
			copies[n] = n.clone()
		}
		return copies[n]
	}
	for name, n := range m.names {
		c.names[name] = copyOf(n)
	}
	for name, n := range m.safe {
		c.safe[name] = copyOf(n)
	}
	for _, e := range m.pending {
		e.node = copyOf(e.node)
		c.pending = append(c.pending, e)
	}
	return c
}

// SetCapacity limits the sum of all file sizes, in bytes; 0 is without limit.
func (m *Mem) SetCapacity(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = n
}

// Used returns the sum of all file sizes in bytes.
func (m *Mem) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used()
}

func (m *Mem) used() int64 {
	var n int64
	for _, node := range m.names {
		n += node.size
	}
	return n
}

// grow checks that n more bytes fit. The caller has the mutex.
func (m *Mem) grow(n int64) error {
	if m.capacity > 0 && n > 0 && m.used()+n > m.capacity {
		return ErrNoSpace
	}
	return nil
}

func clean(name string) string { return filepath.Clean(name) }

func (m *Mem) changed(e entryChange) {
	m.seq++
	e.seq = m.seq
	m.pending = append(m.pending, e)
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	name = clean(name)
	if f := m.begin(OpOpen, name, 0, 0); f.Err != nil {
		return nil, f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{m: m, name: name, node: n}, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	name = clean(name)
	if f := m.begin(OpCreate, name, 0, 0); f.Err != nil {
		return nil, f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if dir := filepath.Dir(name); !m.isDir(dir) {
		return nil, &fs.PathError{Op: "create", Path: dir, Err: fs.ErrNotExist}
	}
	if m.names[name] != nil || m.dirs[name] {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	n := &inode{}
	m.names[name] = n
	m.changed(entryChange{name: name, node: n})
	return &memFile{m: m, name: name, node: n}, nil
}

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	if f := m.begin(OpRename, to, 0, 0); f.Err != nil {
		return f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[from]
	switch {
	case n == nil:
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	case filepath.Dir(from) != filepath.Dir(to):
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrInvalid}
	}
	delete(m.names, from)
	m.names[to] = n
	m.changed(entryChange{name: to, node: n, from: from})
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	name = clean(name)
	if f := m.begin(OpRemove, name, 0, 0); f.Err != nil {
		return f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.names, name)
	m.changed(entryChange{name: name})
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	dir = clean(dir)
	if f := m.begin(OpList, dir, 0, 0); f.Err != nil {
		return nil, f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isDir(dir) {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	names := []string{}
	for name := range m.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *Mem) isDir(dir string) bool {
	return m.dirs[dir] || dir == "." || dir == filepath.Dir(dir)
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	dir = clean(dir)
	if f := m.begin(OpMkdir, dir, 0, 0); f.Err != nil {
		return f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; !m.isDir(dir); dir = filepath.Dir(dir) {
		if m.names[dir] != nil {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrExist}
		}
		m.dirs[dir] = true
	}
	return nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	dir = clean(dir)
	fault := m.begin(OpSyncDir, dir, 0, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	if fault.Err != nil || fault.Lost {
		return fault.Err
	}
	if !m.isDir(dir) {
		return &fs.PathError{Op: "sync", Path: dir, Err: fs.ErrNotExist}
	}
	kept := m.pending[:0:0]
	for _, e := range m.pending {
		if filepath.Dir(e.name) != dir {
			kept = append(kept, e)
			continue
		}
		e.apply(m.safe)
	}
	m.pending = kept
	return nil
}

func (e *entryChange) apply(names map[string]*inode) {
	if e.from != "" && names[e.from] == e.node {
		delete(names, e.from)
	}
	if e.node == nil {
		delete(names, e.name)
		return
	}
	names[e.name] = e.node
}

// Lock implements FS.
func (m *Mem) Lock(dir string) (io.Closer, error) {
	dir = clean(dir)
	if f := m.begin(OpLock, dir, 0, 0); f.Err != nil {
		return nil, f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.isDir(dir):
		return nil, &fs.PathError{Op: "lock", Path: dir, Err: fs.ErrNotExist}
	case m.locks[dir]:
		return nil, fmt.Errorf("lock %s: %w", dir, ErrLocked)
	}
	m.locks[dir] = true
	return &memLock{m: m, dir: dir}, nil
}

type memLock struct {
	m    *Mem
	dir  string
	once bool
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.once {
		return fs.ErrClosed
	}
	l.once = true
	delete(l.m.locks, l.dir)
	return nil
}
