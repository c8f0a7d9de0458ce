package protocol

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// victims are cores in every role, and frames that came about on the way there.
type victims struct {
	names  []string
	cores  []*Core
	frames [][]byte
}

// add plays commands and takes a replica as it is then.
func (v *victims) add(t testing.TB, name string, id uint64, script string) *stage {
	s := newStage()
	s.hidden, s.taping = true, true
	p := &director{stage: s}
	for _, line := range strings.Split(script, ";") {
		p.command("quietly " + strings.TrimSpace(line))
	}
	require.Empty(t, s.faults, name)
	v.names = append(v.names, name)
	v.cores = append(v.cores, s.actor(id).core)
	v.frames = append(v.frames, s.frames...)
	return s
}

func newVictims(t testing.TB) *victims {
	const three = "replicas 3; connect all; stabilise; "
	const snapshots = "crash 1; propose 3 \"alpha\" \"beta\" \"gamma\" \"delta\"; stabilise; snapshot 3; stabilise; propose 3 \"epsilon\"; stabilise; snapshot 3; stabilise; restart 1; connect all; hold 1 disk; "
	v := &victims{}
	v.add(t, "looking, empty", 1, "replicas 3; connect all")
	v.add(t, "looking, founded", 1, three+"cut 3 from others")
	v.add(t, "following, accepting", 1, "replicas 3; connect all; hold 1 disk; stabilise")
	v.add(t, "following, discovering", 1, "replicas 3; connect all; hold 2 disk; stabilise")
	v.add(t, "following, with writes under way", 1, three+"hold 1 disk; propose 3 \"x\"; stabilise")
	v.add(t, "following, serving", 1, three+"propose 1 \"x\"; stabilise; read 1")
	v.add(t, "following, receiving a snapshot", 1, three+snapshots+"stabilise")
	v.add(t, "leading, accepting", 3, "replicas 3; connect all; hold 3 disk; stabilise")
	v.add(t, "leading, discovering", 3, "replicas 3; connect all; hold 1 disk; stabilise")
	v.add(t, "leading, synchronising", 2, three+"cut 3 from others; stabilise; connect all; hold 2 disk; hold 1 disk; hold 3 disk; crash 3; stabilise; disk 2; stabilise; disk 1; stabilise")
	v.add(t, "leading, broadcasting", 3, three+"hold 1 disk; propose 3 \"x\" \"y\"; stabilise; read 3; propose 3 \"z\"")
	v.add(t, "leading, sending a snapshot", 3, three+snapshots+"stabilise")
	v.add(t, "leading, changing the membership", 3, "replicas 3 observers 4; connect all; stabilise; hold 1 disk; hold 2 disk; reconfigure 1 2 3 4 by 3; stabilise")
	v.add(t, "leading, handing over", 3, three+"hold 1 disk; propose 3 \"x\"; handover 3 to 1; stabilise")
	v.add(t, "leading alone", 1, "replicas 1; connect all; stabilise; propose 1 \"x\"")
	v.add(t, "observing", 4, "replicas 3 observers 4; connect all; stabilise; run 25")
	return v
}

// suffer hands a frame to a core and returns why it is not as it should be then.
// What it allocates is bounded by what it was sent, and by what a core with such a
// small configuration may answer.
func suffer(c *Core, id LinkID, frame []byte) string {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := c.Receive(id, frame)
	out := c.Take()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(64*len(frame)+256<<10) {
		return fmt.Sprintf("%d bytes allocated for a frame of %d", n, len(frame))
	}
	if err != nil {
		c.LinkDown(id)
		c.Take()
	}
	if out.Halt != nil && !c.halted {
		return "halts, and goes on"
	}
	return insane(c)
}

// goOn lets something else than a frame happen to a core.
func goOn(c *Core, what byte, id LinkID) {
	switch what % 8 {
	case 0:
		c.Tick()
	case 1:
		c.Durable(c.log.seq)
	case 2:
		c.LinkDown(id)
	case 3:
		c.LinkUp(id+100, Peer{ID: uint64(id%4) + 1, Incarnation: 0xa + uint64(id%4)})
	case 4:
		c.ReadPoint(uint64(what))
	case 5:
		_, _ = c.Propose([]Proposal{{Request: uint64(what), Data: []byte("p")}})
	case 6:
		if f := &c.following; f.snap.on {
			c.ChunkStored(StoreChunk{Meta: f.snap.base.Snapshot, Token: f.attempt, N: f.snap.next - 1, Last: what > 128}, nil)
		}
	case 7:
		_ = c.Handover(0)
	}
	c.Take()
}

