package wal

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/disk"
)

// FuzzRecovery edits a real log and opens it. With mode even the edits are of
// bytes, and whatever is recovered must have been written; with mode odd every
// checksum is made good again afterwards, which rot cannot do and a bug or an
// enemy could: then it must only not panic, and read back what it says it has.
func FuzzRecovery(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(0), []byte{0, 2, 10, 1, 7})
	f.Add(uint8(1), []byte{1, 1, 52, 0, 200})
	f.Add(uint8(1), []byte{1, 1, 5, 0, 8, 2, 1, 72, 0, 3})
	f.Add(uint8(3), bytes.Repeat([]byte{2, 1, 16, 0, 255}, 6))
	f.Fuzz(func(t *testing.T, mode uint8, edits []byte) {
		fix := newFixture(t, mode&2 != 0)
		mem := fix.mem.Clone()
		for ; len(edits) >= 5; edits = edits[5:] {
			name := fix.files[int(edits[0])%len(fix.files)]
			err := mem.Corrupt(name, func(b []byte) {
				at := int(edits[1])%(len(b)/sectorSize)*sectorSize + (int(edits[2])|int(edits[3])<<8)%sectorSize
				switch v := edits[4]; {
				case v == 0:
					clear(b[at/sectorSize*sectorSize:][:sectorSize])
				case v == 1:
					copy(b[at/sectorSize*sectorSize:], b[int(edits[2])%(len(b)/sectorSize)*sectorSize:][:sectorSize])
				default:
					b[at] = v
				}
			})
			require.NoError(t, err)
		}
		if mode&1 == 0 {
			fix.judge(t, mem, "edited")
			return
		}
		for _, name := range fix.files {
			require.NoError(t, mem.Corrupt(name, sign))
		}
		opts := testOptions(8)
		opts.SegmentBytes = 3072
		l, rec, err := Open(mem, testDir, opts)
		require.NoError(t, err)
		if rec.Last-rec.Start > 1000 {
			return // more records than there is space for have no bytes
		}
		var m model
		m.start = rec.Start
		if err := m.read(l); err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		require.NoError(t, l.Append(Batch{Repair: true, Head: []byte("h")}))
		require.NoError(t, l.Append(records(rec.Last, "x")))
		_, rec2, err := Open(mem.Crash(disk.KeepNothing), testDir, opts)
		require.NoError(t, err)
		require.Nil(t, rec2.Damage)
		require.Equal(t, rec.Last+1, rec2.Last)
	})
}

// sign makes the checksums of a segment's sectors good, as far as the batches in
// it can be followed.
func sign(b []byte) {
	put := func(i int, seed uint32) {
		s := b[i*sectorSize:][:sectorSize]
		le.PutUint32(s[dataSize:], trailerOf(seed, uint32(i), s[:dataSize]))
	}
	put(0, segmentSeed)
	h, err := parseSegmentHeader(b)
	if err != nil {
		return
	}
	for i := 1; i < len(b)/sectorSize && !isZero(b[i*sectorSize:][:sectorSize]); {
		first := b[i*sectorSize:][:sectorSize]
		seed := seedOf(h.id, seqIn(first))
		n := headerSize + 4*uint64(le.Uint32(first[52:])) + uint64(le.Uint32(first[72:])) + uint64(le.Uint32(first[76:]))
		sectors := int(min(sectorsFor(n), uint64(len(b)/sectorSize-i)))
		var body uint64
		for j := i + 1; j < i+sectors; j++ {
			put(j, seed)
			body = fold(body, uint64(le.Uint32(b[j*sectorSize+dataSize:])))
		}
		le.PutUint64(first[32:], body)
		put(i, seed)
		i += sectors
	}
}

// FuzzSegment opens a segment made of any bytes behind a good header.
func FuzzSegment(f *testing.F) {
	f.Add([]byte("x"), true)
	f.Add(make([]byte, 2000), false)
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		body = body[:min(len(body), 64<<10)]
		n := 1 + (len(body)+sectorSize-1)/sectorSize
		b := make([]byte, n*sectorSize)
		copy(b[sectorSize:], body)
		(&segmentHeader{log: 42, id: 1, number: 1, sectors: uint32(n)}).put(b)
		if signed {
			sign(b)
		}
		mem := newMem(t)
		require.NoError(t, disk.WriteFile(mem, testDir+"/"+segmentName(1), b))
		l, rec, err := Open(mem, testDir, testOptions(1))
		require.NoError(t, err)
		if !signed {
			require.Equal(t, rec.Start, rec.Last, "no record was ever written")
		}
		require.NoError(t, l.Close())
	})
}
