package protocol

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zabtree/zabtree/internal/codec"
)

// roundTrip checks that a message comes back as it was, that no beginning of it is
// a message, and that nothing behind it is overlooked.
func roundTrip[M any](t *rapid.T, k kind, m M, frame []byte, read func(*codec.Reader) M) {
	r := codec.NewReader(frame)
	require.Equal(t, k, kind(r.Uint8()))
	require.Less(t, frame[0], byte(0x80))
	got := read(&r)
	require.NoError(t, r.Done())
	require.Equal(t, m, got)
	for cut := 1; cut < len(frame); cut++ {
		r := codec.NewReader(frame[1:cut])
		read(&r)
		require.Error(t, r.Done(), "cut after %d of %d bytes", cut, len(frame))
	}
	r = codec.NewReader(append(frame[1:len(frame):len(frame)], 0))
	read(&r)
	require.Error(t, r.Done())
}

func drawFounders(t *rapid.T) []Founder {
	if rapid.Bool().Draw(t, "no founders") {
		return nil
	}
	fs := make([]Founder, rapid.IntRange(0, 5).Draw(t, "founders"))
	for i := range fs {
		fs[i] = Founder{rapid.Uint64().Draw(t, "id"), rapid.Uint64().Draw(t, "incarnation")}
	}
	return fs
}

func drawMeta(t *rapid.T) SnapshotMeta {
	return SnapshotMeta{drawZxid(t, "snapshot"), rapid.Uint64().Draw(t, "digest"), rapid.Int64().Draw(t, "size"), rapid.Uint64().Draw(t, "sum")}
}

func drawBase(t *rapid.T) Base {
	return Base{Snapshot: drawMeta(t), Clock: rapid.Int64().Draw(t, "clock"), Config: drawConfiguration(t)}
}

func drawEnds(t *rapid.T) []EpochEnd {
	ends := make([]EpochEnd, rapid.IntRange(0, 5).Draw(t, "epochs"))
	e, n := uint32(0), uint64(0)
	for i := range ends {
		e += uint32(rapid.IntRange(1, 9).Draw(t, "epoch"))
		n += uint64(rapid.IntRange(1, 99).Draw(t, "entries"))
		ends[i] = EpochEnd{e, n}
	}
	return ends
}

