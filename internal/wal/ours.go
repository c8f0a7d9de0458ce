package wal

import (
	"errors"
	"path/filepath"

	"github.com/zabtree/zabtree/internal/disk"
)

// Ours says whether a file was written by this package, judged by its name and its
// first bytes: as a segment, or aside as one that may never have been completed. A
// damaged segment is recognised as long as the magic number of its header or of its
// first batch is there. No other file is ever removed.
func Ours(fsys disk.FS, path string) (whole, aside bool, err error) {
	_, named := parseName(filepath.Base(path))
	_, part := partNumber(filepath.Base(path))
	if !named && !part {
		return false, false, nil
	}
	f, err := fsys.Open(path)
	if err != nil {
		return false, false, err
	}
	if part {
		aside, err = begun(f)
	} else {
		whole, err = marked(f)
	}
	return whole, aside, errors.Join(err, f.Close())
}

// marked says whether a file has the marks of a segment.
func marked(f disk.File) (bool, error) {
	var b [sectorSize + 4]byte
	n, err := readUpTo(f, b[:], 0)
	if err != nil {
		// The header's sector may be the only one that is unreadable.
		n, err2 := readUpTo(f, b[sectorSize:], sectorSize)
		if n == 4 && le.Uint32(b[sectorSize:]) == batchMagic {
			return true, nil
		}
		return false, errors.Join(err, err2)
	}
	return (n >= 8 && le.Uint64(b[:]) == segmentMagic) || (n == len(b) && le.Uint32(b[sectorSize:]) == batchMagic), nil
}

// begun says whether a file may be a segment that is being made: zeros first, then
// the header.
func begun(f disk.File) (bool, error) {
	if ok, err := marked(f); ok || err != nil {
		return ok, err
	}
	b := make([]byte, windowSectors*sectorSize)
	for at := int64(0); ; at += int64(len(b)) {
		n, err := readUpTo(f, b, at)
		if err != nil {
			return false, err
		}
		for _, c := range b[:n] {
			if c != 0 {
				return false, nil
			}
		}
		if n < len(b) {
			return true, nil
		}
	}
}

// readUpTo reads all of b, or less at the file's end.
func readUpTo(f disk.File, b []byte, at int64) (int, error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	b = b[:max(0, min(int64(len(b)), size-at))]
	if len(b) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		err = nil
	}
	return n, err
}
