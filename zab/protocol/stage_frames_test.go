package protocol

import (
	"fmt"
	"strings"

	"github.com/zabtree/zabtree/internal/codec"
)

// This file makes what replicas say to each other and to their disks readable.

// incarnationName is a letter; incarnations are counted from 0xa on.
func incarnationName(i uint64) string {
	switch {
	case i == 0:
		return "-" // not known
	case i < 0xa || i > 0xa+25:
		return "?"
	}
	return string(rune('a' + i - 0xa))
}

func describeFounders(fs []Founder) string {
	var b strings.Builder
	for i, f := range fs {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d:%s", f.ID, incarnationName(f.Incarnation))
	}
	return b.String()
}

func describeMembership(m Membership) string {
	var words []string
	for _, x := range m {
		w := fmt.Sprintf("%d:%s", x.ID, incarnationName(x.Incarnation))
		if x.Weight > 1 {
			w += fmt.Sprintf("*%d", x.Weight)
		}
		if x.Role == Observer {
			w += "(observer)"
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

func describeConfiguration(c *Configuration) string {
	if !c.Founded() {
		return "none"
	}
	s := fmt.Sprintf("version %d %s", c.Version, describeMembership(c.Current))
	if c.Pending != nil {
		s += fmt.Sprintf(", pending since %v %s", c.PendingAt, describeMembership(c.Pending))
	}
	return s
}

func describeEnds(ends []EpochEnd) string {
	words := make([]string, len(ends))
	for i, e := range ends {
		words[i] = fmt.Sprintf("%d:%d", e.Epoch, e.Last)
	}
	return "[" + strings.Join(words, " ") + "]"
}

func describeEntry(e *Entry) string {
	switch e.Kind {
	case KindOpen:
		s := fmt.Sprintf("%v Open", e.Zxid)
		if e.Data != nil {
			s += " " + describeMembershipData(e.Data)
		}
		return s
	case KindMembership:
		if e.Data == nil {
			return fmt.Sprintf("%v Membership confirmed", e.Zxid)
		}
		return fmt.Sprintf("%v Membership %s", e.Zxid, describeMembershipData(e.Data))
	}
	return fmt.Sprintf("%v %s", e.Zxid, describeData(e.Data))
}

// describeData quotes what is short.
func describeData(data []byte) string {
	if len(data) > 32 {
		return fmt.Sprintf("%q*%d", data[:1], len(data))
	}
	return fmt.Sprintf("%q", data)
}

func describeMembershipData(data []byte) string {
	m, err := decodeMembership(data)
	if err != nil {
		return err.Error()
	}
	return "{" + describeMembership(m) + "}"
}

// describeEntries abridges long runs.
func describeEntries(es []Entry) string {
	var words []string
	for i := range es {
		if len(es) > 6 && i >= 2 && i < len(es)-1 {
			if i == 2 {
				words = append(words, fmt.Sprintf("... %d more ...", len(es)-3))
			}
			continue
		}
		words = append(words, describeEntry(&es[i]))
	}
	return strings.Join(words, ", ")
}

func describeBatch(b *Batch) string {
	var parts []string
	if h := b.HardState; h != nil {
		s := fmt.Sprintf("accepted epoch %d", h.AcceptedEpoch)
		if h.Founders != nil {
			s += " founders " + describeFounders(h.Founders)
		}
		parts = append(parts, s)
	}
	if b.Base != nil {
		parts = append(parts, fmt.Sprintf("base %v (%s)", b.Base.Zxid(), describeConfiguration(&b.Base.Config)))
	}
	if b.Latest != nil {
		parts = append(parts, fmt.Sprintf("latest snapshot %v", b.Latest.Zxid()))
	}
	if b.Truncate != nil {
		parts = append(parts, fmt.Sprintf("cut after %v", b.Truncate))
	}
	if len(b.Entries) > 0 {
		parts = append(parts, describeEntries(b.Entries))
	}
	return strings.Join(parts, "; ")
}

// describeFrame decodes a frame whole.
func describeFrame(frame []byte) string {
	r := codec.NewReader(frame)
	k := kind(r.Uint8())
	if k == kindEntries {
		h := readEntriesHeader(&r)
		es, err := DecodeEntries(nil, r.Rest())
		switch {
		case err != nil:
			return fmt.Sprintf("Entries epoch %d commit %v: %v", h.epoch, h.commit, err)
		case len(es) == 0:
			return fmt.Sprintf("Entries epoch %d commit %v", h.epoch, h.commit)
		}
		return fmt.Sprintf("Entries epoch %d commit %v: %s", h.epoch, h.commit, describeEntries(es))
	}
	s := describeMessage(k, &r)
	if err := r.Done(); err != nil {
		return fmt.Sprintf("kind %d: %v", k, err)
	}
	return s
}

func describeMessage(k kind, r *codec.Reader) string {
	switch k {
	case kindLook:
		return describeLook(readLook(r))
	case kindSupport:
		m := readSupport(r)
		return fmt.Sprintf("Support round %d accepted %d", m.round, m.accepted)
	case kindLead:
		m := readLead(r)
		if m.founders == nil {
			return fmt.Sprintf("Lead epoch %d", m.epoch)
		}
		return fmt.Sprintf("Lead epoch %d founders %s", m.epoch, describeFounders(m.founders))
	case kindNack:
		m := readNack(r)
		return fmt.Sprintf("Nack epoch %d accepted %d", m.epoch, m.accepted)
	case kindJoin:
		return describeJoin(readJoin(r))
	case kindSync:
		m := readSync(r)
		return fmt.Sprintf("Sync epoch %d from %v up to %d", m.epoch, m.common, m.upTo)
	case kindSnap:
		m := readSnap(r)
		return fmt.Sprintf("Snap epoch %d of %v, %d bytes, from chunk %d, up to %d, %s",
			m.epoch, m.base.Zxid(), m.base.Snapshot.Size, m.first, m.upTo, describeConfiguration(&m.base.Config))
	case kindChunk:
		m := readChunkMsg(r)
		last := ""
		if m.last {
			last = ", the last"
		}
		return fmt.Sprintf("Chunk %d, %d bytes%s", m.n, len(m.data), last)
	case kindChunkAck:
		return fmt.Sprintf("ChunkAck %d", readChunkAck(r).n)
	case kindAck:
		m := readAck(r)
		return fmt.Sprintf("Ack epoch %d up to %d", m.epoch, m.counter)
	}
	return describeRequest(k, r)
}

func describeRequest(k kind, r *codec.Reader) string {
	switch k {
	case kindPropose:
		m := readPropose(r)
		var words []string
		for _, p := range m.proposals {
			words = append(words, fmt.Sprintf("#%d %s", p.Request, describeData(p.Data)))
		}
		return fmt.Sprintf("Propose epoch %d %s", m.epoch, strings.Join(words, " "))
	case kindRefuse:
		m := readRefuse(r)
		return fmt.Sprintf("Refuse epoch %d %d %v", m.epoch, m.requests, m.code.err())
	case kindReconfigure:
		m := readReconfigure(r)
		return fmt.Sprintf("Reconfigure epoch %d #%d version %d to %s", m.epoch, m.request, m.version, describeMembership(m.next))
	case kindTakeOver:
		return fmt.Sprintf("TakeOver epoch %d", r.Uint32())
	case kindRemoved:
		return fmt.Sprintf("Removed epoch %d", r.Uint32())
	case kindPing, kindPong:
		m := readBeat(r)
		name := map[kind]string{kindPing: "Ping", kindPong: "Pong"}[k]
		return fmt.Sprintf("%s epoch %d round %d", name, m.epoch, m.round)
	case kindRead:
		m := readBeat(r)
		return fmt.Sprintf("Read epoch %d #%d", m.epoch, m.round)
	case kindReadAnswer:
		m := readReadAnswer(r)
		if !m.ok {
			return fmt.Sprintf("ReadAnswer epoch %d #%d no leader", m.epoch, m.id)
		}
		return fmt.Sprintf("ReadAnswer epoch %d #%d at %v", m.epoch, m.id, m.zxid)
	}
	return fmt.Sprintf("kind %d", k)
}

func describeLook(m look) string {
	if !m.looking {
		return fmt.Sprintf("Look round %d: found a leader", m.round)
	}
	s := fmt.Sprintf("Look round %d last %v accepted %d", m.round, m.last, m.accepted)
	if !m.founded {
		s += ", empty"
	}
	if !m.candidate {
		s += ", no voter"
	}
	if m.prefer != 0 {
		s += fmt.Sprintf(", prefers %d", m.prefer)
	}
	return s
}

func describeJoin(m join) string {
	s := fmt.Sprintf("Join epoch %d", m.epoch)
	if m.promised {
		s += " promised"
	}
	s += fmt.Sprintf(" base %v last %v epochs %s", m.base, m.last, describeEnds(m.ends))
	if !m.partial.IsZero() {
		s += fmt.Sprintf(", has %d chunks of %v", m.chunks, m.partial.Zxid)
	}
	return s
}
