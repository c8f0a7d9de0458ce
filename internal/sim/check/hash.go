package check

import (
	"encoding/binary"

	"github.com/zabtree/zabtree/tree"
)

// hash is a running hash. It tells apart what comes apart by a fault, not what
// somebody makes look alike.
type hash uint64

func (h hash) word(v uint64) hash {
	x := (uint64(h) ^ v) * 0x9fb21c651e98df25
	return hash(x ^ x>>29)
}

func (h hash) bytes(b []byte) hash {
	h = h.word(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		h = h.word(binary.LittleEndian.Uint64(b))
	}
	last := uint64(0)
	for _, c := range b {
		last = last<<8 | uint64(c)
	}
	return h.word(last)
}

func (h hash) string(s string) hash {
	h = h.word(uint64(len(s)))
	for i := range len(s) {
		h = h.word(uint64(s[i]))
	}
	return h
}

func hashEntry(e *tree.Entry, epoch uint32) hash {
	h := hash(1).word(uint64(e.Zxid)).word(uint64(e.Wall)).word(uint64(e.Clock)).word(uint64(epoch))
	return h.bytes(e.Data)
}

func hashOutcome(o *tree.Outcome) hash {
	h := hash(2).word(uint64(o.Zxid)).word(uint64(o.Code)).word(uint64(o.Session)).word(uint64(o.Attachment))
	h = h.word(o.Sequence).word(o.Next).word(o.Server)
	for _, id := range o.Ended {
		h = h.word(uint64(id))
	}
	if o.Repeated {
		h = h.word(1)
	}
	return h.bytes(o.Record())
}

func hashChanges(changes []tree.Change) hash {
	h := hash(3)
	for i := range changes {
		ch := &changes[i]
		h = h.word(uint64(ch.Zxid)).word(uint64(ch.Kind)).string(ch.Path)
		for _, z := range [2]*tree.Znode{ch.Before, ch.After} {
			if z == nil {
				h = h.word(0)
				continue
			}
			s := z.Stat()
			h = h.word(uint64(s.Mzxid)).word(uint64(uint32(s.Version))<<32 | uint64(uint32(s.Aversion)))
			h = h.bytes(z.Data())
		}
	}
	return h
}
