package host

import (
	"bytes"
	"fmt"

	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// LinkID is the driver's name for one link of one session; it is never used
// again.
type LinkID uint64

// Config says what to host. Times are in nanoseconds.
type Config struct {
	Replica uint64 // this replica's ID

	// Limits are what operations are held to; every field is set.
	Limits  tree.Limits
	Watches watch.Limits
	History watch.HistoryConfig

	// SuperDigest is the digest identity of the user who is permitted everything:
	// whoever proves it is tree.Super too. Empty: nobody is.
	SuperDigest string

	// A session's timeout is brought into [MinTimeout, MaxTimeout].
	MinTimeout, MaxTimeout int64

	// TickEvery is about how often Tick is called. A tick that comes late counts
	// for at most two: what a starved process did not hear is not held against the
	// sessions.
	TickEvery int64
	// ReapEvery is how often a leader looks for containers and TTL znodes that are
	// due.
	ReapEvery int64

	// MaxProposals is how many proposals may be under way at once.
	MaxProposals int
}

// Purpose says what a proposal is for.
type Purpose uint8

// The purposes of proposals.
const (
	ForOpen Purpose = 1 + iota
	ForAttach
	ForWrite
	ForClose
	ForAuth
	ForExpiry
	ForReaping
)

// Token comes back with what became of a proposal.
type Token struct {
	Purpose Purpose
	Session int64  // ForWrite, ForClose, ForAuth
	Link    LinkID // ForOpen, ForAttach, ForWrite, ForClose, ForAuth
	Try     uint64 // of that link, or of the leader: ForOpen, ForAttach, ForExpiry
	Request uint64 // ForAuth
}

// Proposal is a command for the log. The driver reports what became of it by
// Proposed.
type Proposal struct {
	Token   Token
	Command []byte
}

// Essential says that the proposal frees space, and so is welcome even when there
// is little left.
func (p *Proposal) Essential() bool {
	switch p.Token.Purpose {
	case ForClose, ForExpiry, ForReaping, ForAttach:
		return true
	}
	return false
}

// Host hosts the sessions that are attached to one replica and, while that
// replica leads, counts the timeouts of all sessions of the ensemble.
//
// It is a step machine: each method is an event, and TakeOutput returns what is to
// be done since. It is for one goroutine at a time.
type Host struct {
	config Config
	view   *tree.View
	at     int64 // what has been shown: while outcomes are looked at, up to one of them
	status Status

	table   *watch.Table
	history *watch.History
	fired   []watch.Delivery // scratch
	scratch []byte           // likewise
	stretch stretch          // that is being looked at

	links    map[LinkID]*link
	sessions map[int64]*session // hosted
	joining  []*link            // with an Open or Attach that is not settled, oldest first
	dirty    []*link            // with messages to deliver
	broken   []*session         // with writes to be proposed again
	crowded  []*session         // with writes that wait for room among the proposals
	joined   []joined           // by the entries applied just now
	blocking int                // reads that have a write behind them
	inflight int                // proposals

	reads reads
	pings pings
	lead  leader
	out   outbox
}

// Status is what the host needs to know of its replica.
type Status struct {
	Leader  uint64 // 0: none
	Epoch   uint32 // the leader's
	Leading bool   // it is this replica, and its epoch is open for business
}

// New returns the host of a replica whose state is view.
func New(config Config, view *tree.View) (*Host, error) {
	table, err := watch.NewTable(config.Watches)
	if err != nil {
		return nil, err
	}
	history, err := watch.NewHistory(config.History, view.Zxid())
	if err != nil {
		return nil, err
	}
	if config.MinTimeout <= 0 || config.MaxTimeout < config.MinTimeout || config.TickEvery <= 0 || config.MaxProposals <= 0 {
		return nil, fmt.Errorf("host: bad config %+v", config)
	}
	return &Host{
		config: config, view: view, at: view.Zxid(), table: table, history: history,
		links: map[LinkID]*link{}, sessions: map[int64]*session{},
	}, nil
}

// Links returns how many links there are.
func (h *Host) Links() int { return len(h.links) }

// Hosted returns how many sessions are attached here.
func (h *Host) Hosted() int { return len(h.sessions) }

// Watches returns how many watches there are here.
func (h *Host) Watches() int { return h.table.Len() }

// HistoryFloor returns the zxid from which on a watch can be resumed here: every
// change above it is kept.
func (h *Host) HistoryFloor() int64 { return h.history.Floor() }

// Status takes what is new of the replica's role. Whatever waited for a leader
// is tried again.
func (h *Host) Status(s Status) {
	if s == h.status {
		return
	}
	h.status = s
	h.lead.status(h)
	h.pings.leaderChanged(h)
	h.retry()
}

// retry proposes again what was not accepted, if there is a leader.
func (h *Host) retry() {
	if h.status.Leader == 0 {
		return
	}
	for _, l := range h.joining {
		h.join(l)
	}
	broken := h.broken
	h.broken = nil
	for _, s := range broken {
		s.broken, s.failed, s.full = false, false, false
		s.proposed = 0
		h.propose(s)
	}
	for _, s := range broken {
		h.process(s)
	}
}

// Tick says what time it is, on a monotonic clock.
func (h *Host) Tick(now int64) {
	h.lead.tick(h, now)
	h.retry()
	h.reads.retry(h)
	h.pings.flush(h)
}

// maxScratch is how much scratch memory is kept.
const maxScratch = 64 << 10

func (h *Host) proposal(t Token, c tree.Command) { h.encoded(t, c.AppendTo(h.scratch[:0])) }

// encoded makes a proposal of a command that was encoded in scratch memory.
func (h *Host) encoded(t Token, command []byte) {
	h.inflight++
	h.out.next.Proposals = append(h.out.next.Proposals, Proposal{t, bytes.Clone(command)})
	if h.scratch = command; cap(command) > maxScratch {
		h.scratch = nil
	}
}

// Proposed says what became of a proposal: err is nil if it was applied. What an
// applied one did is told by Applied, before; outcome is for ForAuth and ForOpen
// alone. The driver may leave out ForWrite and ForClose proposals that were applied, and
// count them by ProposalsDone.
func (h *Host) Proposed(t Token, outcome *tree.Outcome, err error) {
	h.inflight--
	switch t.Purpose {
	case ForWrite, ForClose:
		if s := h.sessions[t.Session]; err != nil && s != nil && s.link.id == t.Link {
			s.failed = true
			h.landed(s)
		}
	case ForAuth:
		h.authDone(t, outcome, err)
	case ForOpen, ForAttach:
		if l := h.links[t.Link]; err != nil && l != nil && l.join != nil && l.join.try == t.Try {
			l.join.proposed = false
		}
		if err == nil && t.Purpose == ForOpen {
			h.openRefused(t, outcome)
		}
	case ForReaping:
		h.lead.reaping--
	case ForExpiry:
		h.lead.expiryDone(t, err)
	}
	h.uncrowd()
}

// ProposalsDone says that so many proposals were applied.
func (h *Host) ProposalsDone(n int) {
	h.inflight -= n
	h.uncrowd()
}

// Blocking says whether BeforeApply may have anything to say.
func (h *Host) Blocking() bool { return h.blocking > 0 }

// Crowded says whether writes wait for proposals to be done.
func (h *Host) Crowded() bool { return len(h.crowded) > 0 }

func (h *Host) uncrowd() {
	for len(h.crowded) > 0 && h.inflight < h.config.MaxProposals {
		s := h.crowded[0]
		h.crowded = h.crowded[1:]
		s.crowded = false
		if h.sessions[s.id] == s {
			h.propose(s)
		}
	}
}
