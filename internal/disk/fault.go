package disk

import "io/fs"

// OpKind is a kind of operation on a Mem.
type OpKind uint8

// Kinds of operations. Size and Close are not among them: they change nothing.
const (
	OpOpen OpKind = iota + 1
	OpCreate
	OpRename
	OpRemove
	OpList
	OpMkdir
	OpSyncDir
	OpLock
	OpRead
	OpWrite
	OpTruncate
	OpPreallocate
	OpSync
)

// Op is an operation on a Mem that is about to happen. N counts all of them,
// from 1.
type Op struct {
	N      int
	Kind   OpKind
	Name   string // of a rename: the new one
	Offset int64  // of a read or write; the size asked for by Truncate and Preallocate
	Len    int
}

// Fault is what befalls an operation. The zero Fault is none.
type Fault struct {
	// Err fails the operation.
	Err error
	// Short is how many bytes a write that fails has written all the same.
	Short int
	// Lost makes a write succeed, and be seen by reads, and never reach the disk.
	// Of a Sync it means that what was unsynced never gets there although reads show
	// it, whether the call reports Err or lies; of a SyncDir, that it did nothing.
	Lost bool
}

// SetHook sets a function that is called before each operation and decides what
// befalls it, or removes it. It may call Clone, Crash, Pending, Used and Corrupt,
// and is called from whichever goroutine uses the file system.
func (m *Mem) SetHook(hook func(Op) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = hook
}

// Ops returns how many operations there were.
func (m *Mem) Ops() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ops
}

func (m *Mem) begin(kind OpKind, name string, off int64, n int) Fault {
	m.mu.Lock()
	m.ops++
	op, hook := Op{N: m.ops, Kind: kind, Name: name, Offset: off, Len: n}, m.hook
	m.mu.Unlock()
	if hook == nil {
		return Fault{}
	}
	return hook(op)
}

// Corrupt changes the bytes of a file behind the back of whoever uses it, as rot
// does: durably, without a trace, and without changing its size.
func (m *Mem) Corrupt(name string, change func(b []byte)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.names[clean(name)]
	if n == nil {
		return &fs.PathError{Op: "corrupt", Path: name, Err: fs.ErrNotExist}
	}
	b := make([]byte, n.size)
	n.readAt(b, 0)
	change(b)
	for i := int64(0); i < sectorsOf(n.size); i++ {
		s := new(sector)
		copy(s[:], b[i*SectorSize:])
		if old := get(n.now, i); (old == nil && *s != sector{}) || (old != nil && *old != *s) {
			n.now = put(n.now, i, s)
			n.safe = put(n.safe, i, s)
		}
	}
	return nil
}
