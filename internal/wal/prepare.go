package wal

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/disk"
)

// NeedsPrepare says that Prepare would do something.
func (l *Log) NeedsPrepare() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.err != nil || l.damage != nil {
		return false
	}
	return len(l.spares) < l.wanted() || len(l.doomed) > 0 || l.obsolete() > 0
}

// wanted is how many prepared segments there should be: the reserve, and from the
// middle of a segment on the one that comes next. The caller has the mutex.
func (l *Log) wanted() int {
	if len(l.segs) == 0 || l.pos.end > l.segs[len(l.segs)-1].sectors/2 {
		return 2
	}
	return 1
}

// obsolete is how many segments, from the oldest, hold no record of the log. The
// last never counts: it has the head. The caller has the mutex.
func (l *Log) obsolete() int {
	n := 0
	for n < len(l.segs)-1 && len(l.segs[n].refs) == 0 {
		n++
	}
	return n
}

// Prepare removes segments that are no longer needed and prepares those that
// will be. It may be called from any goroutine, beside everything. If there is no
// space it returns ErrLowSpace and may be called again; other errors are
// final for the log.
func (l *Log) Prepare() error {
	for {
		more, err := l.prepareOne()
		if err != nil || !more {
			return err
		}
	}
}

// prepareOne removes what is to be removed and prepares at most one segment, so that
// an Append that waits for one need not wait for the next.
func (l *Log) prepareOne() (bool, error) {
	l.preparing <- struct{}{}
	defer func() { <-l.preparing }()
	if err := l.usable(); err != nil {
		return false, err
	}
	if err := l.clean(); err != nil {
		return false, err
	}
	l.mu.Lock()
	enough := l.damage != nil || len(l.spares) >= l.wanted()
	l.mu.Unlock()
	if enough {
		return false, nil
	}
	_, err := l.create(0)
	return true, err
}

// ensure returns a prepared segment of at least so many sectors, and leaves
// another in reserve unless the batch is essential.
func (l *Log) ensure(sectors uint64, essential bool) (*segment, error) {
	l.preparing <- struct{}{}
	defer func() { <-l.preparing }()
	if sectors > MaxSegmentBytes/sectorSize {
		return nil, fmt.Errorf("%w: %d sectors do not fit in a segment", ErrInvalid, sectors)
	}
	l.mu.Lock()
	var seg *segment
	behind := 0
	for i, s := range l.spares {
		if uint64(s.sectors) >= sectors {
			seg, behind = s, len(l.spares)-1-i
			break
		}
	}
	l.mu.Unlock()
	if seg == nil {
		s, err := l.create(uint32(sectors))
		if err != nil {
			return nil, err
		}
		seg = s
	}
	if behind == 0 && !essential {
		if _, err := l.create(0); err != nil {
			return nil, err
		}
	}
	return seg, nil
}

// reserve makes sure that there is a segment in reserve.
func (l *Log) reserve() error {
	l.mu.Lock()
	there := len(l.spares) > 0
	l.mu.Unlock()
	if there {
		return nil
	}
	l.preparing <- struct{}{}
	defer func() { <-l.preparing }()
	l.mu.Lock()
	there = len(l.spares) > 0
	l.mu.Unlock()
	if there {
		return nil
	}
	_, err := l.create(0)
	return err
}

// create prepares one more segment, of the usual size if that is enough. The caller
// has the token.
func (l *Log) create(sectors uint32) (*segment, error) {
	l.mu.Lock()
	h := segmentHeader{
		log: l.opts.ID, number: l.next, prev: l.pos.segment, floor: l.pos.seq,
		sectors: max(sectors, l.opts.sectors()),
	}
	if n := len(l.spares); n > 0 {
		h.prev = l.spares[n-1].number
	}
	chain := l.pos.chain
	l.next++
	l.mu.Unlock()
	if l.opts.NewID != nil {
		h.id = l.opts.NewID()
	} else {
		h.id = fold(fold(fold(h.log, h.number), h.floor), chain)
	}
	seg, err := createSegment(l.fsys, l.dir, h)
	if errors.Is(err, disk.ErrNoSpace) {
		// Space may be had by removing what is no longer needed.
		if err := l.clean(); err != nil {
			return nil, err
		}
		seg, err = createSegment(l.fsys, l.dir, h)
	}
	switch {
	case errors.Is(err, disk.ErrNoSpace):
		l.setLow(true)
		return nil, fmt.Errorf("%w: %w", ErrLowSpace, err)
	case err != nil:
		return nil, l.fail(err)
	}
	l.mu.Lock()
	l.spares = append(l.spares, seg)
	l.mu.Unlock()
	l.setLow(false)
	return seg, nil
}

func (l *Log) setLow(low bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.low = low
}

// clean removes segments that hold nothing of the log, oldest first. Those that are
// being read wait for the next time. The caller has the token.
func (l *Log) clean() error {
	l.mu.Lock()
	if l.damage != nil { // nothing is touched before the owner says so
		l.mu.Unlock()
		return nil
	}
	n := l.obsolete()
	l.doomed = append(l.doomed, l.segs[:n]...)
	l.segs = append([]*segment(nil), l.segs[n:]...)
	var idle, busy []*segment
	for _, s := range l.doomed {
		if s.users > 0 {
			busy = append(busy, s)
		} else {
			idle = append(idle, s)
		}
	}
	l.doomed = busy
	l.mu.Unlock()
	return l.removeAll(idle)
}

// removeAll removes segments one after the other, each durably before the next. A
// file that was not recognised stays where it is.
func (l *Log) removeAll(segs []*segment) error {
	var err error
	for _, s := range segs {
		if s.file != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	for _, s := range segs {
		if !s.ours {
			continue
		}
		if err == nil {
			err = disk.RemoveIfExists(l.fsys, s.path)
		}
		if err == nil {
			err = l.fsys.SyncDir(l.dir)
		}
	}
	if err != nil {
		return l.fail(err)
	}
	return nil
}
