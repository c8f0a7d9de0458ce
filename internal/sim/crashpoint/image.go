package crashpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"slices"

	"github.com/zabtree/zabtree/internal/disk"
)

// What is found after a crash. Torn sectors are not among it: disks do not tear them,
// and they are damage (see the tests of package wal).
const (
	keepNothing = iota
	keepAll
	keepMetadata
	keepData
	keepFirst     // some first changes
	keepAllButOne // all but the last change
	keepSome      // in no order
	processDies   // everything, durable or not

	// Images is how many images a crash has.
	Images
)

var imageNames = [Images]string{
	"nothing unsynced is kept", "everything is kept", "sizes and names are kept", "data are kept, names are not",
	"the first changes are kept", "all changes but the last are kept", "some changes are kept", "the process dies",
}

// imageOf returns the image with a number, of those but processDies, of a disk with
// some unsynced changes. Which of them are kept is drawn by salt.
func imageOf(i int, salt uint64, pending int) disk.Image {
	switch i {
	case keepNothing:
		return disk.KeepNothing
	case keepMetadata:
		return disk.KeepMetadata
	case keepData:
		return disk.KeepData
	case keepFirst:
		return disk.KeepFirst(1 + int(mix(salt)%uint64(max(1, pending-1))))
	case keepAllButOne:
		return disk.KeepFirst(pending - 1)
	case keepSome:
		return disk.KeepSome(salt)
	}
	return disk.KeepAll
}

// wreck is what a crash leaves.
type wreck struct {
	mem *disk.Mem
	// loose says that there are changes that can still be lost.
	loose bool
	// fates says what became of each change: of one disk, equal fates give equal
	// wrecks.
	fates string
}

// wreckOf crashes a disk.
func wreckOf(m *disk.Mem, image int, salt uint64) wreck {
	pending := m.Pending()
	if image == processDies && pending > 0 {
		return wreck{mem: m.Clone(), loose: true, fates: "process dies"}
	}
	fates := make([]byte, 0, pending)
	choose := imageOf(image, salt, pending)
	after := m.Crash(func(c disk.Change) disk.Fate {
		f := choose(c)
		fates = append(fates, byte(f))
		return f
	})
	return wreck{mem: after, fates: string(fates)}
}

// sum is the checksum of all that a disk without unsynced changes holds.
type sum [sha256.Size]byte

// sumOf reads a whole disk of some capacity.
func sumOf(m *disk.Mem, capacity int64, buf []byte) (sum, []byte) {
	buf = binary.BigEndian.AppendUint64(buf[:0], uint64(capacity))
	for _, dir := range []string{dataDir, dataDir + "/log", dataDir + "/snapshots"} {
		names, err := m.List(dir)
		if err != nil {
			continue // not there yet
		}
		buf = append(buf, dir...)
		for _, name := range names {
			f, err := m.Open(filepath.Join(dir, name))
			if err != nil {
				continue // just listed: cannot be
			}
			size, _ := f.Size()
			buf = append(append(buf, 0), name...)
			buf = binary.BigEndian.AppendUint64(append(buf, 0), uint64(size))
			at := len(buf)
			buf = slices.Grow(buf, int(size))[:at+int(size)]
			_, _ = f.ReadAt(buf[at:], 0)
			_ = f.Close()
		}
	}
	return sha256.Sum256(buf), buf
}

// mix scatters a number.
func mix(x uint64) uint64 {
	x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// idsFrom returns a source of random numbers.
func idsFrom(seed uint64) func() uint64 {
	return func() uint64 {
		seed++
		return mix(mix(seed)) | 1 // an incarnation is not 0
	}
}
