package zab

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// entryFields is how many values an encoded entry is an array of.
const entryFields = 10

// entryLengths appends the lengths of entries that are encoded one behind the
// other. It looks at their frames alone: checksums are verified where entries come
// in from outside.
func entryLengths(dst []uint32, raw []byte) ([]uint32, error) {
	r := codec.NewReader(raw)
	for r.Len() > 0 {
		begin := r.Offset()
		r.Fields(entryFields)
		for range 5 { // checksum, kind, epoch, counter, epoch before
			r.Uint()
		}
		r.Int()
		r.Int()
		r.Uint()
		r.Uint()
		r.Bytes()
		if err := r.Err(); err != nil {
			return dst, fmt.Errorf("%w: %w", protocol.ErrCorruptEntry, err)
		}
		dst = append(dst, uint32(r.Offset()-begin))
	}
	return dst, nil
}
