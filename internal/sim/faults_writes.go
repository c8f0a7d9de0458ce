package sim

import (
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/disk"
	"github.com/zabtree/zabtree/internal/sim/sched"
)

// A write that the disk says is durable, and that is nowhere or in another place, is
// seen by nobody before power is lost: until then reads come from memory. So which one
// it was is drawn only then, among those of the process's life.
//
// It is never the last write of the log: a batch of which a sector is as it was before,
// with nothing behind it, is what a crash in the middle of a write leaves as well. No
// replica can tell these apart alone, and so that is no damage that a voter survives.

// logWrite is a write to a segment of the log.
type logWrite struct {
	name string
	at   int64
	n    int
}

// maxLogWrites is how many of a life's writes to the log are remembered.
const maxLogWrites = 256

// wrote takes an operation of the disk that is about to happen.
func (m *member) wrote(op disk.Op) {
	if op.Kind != disk.OpWrite || !strings.HasPrefix(op.Name, dataDir+"/log/") {
		return
	}
	if len(m.writes) == maxLogWrites {
		m.writes = slices.Delete(m.writes, 0, 1)
	}
	m.writes = append(m.writes, logWrite{op.Name, op.Offset, op.Len})
}

func (f *faults) loseWrite() bool { return f.misplace(false) }

func (f *faults) misdirectWrite() bool { return f.misplace(true) }

// misplace has zeros where something was written, which may be elsewhere instead.
func (f *faults) misplace(elsewhere bool) bool {
	return f.damage(func(m *member) bool {
		m.goDown(disk.KeepAll) // what is seen behind a write is on the disk as well
		files := m.files()
		done := false
		for range min(len(files), 4) {
			name := sched.Pick(f.rnd, files)
			err := m.fs.Corrupt(name, func(b []byte) {
				from, to, ok := f.aWrite(m, name, b)
				if !ok {
					return
				}
				moved := slices.Clone(b[from:to])
				clear(b[from:to])
				if elsewhere {
					copy(b[f.rnd.IntN(len(b)/disk.SectorSize)*disk.SectorSize:], moved)
				}
				done = true
			})
			if err == nil && done {
				m.log("a write to %s is not where it should be", name)
				m.damaged = true
				return true
			}
		}
		return false
	})
}

// aWrite picks whole sectors of a file that were written once.
func (f *faults) aWrite(m *member, name string, b []byte) (from, to int, ok bool) {
	if len(b) < disk.SectorSize {
		return 0, 0, false
	}
	if !strings.HasPrefix(name, dataDir+"/log/") {
		from = f.rnd.IntN(len(b)/disk.SectorSize) * disk.SectorSize
		return from, from + disk.SectorSize, !zeros(b[from : from+disk.SectorSize])
	}
	for _, w := range sched.Shuffled(f.rnd, m.writes) {
		from, to = int(w.at), int(w.at)+w.n
		if w.name != name || w.n < disk.SectorSize || from%disk.SectorSize != 0 || to > len(b) || zeros(b[to:]) {
			continue
		}
		if sectors := w.n / disk.SectorSize; f.rnd.Chance(1, 2) {
			from += f.rnd.IntN(sectors) * disk.SectorSize
			to = from + disk.SectorSize
		}
		if !zeros(b[from:to]) {
			return from, to, true
		}
	}
	return 0, 0, false
}

// zeros says whether there is nothing but zeros.
func zeros(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }
