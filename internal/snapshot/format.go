package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/zabtree/zabtree/internal/disk"
)

// ChunkBytes is how many bytes share a checksum if nothing else is said.
const ChunkBytes = 64 << 10

// The bounds of Header.ChunkBytes.
const (
	MinChunkBytes = 512
	MaxChunkBytes = 1 << 20
)

// MaxLabelBytes is the longest label.
const MaxLabelBytes = 64 << 10

const (
	sumBytes    = 4 // behind each chunk
	headerFixed = 32
	footerFixed = 48
	magicHeader = 0x5a42_534e_4150_4844 // "ZBSNAPHD"
	magicFooter = 0x5a42_534e_4150_4654 // "ZBSNAPFT"
	version     = 1
)

var (
	// ErrDamaged is wrapped by every error about bytes that are not what was written.
	ErrDamaged = errors.New("snapshot: file is damaged")
	// ErrClosed: the writer was committed, aborted or has failed.
	ErrClosed = errors.New("snapshot: writer is closed")
	// ErrTooLong: a label over MaxLabelBytes.
	ErrTooLong = errors.New("snapshot: label too long")
	// ErrChunkBytes: a Header.ChunkBytes out of bounds.
	ErrChunkBytes = errors.New("snapshot: size of chunks out of bounds")

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chunkSum is the checksum of chunk n. Two chunks of one file never have the same
// seed.
func chunkSum(id, n uint64, data []byte) uint32 {
	return crc32.Update(uint32(mix(id)>>32)^uint32(n), castagnoli, data)
}

func fold(h uint64, sum uint32) uint64 { return mix(h ^ (uint64(sum) + 0x9e3779b97f4a7c15)) }

// Header begins a file. Its length depends on the label's.
type Header struct {
	// ID tells this file from every other one; it should be random.
	ID uint64
	// Label says what it is; at most MaxLabelBytes. It may be nil for a file that is
	// not meant to be resumed.
	Label []byte
	// ChunkBytes is how many bytes share a checksum; 0 is the constant of this name.
	ChunkBytes int
}

func (h *Header) validate() error {
	if h.ChunkBytes == 0 {
		h.ChunkBytes = ChunkBytes
	}
	switch {
	case len(h.Label) > MaxLabelBytes:
		return ErrTooLong
	case h.ChunkBytes < MinChunkBytes || h.ChunkBytes > MaxChunkBytes:
		return ErrChunkBytes
	}
	return nil
}

func (h *Header) size() int64 { return headerFixed + int64(len(h.Label)) }

func (h *Header) chunk() int64 { return int64(h.ChunkBytes) }

// slot is how much of the file a whole chunk takes.
func (h *Header) slot() int64 { return h.chunk() + sumBytes }

// place is where in the file a chunk begins.
func (h *Header) place(n int64) int64 { return h.size() + n*h.slot() }

func (h *Header) encode() []byte {
	b := make([]byte, headerFixed, h.size())
	le.PutUint64(b[0:], magicHeader)
	le.PutUint32(b[8:], version)
	le.PutUint32(b[12:], uint32(len(h.Label)))
	le.PutUint64(b[16:], h.ID)
	le.PutUint32(b[24:], uint32(h.ChunkBytes))
	b = append(b, h.Label...)
	le.PutUint32(b[28:], crc32.Checksum(b, castagnoli))
	return b
}

func readHeader(f disk.File, size int64) (Header, error) {
	b := make([]byte, headerFixed)
	if err := readFull(f, b, 0); err != nil {
		return Header{}, err
	}
	n, chunk := int64(le.Uint32(b[12:])), le.Uint32(b[24:])
	switch {
	case le.Uint64(b) != magicHeader:
		return Header{}, damaged("not a snapshot")
	case le.Uint32(b[8:]) != version:
		return Header{}, damaged("unknown version %d", le.Uint32(b[8:]))
	case n > MaxLabelBytes || n > size-headerFixed:
		return Header{}, damaged("label of %d bytes", n)
	case chunk < MinChunkBytes || chunk > MaxChunkBytes:
		return Header{}, damaged("chunks of %d bytes", chunk)
	}
	b = append(b, make([]byte, n)...)
	if err := readFull(f, b[headerFixed:], headerFixed); err != nil {
		return Header{}, err
	}
	sum := le.Uint32(b[28:])
	clear(b[28:32])
	if crc32.Checksum(b, castagnoli) != sum {
		return Header{}, damaged("header has a wrong checksum")
	}
	return Header{ID: le.Uint64(b[16:]), Label: b[headerFixed:], ChunkBytes: int(chunk)}, nil
}

// footer ends a whole file: the label, then a fixed part that is found from the
// file's end.
type footer struct {
	id    uint64
	size  int64  // of the content
	sum   uint64 // of the chunks' checksums
	label []byte
}

func (t *footer) encode() []byte {
	b := append([]byte(nil), t.label...)
	fixed := make([]byte, footerFixed)
	le.PutUint64(fixed[0:], magicFooter)
	le.PutUint32(fixed[8:], version)
	le.PutUint32(fixed[12:], uint32(len(t.label)))
	le.PutUint64(fixed[16:], t.id)
	le.PutUint64(fixed[24:], uint64(t.size))
	le.PutUint64(fixed[32:], t.sum)
	b = append(b, fixed...)
	le.PutUint32(b[len(b)-4:], crc32.Checksum(b, castagnoli))
	return b
}

func readFooter(f disk.File, h *Header, size int64) (footer, error) {
	if size < h.size()+footerFixed {
		return footer{}, damaged("file of %d bytes", size)
	}
	fixed := make([]byte, footerFixed)
	if err := readFull(f, fixed, size-footerFixed); err != nil {
		return footer{}, err
	}
	n := int64(le.Uint32(fixed[12:]))
	t := footer{id: le.Uint64(fixed[16:]), size: int64(le.Uint64(fixed[24:])), sum: le.Uint64(fixed[32:])}
	switch {
	case le.Uint64(fixed) != magicFooter || le.Uint32(fixed[8:]) != version:
		return t, damaged("no footer")
	case n > MaxLabelBytes || n > size-footerFixed-h.size():
		return t, damaged("label of %d bytes", n)
	}
	b := make([]byte, n+footerFixed)
	if err := readFull(f, b, size-int64(len(b))); err != nil {
		return t, err
	}
	sum := le.Uint32(b[len(b)-4:])
	clear(b[len(b)-4:])
	t.label = b[:n:n]
	switch {
	case crc32.Checksum(b, castagnoli) != sum:
		return t, damaged("footer has a wrong checksum")
	case t.id != h.ID:
		return t, damaged("footer of another file")
	case t.size < 0 || t.size > size || h.size()+h.stored(t.size)+n+footerFixed != size:
		return t, damaged("file of %d bytes for %d of content", size, t.size)
	}
	return t, nil
}

// stored is how many bytes content takes with its checksums.
func (h *Header) stored(size int64) int64 { return size + h.chunks(size)*sumBytes }

func (h *Header) chunks(size int64) int64 { return (size + h.chunk() - 1) / h.chunk() }

// readFull reads all of b. Less is damage; an error of the disk comes with it.
func readFull(f disk.File, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return damaged("file ends at byte %d", off+int64(n))
	}
	return fmt.Errorf("%w: unreadable at byte %d: %w", ErrDamaged, off+int64(n), err)
}
