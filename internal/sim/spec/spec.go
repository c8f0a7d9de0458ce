package spec

import (
	"slices"

	"github.com/zabtree/zabtree/internal/sim/audit"
	"github.com/zabtree/zabtree/zab/protocol"
)

// Spec is the state of a whole ensemble as ZAB sees it. Its first error is the last
// thing that it says of use: after it every method returns that error.
type Spec struct {
	founding protocol.Membership
	members  map[uint64]*member
	links    map[protocol.LinkID]*link
	epochs   map[uint32]*epoch
	opened   []*epoch // all of them, in order
	recent   *epoch   // the one asked for last

	committed history
	// known is the highest counter that somebody has told or applied as committed.
	known uint64
	reads map[readKey]readAsked

	frame audit.Frame
	stats Stats
	err   error
}

// Stats counts what was seen: a run that saw too little proves nothing.
type Stats struct {
	Opened, Committed, Changes, Applied, Promises, Acks, Truncations, Bases, Reads, Restarts, Incarnations int
}

// member is the abstract state of a replica.
type member struct {
	id   uint64
	up   bool
	run  uint64 // counts its starts
	hs   protocol.HardState
	base protocol.Zxid
	// last is the end of its durable log: it names the whole history, see epoch.
	last    protocol.Zxid
	latest  protocol.SnapshotMeta
	applied protocol.Zxid

	// raised is the epoch that its accepted one was raised to in this run, and given
	// says to whom it has promised it: itself, a leader, or nobody yet (0).
	raised uint32
	given  uint64

	// The promises that it got for an epoch, as a candidate.
	promised uint32
	promises []promise
	leads    *epoch // the epoch that it opened in this run

	answers map[uint64]protocol.Zxid // read points that it was answered by frame
}

// voter is a replica as quorums count it.
type voter struct{ id, incarnation uint64 }

// promise is a promise that a candidate got.
type promise struct {
	voter
	last protocol.Zxid
}

// link is one life of a connection, with both ends' identities at its beginning.
type link struct {
	ends [2]linkEnd
}

type linkEnd struct {
	voter
	on   protocol.LinkID
	join protocol.Zxid // the end of the history that this end told in a join of joined
	// joined is the epoch of its last join that the other end got.
	joined uint32
	stream stream // that this end sends as a leader
}

// stream is how far a leader is with a follower: the entry sent last.
type stream struct {
	epoch uint32
	prev  protocol.Zxid
}

// New returns the Spec of an ensemble that is not founded yet.
func New(founding protocol.Membership) *Spec {
	return &Spec{founding: founding.Clone(), members: map[uint64]*member{}, links: map[protocol.LinkID]*link{},
		epochs: map[uint32]*epoch{}, reads: map[readKey]readAsked{}}
}

// Err returns the first violation, or nil.
func (s *Spec) Err() error { return s.err }

// Stats returns what was seen so far.
func (s *Spec) Stats() Stats { return s.stats }

// Committed returns the last committed entry.
func (s *Spec) Committed() protocol.Zxid { return s.committed.last() }

// Started tells that a member was started and what its disk held then, the first time
// included. Under the incarnation that it had before this is what was durable; batches
// that were under way when it went down and turn out to be there are told to Durable
// before (see audit.Survived). Under a new incarnation the disk was wiped or damaged:
// it may hold anything that the ensemble once wrote.
func (s *Spec) Started(id uint64, d *audit.Disk) error {
	if s.err != nil {
		return s.err
	}
	m := s.members[id]
	if m == nil {
		m = &member{id: id, answers: map[uint64]protocol.Zxid{}}
		s.members[id] = m
	}
	if m.up {
		return s.violated(Feed, id, "started twice")
	}
	s.stats.Restarts++
	if m.hs.Incarnation == d.HardState.Incarnation {
		if err := s.found(m, d); err != nil {
			return err
		}
	} else if err := s.foundOther(m, d); err != nil {
		return err
	}
	m.up, m.run = true, m.run+1
	m.latest, m.applied = d.Latest.Snapshot, d.Latest.Zxid()
	m.raised, m.given, m.promised, m.promises, m.leads = 0, 0, 0, nil, nil
	clear(m.answers)
	return nil
}

// Replaced tells that a member that is down has another disk now: what it had does not
// bind it. It may be one that it had before, and so the same incarnation again.
func (s *Spec) Replaced(id uint64) error {
	if m := s.members[id]; m != nil && s.err == nil {
		if m.up {
			return s.violated(Feed, id, "another disk while it runs")
		}
		m.hs.Incarnation = 0
	}
	return s.err
}

