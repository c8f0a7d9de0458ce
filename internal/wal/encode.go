package wal

// encoder lays a batch out in sectors, in one buffer that is used again.
type encoder struct {
	buf []byte // the sectors of the batch
	at  int    // where in buf the next byte of payload goes
}

// keepBuffer is the largest buffer that is kept for the next batch.
const keepBuffer = 8 << 20

func (e *encoder) reset(sectors int) {
	n := sectors * sectorSize
	if cap(e.buf) < n || cap(e.buf) > max(n, keepBuffer) {
		e.buf = make([]byte, n)
	}
	e.buf, e.at = e.buf[:n], 0
}

func (e *encoder) bytes(p []byte) {
	for len(p) > 0 {
		n := copy(e.buf[e.at:e.at+dataSize-e.at%sectorSize], p)
		p, e.at = p[n:], e.at+n
		if e.at%sectorSize == dataSize {
			e.at += sectorSize - dataSize
		}
	}
}

// lengths is for a position that is a multiple of four.
func (e *encoder) lengths(ls []uint32) {
	at := e.at
	for _, l := range ls {
		le.PutUint32(e.buf[at:], l)
		if at += 4; at%sectorSize == dataSize {
			at += sectorSize - dataSize
		}
	}
	e.at = at
}

// encode lays out a batch that begins in a sector of a segment and returns the
// chain that ends in it. It sets h.body.
func (e *encoder) encode(h *header, sector uint32, head []byte, b *Batch) uint64 {
	e.reset(int(sectorsFor(h.size())))
	e.at = headerSize
	e.lengths(b.Lengths)
	if h.flags&flagHead != 0 {
		e.bytes(head)
	}
	for _, p := range b.Data {
		e.bytes(p)
	}
	clear(e.buf[min(e.at, len(e.buf)):])
	seed := seedOf(h.segment, h.seq)
	h.body = 0
	for i := sectorSize; i < len(e.buf); i += sectorSize {
		h.body = fold(h.body, uint64(e.seal(i, seed, sector)))
	}
	h.put(e.buf)
	return chainOf(h.chain, h.body, e.seal(0, seed, sector))
}

// seal puts the checksum of the sector at buf[i:] in its place.
func (e *encoder) seal(i int, seed, first uint32) uint32 {
	s := e.buf[i : i+sectorSize]
	sum := trailerOf(seed, first+uint32(i/sectorSize), s[:dataSize])
	le.PutUint32(s[dataSize:], sum)
	return sum
}
