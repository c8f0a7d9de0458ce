package zab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"hash/fnv"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/zabtree/zabtree/zab/protocol"
)

// disk is a storage whose content outlives the replica that uses it, and that
// can be told to fail.
type disk struct {
	mu      sync.Mutex
	hard    *HardState
	base    Base
	latest  Base
	log     []Entry // after base
	files   map[SnapshotMeta][]byte
	partial SnapshotMeta
	part    []byte
	damage  error

	appends   int   // how many there were
	appendErr error // of the next ones
	low       bool
	hook      func(Batch) // before each append
	open      bool
}

func newDisk() *disk { return &disk{files: make(map[SnapshotMeta][]byte)} }

// use opens the disk for one life of a replica.
func (d *disk) use() Storage {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open {
		panic("disk in use")
	}
	d.open = true
	return &diskLife{disk: d}
}

type diskLife struct {
	*disk
	closed bool
}

func (d *diskLife) Load() (Recovered, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for m := range d.files {
		if m != d.base.Snapshot && m != d.latest.Snapshot {
			delete(d.files, m)
		}
	}
	rec := Recovered{Base: d.base, Latest: d.latest, Last: d.base.Zxid().Counter, Partial: d.partial,
		PartialSize: int64(len(d.part)), Damage: d.damage}
	if d.hard != nil {
		h := *d.hard
		rec.HardState = &h
	}
	if n := len(d.log); n > 0 {
		rec.Last = d.log[n-1].Zxid.Counter
	}
	d.damage = nil
	return rec, nil
}

func (d *diskLife) Append(b Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hook != nil {
		d.hook(b)
	}
	if d.closed {
		return errors.New("closed")
	}
	if d.appendErr != nil {
		return d.appendErr
	}
	d.appends++
	if b.HardState != nil {
		h := *b.HardState
		d.hard = &h
	}
	if b.Base != nil {
		z := b.Base.Zxid()
		i := slices.IndexFunc(d.log, func(e Entry) bool { return e.Zxid == z })
		switch {
		case z == d.base.Zxid():
		case i >= 0:
			d.log = slices.Clone(d.log[i+1:])
		default:
			d.log = nil
		}
		d.base = *b.Base
		if d.latest.Zxid().Counter < z.Counter || z.IsZero() {
			d.latest = d.base
		}
	}
	if b.Latest != nil {
		d.latest = *b.Latest
	}
	if b.Truncate != nil {
		i := slices.IndexFunc(d.log, func(e Entry) bool { return e.Zxid.Counter > b.Truncate.Counter })
		if i >= 0 {
			d.log = d.log[:i]
		}
	}
	for _, e := range b.Entries {
		last := d.base.Zxid()
		if n := len(d.log); n > 0 {
			last = d.log[n-1].Zxid
		}
		if e.Prev() != last {
			panic(fmt.Sprintf("append of %v after %v", e.Zxid, last))
		}
		d.log = append(d.log, e)
	}
	if es, err := protocol.DecodeEntries(nil, b.Raw); err != nil || len(es) != len(b.Entries) {
		panic(fmt.Sprintf("raw of %d entries: %d, %v", len(b.Entries), len(es), err))
	}
	if b.Base != nil || b.Latest != nil {
		for m := range d.files {
			if m != d.base.Snapshot && m != d.latest.Snapshot {
				delete(d.files, m)
			}
		}
	}
	return nil
}

func (d *diskLife) Read(after uint64, maxBytes int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var raw []byte
	for i := range d.log {
		if e := &d.log[i]; e.Zxid.Counter > after {
			if e.Zxid.Counter != after+1 && raw == nil {
				break
			}
			next := protocol.AppendEntry(raw, e)
			if len(raw) > 0 && len(next) > maxBytes {
				break
			}
			raw = next
		}
	}
	if raw == nil {
		return nil, fmt.Errorf("%w after %d", ErrNoEntries, after)
	}
	return raw, nil
}

func (d *diskLife) LowSpace() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.low
}

type diskWriter struct {
	d       *disk
	buf     bytes.Buffer
	receipt bool
}

func (d *diskLife) CreateSnapshot() (SnapshotWriter, error) { return &diskWriter{d: d.disk}, nil }

func (d *diskLife) ReceiveSnapshot(m SnapshotMeta) (SnapshotWriter, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.partial != m {
		d.partial, d.part = m, nil
	}
	w := &diskWriter{d: d.disk, receipt: true}
	w.buf.Write(d.part)
	return w, nil
}

