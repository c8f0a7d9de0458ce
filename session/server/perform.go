package server

import (
	"errors"
	"time"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/zab"
)

// step feeds the host one event and sees to what it wants.
func (s *Server) step(event func(h *host.Host)) {
	s.mu.Lock()
	event(s.host)
	s.finish()
	s.mu.Unlock()
}

// finish takes the host's output after an event. The mutex is held.
func (s *Server) finish() {
	if n := s.doneWrites.Swap(0); n > 0 {
		s.host.ProposalsDone(int(n))
	}
	if s.replica != nil { // else it waits for that
		out := s.host.TakeOutput()
		s.perform(&out)
	}
	s.crowded.Store(s.host.Crowded())
}

// perform does what the host wants. The mutex is held, so that proposals go to the
// replica, and messages to the links, in the host's order.
func (s *Server) perform(out *host.Output) {
	for i := range out.Proposals {
		p := &out.Proposals[i]
		token := p.Token
		done := func(res zab.Result, err error) { s.proposed(token, res, err) }
		if p.Essential() {
			s.replica.SubmitEssential(p.Command, done)
		} else {
			s.replica.SubmitFunc(p.Command, done)
		}
	}
	for _, p := range out.Peers {
		// Lost ones are sent again by whoever misses them.
		_ = s.replica.Send(p.To, p.Message)
	}
	for _, round := range out.ReadRounds {
		s.replica.ReadPointFunc(func(z zab.Zxid, err error) {
			s.step(func(h *host.Host) { h.ReadPoint(round, int64(z.Counter), z.Epoch, err) })
			s.ring()
		})
	}
	for _, d := range out.Deliveries {
		l := s.links[d.Link]
		if l == nil {
			continue
		}
		l.put(d.Messages, d.Close)
		s.ready = append(s.ready, l)
		if d.Close {
			s.unlink(l)
		}
	}
}

// proposed takes what became of a proposal. Of a write that was applied the host
// knows already; it only wants them counted.
func (s *Server) proposed(t host.Token, res zab.Result, err error) {
	if err == nil && (t.Purpose == host.ForWrite || t.Purpose == host.ForClose) {
		s.doneWrites.Add(1)
		if !s.crowded.Load() {
			return
		}
		s.step(func(*host.Host) {})
		return
	}
	outcome, _ := res.Value.(*tree.Outcome)
	s.step(func(h *host.Host) { h.Proposed(t, outcome, err) })
	s.ring()
}

func (s *Server) onMessage(from uint64, msg []byte) {
	if s.askedToHandOver(msg) {
		return
	}
	var err error
	s.step(func(h *host.Host) { err = h.Peer(from, msg) })
	if err != nil {
		s.config.Logger.Warn("message of a peer ignored", "from", from, "err", err)
	}
	s.ring()
}

// onTick is called as often as the replica ticks: one wake-up serves both.
func (s *Server) onTick() {
	now := int64(time.Since(s.started))
	s.step(func(h *host.Host) { h.Tick(now) })
	s.tellAgain()
	s.ring()
}

func (s *Server) onStatus(st zab.Status) {
	known := host.Status{}
	if st.Serving {
		known = host.Status{Leader: st.Leader, Epoch: st.Epoch, Leading: st.Leading()}
	}
	s.step(func(h *host.Host) { h.Status(known) })
	if known.Leading {
		s.tellConfig(&st)
	}
	s.ring()
}

// ring wakes the goroutine if there is anything to deliver.
func (s *Server) ring() {
	s.mu.Lock()
	some := len(s.ready) > 0
	s.mu.Unlock()
	if some {
		select {
		case s.bell <- struct{}{}:
		default:
		}
	}
}

// deliverReady hands out what is ready.
func (s *Server) deliverReady() {
	s.mu.Lock()
	ready := s.ready
	s.ready = nil
	s.mu.Unlock()
	for _, l := range ready {
		l.deliver()
	}
}

// errLinkEnded is why a link is lost that the host has ended.
var errLinkEnded = errors.New("server: link ended by the host")
