package zab

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// connID names a connection whose hello was accepted.
type connID uint64

// half is such a connection: one lane of a link to be.
type half struct {
	conn  connID
	peer  protocol.Peer
	nonce uint64 // the same for both lanes of a link, drawn by who dialed
	lane  protocol.Lane
	// vouched says that the peer, which is no member as far as this replica knows,
	// knows better.
	vouched bool
}

// linkTable decides which connections make a link, and when it comes up and goes
// down: up when both lanes are there, down when either breaks or a newer link of
// the same peer takes its place; each exactly once, and never two at a time for
// one peer. It is a step machine; the loop owns it.
type linkTable struct {
	last    protocol.LinkID
	peers   []linkPeer // in the order they were met
	effects []linkEffect
}

// linkPeer is another replica and what there is of connections to it.
type linkPeer struct {
	id uint64

	half    half // conn is 0 if there is none
	halfAge int

	link  protocol.LinkID // 0 if it is not linked
	peer  protocol.Peer
	conns [protocol.Lanes]connID
	quiet [protocol.Lanes]int // turns of upkeep since something came
	idle  [protocol.Lanes]int // and since something was sent

	vouched  bool
	stranger int // turns of upkeep since it was no member
}

// linkEffect is something for the loop to do, in order.
type linkEffect struct {
	do    linkDo
	link  protocol.LinkID
	peer  protocol.Peer
	conns [protocol.Lanes]connID // of linkUp
	conn  connID                 // of linkRefuse
	ping  [protocol.Lanes]bool   // of linkPing
	err   error
}

type linkDo uint8

const (
	linkUp     linkDo = iota // conns are a link now
	linkDown                 // it is not any more: tell the core, close the connections
	linkRefuse               // close a connection that is no link's
	linkPing                 // send something on some lanes
)

// Bounds of links, in turns of upkeep: one election timeout each.
const (
	maxHalfAge      = 4
	maxQuietControl = 4
	maxQuietBulk    = 20 // a long frame may take its time
	maxStranger     = 2
	pingControl     = 1 // without anything sent
	pingBulk        = 4
)

// Reasons why a link or connection ends.
var (
	errReplaced  = errors.New("replaced by a newer connection")
	errHalfLink  = errors.New("the other lane did not come")
	errTwoLives  = errors.New("another incarnation of the same replica is connected")
	errQuiet     = errors.New("nothing came for too long")
	errStranger  = errors.New("not a member of the ensemble")
	errLaneTwice = errors.New("the same lane came twice")
)

// take returns the effects since the last call; they are valid until the next
// event.
func (t *linkTable) take() []linkEffect {
	e := t.effects
	t.effects = t.effects[:0]
	return e
}

func (t *linkTable) do(e linkEffect) { t.effects = append(t.effects, e) }

func (t *linkTable) find(id uint64) *linkPeer {
	for i := range t.peers {
		if t.peers[i].id == id {
			return &t.peers[i]
		}
	}
	return nil
}

// add takes a connection whose hello was accepted.
func (t *linkTable) add(h half) {
	p := t.find(h.peer.ID)
	if p == nil {
		t.peers = append(t.peers, linkPeer{id: h.peer.ID})
		p = &t.peers[len(t.peers)-1]
	}
	if p.link != 0 && p.peer.Incarnation != h.peer.Incarnation {
		t.do(linkEffect{do: linkRefuse, conn: h.conn, err: errTwoLives})
		return
	}
	switch o := p.half; {
	case o.conn == 0:
		p.half, p.halfAge = h, 0
		return
	case o.nonce != h.nonce || o.peer != h.peer:
		t.do(linkEffect{do: linkRefuse, conn: o.conn, err: errReplaced})
		p.half, p.halfAge = h, 0
		return
	case o.lane == h.lane:
		t.do(linkEffect{do: linkRefuse, conn: h.conn, err: errLaneTwice})
		return
	}
	t.pair(p, h)
}

// pair makes a link of a peer's half and the other one.
func (t *linkTable) pair(p *linkPeer, h half) {
	if p.link != 0 {
		t.down(p, errReplaced)
	}
	t.last++
	p.link, p.peer, p.vouched = t.last, h.peer, h.vouched
	p.conns[p.half.lane], p.conns[h.lane] = p.half.conn, h.conn
	p.half, p.quiet, p.idle, p.stranger = half{}, [protocol.Lanes]int{}, [protocol.Lanes]int{}, 0
	t.do(linkEffect{do: linkUp, link: p.link, peer: p.peer, conns: p.conns})
}

func (t *linkTable) down(p *linkPeer, err error) {
	t.do(linkEffect{do: linkDown, link: p.link, peer: p.peer, conns: p.conns, err: err})
	p.link, p.conns = 0, [protocol.Lanes]connID{}
}

// breakLink ends a link, if it is still up.
func (t *linkTable) breakLink(id protocol.LinkID, err error) {
	for i := range t.peers {
		if p := &t.peers[i]; p.link == id && id != 0 {
			t.down(p, err)
			return
		}
	}
}

