package wal

import (
	"bytes"
	"errors"
	"slices"

	"github.com/zabtree/zabtree/internal/disk"
)

// Recovered is what Open found.
type Recovered struct {
	// Empty says that no batch was ever durable here, or nothing is left to show it.
	Empty bool
	// Head is the newest head, nil if there was none. It is the caller's.
	Head []byte
	// The log holds the records after Start up to Last.
	Start, Last uint64
	// Sealed says that the log was closed, not left by a crash.
	Sealed bool
	// Torn is how many bytes were cut of a batch that was never durable.
	Torn int64
	// Damage is not nil if something that was durable is lost or wrong. The other
	// fields describe the log before it, every record of which can be read. Nothing
	// was written, and nothing will be until a batch with Repair.
	Damage *Damage
}

// Open opens the log in an existing directory that nobody else uses, or makes a new
// one there. An error, unlike Recovered.Damage, says nothing about the log: Open
// may be called again.
func Open(fsys disk.FS, dir string, opts Options) (*Log, Recovered, error) {
	if err := opts.Validate(); err != nil {
		return nil, Recovered{}, err
	}
	segs, parts, err := list(fsys, dir)
	if err != nil {
		return nil, Recovered{}, err
	}
	l, rec, err := open(fsys, dir, opts, segs, parts)
	if err != nil {
		for _, s := range segs {
			if s.file != nil {
				err = errors.Join(err, s.file.Close())
			}
		}
		return nil, Recovered{}, err
	}
	return l, rec, nil
}

func open(fsys disk.FS, dir string, opts Options, segs, parts []*segment) (*Log, Recovered, error) {
	r := recovery{fsys: fsys, logID: opts.ID, live: true, present: map[uint64]bool{}}
	l := &Log{fsys: fsys, dir: dir, opts: opts, preparing: make(chan struct{}, 1), next: 1}
	for _, seg := range segs {
		r.present[seg.number] = true
		l.next = seg.number + 1
		if err := r.segment(seg); err != nil {
			return nil, Recovered{}, err
		}
	}
	for _, part := range parts {
		if !part.ours { // it stays, and so nothing is made under its name
			l.next = max(l.next, part.number+1)
		}
	}
	l.damage = r.finish()
	c := &r.cur
	l.pos, l.segs, l.head, l.sealed = c.position, c.segs, bytes.Clone(c.head), c.sealed
	rec := Recovered{
		Empty: c.segment == 0 && l.damage == nil, Head: c.head,
		Start: c.start, Last: c.last, Sealed: c.sealed, Damage: l.damage,
	}
	if l.damage != nil {
		rec.Sealed = false
		l.repair, l.ends = r.seen+1<<32, c.batch
		l.doomed = others(segs, l.segs, nil)
		return l, rec, nil
	}
	rec.Torn = int64(r.torn) * sectorSize
	if err := l.settle(&r, segs); err != nil {
		return nil, Recovered{}, err
	}
	for _, part := range parts {
		if !part.ours {
			continue
		}
		if err := disk.RemoveIfExists(fsys, part.path); err != nil {
			return nil, Recovered{}, err
		}
	}
	return l, rec, nil
}

// others returns the segments that are in neither of two lists.
func others(all, a, b []*segment) []*segment {
	var out []*segment
	for _, s := range all {
		if !slices.Contains(a, s) && !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// settle makes the disk hold what was read: the last batch, and behind it zeros.
func (l *Log) settle(r *recovery, segs []*segment) error {
	clean := r.cur.sealed && r.torn == 0
	if n := len(l.segs); n > 0 {
		seg := l.segs[n-1]
		if err := seg.rewrite(r.cur.batch, r.cur.end); err != nil {
			return err
		}
		if !clean {
			if err := seg.zeroFrom(r.cur.end); err != nil {
				return err
			}
		}
		if err := seg.file.Sync(); err != nil {
			return err
		}
	}
	var ahead []*segment // not begun, behind the log
	for _, s := range r.empty {
		if s.number > l.pos.segment {
			ahead = append(ahead, s)
		}
	}
	if clean && len(r.useless) == 0 {
		l.spares = ahead
	} else {
		// A process that died may have removed some, and not for good: after another
		// crash they would be back, and name others that are gone.
		if err := l.fsys.SyncDir(l.dir); err != nil {
			return err
		}
		// The newest first: one names the one before it.
		slices.Reverse(ahead)
		if err := l.removeAll(ahead); err != nil {
			return err
		}
		for _, s := range ahead {
			s.file = nil
		}
	}
	l.doomed = others(segs, l.segs, ahead)
	return nil
}
