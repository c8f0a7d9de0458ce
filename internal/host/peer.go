package host

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
)

// The messages between hosts: a host passes the pings of its sessions on to the
// leader's, which answers for those it has recorded and confirmed.

// errPeerMessage is wrapped by what is wrong with a peer's message.
var errPeerMessage = errors.New("host: malformed message of a peer")

type peerKind uint8

const (
	peerPings peerKind = 1 + iota
	peerPongs
)

// maxPeerSessions is how many sessions one message may name.
const maxPeerSessions = 1 << 14

// pingMessage asks the leader to count the timeouts of sessions anew.
type pingMessage struct {
	round    uint64
	sessions []int64
}

// pongMessage answers one. If ready is false the asked does not lead, or not yet.
type pongMessage struct {
	round   uint64
	ready   bool
	refused []int64 // of the sessions asked for
}

func appendSessions(dst []byte, ids []int64) []byte {
	dst = codec.AppendArray(dst, len(ids))
	for _, id := range ids {
		dst = codec.AppendInt(dst, id)
	}
	return dst
}

func readSessions(r *codec.Reader) []int64 {
	n := r.Array(maxPeerSessions)
	if n == 0 {
		return nil
	}
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = r.Int()
	}
	return ids
}

func (m *pingMessage) encode() []byte {
	b := append(codec.AppendArray(nil, 3), byte(peerPings))
	return appendSessions(codec.AppendUint(b, m.round), m.sessions)
}

func (m *pongMessage) encode() []byte {
	b := append(codec.AppendArray(nil, 4), byte(peerPongs))
	b = codec.AppendBool(codec.AppendUint(b, m.round), m.ready)
	return appendSessions(b, m.refused)
}

// decodePeer decodes a pingMessage or a pongMessage from bytes that may be
// hostile.
func decodePeer(b []byte) (any, error) {
	r := codec.NewReader(b)
	fields := r.Array(4)
	var m any
	switch kind := peerKind(r.Uint8()); {
	case kind == peerPings && fields == 3:
		m = &pingMessage{round: r.Uint(), sessions: readSessions(&r)}
	case kind == peerPongs && fields == 4:
		m = &pongMessage{round: r.Uint(), ready: r.Bool(), refused: readSessions(&r)}
	default:
		r.Fail("unknown kind of message")
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", errPeerMessage, err)
	}
	return m, nil
}

// Peer takes a message of another replica's host. One that cannot be understood
// is an error and has no effect.
func (h *Host) Peer(from uint64, message []byte) error {
	m, err := decodePeer(message)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *pingMessage:
		h.lead.pinged(h, from, m)
	case *pongMessage:
		h.pings.answered(h, m)
	}
	return nil
}

// tell sends a message to a host, which may be this one.
func (h *Host) tell(to uint64, m interface{ encode() []byte }) {
	h.out.next.Peers = append(h.out.next.Peers, PeerMessage{to, m.encode()})
}
