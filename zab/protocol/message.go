package protocol

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
)

// kind is the first value of a frame. All kinds are below 0x80, so that a driver
// can send frames of its own on the same links.
type kind uint8

const (
	kindLook kind = iota + 1
	kindSupport
	kindLead
	kindNack
	kindJoin
	kindSync
	kindSnap
	kindChunk
	kindChunkAck
	kindEntries
	kindAck
	kindPropose
	kindRefuse
	kindReconfigure
	kindTakeOver
	kindRemoved
	// On the control lane:
	kindPing
	kindPong
	kindRead
	kindReadAnswer
)

// look says that the sender has no leader and where its log ends, or, with
// looking unset, that it has found one.
type look struct {
	looking   bool
	round     uint64 // the sender's own count of attempts
	last      Zxid
	commit    Zxid // what the sender knows to be committed
	accepted  uint32
	founded   bool   // the sender's log has a membership
	candidate bool   // the sender is a voter as far as it knows
	prefer    uint64 // whom the last leader wanted to follow it, or 0
}

// support answers a look: the receiver is the best candidate that the sender
// knows.
type support struct {
	round    uint64 // of the look that is answered
	accepted uint32
}

// lead is ZAB's NEWEPOCH.
type lead struct {
	epoch    uint32
	founders []Founder // for the first epoch of an ensemble
}

// nack refuses a lead.
type nack struct {
	epoch    uint32
	accepted uint32
}

// join is ZAB's ACK-E: the sender follows, and tells of its history.
type join struct {
	epoch    uint32
	attempt  uint64 // the sender's own count of joins; the stream repeats it
	promised bool   // the sender's accepted epoch was raised by this
	base     Zxid
	last     Zxid
	ends     []EpochEnd
	// partial is a snapshot that was received up to a chunk.
	partial SnapshotMeta
	chunks  uint64
}

// syncFrom begins the stream: the follower cuts its log after common, and the
// leader's entries from there on follow. The leader's log ended at upTo.
type syncFrom struct {
	epoch   uint32
	attempt uint64
	common  Zxid
	upTo    uint64
}

// snap begins or restarts the stream with a snapshot, from a chunk on.
type snap struct {
	epoch   uint32
	attempt uint64
	base    Base
	first   uint64
	upTo    uint64
}

type chunkMsg struct {
	epoch uint32
	n     uint64
	last  bool
	data  []byte
}

type chunkAck struct {
	epoch uint32
	n     uint64
}

// entriesHeader comes before the encoded entries of an Entries frame.
type entriesHeader struct {
	epoch  uint32
	commit Zxid
}

type ack struct {
	epoch   uint32
	counter uint64
}

type propose struct {
	epoch     uint32
	proposals []Proposal
}

type refuse struct {
	epoch    uint32
	code     refusal
	requests []uint64
}

type reconfigure struct {
	epoch   uint32
	request uint64
	version uint64
	next    Membership
}

// beat is a ping or a pong: round numbers the leader's confirmations.
type beat struct {
	epoch uint32
	round uint64
}

type readAnswer struct {
	epoch uint32
	id    uint64
	ok    bool
	zxid  Zxid
}

// refusal is an error on the wire.
type refusal uint8

const (
	refusedNoLeader refusal = iota + 1
	refusedOverloaded
	refusedTooLarge
	refusedConflict
	refusedMembership
	refusedLowSpace
)

func (r refusal) err() error {
	switch r {
	case refusedOverloaded:
		return ErrOverloaded
	case refusedTooLarge:
		return ErrTooLarge
	case refusedConflict:
		return ErrConflict
	case refusedMembership:
		return ErrBadMembership
	case refusedLowSpace:
		return ErrLowSpace
	}
	return ErrNoLeader
}

func refusalOf(err error) refusal {
	switch {
	case errors.Is(err, ErrOverloaded):
		return refusedOverloaded
	case errors.Is(err, ErrTooLarge):
		return refusedTooLarge
	case errors.Is(err, ErrConflict):
		return refusedConflict
	case errors.Is(err, ErrBadMembership):
		return refusedMembership
	case errors.Is(err, ErrLowSpace):
		return refusedLowSpace
	}
	return refusedNoLeader
}

