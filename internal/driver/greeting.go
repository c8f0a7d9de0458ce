package driver

import (
	"errors"
	"fmt"

	"github.com/zabtree/zabtree/zab/protocol"
)

// Identity is who a replica is to those it is connected with.
type Identity struct {
	Ensemble          protocol.EnsembleID
	Self, Incarnation uint64
}

// Hello returns what to say first on a connection to another replica that this one
// dialed.
func (id *Identity) Hello(m *Members, to uint64, lane protocol.Lane, nonce uint64) []byte {
	h := id.hello(m, to, lane, nonce)
	return h.encode()
}

func (id *Identity) hello(m *Members, to uint64, lane protocol.Lane, nonce uint64) hello {
	return hello{min: protocolVersion, max: protocolVersion, ensemble: id.Ensemble, from: id.Self,
		incarnation: id.Incarnation, to: to, lane: lane, nonce: nonce, config: m.Version, lists: m.Lists(to)}
}

func (id *Identity) greeting(m *Members) greeting {
	return greeting{self: id.Self, ensemble: id.Ensemble, member: m.Has, config: m.Version}
}

// Answered takes the first frame that the replica to answered to a Hello, and
// returns the connection without its number, or why it is to be closed. proved is
// who the transport says the other side is; 0 if it cannot say.
func (id *Identity) Answered(m *Members, frame []byte, to uint64, lane protocol.Lane, nonce, proved uint64) (Half, error) {
	h, err := decodeHello(frame)
	if err != nil {
		return Half{}, err
	}
	g := id.greeting(m)
	switch err := g.check(&h, to, proved); {
	case h.lane != lane || h.nonce != nonce:
		return Half{}, &Refusal{RefusedHello, "the answer is to another hello"}
	case err != nil:
		return Half{}, err
	case h.refused != "":
		return Half{}, errors.New("refused: " + h.refused)
	}
	return g.half(&h), nil
}

// Welcome takes the first frame of whoever dialed. It returns the answer to be
// sent, if there is one, and the connection without its number, or why it is to be
// closed after that.
func (id *Identity) Welcome(m *Members, frame []byte, proved uint64) (half Half, answer []byte, err error) {
	h, err := decodeHello(frame)
	if err != nil {
		return Half{}, nil, err
	}
	g := id.greeting(m)
	mine := id.hello(m, h.from, h.lane, h.nonce)
	if err := g.check(&h, 0, proved); err != nil {
		mine.refused = err.Error() // for the other's log
		return Half{}, mine.encode(), err
	}
	return g.half(&h), mine.encode(), nil
}

// greeting is what a replica's hello is checked against.
type greeting struct {
	self     uint64
	ensemble protocol.EnsembleID
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

func (g *greeting) half(h *hello) Half {
	return Half{Peer: protocol.Peer{ID: h.from, Incarnation: h.incarnation}, Nonce: h.nonce, Lane: h.lane, Vouched: g.vouched(h)}
}

// check returns why a connection whose other side sent h is to be closed, or
// nil. Of the one that dialed, want is whom it dialed; else 0. proved is who the
// transport says the other side is; 0 if it cannot say.
func (g *greeting) check(h *hello, want, proved uint64) error {
	switch {
	case h.min > protocolVersion || h.max < protocolVersion:
		return &Refusal{RefusedVersion, fmt.Sprintf("it speaks versions %d to %d, this replica %d", h.min, h.max, protocolVersion)}
	case h.ensemble != g.ensemble:
		return &Refusal{RefusedEnsemble, fmt.Sprintf("its ensemble is %x, this one is %x: another name, nonce or list of founding members", h.ensemble, g.ensemble)}
	case h.from == g.self:
		return &Refusal{RefusedIdentity, fmt.Sprintf("it says that it is replica %d, as is this one", h.from)}
	case h.to != g.self:
		return &Refusal{RefusedIdentity, fmt.Sprintf("replica %d wants replica %d, this is %d", h.from, h.to, g.self)}
	case want != 0 && h.from != want:
		return &Refusal{RefusedIdentity, fmt.Sprintf("it is replica %d, not %d", h.from, want)}
	case proved != 0 && h.from != proved:
		return &Refusal{RefusedIdentity, fmt.Sprintf("it says that it is replica %d, the transport knows it as %d", h.from, proved)}
	case !g.member(h.from) && !g.vouched(h):
		return &Refusal{RefusedStranger, fmt.Sprintf("replica %d is not a member", h.from)}
	}
	return nil
}

// Refusal is why a connection was closed before it belonged to a link.
type Refusal struct {
	Kind   RefusalKind
	Detail string
}

func (r *Refusal) Error() string { return r.Kind.String() + ": " + r.Detail }

// RefusalKind is the kind of a Refusal.
type RefusalKind uint8

// The kinds of refusals.
const (
	RefusedHello RefusalKind = iota
	RefusedVersion
	RefusedEnsemble
	RefusedIdentity
	RefusedStranger
	RefusedCrowd
	RefusedDial // a connection that was not made; no Refusal is of this kind
	refusalKinds
)

func (k RefusalKind) String() string {
	return [...]string{"bad hello", "unsupported version", "another ensemble", "wrong replica",
		"stranger", "too many connections", "not reached", "?"}[min(k, refusalKinds)]
}
