package driver

import (
	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

// protocolVersion is the version of the frames between replicas that this code
// speaks; it speaks no other.
const protocolVersion = 1

const (
	helloMagic  = "zabtree"
	helloFields = 13
	// maxHelloBytes bounds the first frame. What a later version adds must fit.
	maxHelloBytes = 4 << 10
)

// hello is the first frame on each connection between replicas, in both
// directions. Its fields stay where they are in every version; later versions
// add behind them.
type hello struct {
	min, max    uint64 // protocol versions that the sender speaks
	features    uint64 // bits; none are defined, unknown ones are ignored
	ensemble    protocol.EnsembleID
	from        uint64
	incarnation uint64
	to          uint64
	lane        protocol.Lane
	nonce       uint64 // drawn by who dials: pairs the two connections of a link
	config      uint64 // version of the sender's configuration
	lists       bool   // to is a member in it
	refused     string // why the sender will close the connection, or ""
}

func (h *hello) encode() []byte {
	b := codec.AppendArray(make([]byte, 0, 128), helloFields)
	b = codec.AppendString(b, helloMagic)
	b = codec.AppendUint(b, h.min)
	b = codec.AppendUint(b, h.max)
	b = codec.AppendUint(b, h.features)
	b = codec.AppendBytes(b, h.ensemble[:])
	b = codec.AppendUint(b, h.from)
	b = codec.AppendUint(b, h.incarnation)
	b = codec.AppendUint(b, h.to)
	b = codec.AppendUint(b, uint64(h.lane))
	b = codec.AppendUint(b, h.nonce)
	b = codec.AppendBool(codec.AppendUint(b, h.config), h.lists)
	return codec.AppendString(b, h.refused[:min(len(h.refused), 512)])
}

// decodeHello decodes a first frame, which may be anybody's bytes.
func decodeHello(frame []byte) (hello, error) {
	bad := func(why string) (hello, error) { return hello{}, &Refusal{RefusedHello, why} }
	if len(frame) > maxHelloBytes {
		return bad("too long")
	}
	r := codec.NewReader(frame)
	n := r.Array(len(frame))
	if string(r.StringBytes()) != helloMagic {
		return bad("not from a replica of this kind")
	}
	if n < helloFields {
		return bad("too few fields")
	}
	var h hello
	h.min, h.max, h.features = r.Uint(), r.Uint(), r.Uint()
	if ensemble := r.Bytes(); copy(h.ensemble[:], ensemble) != len(ensemble) || len(ensemble) != len(h.ensemble) {
		r.Fail("ensemble ID of a wrong length")
	}
	h.from, h.incarnation, h.to = r.Uint(), r.Uint(), r.Uint()
	h.lane, h.nonce = protocol.Lane(r.Uint8()), r.Uint()
	h.config, h.lists = r.Uint(), r.Bool()
	h.refused = r.String()
	switch {
	case r.Err() != nil:
		return bad(r.Err().Error())
	case n == helloFields && r.Len() > 0:
		return bad("trailing bytes")
	case h.from == 0 || h.incarnation == 0 || h.lane >= protocol.Lanes || h.min > h.max:
		return bad("a field is out of range")
	}
	return h, nil
}
