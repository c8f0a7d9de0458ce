package sim

import (
	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/session/protocol"
	zab "github.com/zabtree/zabtree/zab/protocol"
)

// bounded is the checker that holds everybody to the bounds of what is under way:
// memory must not depend on how slow somebody else is.
const bounded = "bounded"

// flow is what a member has sent to another on a link and not had acknowledged.
type flow struct {
	epoch  uint32
	frames []flying
	bytes  int
	acked  uint64 // chunks of the snapshot that is on its way
	chunks uint64 // that it has, once the last one was sent
	whole  bool   // it was received, and was neither enough nor followed by anything of the log
}

type flying struct {
	last  uint64 // counter
	bytes int
}

type flowKey struct {
	from uint64
	link zab.LinkID
}

func (o *observers) flow(m *member, l *peerLink) *flow {
	k := flowKey{m.id, l.shared}
	if o.flows[k] == nil {
		o.flows[k] = &flow{}
	}
	return o.flows[k]
}

// flows says whether a frame is one that a flow is made of.
func flows(frame []byte) bool {
	if len(frame) == 0 {
		return false
	}
	switch audit.Kind(frame[0]) {
	case audit.Sync, audit.Snap, audit.Chunk, audit.Entries, audit.ChunkAck, audit.Ack, audit.Look, audit.Join:
		return true
	}
	return false
}

// flowsOut counts what a leader sends to a follower.
func (o *observers) flowsOut(m *member, l *peerLink, raw []byte) {
	if !flows(raw) || audit.Decode(&o.frame, raw) != nil {
		return
	}
	f, s, opts := &o.frame, o.flow(m, l), &o.w.opts
	switch f.Kind {
	case audit.Sync:
		*s = flow{epoch: f.Epoch}
	case audit.Snap:
		if s.whole && s.epoch == f.Epoch && !m.proc.scarce {
			o.w.fail(liveness, "member %d sends snapshot %v to %d, which has received another one and was sent nothing of the log behind it",
				m.id, f.Snapshot.Zxid(), l.peer.ID)
		}
		*s = flow{epoch: f.Epoch, acked: f.N}
	case audit.Chunk:
		if f.Final {
			s.chunks = f.N + 1
		}
		if window := uint64(max(1, opts.InflightBytes/opts.ChunkBytes)); f.N >= s.acked+window {
			o.w.fail(bounded, "member %d sends chunk %d to %d, which has acknowledged %d; %d may be on their way", m.id, f.N, l.peer.ID, s.acked, window)
		}
	case audit.Entries:
		if len(f.Data) == 0 {
			return
		}
		if s.bytes >= opts.InflightBytes {
			o.w.fail(bounded, "member %d has sent %d bytes of its log to %d that are not acknowledged, and sends %d more; %d are the limit",
				m.id, s.bytes, l.peer.ID, len(f.Data), opts.InflightBytes)
		}
		s.whole = false
		s.frames = append(s.frames, flying{lastOf(f.Data), len(f.Data)})
		s.bytes += len(f.Data)
	}
}

// flowsIn takes a follower's acknowledgement.
func (o *observers) flowsIn(m *member, l *peerLink, raw []byte) {
	if !flows(raw) || audit.Decode(&o.frame, raw) != nil {
		return
	}
	f, s := &o.frame, o.flow(m, l)
	switch {
	case f.Kind == audit.Look, f.Kind == audit.Join:
		s.whole = false // it begins anew
	case f.Epoch != s.epoch:
	case f.Kind == audit.ChunkAck:
		s.acked = max(s.acked, f.N+1)
		s.whole = s.acked == s.chunks
	case f.Kind == audit.Ack:
		s.whole = s.whole && f.Counter < m.proc.committed
		for len(s.frames) > 0 && s.frames[0].last <= f.Counter {
			s.bytes -= s.frames[0].bytes
			s.frames = s.frames[1:]
		}
	}
}

// lastOf returns the counter of the last of some encoded entries.
func lastOf(raw []byte) (last uint64) {
	for len(raw) > 0 {
		e, n, err := zab.DecodeEntry(raw)
		if err != nil {
			break
		}
		last, raw = e.Zxid.Counter, raw[n:]
	}
	return last
}

// asked counts what a client has asked for on its link.
func (c *client) asked(r protocol.Request) {
	var id uint64
	switch r := r.(type) {
	case *protocol.Write:
		id = r.ID
	case *protocol.Close:
		id = r.ID
	case *protocol.Read:
		id = r.ID
	case *protocol.AddAuth:
		id = r.ID
	case *protocol.Cancel:
		delete(c.asking, r.ID)
		return
	default:
		return
	}
	if c.asking[id] = true; len(c.asking) > c.w.opts.Window {
		c.w.fail(bounded, "client %d has %d calls under way, %d may be", c.name, len(c.asking), c.w.opts.Window)
	}
}
