package watch

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
)

// AppendEvent appends ev's type, path and zxids to dst, as MessagePack. The
// znodes are left out: an encoded event says what happened and where, as
// ZooKeeper's do, and whoever needs the data reads it.
func AppendEvent(dst []byte, ev Event) []byte {
	if ev.Type == Gap {
		dst = codec.AppendArray(dst, 4)
	} else {
		dst = codec.AppendArray(dst, 3)
	}
	dst = codec.AppendUint(dst, uint64(ev.Type))
	dst = codec.AppendString(dst, ev.Path)
	dst = codec.AppendInt(dst, ev.Zxid)
	if ev.Type == Gap {
		dst = codec.AppendInt(dst, ev.Since)
	}
	return dst
}

// DecodeEvent takes an event from the front of b, which may be hostile, and
// returns what follows it. The event keeps nothing of b. Errors wrap
// ErrMalformed.
func DecodeEvent(b []byte) (ev Event, rest []byte, err error) {
	r := codec.NewReader(b)
	fields := r.Array(4)
	ev.Type = Type(r.Uint8())
	ev.Path = r.String()
	ev.Zxid = r.Int()
	if fields == 4 {
		ev.Since = r.Int()
	}
	switch {
	case r.Err() != nil:
	case !ev.Type.valid():
		r.Fail("unknown event type")
	case fields < 3 || (fields == 4) != (ev.Type == Gap):
		r.Fail("wrong number of fields")
	case ev.Zxid < 0 || ev.Since < 0 || ev.Since > ev.Zxid:
		r.Fail("zxid out of range")
	case checkPath(ev.Path) != nil:
		r.Fail("not a path")
	}
	if r.Err() != nil {
		return Event{}, nil, fmt.Errorf("%w: event: %w", ErrMalformed, r.Err())
	}
	return ev, r.Rest(), nil
}
