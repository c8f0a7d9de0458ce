package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// What a hello says of itself, and how long it may be.
const (
	helloMagic    = "zabtree/transport"
	helloVersion  = 1 // the newest that is spoken here
	helloOldest   = 1 // and the oldest
	maxHello      = 4 << 10
	maxRefusal    = 512
	lengthBytes   = 4
	maxHelloDepth = 8
)

var (
	errNotOurs = errors.New("bytes that are no hello of this transport")
	errRefused = errors.New("refused by the other side")
)

// hello is the first thing that each side of a connection sends. It evolves:
// fields may be added, and are passed over by those that do not know them; what
// must not be passed over takes a new version.
type hello struct {
	Magic    string `codec:"magic"`
	Version  uint32 `codec:"version"` // the newest spoken
	Oldest   uint32 `codec:"oldest"`  // the oldest spoken
	From     uint64 `codec:"from"`    // who sends it; 0: not said
	To       uint64 `codec:"to"`      // who is meant to read it; 0: anyone
	MaxFrame uint32 `codec:"maxFrame"`

	// Refusal, in an answer, is why the connection is closed now.
	Refusal string `codec:"refusal,omitempty"`
}

// handle returns the settings of go-msgpack: current MessagePack, and no more
// memory or stack than a hello can need.
func handle() *codec.MsgpackHandle {
	h := new(codec.MsgpackHandle)
	h.WriteExt = true
	h.Canonical = true
	h.MaxInitLen = maxHello
	h.MaxDepth = maxHelloDepth
	return h
}

// appendHello appends length and encoding of a hello.
func appendHello(dst []byte, h hello) ([]byte, error) {
	if len(h.Refusal) > maxRefusal {
		h.Refusal = h.Refusal[:maxRefusal]
	}
	var body []byte
	if err := codec.NewEncoderBytes(&body, handle()).Encode(&h); err != nil {
		return nil, fmt.Errorf("encoding the hello: %w", err)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(body))), body...), nil
}

// decodeHello takes the body of a hello from bytes that may be anything.
func decodeHello(body []byte) (h hello, err error) {
	d := codec.NewDecoderBytes(body, handle())
	if err := d.Decode(&h); err != nil {
		return hello{}, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	switch {
	case d.NumBytesRead() != len(body):
		return hello{}, fmt.Errorf("%w: bytes after its end", errNotOurs)
	case h.Magic != helloMagic:
		return hello{}, fmt.Errorf("%w: magic %.32q", errNotOurs, h.Magic)
	case h.Oldest > h.Version || h.Version == 0:
		return hello{}, fmt.Errorf("%w: versions %d to %d", errNotOurs, h.Oldest, h.Version)
	}
	return h, nil
}

// readHello reads a hello and not one byte more.
func readHello(r io.Reader) (hello, error) {
	var length [lengthBytes]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return hello{}, fmt.Errorf("no hello: %w", err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxHello {
		return hello{}, fmt.Errorf("%w: it begins with %q, which as a length is over %d", errNotOurs, length[:], maxHello)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return hello{}, fmt.Errorf("hello cut short: %w", err)
	}
	return decodeHello(body)
}

// refuse returns why a connection with such a hello is of no use to a transport
// with these options, if so. dialed is who was dialed, 0 on the accepting side.
func (h hello) refuse(o *Options, dialed uint64) error {
	switch {
	case h.Refusal != "":
		return fmt.Errorf("%w: %q", errRefused, h.Refusal)
	case h.Oldest > helloVersion || h.Version < helloOldest:
		return fmt.Errorf("transport versions %d to %d are spoken there, %d to %d here",
			h.Oldest, h.Version, helloOldest, helloVersion)
	case h.MaxFrame < minMaxFrame:
		return fmt.Errorf("frames of at most %d bytes are taken there, and %d is the least", h.MaxFrame, minMaxFrame)
	case h.To != 0 && o.ID != 0 && h.To != o.ID:
		return fmt.Errorf("replica %d is looked for, this is %d", h.To, o.ID)
	case dialed != 0 && h.From != 0 && h.From != dialed:
		return fmt.Errorf("replica %d was dialed, %d answered", dialed, h.From)
	}
	return nil
}
