package wal

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/zabtree/zabtree/internal/disk"
)

// state is what a run of batches adds up to.
type state struct {
	position
	head   []byte
	segs   []*segment // that the run lies in
	sealed bool       // the last batch is a seal
	batch  uint32     // sector in which the last batch begins
	// Records up to missing, as far as they are after start, are not in segs: the run
	// begins in the middle of the log.
	missing uint64
}

// sound says whether every record of the log is there.
func (s *state) sound() bool { return s.missing <= s.start }

// precedes says whether a batch was written directly behind the state.
func (s *state) precedes(h *header) bool {
	return h.chain == s.chain && h.prevSegment == s.segment && h.prevEnd == s.end &&
		(h.seq == s.seq+1 || h.flags&flagRepair != 0)
}

// allows says whether a batch's indexes make sense.
func (s *state) allows(h *header) bool {
	return h.after == h.start || (h.start >= s.start && h.after <= s.last)
}

// broken is a state behind which something is damaged.
type broken struct {
	state
	damage *Damage
}

// recovery replays a directory. It writes nothing.
type recovery struct {
	fsys    disk.FS
	logID   uint64
	scanner scanner

	cur  state
	live bool // cur goes on; if not, only a first batch of a segment can begin anew
	torn uint32
	// Where the replay broke off, in order. A later batch may show that nothing was
	// lost there.
	breaks []broken

	present map[uint64]bool
	empty   []*segment // without batches
	useless []*segment // of empty: whose header cannot be used
	seen    uint64     // highest sequence number that anything mentions
	floor   uint64     // highest that a segment's header says was durable
}

// breakOff ends the current run.
func (r *recovery) breakOff(d *Damage) {
	if !r.live {
		return
	}
	s := r.cur
	s.segs = slices.Clip(s.segs)
	r.breaks = append(r.breaks, broken{s, d})
	r.live = false
}

func (r *recovery) damage(seg *segment, p *place) *Damage {
	return &Damage{File: seg.path, Offset: int64(p.sector) * sectorSize, Reason: p.reason, Err: p.err}
}

// segment replays one segment, after those with lower numbers.
func (r *recovery) segment(seg *segment) error {
	s := &r.scanner
	d, err := s.load(r.fsys, seg, r.logID)
	if err != nil {
		return err
	}
	if d != nil {
		// Of a file of a wrong size, or of another's bytes, nobody knows what it held.
		if d.Offset >= 0 && s.sectors > 1 && s.zeros() {
			r.empty, r.useless = append(r.empty, seg), append(r.useless, seg)
			return nil
		}
		r.breakOff(d)
		return nil
	}
	r.seen, r.floor = max(r.seen, seg.floor), max(r.floor, seg.floor)
	p := r.first(seg)
	switch p.finding {
	case unused:
		r.empty = append(r.empty, seg)
		return nil
	case torn:
		if r.live && r.torn == 0 {
			r.torn = p.dirty
			r.empty = append(r.empty, seg)
			return nil
		}
		p = badAt(1, nil, "batch without the one before it")
	case whole:
		p = r.enter(seg, p)
	}
	if p.finding == bad {
		r.breakOff(r.damage(seg, &p))
		return nil
	}
	r.follow(seg)
	return nil
}

// first says what is at the beginning of a segment, where a batch names its own
// sequence number.
func (r *recovery) first(seg *segment) place {
	s := &r.scanner
	if s.sectors < 2 {
		return badAt(0, nil, "segment of one sector")
	}
	b, err := s.at(1)
	if err != nil {
		return badAt(1, err, "unreadable sector")
	}
	seq := r.cur.seq + 1
	if !isZero(b) {
		seq = seqIn(b)
	}
	p := s.find(1, seq)
	if p.finding == torn && seq != r.cur.seq+1 {
		return badAt(1, nil, "batch %d in the place of batch %d", seq, r.cur.seq+1)
	}
	return p
}

// enter connects the first batch of a segment with the run before it, or begins a
// new one.
func (r *recovery) enter(seg *segment, p place) place {
	if p.h.flags&flagFirst == 0 {
		return badAt(1, nil, "first batch of the segment is missing")
	}
	r.connect(seg, &p.h)
	if !r.apply(seg, 1, &p) {
		return badAt(1, nil, "batch %d does not fit the log", p.h.seq)
	}
	return p
}