// found compares what a member's disk holds with what it must.
func (s *Spec) found(m *member, d *audit.Disk) error {
	switch {
	case d.HardState.AcceptedEpoch != m.hs.AcceptedEpoch || !slices.Equal(d.HardState.Founders, m.hs.Founders):
		return s.violated(StateKept, m.id, "hard state %+v, not %+v", d.HardState, m.hs)
	case d.Last != m.last:
		return s.violated(StateKept, m.id, "the log ends at %v, not at %v", d.Last, m.last)
	case d.Base.Zxid() != m.base:
		return s.violated(StateKept, m.id, "base %v, not %v", d.Base.Zxid(), m.base)
	case m.latest.Zxid.Less(d.Latest.Zxid()) || d.Latest.Zxid().Less(m.base):
		return s.violated(StateKept, m.id, "latest snapshot %v, not one between %v and %v", d.Latest.Zxid(), m.base, m.latest.Zxid)
	}
	return s.sameEnds(m, d)
}

// foundOther takes over what a member has under a new incarnation.
func (s *Spec) foundOther(m *member, d *audit.Disk) error {
	s.stats.Incarnations++
	m.hs, m.last, m.base = d.HardState, d.Last, d.Base.Zxid()
	for _, z := range []protocol.Zxid{d.Base.Zxid(), d.Latest.Zxid()} {
		if err := s.mustBeCommitted(m, z, "a snapshot"); err != nil {
			return err
		}
	}
	if !s.exists(d.Last) {
		return s.violated(Integrity, m.id, "the log ends at %v, which nobody broadcast", d.Last)
	}
	return s.sameEnds(m, d)
}

// sameEnds compares a table of epochs with the history that the last entry names.
func (s *Spec) sameEnds(m *member, d *audit.Disk) error {
	at := d.Last
	for i := len(d.Ends) - 1; i >= 0; i-- {
		e := s.epochOf(at.Epoch)
		if e == nil || d.Ends[i] != (protocol.EpochEnd{Epoch: at.Epoch, Last: at.Counter}) {
			return s.violated(StateKept, m.id, "epochs %v, but the history of %v comes to %v", d.Ends, d.Last, at)
		}
		at = e.prev
	}
	if b := d.Base.Zxid(); b.Counter < at.Counter {
		return s.violated(StateKept, m.id, "epochs %v begin after %v, the log after %v", d.Ends, at, b)
	}
	return nil
}

// Down tells that a member crashed or stopped. Its disk may still turn out to have
// batches that were under way.
func (s *Spec) Down(id uint64) error {
	m, err := s.running(id)
	if err != nil {
		return err
	}
	m.up = false
	for k := range s.reads {
		if k.member == id {
			delete(s.reads, k)
		}
	}
	return nil
}

// LinkUp tells that two members are connected, before any frame is sent on that link.
func (s *Spec) LinkUp(id protocol.LinkID, a, b uint64) error {
	if s.err != nil {
		return s.err
	}
	x, y := s.members[a], s.members[b]
	if x == nil || y == nil || a == b || s.links[id] != nil {
		return s.violated(Feed, a, "link %d to %d", id, b)
	}
	s.links[id] = &link{ends: [2]linkEnd{
		{voter: x.voter(), on: id}, {voter: y.voter(), on: id}}}
	return nil
}

// LinkDown tells that nothing will be sent or delivered on a link any more.
func (s *Spec) LinkDown(id protocol.LinkID) error {
	delete(s.links, id)
	return s.err
}

// running returns a member that is up.
func (s *Spec) running(id uint64) (*member, error) {
	if s.err != nil {
		return nil, s.err
	}
	m := s.members[id]
	if m == nil || !m.up {
		return nil, s.violated(Feed, id, "is not running")
	}
	return m, nil
}

// ends returns the two ends of a link as one of them sees it.
func (s *Spec) ends(id protocol.LinkID, from, to uint64) (near, far *linkEnd) {
	l := s.links[id]
	if l == nil {
		return nil, nil
	}
	near, far = &l.ends[0], &l.ends[1]
	if near.id != from {
		near, far = far, near
	}
	if near.id != from || far.id != to {
		return nil, nil
	}
	return near, far
}

func (m *member) voter() voter { return voter{m.id, m.hs.Incarnation} }