// breakAll ends every link and drops every half.
func (t *linkTable) breakAll(err error) {
	for i := range t.peers {
		p := &t.peers[i]
		if p.half.conn != 0 {
			t.do(linkEffect{do: linkRefuse, conn: p.half.conn, err: err})
			p.half = half{}
		}
		if p.link != 0 {
			t.down(p, err)
		}
	}
}

// linkLook says what happened on a lane since it was last asked.
type linkLook func(id protocol.LinkID, lane protocol.Lane) (heard, sent bool)

// upkeep is called once per election timeout: it has links pinged on which nothing
// was sent, and ends those on which nothing came for long, links to strangers
// (who had time to be told), and halves whose other half does not come.
func (t *linkTable) upkeep(look linkLook, member func(id uint64) bool) {
	for i := range t.peers {
		p := &t.peers[i]
		if p.half.conn != 0 {
			if p.halfAge++; p.halfAge > maxHalfAge {
				t.do(linkEffect{do: linkRefuse, conn: p.half.conn, err: errHalfLink})
				p.half = half{}
			}
		}
		if p.link != 0 {
			t.upkeepLink(p, look, member(p.id))
		}
	}
	t.peers = slices.DeleteFunc(t.peers, func(p linkPeer) bool { return p.link == 0 && p.half.conn == 0 })
}

func (t *linkTable) upkeepLink(p *linkPeer, look linkLook, member bool) {
	for lane := range protocol.Lanes {
		heard, sent := look(p.link, lane)
		if p.quiet[lane]++; heard {
			p.quiet[lane] = 0
		}
		if p.idle[lane]++; sent {
			p.idle[lane] = 0
		}
	}
	if p.stranger++; member || p.vouched {
		p.stranger = 0
	}
	switch {
	case p.quiet[protocol.Control] > maxQuietControl || p.quiet[protocol.Bulk] > maxQuietBulk:
		t.down(p, errQuiet)
	case p.stranger > maxStranger:
		t.down(p, errStranger)
	default:
		ping := [protocol.Lanes]bool{protocol.Control: p.idle[protocol.Control] >= pingControl, protocol.Bulk: p.idle[protocol.Bulk] >= pingBulk}
		if ping[protocol.Control] || ping[protocol.Bulk] {
			t.do(linkEffect{do: linkPing, link: p.link, ping: ping})
		}
	}
}

// greeting is what a replica's hello is checked against.
type greeting struct {
	self     uint64
	ensemble EnsembleID
	// member says whether an ID belongs to the ensemble, as far as this replica
	// knows. A replica that is itself no member yet cannot know, and asks nobody
	// for that.
	member func(id uint64) bool
	config uint64 // version of the configuration that this replica knows
}

// vouched says whether whoever sent h is to be let in although it is no member
// as far as this replica knows: because it knows of a later configuration, to
// which this replica belongs. A replica that was away for long would else shut
// out the very ones that can tell it what has changed. A removed one has no later
// configuration to show.
func (g *greeting) vouched(h *hello) bool { return h.lists && h.config > g.config && !g.member(h.from) }

// check returns why a connection whose other side sent h is to be closed, or
// nil. Of the one that dialed, want is whom it dialed; else 0. proved is who the
// transport says the other side is; 0 if it cannot say.
func (g *greeting) check(h *hello, want, proved uint64) error {
	switch {
	case h.min > protocolVersion || h.max < protocolVersion:
		return &refusal{refusedVersion, fmt.Sprintf("it speaks versions %d to %d, this replica %d", h.min, h.max, protocolVersion)}
	case h.ensemble != g.ensemble:
		return &refusal{refusedEnsemble, fmt.Sprintf("its ensemble is %x, this one is %x: another name, nonce or list of founding members", h.ensemble, g.ensemble)}
	case h.from == g.self:
		return &refusal{refusedIdentity, fmt.Sprintf("it says that it is replica %d, as is this one", h.from)}
	case h.to != g.self:
		return &refusal{refusedIdentity, fmt.Sprintf("replica %d wants replica %d, this is %d", h.from, h.to, g.self)}
	case want != 0 && h.from != want:
		return &refusal{refusedIdentity, fmt.Sprintf("it is replica %d, not %d", h.from, want)}
	case proved != 0 && h.from != proved:
		return &refusal{refusedIdentity, fmt.Sprintf("it says that it is replica %d, the transport knows it as %d", h.from, proved)}
	case !g.member(h.from) && !g.vouched(h):
		return &refusal{refusedStranger, fmt.Sprintf("replica %d is not a member", h.from)}
	}
	return nil
}

// refusal is why a connection was closed before it belonged to a link.
type refusal struct {
	kind   refusalKind
	detail string
}

func (r *refusal) Error() string { return r.kind.String() + ": " + r.detail }

type refusalKind uint8

const (
	refusedHello refusalKind = iota
	refusedVersion
	refusedEnsemble
	refusedIdentity
	refusedStranger
	refusedCrowd
	refusedDial // a connection that was not made; no refusal is of this kind
	refusalKinds
)

func (k refusalKind) String() string {
	return [...]string{"bad hello", "unsupported version", "another ensemble", "wrong replica",
		"stranger", "too many connections", "not reached", "?"}[min(k, refusalKinds)]
}
