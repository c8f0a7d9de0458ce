package server

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/zabtree/zabtree/zab"
)

// A member that is to have another leader, because the one there is leaves, asks that one
// to hand over. The message begins with a byte with which no message of a host does: in
// msgpack it is nothing.
const (
	handOverMark = 0xc1
	handOverLen  = 1 + 8 // and the ID of who is to lead
)

// handOver asks the leader to hand over to a voter that stays: this member if it is one,
// at first, and then to each in turn.
func (r *reconfig) handOver(ctx context.Context, st *zab.Status) {
	ids := staying(st.Config.Current, r.next)
	if i := slices.Index(ids, r.s.config.ID); i > 0 {
		ids[0], ids[i] = ids[i], ids[0]
	}
	to := ids[r.turn%len(ids)]
	r.turn++
	if st.Leading() {
		_ = r.s.replica.Handover(ctx, to) // whether it has, the status says
		return
	}
	_ = r.s.replica.Send(st.Leader, binary.BigEndian.AppendUint64([]byte{handOverMark}, to)) // likewise
}

// askedToHandOver takes the message. It returns false if the message is another one.
func (s *Server) askedToHandOver(msg []byte) bool {
	if len(msg) != handOverLen || msg[0] != handOverMark {
		return false
	}
	to := binary.BigEndian.Uint64(msg[1:])
	s.mu.Lock()
	r := s.replica
	start := r != nil && !s.handingOver
	s.handingOver = s.handingOver || start
	s.mu.Unlock()
	if !start {
		return true
	}
	s.tasks.Go(func() {
		// Bounded by two election timeouts, and by the replica's end.
		if err := r.Handover(context.Background(), to); err != nil {
			s.config.Logger.Warn("leadership not handed over", "to", to, "err", err)
		}
		s.mu.Lock()
		s.handingOver = false
		s.mu.Unlock()
	})
	return true
}