func (c *Core) linkAt(i byte) LinkID {
	if len(c.links) == 0 {
		return 1
	}
	return c.links[int(i)%len(c.links)].id
}

// torment interprets bytes as a victim and as frames for it, with other events in
// between: a byte below 0x80 and a length come before a frame.
func torment(v *victims, script []byte) string {
	if len(script) == 0 {
		return ""
	}
	c := v.cores[int(script[0])%len(v.cores)].Clone()
	for script = script[1:]; len(script) > 0; {
		op := script[0]
		script = script[1:]
		if op >= 0x80 || len(script) < 2 {
			goOn(c, op, c.linkAt(op>>3))
		} else {
			n := min(int(script[0])<<8|int(script[1]), len(script)-2)
			if why := suffer(c, c.linkAt(op), slices.Clone(script[2:2+n])); why != "" {
				return why
			}
			script = script[2+n:]
		}
		if why := insane(c); why != "" {
			return why
		}
	}
	c.AppendState(nil)
	return ""
}

func scriptOf(victim int, frames ...[]byte) []byte {
	s := []byte{byte(victim)}
	for i, f := range frames {
		s = append(append(s, byte(i&3), byte(len(f)>>8), byte(len(f))), f...)
	}
	return s
}

// FuzzReceive: hostile bytes may close a link, but never panic, never allocate
// without bound, and never break an invariant.
func FuzzReceive(f *testing.F) {
	v := newVictims(f)
	for i := range v.cores {
		f.Add(scriptOf(i, v.frames[i*7%len(v.frames)], v.frames[i*13%len(v.frames)], []byte{byte(i)}))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if why := torment(v, script); why != "" {
			t.Fatal(why)
		}
	})
}

// TestReceiveMutated sends each victim real frames in which something was changed.
func TestReceiveMutated(t *testing.T) {
	v := newVictims(t)
	seen := map[string]bool{}
	v.frames = slices.DeleteFunc(v.frames, func(f []byte) bool {
		was := seen[string(f)]
		seen[string(f)] = true
		return was
	})
	rapid.Check(t, func(t *rapid.T) {
		victim := rapid.IntRange(0, len(v.cores)-1).Draw(t, "victim")
		var frames [][]byte
		for range rapid.IntRange(1, 4).Draw(t, "frames") {
			f := slices.Clone(rapid.SampledFrom(v.frames).Draw(t, "frame"))
			for range rapid.IntRange(0, 2).Draw(t, "changes") {
				switch i := rapid.IntRange(0, len(f)-1).Draw(t, "at"); rapid.IntRange(0, 2).Draw(t, "change") {
				case 0:
					f[i] = rapid.Byte().Draw(t, "byte")
				case 1:
					f = append(f[:i:i], f[i+1:]...)
				case 2:
					f = slices.Insert(f, i, rapid.Byte().Draw(t, "byte"))
				}
				if len(f) == 0 {
					break
				}
			}
			frames = append(frames, f)
		}
		if why := torment(v, scriptOf(victim, frames...)); why != "" {
			t.Fatalf("%s: %s", v.names[victim], why)
		}
	})
}

// nearby draws numbers such as replicas use, and some that they do not.
func nearby(t *rapid.T) uint64 {
	return rapid.OneOf(rapid.Uint64Range(0, 9), rapid.SampledFrom([]uint64{1 << 20, 1<<32 - 1, 1 << 32, 1 << 63, 1<<64 - 1})).Draw(t, "number")
}

func nearbyZxid(t *rapid.T) Zxid { return Zxid{uint32(nearby(t)), nearby(t)} }

func nearbyMembership(t *rapid.T) Membership {
	return rapid.SampledFrom([]Membership{nil,
		{{ID: 1, Incarnation: 0xa}}, {{ID: 1, Incarnation: 0xa}, {ID: 2, Incarnation: 0xb}, {ID: 3, Incarnation: 0xc}},
		{{ID: 9, Incarnation: 9}}, {{ID: 2, Incarnation: 0xf}, {ID: 3, Role: Observer}},
	}).Draw(t, "membership")
}

func nearbyBase(t *rapid.T, size int64) Base {
	return Base{Snapshot: SnapshotMeta{Zxid: nearbyZxid(t), Size: size, Digest: nearby(t)}, Clock: int64(nearby(t)),
		Config: Configuration{Version: nearby(t), Current: nearbyMembership(t), PendingAt: nearbyZxid(t), Pending: nearbyMembership(t)}}
}