func TestMessageRoundTrips(t *testing.T) {
	u32 := func(t *rapid.T) uint32 { return rapid.Uint32().Draw(t, "u32") }
	u64 := func(t *rapid.T) uint64 { return rapid.Uint64().Draw(t, "u64") }
	flag := func(t *rapid.T) bool { return rapid.Bool().Draw(t, "flag") }
	data := func(t *rapid.T) []byte { return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data") }
	for name, check := range map[string]func(*rapid.T){
		"Look": func(t *rapid.T) {
			m := look{looking: flag(t), round: u64(t), last: drawZxid(t, "last"), commit: drawZxid(t, "commit"),
				accepted: u32(t), founded: flag(t), candidate: flag(t), prefer: u64(t)}
			roundTrip(t, kindLook, m, m.encode(), readLook)
		},
		"Support": func(t *rapid.T) {
			m := support{u64(t), u32(t)}
			roundTrip(t, kindSupport, m, m.encode(), readSupport)
		},
		"Lead": func(t *rapid.T) {
			m := lead{u32(t), drawFounders(t)}
			roundTrip(t, kindLead, m, m.encode(), readLead)
		},
		"Nack": func(t *rapid.T) {
			m := nack{u32(t), u32(t)}
			roundTrip(t, kindNack, m, m.encode(), readNack)
		},
		"Join": func(t *rapid.T) {
			m := join{epoch: u32(t), attempt: u64(t), promised: flag(t), base: drawZxid(t, "base"), last: drawZxid(t, "last"),
				ends: drawEnds(t), partial: drawMeta(t), chunks: u64(t)}
			roundTrip(t, kindJoin, m, m.encode(), readJoin)
		},
		"Sync": func(t *rapid.T) {
			m := syncFrom{epoch: u32(t), attempt: u64(t), common: drawZxid(t, "common"), upTo: u64(t)}
			roundTrip(t, kindSync, m, m.encode(), readSync)
		},
		"Snap": func(t *rapid.T) {
			m := snap{epoch: u32(t), attempt: u64(t), base: drawBase(t), first: u64(t), upTo: u64(t)}
			roundTrip(t, kindSnap, m, m.encode(), readSnap)
		},
		"Chunk": func(t *rapid.T) {
			m := chunkMsg{u32(t), u64(t), flag(t), data(t)}
			roundTrip(t, kindChunk, m, m.encode(), readChunkMsg)
		},
		"ChunkAck": func(t *rapid.T) {
			m := chunkAck{u32(t), u64(t)}
			roundTrip(t, kindChunkAck, m, m.encode(), readChunkAck)
		},
		"Ack": func(t *rapid.T) {
			m := ack{u32(t), u64(t)}
			roundTrip(t, kindAck, m, m.encode(), readAck)
		},
		"Propose": func(t *rapid.T) {
			m := propose{epoch: u32(t), proposals: make([]Proposal, rapid.IntRange(0, 5).Draw(t, "proposals"))}
			for i := range m.proposals {
				m.proposals[i] = Proposal{u64(t), data(t), rapid.Bool().Draw(t, "essential")}
			}
			roundTrip(t, kindPropose, m, m.encode(), readPropose)
		},
		"Refuse": func(t *rapid.T) {
			m := refuse{u32(t), refusal(rapid.Uint8().Draw(t, "code")), rapid.SliceOfN(rapid.Uint64(), 0, 5).Draw(t, "requests")}
			roundTrip(t, kindRefuse, m, m.encode(), readRefuse)
		},
		"Reconfigure": func(t *rapid.T) {
			m := reconfigure{u32(t), u64(t), u64(t), drawMembership(t, "next")}
			roundTrip(t, kindReconfigure, m, m.encode(), readReconfigure)
		},
		"TakeOver": func(t *rapid.T) {
			m := u32(t)
			roundTrip(t, kindTakeOver, m, encodeEpoch(kindTakeOver, m), (*codec.Reader).Uint32)
		},
		"Beat": func(t *rapid.T) {
			m := beat{u32(t), u64(t)}
			roundTrip(t, kindPong, m, m.encode(kindPong), readBeat)
		},
		"ReadAnswer": func(t *rapid.T) {
			m := readAnswer{u32(t), u64(t), flag(t), drawZxid(t, "zxid")}
			roundTrip(t, kindReadAnswer, m, m.encode(), readReadAnswer)
		},
		"EntriesHeader": func(t *rapid.T) {
			m := entriesHeader{u32(t), drawZxid(t, "commit")}
			frame := appendEntriesHeader(nil, m)
			require.LessOrEqual(t, len(frame), maxEntriesHeader)
			roundTrip(t, kindEntries, m, frame, readEntriesHeader)
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, check) })
	}
}

func TestStateRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := HardState{Replica: rapid.Uint64().Draw(t, "replica"), Incarnation: rapid.Uint64().Draw(t, "incarnation"),
			AcceptedEpoch: rapid.Uint32().Draw(t, "accepted"), Founders: drawFounders(t)}
		copy(h.Ensemble[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ensemble"))
		r := codec.NewReader(AppendHardState(nil, &h))
		require.Equal(t, h, ReadHardState(&r))
		require.NoError(t, r.Done())

		b := drawBase(t)
		r = codec.NewReader(AppendBase(nil, &b))
		require.Equal(t, b, ReadBase(&r))
		require.NoError(t, r.Done())
	})
}

// TestHostileLengths: a frame that claims to be long is refused before anything is
// allocated for it.
func TestHostileLengths(t *testing.T) {
	huge := []byte{0xdd, 0xff, 0xff, 0xff, 0xff} // an array
	prefixes := map[string][]byte{
		"Lead":        codec.AppendUint(begin(kindLead), 1),
		"Propose":     codec.AppendUint(begin(kindPropose), 1),
		"Refuse":      codec.AppendUint(codec.AppendUint(begin(kindRefuse), 1), 1),
		"Reconfigure": codec.AppendUint(codec.AppendUint(codec.AppendUint(begin(kindReconfigure), 1), 1), 1),
		"Join":        appendZxid(appendZxid(codec.AppendBool(codec.AppendUint(codec.AppendUint(begin(kindJoin), 1), 1), true), Zxid{}), Zxid{}),
	}
	s := newStage()
	require.NoError(t, cmdReplicas(s, []string{"2"}))
	s.connect(s.actors[0], s.actors[1])
	c := s.actors[0].core
	for name, frame := range prefixes {
		frame = append(frame, huge...)
		require.ErrorIs(t, c.Receive(1, frame), ErrBadFrame, name)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Error(t, c.Receive(1, frame))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes for %s, of billions of elements", name)
	}
	require.ErrorIs(t, c.Receive(1, nil), ErrBadFrame)
	require.ErrorIs(t, c.Receive(1, []byte{0x7f}), ErrBadFrame)
	require.NoError(t, c.Receive(9, []byte{0x7f}), "a link that is not there")
}
