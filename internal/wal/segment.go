package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zabtree/zabtree/internal/disk"
)

const suffix = ".wal"

// segment is one file of the log.
type segment struct {
	segmentHeader
	path string
	file disk.File
	ours bool // the file was recognised, or made here: it may be removed

	// Guarded by Log.mu.
	refs  []ref
	users int // reads under way
}

// ref says where the records of a batch are.
type ref struct {
	seq    uint64
	first  uint64 // index of the first record
	sector uint32 // where the batch begins
	count  uint32 // records that are still in the log
	data   uint32 // where in the payload the records' bytes begin
	bytes  uint32 // the length of them all, cut ones included
}

func (r *ref) last() uint64 { return r.first + uint64(r.count) - 1 }

func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, suffix) }

// parseName returns the number of the segment that a file name is for.
func parseName(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && n > 0 && segmentName(n) == name
}

// partNumber returns the number of the segment that a file aside is to become.
func partNumber(name string) (uint64, bool) {
	name, ok := strings.CutSuffix(name, disk.PartSuffix)
	if !ok {
		return 0, false
	}
	return parseName(name)
}

// fillStep is how much of a new segment is written between two syncs, so that the
// log's own syncs beside it never wait for all of it.
const fillStep = 4 << 20

// createSegment makes a segment, full of zeros but for its header, aside, and
// gives it its name. After an error nothing counts that may be left of it.
func createSegment(fsys disk.FS, dir string, h segmentHeader) (*segment, error) {
	s := &segment{segmentHeader: h, path: filepath.Join(dir, segmentName(h.number)), ours: true}
	part := s.path + disk.PartSuffix
	if err := disk.RemoveIfExists(fsys, part); err != nil {
		return nil, err
	}
	f, err := fsys.Create(part)
	if err != nil {
		return nil, err
	}
	// Closed before it is renamed: not every system renames open files.
	if err := errors.Join(fillSegment(f, &h), f.Close()); err != nil {
		return nil, errors.Join(err, disk.RemoveIfExists(fsys, part))
	}
	if err := disk.Publish(fsys, s.path); err != nil {
		return nil, err
	}
	s.file, err = fsys.Open(s.path)
	return s, err
}

// fillSegment writes a segment's zeros and its header, durably.
func fillSegment(f disk.File, h *segmentHeader) error {
	size := int64(h.sectors) * sectorSize
	for at := int64(0); at < size; {
		at = min(at+fillStep, size)
		if err := f.Preallocate(at); err != nil {
			return err
		}
		if at < size {
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	var b [sectorSize]byte
	h.put(b[:])
	if _, err := f.WriteAt(b[:], 0); err != nil {
		return err
	}
	return f.Sync()
}

// zeroFrom fills a segment with zeros from a sector to its end, and syncs nothing.
func (s *segment) zeroFrom(sector uint32) error {
	const step = 256 << 10
	at, end := int64(sector)*sectorSize, int64(s.sectors)*sectorSize
	zeros := make([]byte, min(step, end-at))
	for at < end {
		n, err := s.file.WriteAt(zeros[:min(step, end-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// rewrite writes sectors that were read back to where they are.
func (s *segment) rewrite(from, to uint32) error {
	b := make([]byte, int64(to-from)*sectorSize)
	if n, err := s.file.ReadAt(b, int64(from)*sectorSize); n < len(b) {
		return err
	}
	_, err := s.file.WriteAt(b, int64(from)*sectorSize)
	return err
}
