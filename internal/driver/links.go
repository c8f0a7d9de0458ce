package driver

import (
	"errors"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// ConnID names a connection whose hello was accepted.
type ConnID uint64

// Half is such a connection: one lane of a link to be.
type Half struct {
	Conn  ConnID // the driver's name for it, used once; not 0
	Peer  protocol.Peer
	Nonce uint64 // the same for both lanes of a link, drawn by who dialed
	Lane  protocol.Lane
	// Vouched says that the peer, which is no member as far as this replica knows,
	// knows better.
	Vouched bool
}

// linkTable decides which connections make a link, and when it comes up and goes
// down: up when both lanes are there, down when either breaks or a newer link of
// the same peer takes its place; each exactly once, and never two at a time for
// one peer. It is a step machine; the loop owns it.
type linkTable struct {
	last    protocol.LinkID
	peers   []linkPeer // in the order they were met
	effects []LinkEffect
}

// linkPeer is another replica and what there is of connections to it.
type linkPeer struct {
	id uint64

	half    Half // conn is 0 if there is none
	halfAge int

	link  protocol.LinkID // 0 if it is not linked
	peer  protocol.Peer
	conns [protocol.Lanes]ConnID
	quiet [protocol.Lanes]int // turns of upkeep since something came
	idle  [protocol.Lanes]int // and since something was sent

	vouched  bool
	stranger int // turns of upkeep since it was no member
}

// LinkEffect is something to be done about connections, in order.
type LinkEffect struct {
	Do    LinkDo
	Link  protocol.LinkID
	Peer  protocol.Peer
	Conns [protocol.Lanes]ConnID // of LinkUp
	Conn  ConnID                 // of LinkRefuse
	Ping  [protocol.Lanes]bool   // of LinkPing
	Err   error
}

// LinkDo says what.
type LinkDo uint8

const (
	// LinkUp: Conns are a link now.
	LinkUp LinkDo = iota
	// LinkDown: the link is none any more; close its connections.
	LinkDown
	// LinkRefuse: close a connection that is no link's.
	LinkRefuse
	// LinkPing: send a sign of life on some lanes.
	LinkPing
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
func (t *linkTable) take() []LinkEffect {
	e := t.effects
	t.effects = t.effects[:0]
	return e
}

func (t *linkTable) do(e LinkEffect) { t.effects = append(t.effects, e) }

func (t *linkTable) find(id uint64) *linkPeer {
	for i := range t.peers {
		if t.peers[i].id == id {
			return &t.peers[i]
		}
	}
	return nil
}

// isUp says whether a link is up.
func (t *linkTable) isUp(id protocol.LinkID) bool {
	for i := range t.peers {
		if t.peers[i].link == id {
			return id != 0
		}
	}
	return false
}

// add takes a connection whose hello was accepted.
func (t *linkTable) add(h Half) {
	p := t.find(h.Peer.ID)
	if p == nil {
		t.peers = append(t.peers, linkPeer{id: h.Peer.ID})
		p = &t.peers[len(t.peers)-1]
	}
	if p.link != 0 && p.peer.Incarnation != h.Peer.Incarnation {
		t.do(LinkEffect{Do: LinkRefuse, Conn: h.Conn, Err: errTwoLives})
		return
	}
	switch o := p.half; {
	case o.Conn == 0:
		p.half, p.halfAge = h, 0
		return
	case o.Nonce != h.Nonce || o.Peer != h.Peer:
		t.do(LinkEffect{Do: LinkRefuse, Conn: o.Conn, Err: errReplaced})
		p.half, p.halfAge = h, 0
		return
	case o.Lane == h.Lane:
		t.do(LinkEffect{Do: LinkRefuse, Conn: h.Conn, Err: errLaneTwice})
		return
	}
	t.pair(p, h)
}

// pair makes a link of a peer's half and the other one.
func (t *linkTable) pair(p *linkPeer, h Half) {
	if p.link != 0 {
		t.down(p, errReplaced)
	}
	t.last++
	p.link, p.peer, p.vouched = t.last, h.Peer, h.Vouched
	p.conns[p.half.Lane], p.conns[h.Lane] = p.half.Conn, h.Conn
	p.half, p.quiet, p.idle, p.stranger = Half{}, [protocol.Lanes]int{}, [protocol.Lanes]int{}, 0
	t.do(LinkEffect{Do: LinkUp, Link: p.link, Peer: p.peer, Conns: p.conns})
}

func (t *linkTable) down(p *linkPeer, err error) {
	t.do(LinkEffect{Do: LinkDown, Link: p.link, Peer: p.peer, Conns: p.conns, Err: err})
	p.link, p.conns = 0, [protocol.Lanes]ConnID{}
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
		if p.half.Conn != 0 {
			t.do(LinkEffect{Do: LinkRefuse, Conn: p.half.Conn, Err: err})
			p.half = Half{}
		}
		if p.link != 0 {
			t.down(p, err)
		}
	}
}

// LinkLook says what happened on a lane since it was last asked.
type LinkLook func(id protocol.LinkID, lane protocol.Lane) (heard, sent bool)

// upkeep is called once per election timeout: it has links pinged on which nothing
// was sent, and ends those on which nothing came for long, links to strangers
// (who had time to be told), and halves whose other half does not come.
func (t *linkTable) upkeep(look LinkLook, member func(id uint64) bool) {
	for i := range t.peers {
		p := &t.peers[i]
		if p.half.Conn != 0 {
			if p.halfAge++; p.halfAge > maxHalfAge {
				t.do(LinkEffect{Do: LinkRefuse, Conn: p.half.Conn, Err: errHalfLink})
				p.half = Half{}
			}
		}
		if p.link != 0 {
			t.upkeepLink(p, look, member(p.id))
		}
	}
	t.peers = slices.DeleteFunc(t.peers, func(p linkPeer) bool { return p.link == 0 && p.half.Conn == 0 })
}

func (t *linkTable) upkeepLink(p *linkPeer, look LinkLook, member bool) {
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
			t.do(LinkEffect{Do: LinkPing, Link: p.link, Ping: ping})
		}
	}
}
