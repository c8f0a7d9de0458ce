package protocol

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// Config is what a Core must be told. Zero values mean the defaults.
type Config struct {
	ID uint64
	// Founding are the ensemble's founding members; incarnations are ignored. It
	// is in force until the log has a membership.
	Founding Membership

	HeartbeatTicks int // 2: how often a leader is heard, at least
	ElectionTicks  int // 10: how long silence is borne

	MaxCommandBytes  int // 1 MiB + 64 KiB: the longest Data of a proposal
	GatherBytes      int // 64 KiB: of proposals that wait for the batch before theirs; 1: none do
	MaxBatchBytes    int // 1 MiB: from where on a batch is closed
	MaxInflightBytes int // 8 MiB: sent to a follower and not acknowledged
	MaxPendingBytes  int // 64 MiB: in the log and not committed
	TailBytes        int // 16 MiB: of the log's end kept in memory
	ChunkBytes       int // 256 KiB: of a snapshot in one frame
}

func (c Config) withDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.HeartbeatTicks, 2)
	set(&c.ElectionTicks, 10)
	set(&c.MaxCommandBytes, 1<<20+64<<10)
	set(&c.GatherBytes, 64<<10)
	set(&c.MaxBatchBytes, 1<<20)
	set(&c.MaxInflightBytes, 8<<20)
	set(&c.MaxPendingBytes, 64<<20)
	set(&c.TailBytes, 16<<20)
	set(&c.ChunkBytes, 256<<10)
	return c
}

// role is what this replica is to the others.
type role uint8

const (
	roleLooking role = iota
	roleFollowing
	roleLeading
)

// Core is the protocol of one replica. It does nothing but take events, by its
// methods, and say in an Output what is to be done; it is not safe for
// concurrent use. Given the same events it does the same.
type Core struct {
	cfg       Config
	mono      int64 // nanoseconds, as last told
	wall      int64
	hs        HardState // as it will be once all writes are durable
	log       journal
	commit    Zxid
	role      role
	epoch     uint32 // that is led or followed; 0 while looking
	links     []*link
	election  election
	following following
	tokens    uint64 // of readings of the log and of snapshots, the last
	attempts  uint64 // how often this replica has joined a leader
	leading   leading
	reads     reads
	queued    []origin // proposals that are not yet in the log
	// queuedBytes is about what they take in the log.
	queuedBytes int
	partial     SnapshotMeta
	chunks      uint64 // of partial that are durable
	served      bool   // what serving said at the last Take
	out         Output
	lowSpace    bool
	halted      bool
}

// origin is a proposal and the replica that took it in.
type origin struct {
	Proposal
	from uint64
}

// link is a connected peer.
type link struct {
	id    LinkID
	peer  Peer
	heard int // ticks since a frame came

	// Of an election:
	look      look // the peer's last
	tired     bool // was the best candidate for a whole timeout and came to nothing
	answered  uint64
	supportMe bool

	progress progress // as a follower of this replica
}

// Recovery collects what a storage holds for New.
type Recovery struct {
	hs      HardState
	log     journal
	partial SnapshotMeta
	chunks  uint64
	commit  Zxid
}

// NewRecovery begins with what is not the log: the hard state, what the log
// begins after, the snapshot from which the state machine was restored (newer
// than base, or equal), and a snapshot of which so many chunks were received.
func NewRecovery(hs HardState, base, latest Base, partial SnapshotMeta, chunks uint64) *Recovery {
	r := &Recovery{hs: hs.clone(), partial: partial, chunks: chunks, commit: latest.Zxid()}
	r.log.accepted = hs.AcceptedEpoch
	if !base.Zxid().IsZero() {
		r.log.rebase(base, base.Zxid())
		r.log.durable = base.Zxid()
	}
	r.log.latest = latest
	return r
}

// Add takes the next entries of the log, encoded. It fails if they do not follow
// what came before.
func (r *Recovery) Add(raw []byte) error {
	for len(raw) > 0 {
		e, n, err := DecodeEntry(raw)
		if err != nil {
			return err
		}
		if err := r.log.add(&e); err != nil {
			return err
		}
		raw = raw[n:]
	}
	r.log.durable = r.log.last
	// The log may say of a change that it is committed, and so of all before it.
	if v := r.log.confirmed; r.log.confirmedAt != 0 && v > r.commit.Counter {
		r.commit = Zxid{r.log.epochAt(v), v}
	}
	return nil
}

