package protocol

import (
	"fmt"

	"github.com/zabtree/zabtree/internal/codec"
)

// Claims is what a frame implies of its sender's storage. Whoever looks on, a
// simulator or an explorer, can hold it against the disk of that very moment.
type Claims struct {
	// Accepted is an epoch below which the sender will not promise or lead any
	// more, whatever happens to it; 0: nothing is said.
	Accepted uint32
	// Position says that the sender's log ends with Last, durably.
	Position bool
	Last     Zxid
	// Acked says that the sender's log is durable up to this counter.
	Acked uint64
	// Heartbeat is set for a ping, which implies nothing and comes again.
	Heartbeat bool
}

// ClaimsOf decodes what a frame implies. A ping, a pong or a refusal implies
// nothing.
func ClaimsOf(frame []byte) (Claims, error) {
	r := codec.NewReader(frame)
	var c Claims
	switch kind(r.Uint8()) {
	case kindLook:
		m := readLook(&r)
		c = Claims{Accepted: m.accepted, Position: m.looking, Last: m.last}
	case kindSupport:
		c.Accepted = readSupport(&r).accepted
	case kindLead:
		c.Accepted = readLead(&r).epoch
	case kindJoin:
		m := readJoin(&r)
		c = Claims{Accepted: m.epoch, Position: true, Last: m.last}
	case kindAck:
		m := readAck(&r)
		c = Claims{Accepted: m.epoch, Acked: m.counter}
	case kindPing:
		c.Heartbeat = true
	}
	if err := r.Err(); err != nil {
		return Claims{}, badFrame("%w", err)
	}
	return c, nil
}

// Describe says in a line what a frame is, for timelines.
func Describe(frame []byte) string {
	r := codec.NewReader(frame)
	k := kind(r.Uint8())
	s := describe(k, &r)
	switch {
	case s == "":
		return fmt.Sprintf("frame of kind %d", k)
	case r.Err() != nil:
		return fmt.Sprintf("malformed frame of kind %d", k)
	}
	return s
}

func describe(k kind, r *codec.Reader) string {
	switch k {
	case kindLook:
		m := readLook(r)
		if !m.looking {
			return fmt.Sprintf("has a leader (round %d)", m.round)
		}
		return fmt.Sprintf("look: round %d, last %v, commit %v, accepted %d", m.round, m.last, m.commit, m.accepted)
	case kindSupport:
		return fmt.Sprintf("support: round %d", readSupport(r).round)
	case kindLead:
		m := readLead(r)
		return fmt.Sprintf("lead: epoch %d, founding %v", m.epoch, m.founders != nil)
	case kindNack:
		m := readNack(r)
		return fmt.Sprintf("nack: epoch %d, accepted %d", m.epoch, m.accepted)
	case kindJoin:
		m := readJoin(r)
		return fmt.Sprintf("join: epoch %d, promised %v, last %v, base %v", m.epoch, m.promised, m.last, m.base)
	case kindPing, kindPong, kindRead, kindReadAnswer:
		return describeControl(k, r)
	}
	return describeStream(k, r)
}

// describeStream describes what belongs to a follower's stream.
func describeStream(k kind, r *codec.Reader) string {
	switch k {
	case kindSync:
		m := readSync(r)
		return fmt.Sprintf("sync: epoch %d, common %v", m.epoch, m.common)
	case kindSnap:
		m := readSnap(r)
		return fmt.Sprintf("snap: epoch %d, base %v, chunk %d", m.epoch, m.base.Zxid(), m.first)
	case kindChunk:
		return fmt.Sprintf("chunk %d", readChunkMsg(r).n)
	case kindChunkAck:
		return fmt.Sprintf("chunk %d is durable", readChunkAck(r).n)
	case kindEntries:
		h := readEntriesHeader(r)
		s := fmt.Sprintf("entries: epoch %d, commit %v:", h.epoch, h.commit)
		entries, err := DecodeEntries(nil, r.Rest())
		if err != nil {
			r.Fail(err.Error())
		}
		for i := range entries {
			s += " " + entries[i].Zxid.String()
		}
		return s
	case kindAck:
		m := readAck(r)
		return fmt.Sprintf("ack: epoch %d, up to %d", m.epoch, m.counter)
	case kindPropose:
		m := readPropose(r)
		return fmt.Sprintf("propose: epoch %d, %d of them", m.epoch, len(m.proposals))
	case kindRefuse:
		return fmt.Sprintf("refuse: %v", readRefuse(r).requests)
	case kindReconfigure:
		return fmt.Sprintf("reconfigure: version %d", readReconfigure(r).version)
	case kindTakeOver:
		return fmt.Sprintf("take over: epoch %d", r.Uint32())
	case kindRemoved:
		return fmt.Sprintf("removed: epoch %d", r.Uint32())
	}
	return ""
}

// describeControl describes what belongs to reads and heartbeats.
func describeControl(k kind, r *codec.Reader) string {
	if k == kindReadAnswer {
		m := readReadAnswer(r)
		return fmt.Sprintf("read answer: %d, %v at %v", m.id, m.ok, m.zxid)
	}
	m := readBeat(r)
	switch k {
	case kindPing:
		return fmt.Sprintf("ping: epoch %d, round %d", m.epoch, m.round)
	case kindPong:
		return fmt.Sprintf("pong: epoch %d, round %d", m.epoch, m.round)
	}
	return fmt.Sprintf("read: epoch %d, request %d", m.epoch, m.round)
}