func (w *diskWriter) Write(b []byte) (int, error) { return w.buf.Write(b) }
func (w *diskWriter) Offset() int64               { return int64(w.buf.Len()) }
func (w *diskWriter) Abort() error                { return nil }
func (w *diskWriter) Sync() error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if w.receipt {
		w.d.part = bytes.Clone(w.buf.Bytes())
	}
	return nil
}
func (w *diskWriter) Commit(m SnapshotMeta) error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.d.files[m] = w.buf.Bytes()
	if w.receipt {
		w.d.partial, w.d.part = SnapshotMeta{}, nil
	}
	return nil
}

type diskReader struct{ *bytes.Reader }

func (diskReader) Close() error { return nil }

func (d *diskLife) OpenSnapshot(m SnapshotMeta) (SnapshotReader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.files[m]
	if !ok {
		return nil, fmt.Errorf("snapshot %v: %w", m.Zxid, fs.ErrNotExist)
	}
	return diskReader{bytes.NewReader(b)}, nil
}

func (d *diskLife) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.closed, d.open = true, false
	}
	return nil
}

// machine is a state machine that remembers every command that it was given, in
// order. The result of a command is its place.
type machine struct {
	mu      sync.Mutex
	cmds    []string
	opens   []uint32
	last    Zxid
	halt    string // a command that stops
	panics  string // a command that panics
	blocked chan struct{}
	pad     int // bytes that a snapshot has more
}

func (m *machine) Apply(entries []Entry, results []any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range entries {
		e := &entries[i]
		if m.last.Counter+1 != e.Zxid.Counter || e.Prev() != m.last {
			panic(fmt.Sprintf("entry %v after %v", e.Zxid, m.last))
		}
		m.last = e.Zxid
		switch e.Kind {
		case KindOpen:
			m.opens = append(m.opens, e.Zxid.Epoch)
		case KindCommand:
			cmd := string(e.Data)
			if cmd == m.panics && cmd != "" {
				panic("told to")
			}
			if cmd == m.halt && cmd != "" {
				results[i] = Halt{errors.New("told to")}
				return
			}
			results[i] = len(m.cmds)
			m.cmds = append(m.cmds, cmd)
		}
	}
}

func (m *machine) list() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.cmds)
}

type machineSnapshot struct {
	cmds []string
	last Zxid
	pad  int
}

func (m *machine) Snapshot() (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &machineSnapshot{m.cmds[:len(m.cmds):len(m.cmds)], m.last, m.pad}, nil
}

func (s *machineSnapshot) Release() {}

func (s *machineSnapshot) Digest() uint64 {
	h := fnv.New64a()
	for _, c := range s.cmds {
		fmt.Fprintf(h, "%q", c)
	}
	return h.Sum64()
}

func (s *machineSnapshot) WriteTo(w io.Writer) (int64, error) {
	var b []byte
	b = binary.BigEndian.AppendUint64(b, uint64(s.last.Epoch))
	b = binary.BigEndian.AppendUint64(b, s.last.Counter)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.cmds)))
	for _, c := range s.cmds {
		b = binary.BigEndian.AppendUint64(b, uint64(len(c)))
		b = append(b, c...)
	}
	n, err := w.Write(append(b, make([]byte, s.pad)...))
	return int64(n), err
}

func (m *machine) Digest() uint64 {
	s, _ := m.Snapshot()
	return s.Digest()
}

func (m *machine) Restore(meta SnapshotMeta, r io.Reader) error {
	if m.blocked != nil {
		<-m.blocked
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	next := func() uint64 {
		if len(b) < 8 {
			err = io.ErrUnexpectedEOF
			return 0
		}
		v := binary.BigEndian.Uint64(b)
		b = b[8:]
		return v
	}
	var s machine
	s.last = Zxid{Epoch: uint32(next()), Counter: next()}
	for n := next(); n > 0 && err == nil; n-- {
		k := next()
		if k > uint64(len(b)) {
			return io.ErrUnexpectedEOF
		}
		s.cmds = append(s.cmds, string(b[:k]))
		b = b[k:]
	}
	if err != nil {
		return err
	}
	if s.last != meta.Zxid {
		return fmt.Errorf("snapshot is of %v, not %v", s.last, meta.Zxid)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cmds, m.last = s.cmds, s.last
	return nil
}

func zx(epoch uint32, counter uint64) Zxid { return Zxid{Epoch: epoch, Counter: counter} }

func crcOf(b []byte) uint64 { return crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)) }