// New returns the Core of a replica that has just started.
func New(cfg Config, rec *Recovery) (*Core, error) {
	c := &Core{cfg: cfg.withDefaults(), hs: rec.hs.clone(), log: rec.log.clone(), commit: rec.commit,
		partial: rec.partial, chunks: rec.chunks}
	switch {
	case c.hs.Incarnation == 0:
		return nil, errors.New("protocol: no incarnation")
	case c.cfg.ID == 0 || c.hs.Replica != c.cfg.ID:
		return nil, fmt.Errorf("protocol: storage is replica %d's, not %d's", c.hs.Replica, c.cfg.ID)
	case c.hs.AcceptedEpoch < c.log.last.Epoch:
		return nil, fmt.Errorf("protocol: accepted epoch %d is before the log's end %v", c.hs.AcceptedEpoch, c.log.last)
	case !c.log.contains(c.commit):
		return nil, fmt.Errorf("protocol: the log %v to %v does not hold the snapshot %v", c.log.base.Zxid(), c.log.last, c.commit)
	}
	if err := c.cfg.Founding.Validate(); err != nil {
		return nil, fmt.Errorf("protocol: founding members: %w", err)
	}
	c.log.settle(c.commit)
	c.look()
	return c, nil
}

// SetTime tells the time for the events that follow: mono from any beginning and
// never falling, wall since 1970, both in nanoseconds. Only the times of entries
// depend on it.
func (c *Core) SetTime(mono, wall int64) { c.mono, c.wall = mono, wall }

// SetLowSpace says whether this replica's storage is low on space. As a leader it
// then takes from others only what is essential; what it proposes itself the driver
// refuses.
func (c *Core) SetLowSpace(low bool) { c.lowSpace = low }

// LinkUp reports that a peer is connected on both lanes. An ID is not zero and is
// used once.
func (c *Core) LinkUp(id LinkID, peer Peer) {
	if c.halted {
		return
	}
	l := &link{id: id, peer: peer}
	i, _ := slices.BinarySearchFunc(c.links, id, func(l *link, id LinkID) int { return cmp.Compare(l.id, id) })
	c.links = slices.Insert(c.links, i, l)
	switch c.role {
	case roleLooking:
		if c.election.announced {
			c.sendLook(l)
		}
	case roleLeading:
		c.invite(l)
	}
	c.out.StatusChanged = true
}

// LinkDown reports that a link is broken. It is called once for each link that
// came up.
func (c *Core) LinkDown(id LinkID) {
	i := slices.IndexFunc(c.links, func(l *link) bool { return l.id == id })
	if i < 0 || c.halted {
		return
	}
	l := c.links[i]
	c.links = slices.Delete(c.links, i, i+1)
	c.out.StatusChanged = true
	switch {
	case c.role == roleFollowing && c.following.link == id:
		c.look()
	case c.role == roleLeading:
		c.dropReads(l.id)
	case c.role == roleLooking:
		c.elect()
	}
}

// Tick counts one tick. Everything received before it must have been handed over.
func (c *Core) Tick() {
	if c.halted {
		return
	}
	for _, l := range c.links {
		l.heard++
	}
	switch c.role {
	case roleLooking:
		c.tickLooking()
	case roleFollowing:
		if l := c.leaderLink(); l == nil || l.heard > c.cfg.ElectionTicks {
			c.look()
		}
	case roleLeading:
		c.tickLeading()
	}
}

// Durable reports that all writes up to a number are durable.
func (c *Core) Durable(seq uint64) {
	if c.halted {
		return
	}
	if installed := c.log.written(seq); installed {
		c.installed()
	}
	if !c.log.drained() {
		return
	}
	switch c.role {
	case roleLooking:
		if !c.election.announced {
			c.announce()
		}
	case roleFollowing:
		if c.following.joinDue {
			c.sendJoin()
		}
	case roleLeading:
		if c.leading.phase == Discovering && !c.leading.invited {
			c.inviteAll()
		}
	}
}

// Receive takes a frame that arrived on a link, and the ownership of its bytes.
// If it returns an error the link must be closed.
func (c *Core) Receive(id LinkID, frame []byte) error {
	l := c.link(id)
	if l == nil || c.halted {
		return nil
	}
	l.heard = 0
	r := codec.NewReader(frame)
	k := kind(r.Uint8())
	if k == kindEntries { // by far the most frequent
		h := readEntriesHeader(&r)
		if r.Err() != nil {
			return badFrame("entries: %w", r.Err())
		}
		return c.onEntries(l, h, r.Rest())
	}
	return c.dispatch(l, k, &r)
}

