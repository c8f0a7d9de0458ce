package driver

import (
	"github.com/zabtree/zabtree/zab/protocol"
)

// maxProposalBytes is how much is proposed to the core in one call.
const maxProposalBytes = 1 << 20

// Machine is the core of one replica together with what is decided around it:
// which connections make a link, how requests are numbered, behind which writes
// the log is read, when the log names a snapshot. W is whoever waits for a
// proposal.
//
// It is driven as the core is: events by its methods, then Take, and again while
// More says so, with everything in an Output carried out in between. All that was received
// before a tick is handed over before it is counted, and proposals before frames:
// so what the frames tell about proposals handed over before is about all of them.
type Machine[W any] struct {
	cfg   MachineConfig
	core  *protocol.Core
	links linkTable
	out   Output[W] // what came about since the last Take

	requests uint64 // the last number given to a proposal
	reads    uint64 // the last number given to a read point
	batch    []protocol.Proposal

	barrier  ReadBarrier
	named    protocol.SnapshotMeta // written, and given to the core to be named by the log
	naming   uint64                // the write that does so
	unnamed  bool                  // to be said at the next Take: named is, or will not be
	upkeepIn int                   // ticks
	moved    bool                  // positions or peers changed since the last status
	applyEnd protocol.Zxid         // the last Output.Apply
	told     bool                  // the core was told something since it was last asked
}

// MachineConfig is what a Machine must be told.
type MachineConfig struct {
	Core protocol.Config // every field is set
	// FirstRequest is where the numbers of proposals begin. Drawn at random it keeps
	// apart the proposals of two lives of a replica.
	FirstRequest uint64
}

// Output is what is to be done, in this order: Links; Publish; Accepted, Writes,
// Install, Barrier, Refused and Apply, which are Applier.Feed's; then everything else.
type Output[W any] struct {
	// Links are connections to be taken into use or closed.
	Links []LinkEffect
	// Publish says that Status has changed. Others are to know before they learn of
	// anything that was applied.
	Publish bool
	// Accepted are proposals that the core took.
	Accepted []Accepted[W]
	// Rejected are proposals of which the core took none. They have no effect.
	Rejected []Rejected[W]

	Writes  []protocol.Write
	Install *protocol.Base
	Barrier uint64
	Refused []protocol.Refusal
	Apply   protocol.Zxid

	Sends       []protocol.Send
	ReadEntries []ReadEntries
	ReadChunks  []protocol.ReadChunk
	StoreChunks []protocol.StoreChunk
	Reads       []protocol.ReadAnswer

	// Members, if not nil, is who the members are from now on.
	Members *Members
	// SnapshotNamed says that the log names the snapshot that Compact was called
	// for, or that it will not.
	SnapshotNamed bool
	// Heard says that the leader that is followed sent a heartbeat (see Pace).
	Heard bool

	// Halt, if not nil, ends this replica; nothing else is set.
	Halt error
}

// Proposal is a command for the log, and who waits for what becomes of it.
type Proposal[W any] struct {
	Data      []byte
	Waiter    W
	Essential bool
	// Err refuses the proposal in its place in the order.
	Err error
}

// Accepted is a proposal that was put in the log, or sent to the leader, under an
// epoch.
type Accepted[W any] struct {
	Request uint64
	Epoch   uint32
	Waiter  W
}

// Rejected is a proposal that the core did not take.
type Rejected[W any] struct {
	Waiter W
	Err    error
}

// ReadEntries asks for entries of the log behind certain writes.
type ReadEntries struct {
	protocol.ReadEntries
	Behind ReadBarrier
}

// NewMachine returns the Machine of a replica that has just started.
func NewMachine[W any](cfg MachineConfig, rec *protocol.Recovery) (*Machine[W], error) {
	core, err := protocol.New(cfg.Core, rec)
	if err != nil {
		return nil, err
	}
	return &Machine[W]{cfg: cfg, core: core, requests: cfg.FirstRequest}, nil
}

// SetTime tells the time for the events that follow, as the core wants it.
func (m *Machine[W]) SetTime(mono, wall int64) { m.core.SetTime(mono, wall) }

