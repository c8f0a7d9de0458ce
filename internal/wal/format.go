package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/zabtree/zabtree/internal/disk"
)

const (
	sectorSize = disk.SectorSize
	// dataSize is how much of a sector is payload; a checksum follows.
	dataSize = sectorSize - 4
	// headerSize is the length of a batch's header. It and dataSize are multiples
	// of four, so that no length of a record straddles two sectors.
	headerSize = 80

	segmentMagic = 0x5a42_5345_474d_4e54 // "ZBSEGMNT"
	batchMagic   = 0x5a42_5443           // "ZBTC"
	version      = 1

	// maxBatch bounds a batch's payload in bytes.
	maxBatch = 1 << 30
)

// Flags of a batch.
const (
	flagHead   = 1 << iota // carries a head
	flagFirst              // first of its segment: carries everything that is not records
	flagSeal               // written by a clean stop
	flagRepair             // goes on after damage
	flagsKnown = flagHead | flagFirst | flagSeal | flagRepair
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// mix is the finalizer of SplitMix64: every bit of the result depends on every
// bit of x.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// seedOf is what the checksums of a batch's sectors begin with, before the place
// of each is put in.
func seedOf(segment, seq uint64) uint32 {
	return uint32(mix(segment+mix(seq+0x9e3779b97f4a7c15)) >> 32)
}

// trailerOf is the checksum of a sector's data. Equal data at two places of one
// batch have different ones. It is never zero, so that no sector that was written
// is all zeros.
func trailerOf(seed, place uint32, data []byte) uint32 {
	sum := crc32.Update(seed^place, castagnoli, data)
	if sum == 0 {
		return ^uint32(0)
	}
	return sum
}

// checks says whether a sector is new for a batch of the given seed.
func checks(sector []byte, seed, place uint32) bool {
	return le.Uint32(sector[dataSize:]) == trailerOf(seed, place, sector[:dataSize])
}

// fold continues a 64-bit checksum of sector checksums.
func fold(h uint64, sum uint64) uint64 { return mix(h ^ (sum + 0x9e3779b97f4a7c15)) }

// chainOf is the chain that ends in a batch: prev is the chain that ends in the
// one before it.
func chainOf(prev, body uint64, first uint32) uint64 {
	return fold(fold(prev, body), uint64(first))
}

// sectorsFor is how many sectors hold n bytes of payload.
func sectorsFor(n uint64) uint64 { return (n + dataSize - 1) / dataSize }

// header is what a batch says of itself.
type header struct {
	flags   uint8
	seq     uint64
	segment uint64 // identity
	chain   uint64 // up to the batch before
	body    uint64 // of the checksums of all sectors but the first
	// Where the batch before this one ended, which was durable when this one was
	// written.
	prevSegment uint64 // number; 0 if there was none
	prevEnd     uint32 // sector
	// After the batch the log holds the records after start: those up to after
	// that it held before, then count new ones.
	start, after uint64
	count        uint32
	headLen      uint32
	dataLen      uint32
}

func (h *header) last() uint64 { return h.after + uint64(h.count) }

// size is the length of the payload.
func (h *header) size() uint64 {
	return headerSize + 4*uint64(h.count) + uint64(h.headLen) + uint64(h.dataLen)
}

func (h *header) put(b []byte) {
	le.PutUint32(b[0:], batchMagic)
	b[4], b[5], b[6], b[7] = version, h.flags, 0, 0
	le.PutUint64(b[8:], h.seq)
	le.PutUint64(b[16:], h.segment)
	le.PutUint64(b[24:], h.chain)
	le.PutUint64(b[32:], h.body)
	le.PutUint64(b[40:], h.prevSegment)
	le.PutUint32(b[48:], h.prevEnd)
	le.PutUint32(b[52:], h.count)
	le.PutUint64(b[56:], h.start)
	le.PutUint64(b[64:], h.after)
	le.PutUint32(b[72:], h.headLen)
	le.PutUint32(b[76:], h.dataLen)
}

// seqIn is the sequence number that a sector claims to begin.
func seqIn(sector []byte) uint64 { return le.Uint64(sector[8:]) }

// parseHeader reads a header whose sector checked out. What it refuses was
// written by something else than this version of this package.
func parseHeader(b []byte) (header, error) {
	h := header{
		flags: b[5], seq: le.Uint64(b[8:]), segment: le.Uint64(b[16:]),
		chain: le.Uint64(b[24:]), body: le.Uint64(b[32:]),
		prevSegment: le.Uint64(b[40:]), prevEnd: le.Uint32(b[48:]), count: le.Uint32(b[52:]),
		start: le.Uint64(b[56:]), after: le.Uint64(b[64:]),
		headLen: le.Uint32(b[72:]), dataLen: le.Uint32(b[76:]),
	}
	switch {
	case le.Uint32(b) != batchMagic:
		return h, fmt.Errorf("not a batch")
	case b[4] != version:
		return h, fmt.Errorf("batch of unknown version %d", b[4])
	case h.flags&^flagsKnown != 0 || b[6] != 0 || b[7] != 0:
		return h, fmt.Errorf("batch with unknown flags %#x", h.flags)
	case h.flags&flagHead == 0 && h.headLen > 0:
		return h, fmt.Errorf("batch with an unannounced head")
	case h.size() > maxBatch:
		return h, fmt.Errorf("batch of %d bytes", h.size())
	case h.start > h.after || h.last() < h.after:
		return h, fmt.Errorf("batch with impossible indexes")
	}
	return h, nil
}

// segmentHeader is a segment's first sector.
type segmentHeader struct {
	log     uint64 // identity of the log
	id      uint64 // identity of the segment
	number  uint64
	prev    uint64 // number of the segment before it when it was prepared
	floor   uint64 // sequence number that was durable when it was prepared
	sectors uint32
}

// The first sector's checksum begins with this, and its place is 0.
const segmentSeed = 0x7a616274

func (h *segmentHeader) put(b []byte) {
	le.PutUint64(b[0:], segmentMagic)
	le.PutUint64(b[8:], version)
	le.PutUint64(b[16:], h.log)
	le.PutUint64(b[24:], h.id)
	le.PutUint64(b[32:], h.number)
	le.PutUint64(b[40:], h.prev)
	le.PutUint64(b[48:], h.floor)
	le.PutUint32(b[56:], h.sectors)
	le.PutUint32(b[dataSize:], trailerOf(segmentSeed, 0, b[:dataSize]))
}

func parseSegmentHeader(b []byte) (segmentHeader, error) {
	h := segmentHeader{
		log: le.Uint64(b[16:]), id: le.Uint64(b[24:]), number: le.Uint64(b[32:]),
		prev: le.Uint64(b[40:]), floor: le.Uint64(b[48:]), sectors: le.Uint32(b[56:]),
	}
	switch {
	case !checks(b, segmentSeed, 0):
		return h, fmt.Errorf("header has a wrong checksum")
	case le.Uint64(b) != segmentMagic:
		return h, fmt.Errorf("not a segment")
	case le.Uint64(b[8:]) != version:
		return h, fmt.Errorf("segment of unknown version %d", le.Uint64(b[8:]))
	}
	return h, nil
}
