package host

import (
	"slices"

	"github.com/zabtree/zabtree/tree"
)

// proposeAuth proposes the identity that a credential proves. It is an item of
// the session's order that nothing overtakes.
//
// An outcome does not say which identity it is about. So another AddAuth is not
// proposed while an earlier one may still reach the log once more: the client attaches
// again, which fences that one.
func (h *Host) proposeAuth(s *session, it *item) {
	if it.proposed {
		return
	}
	if h.status.Leader == 0 {
		h.breakOff(s) // again once there is one
		return
	}
	ids := it.auth.Proves(h.config.SuperDigest)
	if ids == nil {
		it.ready, it.code = true, tree.CodeInvalidACL
		h.authSettled(s)
		return
	}
	if s.doubted != nil && s.doubted != it {
		h.hangUp(s.link, nil)
		return
	}
	it.proposed = true
	h.proposal(Token{Purpose: ForAuth, Session: s.id, Link: s.link.id, Request: it.id},
		tree.AddAuth{Session: s.id, Attachment: s.attachment, Identities: ids})
}

// authApplied takes an AddAuth that was applied: it is of the first of the session's
// items, or once more of the doubted one. What the identity opens it opens from this
// entry on, and for as long as the session has anything to be told, also if both it and
// the session's end are in what was applied in one go.
func (h *Host) authApplied(s *session, o *tree.Outcome) {
	if o.Code != tree.CodeOK || len(s.items) == 0 || s.items[0].kind != itemAuth {
		return
	}
	it := s.items[0]
	if s.doubted != nil && s.doubted != it {
		return // of the doubted one, which the session has
	}
	for _, id := range it.auth.Proves(h.config.SuperDigest) {
		if !slices.Contains(s.identities, id) {
			s.identities = append(s.identities, id)
		}
	}
}

func (h *Host) authDone(t Token, outcome *tree.Outcome, err error) {
	s := h.sessions[t.Session]
	if s == nil || s.link.id != t.Link || len(s.items) == 0 || s.items[0].id != t.Request {
		return
	}
	it := s.items[0]
	switch {
	case err != nil || outcome == nil:
		it.proposed, s.doubted = false, it // again at the next tick
		h.breakOff(s)
		return
	case outcome.Code == tree.CodeSessionExpired, outcome.Code == tree.CodeSessionMoved:
		return // the link has ended
	}
	it.ready, it.code = true, outcome.Code
	h.authSettled(s)
}

func (h *Host) authSettled(s *session) {
	if s.lastAuth != nil && s.lastAuth.ready {
		s.lastAuth = nil
	}
	h.process(s)
	if !s.link.closing {
		h.propose(s)
	}
}