// Status returns what the core knows of itself.
func (m *Machine[W]) Status() protocol.Status { return m.core.Status() }

// SetLowSpace says whether the storage is low on space.
func (m *Machine[W]) SetLowSpace(low bool) {
	m.core.SetLowSpace(low)
	m.out.Publish = true
}

// Propose hands proposals to the core, in batches. They get numbers that go up, so
// that the log's answers are found again. Data are the Machine's from now on: a
// leader may keep them for a while (see Gathering).
func (m *Machine[W]) Propose(ps []Proposal[W]) {
	for len(ps) > 0 {
		n, bytes := 0, 0
		m.batch = m.batch[:0]
		for n < len(ps) && ps[n].Err == nil && (n == 0 || bytes+len(ps[n].Data) <= maxProposalBytes) {
			bytes += len(ps[n].Data)
			m.batch = append(m.batch, protocol.Proposal{Request: m.requests + uint64(n) + 1, Data: ps[n].Data, Essential: ps[n].Essential})
			n++
		}
		if n == 0 {
			m.reject(ps[:1], ps[0].Err)
			ps = ps[1:]
			continue
		}
		epoch, err := m.core.Propose(m.batch)
		if err != nil {
			m.reject(ps[:n], err)
		} else {
			m.accept(ps[:n], epoch)
		}
		clear(m.batch)
		ps = ps[n:]
	}
}

func (m *Machine[W]) accept(ps []Proposal[W], epoch uint32) {
	for i := range ps {
		m.requests++
		m.out.Accepted = append(m.out.Accepted, Accepted[W]{m.requests, epoch, ps[i].Waiter})
	}
}

func (m *Machine[W]) reject(ps []Proposal[W], err error) {
	for i := range ps {
		m.out.Rejected = append(m.out.Rejected, Rejected[W]{ps[i].Waiter, err})
	}
}

// Gathering says whether proposals that come now would only be kept until what was
// proposed before is durable here or committed. Whoever drives the Machine may keep
// some of them too, and hand them over with the next event.
func (m *Machine[W]) Gathering() bool { return m.core.Gathering() }

// Reconfigure proposes a change of membership; it returns why the core did not
// take it.
func (m *Machine[W]) Reconfigure(version uint64, next protocol.Membership, waiter W) error {
	m.requests++
	epoch, err := m.core.Reconfigure(m.requests, version, next)
	if err == nil {
		m.out.Accepted = append(m.out.Accepted, Accepted[W]{m.requests, epoch, waiter})
	}
	return err
}

// Handover hands leadership over, as the core does.
func (m *Machine[W]) Handover(to uint64) error { return m.core.Handover(to) }

// ReadPoint asks for a read point and returns the number by which Output.Reads
// answers it.
func (m *Machine[W]) ReadPoint() uint64 {
	m.reads++
	m.core.ReadPoint(m.reads)
	return m.reads
}

// Connected takes a connection whose hello was accepted.
func (m *Machine[W]) Connected(h Half) {
	m.links.add(h)
	m.linkEffects()
}

// Broken ends a link, if it is still up.
func (m *Machine[W]) Broken(id protocol.LinkID, err error) {
	m.links.breakLink(id, err)
	m.linkEffects()
}

// Disconnect ends every link and every connection that is not part of one yet.
// The core is not told: the replica has stopped.
func (m *Machine[W]) Disconnect(err error) []LinkEffect {
	m.links.breakAll(err)
	return append(m.out.Links, m.links.take()...)
}

// Receive takes a frame that came over a link, and the ownership of its bytes. If
// it was no good the error says why, and the link is broken.
func (m *Machine[W]) Receive(id protocol.LinkID, frame []byte) error {
	if !m.links.isUp(id) {
		return nil
	}
	err := m.core.Receive(id, frame)
	if err != nil {
		m.Broken(id, err)
	}
	return err
}

// linkEffects tells the core of links that came up or went down.
func (m *Machine[W]) linkEffects() {
	for _, e := range m.links.take() {
		switch e.Do {
		case LinkUp:
			m.core.LinkUp(e.Link, e.Peer)
			m.told = true
		case LinkDown:
			m.core.LinkDown(e.Link)
			m.told = true
		}
		m.out.Links = append(m.out.Links, e)
	}
}