// ErrBadFrame is wrapped by the errors of Core.Receive: the link must be closed.
var ErrBadFrame = errors.New("protocol: bad frame")

func badFrame(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBadFrame, fmt.Errorf(format, args...))
}

func begin(k kind) []byte { return codec.AppendUint(make([]byte, 0, 64), uint64(k)) }

func beginEpoch(k kind, epoch uint32) []byte { return codec.AppendUint(begin(k), uint64(epoch)) }

func (m *look) encode() []byte {
	b := codec.AppendBool(begin(kindLook), m.looking)
	b = codec.AppendUint(b, m.round)
	b = appendZxid(appendZxid(b, m.last), m.commit)
	b = codec.AppendUint(b, uint64(m.accepted))
	b = codec.AppendBool(b, m.founded)
	b = codec.AppendBool(b, m.candidate)
	return codec.AppendUint(b, m.prefer)
}

func readLook(r *codec.Reader) look {
	return look{looking: r.Bool(), round: r.Uint(), last: readZxid(r), commit: readZxid(r), accepted: r.Uint32(),
		founded: r.Bool(), candidate: r.Bool(), prefer: r.Uint()}
}

func (m *support) encode() []byte {
	return codec.AppendUint(codec.AppendUint(begin(kindSupport), m.round), uint64(m.accepted))
}

func readSupport(r *codec.Reader) support { return support{round: r.Uint(), accepted: r.Uint32()} }

func (m *lead) encode() []byte { return appendFounders(beginEpoch(kindLead, m.epoch), m.founders) }

func readLead(r *codec.Reader) lead { return lead{epoch: r.Uint32(), founders: readFounders(r)} }

func (m *nack) encode() []byte {
	return codec.AppendUint(beginEpoch(kindNack, m.epoch), uint64(m.accepted))
}

func readNack(r *codec.Reader) nack { return nack{epoch: r.Uint32(), accepted: r.Uint32()} }

// maxEpochs bounds the table of epochs in a join.
const maxEpochs = 1 << 16

func (m *join) encode() []byte {
	b := codec.AppendBool(codec.AppendUint(beginEpoch(kindJoin, m.epoch), m.attempt), m.promised)
	b = appendZxid(appendZxid(b, m.base), m.last)
	b = codec.AppendArray(b, 2*len(m.ends))
	for _, e := range m.ends {
		b = codec.AppendUint(codec.AppendUint(b, uint64(e.Epoch)), e.Last)
	}
	return codec.AppendUint(appendSnapshotMeta(b, m.partial), m.chunks)
}

func readJoin(r *codec.Reader) join {
	m := join{epoch: r.Uint32(), attempt: r.Uint(), promised: r.Bool(), base: readZxid(r), last: readZxid(r)}
	m.ends = make([]EpochEnd, r.Array(2*maxEpochs)/2)
	for i := range m.ends {
		m.ends[i] = EpochEnd{r.Uint32(), r.Uint()}
		if i > 0 && (m.ends[i].Epoch <= m.ends[i-1].Epoch || m.ends[i].Last <= m.ends[i-1].Last) {
			r.Fail("epochs out of order")
		}
	}
	m.partial, m.chunks = readSnapshotMeta(r), r.Uint()
	return m
}

func (m *syncFrom) encode() []byte {
	return codec.AppendUint(appendZxid(codec.AppendUint(beginEpoch(kindSync, m.epoch), m.attempt), m.common), m.upTo)
}

func readSync(r *codec.Reader) syncFrom {
	return syncFrom{epoch: r.Uint32(), attempt: r.Uint(), common: readZxid(r), upTo: r.Uint()}
}

func (m *snap) encode() []byte {
	b := AppendBase(codec.AppendUint(beginEpoch(kindSnap, m.epoch), m.attempt), &m.base)
	return codec.AppendUint(codec.AppendUint(b, m.first), m.upTo)
}

func readSnap(r *codec.Reader) snap {
	return snap{epoch: r.Uint32(), attempt: r.Uint(), base: ReadBase(r), first: r.Uint(), upTo: r.Uint()}
}