func (c *Core) dispatch(l *link, k kind, r *codec.Reader) error {
	switch k {
	case kindLook:
		return handle(l, r, readLook, c.onLook)
	case kindSupport:
		return handle(l, r, readSupport, c.onSupport)
	case kindLead:
		return handle(l, r, readLead, c.onLead)
	case kindNack:
		return handle(l, r, readNack, c.onNack)
	case kindJoin:
		return handle(l, r, readJoin, c.onJoin)
	case kindSync:
		return handle(l, r, readSync, c.onSync)
	case kindSnap:
		return handle(l, r, readSnap, c.onSnap)
	case kindChunk:
		return handle(l, r, readChunkMsg, c.onChunk)
	case kindChunkAck:
		return handle(l, r, readChunkAck, c.onChunkAck)
	case kindAck:
		return handle(l, r, readAck, c.onAck)
	case kindPropose:
		return handle(l, r, readPropose, c.onPropose)
	case kindRefuse:
		return handle(l, r, readRefuse, c.onRefuse)
	case kindReconfigure:
		return handle(l, r, readReconfigure, c.onReconfigure)
	case kindTakeOver:
		return handle(l, r, (*codec.Reader).Uint32, c.onTakeOver)
	case kindRemoved:
		return handle(l, r, (*codec.Reader).Uint32, c.onRemoved)
	case kindPing:
		return handle(l, r, readBeat, c.onPing)
	case kindPong:
		return handle(l, r, readBeat, c.onPong)
	case kindRead:
		return handle(l, r, readBeat, c.onRead)
	case kindReadAnswer:
		return handle(l, r, readReadAnswer, c.onReadAnswer)
	}
	return badFrame("unknown kind %d", k)
}

// handle decodes a message whole and hands it over.
func handle[M any](l *link, r *codec.Reader, read func(*codec.Reader) M, on func(*link, M) error) error {
	m := read(r)
	if err := r.Done(); err != nil {
		return badFrame("%w", err)
	}
	return on(l, m)
}

// Take returns what is to be done for the events since the last call. The
// events between two calls share frames and writes, so a driver hands over all
// it has before it takes.
func (c *Core) Take() Output {
	if !c.halted {
		c.flush()
	}
	c.out.Apply = c.applyEnd()
	if s := c.serving(); s != c.served {
		c.served, c.out.StatusChanged = s, true
	}
	out := c.out
	c.out = Output{}
	return out
}

// flush makes what several events share: batches, commits, acknowledgements.
func (c *Core) flush() {
	switch c.role {
	case roleLeading:
		c.flushLeading()
	case roleFollowing:
		c.flushFollowing()
	}
}

// applyEnd is how far the log may be applied: committed, durable here, and, as
// the log is only ever cut behind what is committed, never to be taken back.
func (c *Core) applyEnd() Zxid {
	if c.log.durable.Less(c.commit) {
		return c.log.durable
	}
	return c.commit
}

// advance takes note that the log is committed up to z.
func (c *Core) advance(z Zxid) {
	settled := c.changeSettled()
	if c.commit.Less(z) {
		c.commit = z
	}
	if c.log.settle(minZxid(c.commit, c.log.last)) {
		c.out.ConfigChanged = true
		c.out.StatusChanged = true
	}
	c.out.StatusChanged = c.out.StatusChanged || c.changeSettled() != settled
}

// write queues a batch that leaves the log as it is now.
func (c *Core) write(b Batch) { c.out.Writes = append(c.out.Writes, c.log.queue(b, c.log.last)) }

// raiseAccepted promises an epoch.
func (c *Core) raiseAccepted(epoch uint32, founders []Founder) {
	c.hs.AcceptedEpoch = epoch
	if founders != nil {
		c.hs.Founders = founders
	}
	hs := c.hs.clone()
	c.write(Batch{HardState: &hs})
}

// halt stops this replica because an invariant is broken: it says nothing more.
func (c *Core) halt(format string, args ...any) {
	if !c.halted {
		c.halted = true
		c.out.Halt = fmt.Errorf(format, args...)
		c.out.Sends, c.out.Writes = nil, nil
	}
}

func (c *Core) send(l *link, lane Lane, frame []byte) {
	c.out.Sends = append(c.out.Sends, Send{l.id, lane, frame})
}

func (c *Core) link(id LinkID) *link {
	for _, l := range c.links {
		if l.id == id {
			return l
		}
	}
	return nil
}

// isSelf says whether (id, incarnation) is this replica.
func (c *Core) isSelf(id, incarnation uint64) bool {
	return id == c.cfg.ID && incarnation == c.hs.Incarnation
}

// quorum says whether this replica together with the linked peers that satisfy
// in is a quorum.
func (c *Core) quorum(in func(*link) bool) bool {
	return c.log.config.Quorum(func(id, incarnation uint64) bool {
		if c.isSelf(id, incarnation) {
			return true
		}
		return slices.ContainsFunc(c.links, func(l *link) bool {
			return l.peer == Peer{id, incarnation} && in(l)
		})
	})
}

// Known returns the member with an ID, of the log's configuration or, before
// there is one, of the founding members; nil if there is none.
func (c *Core) Known(id uint64) *Member {
	if c.log.config.Founded() {
		return c.log.config.Find(id)
	}
	return c.cfg.Founding.Find(id)
}

func minZxid(a, b Zxid) Zxid {
	if b.Less(a) {
		return b
	}
	return a
}