// Durable reports that all writes up to a number are durable.
func (m *Machine[W]) Durable(seq uint64) {
	m.core.Durable(seq)
	m.moved = true
	if m.naming != 0 && seq >= m.naming {
		m.snapshotNamed()
	}
}

// EntriesRead answers a ReadEntries.
func (m *Machine[W]) EntriesRead(q *ReadEntries, data []byte, err error) {
	m.core.EntriesRead(q.ReadEntries, data, err)
}

// ChunkRead answers a ReadChunk.
func (m *Machine[W]) ChunkRead(q protocol.ReadChunk, data []byte, err error) {
	m.core.ChunkRead(q, data, err)
}

// ChunkStored answers a StoreChunk.
func (m *Machine[W]) ChunkStored(q protocol.StoreChunk, err error) { m.core.ChunkStored(q, err) }

// Compact has the log name a snapshot of this replica's own state that was written,
// taken when the ensemble's clock was at clock, and the one before it.
func (m *Machine[W]) Compact(meta protocol.SnapshotMeta, clock int64) {
	m.core.Compacted(m.core.BaseAt(meta, clock))
	m.named = meta
}

func (m *Machine[W]) snapshotNamed() {
	m.named, m.naming, m.unnamed = protocol.SnapshotMeta{}, 0, true
}

// Tick counts one tick, and does what is due from time to time. look says what
// happened on a lane since it was last asked.
func (m *Machine[W]) Tick(look LinkLook) {
	m.core.Tick()
	if m.upkeepIn--; m.upkeepIn <= 0 {
		m.upkeepIn = m.cfg.Core.ElectionTicks
		m.links.upkeep(look, m.isMember)
		m.linkEffects()
	}
	m.out.Publish = m.out.Publish || m.moved
}

// isMember says whether links to a replica are wanted.
func (m *Machine[W]) isMember(id uint64) bool {
	return m.core.Known(id) != nil || m.core.Known(m.cfg.Core.ID) == nil
}

// Take moves to out what is to be done. The memory of what was in out is used
// again.
func (m *Machine[W]) Take(out *Output[W]) {
	m.told = false
	o := m.core.Take()
	if o.Halt != nil {
		*out = Output[W]{Halt: o.Halt}
		return
	}
	clear(out.Accepted)
	*out, m.out = m.out, Output[W]{Accepted: out.Accepted[:0]}
	out.Writes, out.Install, out.Barrier, out.Refused, out.Apply = o.Writes, o.Install, o.Barrier, o.Refused, o.Apply
	out.Heard = o.Heard
	out.Sends, out.ReadChunks, out.StoreChunks, out.Reads = o.Sends, o.ReadChunks, o.StoreChunks, o.Reads
	m.issued(out.Writes)
	if o.Apply != m.applyEnd {
		m.applyEnd, m.moved = o.Apply, true
	}
	m.moved = m.moved || o.PeersChanged
	for _, q := range o.ReadEntries {
		out.ReadEntries = append(out.ReadEntries, ReadEntries{q, m.barrier})
	}
	for _, c := range o.Close {
		m.links.breakLink(c.Link, c.Reason)
	}
	m.linkEffects()
	if o.ConfigChanged {
		out.Members = m.Members()
	}
	if out.Publish = out.Publish || o.StatusChanged || o.ConfigChanged; out.Publish {
		m.moved = false
	}
	if !m.told && m.naming == 0 && !m.named.IsZero() {
		m.snapshotNamed() // the core has a newer one
	}
	out.SnapshotNamed, m.unnamed = m.unnamed, false
}

// More says that the core was told of something since it was last asked: there may
// be more to do before the next event.
func (m *Machine[W]) More() bool { return m.told }

// issued notes writes that are given to the log writer.
func (m *Machine[W]) issued(ws []protocol.Write) {
	for i := range ws {
		m.moved = true
		m.barrier.issued(&ws[i])
		if b := ws[i].Batch.Latest; b != nil && b.Snapshot == m.named {
			m.naming = ws[i].Seq
		}
	}
}