func (m *chunkMsg) encode() []byte {
	b := make([]byte, 0, 32+len(m.data))
	b = codec.AppendUint(codec.AppendUint(b, uint64(kindChunk)), uint64(m.epoch))
	b = codec.AppendBool(codec.AppendUint(b, m.n), m.last)
	return codec.AppendBytes(b, m.data)
}

func readChunkMsg(r *codec.Reader) chunkMsg {
	return chunkMsg{epoch: r.Uint32(), n: r.Uint(), last: r.Bool(), data: r.Bytes()}
}

func (m *chunkAck) encode() []byte { return codec.AppendUint(beginEpoch(kindChunkAck, m.epoch), m.n) }

func readChunkAck(r *codec.Reader) chunkAck { return chunkAck{epoch: r.Uint32(), n: r.Uint()} }

// maxEntriesHeader is the most that an Entries frame has before its entries.
const maxEntriesHeader = 1 + 5 + 5 + 9

func appendEntriesHeader(dst []byte, m entriesHeader) []byte {
	dst = codec.AppendUint(codec.AppendUint(dst, uint64(kindEntries)), uint64(m.epoch))
	return appendZxid(dst, m.commit)
}

func readEntriesHeader(r *codec.Reader) entriesHeader {
	return entriesHeader{epoch: r.Uint32(), commit: readZxid(r)}
}

func (m *ack) encode() []byte { return codec.AppendUint(beginEpoch(kindAck, m.epoch), m.counter) }

func readAck(r *codec.Reader) ack { return ack{epoch: r.Uint32(), counter: r.Uint()} }

func (m *propose) encode() []byte {
	n := 32
	for _, p := range m.proposals {
		n += len(p.Data) + 16
	}
	b := codec.AppendUint(codec.AppendUint(make([]byte, 0, n), uint64(kindPropose)), uint64(m.epoch))
	b = codec.AppendArray(b, 3*len(m.proposals))
	for _, p := range m.proposals {
		b = codec.AppendBytes(codec.AppendBool(codec.AppendUint(b, p.Request), p.Essential), p.Data)
	}
	return b
}

func readPropose(r *codec.Reader) propose {
	m := propose{epoch: r.Uint32()}
	m.proposals = make([]Proposal, r.Array(3*maxProposals)/3)
	for i := range m.proposals {
		m.proposals[i] = Proposal{Request: r.Uint(), Essential: r.Bool(), Data: r.Bytes()}
	}
	return m
}

// maxProposals bounds the proposals in one frame.
const maxProposals = 1 << 17

func (m *refuse) encode() []byte {
	b := codec.AppendUint(beginEpoch(kindRefuse, m.epoch), uint64(m.code))
	b = codec.AppendArray(b, len(m.requests))
	for _, q := range m.requests {
		b = codec.AppendUint(b, q)
	}
	return b
}

func readRefuse(r *codec.Reader) refuse {
	m := refuse{epoch: r.Uint32(), code: refusal(r.Uint8())}
	m.requests = make([]uint64, r.Array(maxProposals))
	for i := range m.requests {
		m.requests[i] = r.Uint()
	}
	return m
}

func (m *reconfigure) encode() []byte {
	b := codec.AppendUint(beginEpoch(kindReconfigure, m.epoch), m.request)
	return appendMembership(codec.AppendUint(b, m.version), m.next)
}

func readReconfigure(r *codec.Reader) reconfigure {
	return reconfigure{epoch: r.Uint32(), request: r.Uint(), version: r.Uint(), next: readMembership(r)}
}

func encodeEpoch(k kind, epoch uint32) []byte { return beginEpoch(k, epoch) }

func (m *beat) encode(k kind) []byte { return codec.AppendUint(beginEpoch(k, m.epoch), m.round) }

func readBeat(r *codec.Reader) beat { return beat{epoch: r.Uint32(), round: r.Uint()} }

func (m *readAnswer) encode() []byte {
	b := codec.AppendBool(codec.AppendUint(beginEpoch(kindReadAnswer, m.epoch), m.id), m.ok)
	return appendZxid(b, m.zxid)
}

func readReadAnswer(r *codec.Reader) readAnswer {
	return readAnswer{epoch: r.Uint32(), id: r.Uint(), ok: r.Bool(), zxid: readZxid(r)}
}
