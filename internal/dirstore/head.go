package dirstore

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/zab/protocol"
)

const headVersion = 1

// appendHead appends what the log's head says.
func appendHead(dst []byte, h *protocol.Head) []byte {
	dst = codec.AppendArray(dst, 4)
	dst = codec.AppendUint(dst, headVersion)
	if h.HardState == nil {
		dst = codec.AppendNil(dst)
	} else {
		dst = protocol.AppendHardState(dst, h.HardState)
	}
	return protocol.AppendBase(protocol.AppendBase(dst, &h.Base), &h.Latest)
}

func decodeHead(b []byte) (protocol.Head, error) {
	r := codec.NewReader(b)
	r.Fields(4)
	if v := r.Uint(); r.Err() == nil && v != headVersion {
		r.Fail(fmt.Sprintf("unknown version %d", v))
	}
	var h protocol.Head
	if !r.Nil() {
		hard := protocol.ReadHardState(&r)
		h.HardState = &hard
	}
	h.Base = protocol.ReadBase(&r)
	h.Latest = protocol.ReadBase(&r)
	return h, r.Done()
}

// named says whether a snapshot file counts.
func named(h *protocol.Head, file string) bool {
	return file == snapshotName(h.Base.Snapshot) || file == snapshotName(h.Latest.Snapshot)
}