// nearbyFrame is well formed and says anything.
func nearbyFrame(t *rapid.T, c *Core) []byte {
	epoch := uint32(nearby(t))
	if rapid.Bool().Draw(t, "current") {
		epoch = max(c.epoch, 1)
	}
	yes := func() bool { return rapid.Bool().Draw(t, "flag") }
	attempt := c.following.attempt
	k := rapid.IntRange(0, 17).Draw(t, "kind")
	switch k {
	case 0:
		return (&look{looking: yes(), round: nearby(t), last: nearbyZxid(t), accepted: epoch, founded: yes(), candidate: yes(), prefer: nearby(t)}).encode()
	case 1:
		return (&support{round: c.election.round, accepted: epoch}).encode()
	case 2:
		m := lead{epoch: epoch}
		if yes() {
			m.founders = []Founder{{1, 0xa}, {2, 0xb}, {3, 0xc}}
		}
		return m.encode()
	case 3:
		return (&nack{epoch: epoch, accepted: uint32(nearby(t))}).encode()
	case 4:
		m := join{epoch: epoch, attempt: nearby(t), promised: yes(), base: nearbyZxid(t), ends: drawEnds(t), chunks: nearby(t)}
		if n := len(m.ends); n > 0 {
			m.last = Zxid{m.ends[n-1].Epoch, m.ends[n-1].Last}
		}
		return m.encode()
	case 5:
		return (&syncFrom{epoch: epoch, attempt: attempt, common: nearbyZxid(t), upTo: nearby(t)}).encode()
	case 6:
		return (&snap{epoch: epoch, attempt: attempt, base: nearbyBase(t, int64(nearby(t))), first: nearby(t), upTo: nearby(t)}).encode()
	case 7:
		return (&chunkMsg{epoch: epoch, n: nearby(t), last: yes(), data: []byte("chunk")}).encode()
	case 8:
		return (&chunkAck{epoch: epoch, n: nearby(t)}).encode()
	case 9, 10:
		return nearbyEntries(t, c, epoch)
	case 11:
		return (&ack{epoch: epoch, counter: nearby(t)}).encode()
	case 12:
		return (&propose{epoch: epoch, proposals: []Proposal{{nearby(t), []byte("p"), yes()}}}).encode()
	case 13:
		return (&refuse{epoch: epoch, code: refusal(nearby(t)), requests: []uint64{nearby(t)}}).encode()
	case 14:
		return (&reconfigure{epoch: epoch, request: nearby(t), version: c.log.config.Version, next: nearbyMembership(t)}).encode()
	case 15:
		return encodeEpoch(rapid.SampledFrom([]kind{kindTakeOver, kindRemoved}).Draw(t, "word"), epoch)
	case 16:
		return (&beat{epoch, nearby(t)}).encode(rapid.SampledFrom([]kind{kindPing, kindPong, kindRead}).Draw(t, "beat"))
	}
	return (&readAnswer{epoch: epoch, id: nearby(t), ok: yes(), zxid: nearbyZxid(t)}).encode()
}

// nearbyEntries often follow the log's end.
func nearbyEntries(t *rapid.T, c *Core, epoch uint32) []byte {
	frame := appendEntriesHeader(nil, entriesHeader{epoch, nearbyZxid(t)})
	prev := c.log.last
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		e := Entry{Zxid: Zxid{prev.Epoch, prev.Counter + 1}, PrevEpoch: prev.Epoch, Kind: EntryKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		if e.Kind == KindOpen {
			e.Zxid.Epoch += uint32(rapid.IntRange(0, 2).Draw(t, "later"))
		}
		switch {
		case rapid.IntRange(0, 5).Draw(t, "odd") == 0:
			e.Zxid = nearbyZxid(t)
		case e.Kind != KindCommand && rapid.Bool().Draw(t, "membership"):
			e.Data = appendMembership(nil, nearbyMembership(t))
		}
		frame = AppendEntry(frame, &e)
		prev = e.Zxid
	}
	return frame
}

// TestReceiveAnything sends each victim frames that are well formed, and lie.
func TestReceiveAnything(t *testing.T) {
	v := newVictims(t)
	rapid.Check(t, func(t *rapid.T) {
		victim := rapid.IntRange(0, len(v.cores)-1).Draw(t, "victim")
		c := v.cores[victim].Clone()
		for range rapid.IntRange(1, 12).Draw(t, "events") {
			id := c.linkAt(rapid.Byte().Draw(t, "link"))
			if rapid.IntRange(0, 3).Draw(t, "other event") == 0 {
				goOn(c, rapid.Byte().Draw(t, "event"), id)
			} else if why := suffer(c, id, nearbyFrame(t, c)); why != "" {
				t.Fatalf("%s: %s", v.names[victim], why)
			}
			if why := insane(c); why != "" {
				t.Fatalf("%s: %s", v.names[victim], why)
			}
		}
		c.AppendState(nil)
	})
}