func (r *recovery) connect(seg *segment, h *header) {
	if r.live && r.cur.precedes(h) {
		r.torn = 0 // given up by a repair
		return
	}
	for i := len(r.breaks) - 1; i >= 0; i-- {
		if r.breaks[i].precedes(h) {
			r.cur, r.live, r.torn = r.breaks[i].state, true, 0
			return
		}
	}
	r.breakOff(&Damage{File: seg.path, Offset: sectorSize,
		Reason: fmt.Sprintf("batch %d follows batch %d", h.seq, r.cur.seq)})
	r.live, r.torn = true, 0
	r.cur = state{
		position: position{
			seq: h.seq - 1, chain: h.chain, segment: h.prevSegment, end: h.prevEnd, start: h.start, last: h.after,
		},
		missing: h.after,
	}
}

// follow replays the batches of a segment behind its first.
func (r *recovery) follow(seg *segment) {
	for {
		at := r.cur.end
		p := r.scanner.find(at, r.cur.seq+1)
		switch p.finding {
		case unused:
			return
		case torn:
			r.torn = p.dirty
			return
		case whole:
			if p.h.flags&flagFirst != 0 || !r.cur.precedes(&p.h) || !r.apply(seg, at, &p) {
				p = badAt(at, nil, "batch %d does not fit the log", p.h.seq)
			}
		}
		if p.finding == bad {
			r.breakOff(r.damage(seg, &p))
			return
		}
	}
}

// apply moves the current run over a batch, unless its indexes make no sense.
func (r *recovery) apply(seg *segment, sector uint32, p *place) bool {
	c := &r.cur
	if !c.allows(&p.h) {
		return false
	}
	if len(c.segs) == 0 || c.segs[len(c.segs)-1] != seg {
		c.segs = append(c.segs, seg)
	}
	apply(&c.position, c.segs, &p.h, sector, p.chain)
	c.missing = min(c.missing, p.h.after)
	if p.h.flags&flagHead != 0 {
		c.head = p.head
	}
	c.sealed, c.batch = p.h.flags&flagSeal != 0, sector
	r.seen = max(r.seen, p.h.seq)
	return true
}

// finish decides, after the last segment, whether the log is damaged, and then
// goes back to the last sound state.
func (r *recovery) finish() *Damage {
	c := &r.cur
	whole := func(seg *segment, format string, args ...any) *Damage {
		return &Damage{File: seg.path, Offset: -1, Reason: fmt.Sprintf(format, args...)}
	}
	for _, seg := range r.empty {
		switch {
		case slices.Contains(r.useless, seg):
			// Among others it is a spare that holds nothing. Alone, it may have been
			// all there was.
			if c.segment == 0 {
				r.breakOff(whole(seg, "header cannot be used, and there is no other segment"))
			}
		case seg.number > c.segment && seg.prev > c.segment && !r.present[seg.prev]:
			r.breakOff(whole(seg, "segment %d before it is lost", seg.prev))
		}
	}
	if r.live && r.floor > c.seq {
		r.breakOff(&Damage{File: segmentName(c.segment), Offset: int64(c.end) * sectorSize,
			Reason: fmt.Sprintf("log ends with batch %d, but batch %d was durable", c.seq, r.floor)})
	}
	if r.live && !c.sound() {
		r.breakOff(&Damage{File: segmentName(c.segment), Offset: -1,
			Reason: fmt.Sprintf("records after %d, up to %d, are lost", c.start, c.missing)})
	}
	if r.live {
		return nil
	}
	for i := len(r.breaks) - 1; i >= 0; i-- {
		if b := r.breaks[i]; b.sound() {
			r.cur = b.state
			return b.damage
		}
	}
	r.cur = state{}
	return r.breaks[0].damage
}

// list returns the segments of a directory, in order, and the files that were
// never completed.
func list(fsys disk.FS, dir string) (segs, parts []*segment, err error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if n, ok := parseName(name); ok {
			segs = append(segs, &segment{segmentHeader: segmentHeader{number: n}, path: path})
		} else if n, ok := partNumber(name); ok {
			_, ours, err := Ours(fsys, path)
			if err != nil {
				return nil, nil, err
			}
			parts = append(parts, &segment{segmentHeader: segmentHeader{number: n}, path: path, ours: ours})
		}
	}
	slices.SortFunc(segs, func(a, b *segment) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	return segs, parts, nil
}
