package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zabtree/zabtree/internal/codec"
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

func z(epoch uint32, counter uint64) protocol.Zxid {
	return protocol.Zxid{Epoch: epoch, Counter: counter}
}

var (
	snapshot = protocol.SnapshotMeta{Zxid: z(2, 5), Digest: 1 << 63, Size: 12, Sum: 7}
	members  = protocol.Membership{{ID: 1, Incarnation: 11}, {ID: 2, Role: protocol.Observer, Weight: 3, Addr: "host:1", ElectionAddr: "host:2", ClientAddr: "host:3"}}
)

// frames has one of each kind, every field set.
func frames() []audit.Frame {
	founders := []protocol.Founder{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 1 << 60}}
	base := &protocol.Base{Snapshot: snapshot, Clock: -1, Config: protocol.Configuration{Version: 3, Current: members, PendingAt: z(2, 4), Pending: members[:1]}}
	return []audit.Frame{
		{Kind: audit.Look, Looking: true, Round: 1, Last: z(2, 300), Commit: z(1, 200), Accepted: 3, Founded: true, Candidate: true, Prefer: 9},
		{Kind: audit.Support, Round: 70000, Accepted: 3},
		{Kind: audit.Lead, Epoch: 3, Founders: founders},
		{Kind: audit.Lead, Epoch: 3, Founders: []protocol.Founder{}},
		{Kind: audit.Lead, Epoch: 3},
		{Kind: audit.Nack, Epoch: 3, Accepted: 4},
		{Kind: audit.Join, Epoch: 3, Attempt: 8, Promised: true, Base: z(1, 2), Last: z(2, 300), Ends: []protocol.EpochEnd{{Epoch: 1, Last: 2}, {Epoch: 2, Last: 300}},
			Partial: snapshot, Chunks: 2},
		{Kind: audit.Sync, Epoch: 3, Attempt: 8, Common: z(2, 299), UpTo: 301},
		{Kind: audit.Snap, Epoch: 3, Attempt: 8, Snapshot: base, N: 1, UpTo: 301},
		{Kind: audit.Chunk, Epoch: 3, N: 1, Final: true, Data: []byte("data")},
		{Kind: audit.ChunkAck, Epoch: 3, N: 1},
		{Kind: audit.Entries, Epoch: 3, Commit: z(2, 300), Data: []byte("entries")},
		{Kind: audit.Ack, Epoch: 3, Counter: 1 << 40},
		{Kind: audit.Propose, Epoch: 3, Requests: 3},
		{Kind: audit.Refuse, Epoch: 3, Code: 2, Requests: 2},
		{Kind: audit.Reconfigure, Epoch: 3, ID: 5, Version: 1, Next: members},
		{Kind: audit.TakeOver, Epoch: 3},
		{Kind: audit.Removed, Epoch: 3},
		{Kind: audit.Ping, Epoch: 3, Round: 6},
		{Kind: audit.Pong, Epoch: 3, Round: 6},
		{Kind: audit.Read, Epoch: 3, ID: 77},
		{Kind: audit.ReadAnswer, Epoch: 3, ID: 77, OK: true, Zxid: z(3, 301)},
	}
}

func TestFramesThereAndBack(t *testing.T) {
	seen := map[audit.Kind]bool{}
	for _, f := range frames() {
		raw := f.Append(nil)
		var got audit.Frame
		require.NoError(t, audit.Decode(&got, raw), "%v", f.Kind)
		require.Equal(t, f.Append(nil), got.Append(nil), "%v", f.Kind)
		if len(f.Ends) == 0 {
			got.Ends = nil // made for reuse
		}
		if len(f.Founders) == 0 && f.Founders == nil {
			require.Nil(t, got.Founders)
		}
		require.Equal(t, f, got, "%v", f.Kind)
		seen[f.Kind] = true
	}
	for k := audit.Look; k <= audit.ReadAnswer; k++ {
		require.True(t, seen[k], "%v", k)
		require.NotContains(t, k.String(), "kind")
	}
}

// A frame that is cut short or goes on is refused, but for Entries, whose end is not
// the decoder's business.
func TestFramesMustEnd(t *testing.T) {
	var got audit.Frame
	for _, f := range frames() {
		raw := f.Append(nil)
		for n := range len(raw) {
			if err := audit.Decode(&got, raw[:n]); f.Kind != audit.Entries || n < len(raw)-len(f.Data) {
				require.ErrorIs(t, err, codec.ErrMalformed, "%v cut to %d of %d bytes", f.Kind, n, len(raw))
			}
		}
		if f.Kind != audit.Entries {
			require.ErrorIs(t, audit.Decode(&got, append(raw, 0)), codec.ErrMalformed, "%v", f.Kind)
		}
	}
	for _, raw := range [][]byte{nil, {0}, {21, 1}, {0x7f, 1}, {byte(audit.Propose), 1, 0x92, 1, 1}} {
		require.ErrorIs(t, audit.Decode(&got, raw), codec.ErrMalformed, "%x", raw)
	}
	require.True(t, audit.Foreign([]byte{0x80}))
	require.False(t, audit.Foreign([]byte{byte(audit.Pong)}))
	require.False(t, audit.Foreign(nil))
}

// What the protocol's own package encodes is decoded to the same.
func TestBaseAsTheProtocolWritesIt(t *testing.T) {
	b := protocol.Base{Snapshot: snapshot, Clock: 1 << 40, Config: protocol.Configuration{Version: 3, Current: members}}
	raw := codec.AppendUint(codec.AppendUint(codec.AppendUint(nil, uint64(audit.Snap)), 3), 8)
	raw = codec.AppendUint(codec.AppendUint(protocol.AppendBase(raw, &b), 0), 9)
	var got audit.Frame
	require.NoError(t, audit.Decode(&got, raw))
	require.Equal(t, b, *got.Snapshot)
	require.Equal(t, raw, got.Append(nil))
}

func FuzzDecode(f *testing.F) {
	for _, x := range frames() {
		f.Add(x.Append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var x, y audit.Frame
		if audit.Decode(&x, raw) != nil {
			return
		}
		if err := audit.Decode(&y, x.Append(nil)); err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
	})
}
