package crashpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"io"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/internal/snapshot"
	"github.com/zabtree/zabtree/zab/protocol"
)

// tally is a state machine whose state is a digest of all that was applied. Zxid and
// digest alone say what its snapshot is, to the byte, so that anybody can tell
// whether one is right, or make another replica's.
type tally struct {
	zxid   protocol.Zxid
	digest uint64
	known  *contents
}

// contents are the snapshots that were needed so far.
type contents struct {
	table *crc64.Table
	of    map[protocol.Zxid]map[uint64]*content
}

type content struct {
	meta  protocol.SnapshotMeta
	bytes []byte
}

func newContents() *contents {
	return &contents{crc64.MakeTable(crc64.ECMA), map[protocol.Zxid]map[uint64]*content{}}
}

func (c *contents) get(z protocol.Zxid, digest uint64) *content {
	if k := c.of[z][digest]; k != nil {
		return k
	}
	b := binary.BigEndian.AppendUint64(nil, digest)
	b = binary.BigEndian.AppendUint32(b, z.Epoch)
	b = binary.BigEndian.AppendUint64(b, z.Counter)
	for size, x := sizeOf(digest), digest; len(b) < size; {
		x = mix(x)
		b = binary.BigEndian.AppendUint64(b, x)
	}
	k := &content{protocol.SnapshotMeta{Zxid: z, Digest: digest, Size: int64(len(b)), Sum: crc64.Checksum(b, c.table)}, b}
	if c.of[z] == nil {
		c.of[z] = map[uint64]*content{}
	}
	c.of[z][digest] = k
	return k
}

// sizeOf is about how large a snapshot is: a few sectors, and now and then more than two of
// the chunks that have a checksum of their own.
func sizeOf(digest uint64) int {
	x := mix(digest)
	if isLarge(digest) {
		return 2*snapshot.ChunkBytes + int(x>>8%10_000)
	}
	return 30 + int(x>>8%5000)
}

func isLarge(digest uint64) bool { return mix(digest)%24 == 0 }

// apply takes the next entry, encoded.
func (t *tally) apply(z protocol.Zxid, raw []byte) {
	t.zxid, t.digest = z, mix(t.digest^crc64.Checksum(raw, t.known.table))
}

var (
	_ driver.Restorer = (*tally)(nil)
	_ driver.Captured = (*tally)(nil)
)

// Digest implements driver.Restorer and driver.Captured.
func (t *tally) Digest() uint64 { return t.digest }

// WriteTo implements driver.Captured.
func (t *tally) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(t.known.get(t.zxid, t.digest).bytes)
	return int64(n), err
}

// Restore implements driver.Restorer.
func (t *tally) Restore(meta protocol.SnapshotMeta, r io.Reader) error {
	want := t.known.get(meta.Zxid, meta.Digest)
	if want.meta != meta {
		return fmt.Errorf("meta %+v of a snapshot that has %+v", meta, want.meta)
	}
	got := bytes.NewBuffer(make([]byte, 0, meta.Size+bytes.MinRead))
	if _, err := got.ReadFrom(r); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), want.bytes) {
		return fmt.Errorf("snapshot %v has other bytes than were written", meta.Zxid)
	}
	t.zxid, t.digest = meta.Zxid, meta.Digest
	return nil
}
