package zab

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/zabtree/zabtree/internal/driver"
	"github.com/zabtree/zabtree/transport"
	"github.com/zabtree/zabtree/zab/protocol"
)

// liveLinks are the links that are up. The loop changes them; Send reads them
// too. The mutex is held for a look only.
type liveLinks struct {
	mu    sync.RWMutex
	links []*liveLink
}

func (s *liveLinks) add(l *liveLink) {
	s.mu.Lock()
	s.links = append(slices.Clone(s.links), l)
	s.mu.Unlock()
}

// remove returns the link, or nil if there is no such link.
func (s *liveLinks) remove(id protocol.LinkID) *liveLink {
	l := s.byID(id)
	s.mu.Lock()
	s.links = slices.DeleteFunc(slices.Clone(s.links), func(x *liveLink) bool { return x == l })
	s.mu.Unlock()
	return l
}

// byID is for the loop, which is the only one to change the links.
func (s *liveLinks) byID(id protocol.LinkID) *liveLink {
	for _, l := range s.links {
		if l.id == id {
			return l
		}
	}
	return nil
}

func (s *liveLinks) toPeer(id uint64) *liveLink {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.links {
		if l.peer.ID == id {
			return l
		}
	}
	return nil
}

// look says whether anything came or went on a lane since it was last asked.
func (s *liveLinks) look(id protocol.LinkID, kind protocol.Lane) (heard, sent bool) {
	l := s.byID(id)
	if l == nil {
		return false, false
	}
	return l.lanes[kind].heard.Swap(false), l.lanes[kind].sent.Swap(false)
}

// Send sends a message to another replica, or to this one, where OnMessage gets
// it. Messages of one link arrive in order; all that follow one that is lost are
// lost too, with the link. Nothing tells of that: an answer has to. msg is copied
// and has at most Config.MaxCommandBytes. Send never blocks. Without a link the
// error wraps transport.ErrUnreachable.
func (r *Replica) Send(to uint64, msg []byte) error {
	if len(msg) > r.cfg.MaxCommandBytes {
		return fmt.Errorf("%w: message of %d bytes, at most %d", ErrTooLarge, len(msg), r.cfg.MaxCommandBytes)
	}
	frame := make([]byte, 1+len(msg))
	frame[0] = frameMessage
	copy(frame[1:], msg)
	if to == r.cfg.ID {
		select {
		case <-r.stop:
			return ErrClosed
		default:
		}
		if !r.notices.message(to, frame[1:]) {
			return ErrOverloaded
		}
		return nil
	}
	l := r.live.toPeer(to)
	if l == nil {
		return fmt.Errorf("zab: no link to replica %d: %w", to, transport.ErrUnreachable)
	}
	if !l.lanes[protocol.Control].put(frame) {
		l.lanes[protocol.Control].broken(r, errSlowLink)
		return ErrOverloaded
	}
	return nil
}

// refusalLog keeps the log from being filled by whoever knocks, or is knocked at
// in vain. The zero value is ready.
type refusalLog struct {
	mu    sync.Mutex
	notes map[refusalKey]refusalNote
}

// refusalKey is what is logged apart: a kind, and for connections that this
// replica dialed the member, 0 else. So there are no more keys than members.
type refusalKey struct {
	kind driver.RefusalKind
	peer uint64
}

type refusalNote struct {
	last time.Time
	held int
}

const refusalEvery = 10 * time.Second

// note says whether something is to be logged, and how many of the same were not.
func (l *refusalLog) note(k refusalKey, now time.Time) (held int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.notes == nil {
		l.notes = make(map[refusalKey]refusalNote)
	}
	n, again := l.notes[k]
	if again && now.Sub(n.last) < refusalEvery {
		n.held++
		l.notes[k] = n
		return 0, false
	}
	l.notes[k] = refusalNote{last: now}
	return n.held, true
}
