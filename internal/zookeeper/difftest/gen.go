package difftest

import (
	"math/rand/v2"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// generator makes a round's steps, one after the other: from its random numbers
// and from hints of what the steps before have done. Each round prefers other
// things, so that some sequences are long runs of what is rare elsewhere.
type generator struct {
	rng     *rand.Rand
	hints   *hints
	next    int   // the next step's ID
	weights []int // of makers
	burst   int   // the most requests in a burst
	quota   bool  // there are quotas in this round
	noIP    bool  // scheme ip is left out
}

// maker makes one request for a session.
type maker struct {
	name   string
	weight int
	make   func(g *generator, slot int) Op
}

// makers are the kinds of requests and how often each is made.
var makers = []maker{
	{"create", 22, (*generator).create},
	{"delete", 10, (*generator).delete},
	{"set data", 10, (*generator).setData},
	{"read", 18, (*generator).read},
	{"watching read", 12, (*generator).watchingRead},
	{"acl", 5, (*generator).acl},
	{"multi", 8, (*generator).multi},
	{"multi read", 3, (*generator).multiRead},
	{"add watch", 4, (*generator).addWatch},
	{"unwatch", 4, (*generator).unwatch},
	{"set watches", 3, (*generator).setWatches},
	{"other", 4, (*generator).other},
	{"odd", 2, (*generator).odd},
}

// newGenerator makes the generator of one round of a seed.
func newGenerator(cfg *Config, round int) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(cfg.Seed, uint64(round))), noIP: cfg.NoIP}
	slots := cfg.Sessions
	if slots == 0 {
		slots = 3 + g.rng.IntN(3)
	}
	g.hints = newHints(slots)
	for _, m := range makers {
		g.weights = append(g.weights, m.weight*[]int{0, 1, 1, 1, 3}[g.rng.IntN(5)])
	}
	g.weights[0] += makers[0].weight // without creates there is nothing
	g.burst = []int{1, 4, 12}[g.rng.IntN(3)]
	if g.quota = g.rng.IntN(5) == 0; g.quota {
		// A quota is checked against what has been applied when a request arrives: how
		// much of a burst that is, is a matter of luck.
		g.burst = 1
	}
	if cfg.Serial {
		g.burst = 1
	}
	return g
}

// chance is true with a probability of one in n.
func (g *generator) chance(n int) bool { return g.rng.IntN(n) == 0 }

func oneOf[T any](g *generator, list ...T) T { return list[g.rng.IntN(len(list))] }

// step makes the next step.
func (g *generator) step() *Step {
	s := &Step{ID: g.next, Slot: g.rng.IntN(len(g.hints.slots)), Kind: Burst}
	g.next++
	for i := range g.hints.slots { // at first, everybody connects
		if sl := g.hints.slots[i]; !sl.open && !sl.session {
			s.Slot = i
			break
		}
	}
	sl := &g.hints.slots[s.Slot]
	switch {
	case !sl.open:
		g.connect(s, sl.session && (sl.ended == g.chance(4)))
	case g.chance(90):
		g.connect(s, !g.chance(4))
	case g.chance(80):
		s.Kind = Drop
	case g.chance(300):
		s.Kind, s.Bytes = Bytes, g.badBytes()
	case g.chance(300):
		s.Kind, s.Bytes = Word, []byte(oneOf(g, "ruok", "isro", "abcd", "RUOK"))
	case g.chance(60):
		s.Ops = []Op{g.closingOp(s.Slot)}
	default:
		s.Ops = g.requests(s.Slot)
	}
	return s
}

// requests makes a burst.
func (g *generator) requests(slot int) []Op {
	n := 1
	if g.chance(2) {
		n += g.rng.IntN(g.burst)
	}
	var ops []Op
	for range n {
		op := g.op(slot)
		if !closing(op.Op) && !outOfTurn(op.Op) {
			ops = append(ops, op)
		} else if len(ops) == 0 {
			return []Op{op}
		}
	}
	return ops
}

// outOfTurn says whether a request is one that Apache ZooKeeper does not know: it
// answers from another thread than all others, and closes the connection.
func outOfTurn(op zkwire.Opcode) bool {
	switch op {
	case zkwire.Create, zkwire.Delete, zkwire.Exists, zkwire.GetData, zkwire.SetData, zkwire.GetACL, zkwire.SetACL,
		zkwire.GetChildren, zkwire.Sync, zkwire.Ping, zkwire.GetChildren2, zkwire.Check, zkwire.Multi, zkwire.Create2,
		zkwire.CheckWatches, zkwire.RemoveWatches, zkwire.CreateContainer, zkwire.CreateTTL, zkwire.MultiRead,
		zkwire.SetWatches, zkwire.GetEphemerals, zkwire.GetAllChildrenNumber, zkwire.SetWatches2, zkwire.AddWatch,
		zkwire.WhoAmI, zkwire.Reconfig, zkwire.DeleteContainer:
		return false
	}
	return true
}

func (g *generator) op(slot int) Op {
	total := 0
	for _, w := range g.weights {
		total += w
	}
	n := g.rng.IntN(total)
	for i, w := range g.weights {
		if n -= w; n < 0 {
			return makers[i].make(g, slot)
		}
	}
	panic("unreachable")
}

func (g *generator) connect(s *Step, resume bool) {
	s.Kind = Connect
	s.Connect = &Handshake{Resume: resume, Timeout: 60000}
	h := s.Connect
	if g.chance(6) {
		h.Timeout = oneOf(g, int32(30000), 120000, 120001, 1<<30)
	}
	if g.chance(8) {
		h.OmitReadOnly = true
	} else if g.chance(8) {
		h.ReadOnly = true
	}
	if g.chance(20) {
		h.Protocol = oneOf(g, int32(1), -1, 1<<20)
	}
	if resume {
		if g.chance(6) {
			h.Password = oneOf(g, PasswordWrong, PasswordNull, PasswordShort)
		}
		if g.chance(30) {
			h.Unknown = true
		}
		h.Seen = oneOf(g, ZxidRef{Kind: ZxidLast}, ZxidRef{Kind: ZxidLast}, ZxidRef{}, g.stepRef())
	} else if g.chance(6) {
		h.Password = oneOf(g, PasswordWrong, PasswordNull, PasswordShort)
	}
	if g.chance(15) {
		h.Seen = ZxidRef{Kind: ZxidFuture}
	}
	certain := h.Password == PasswordRight && !h.Unknown && h.Seen.Kind != ZxidFuture && !resume
	if certain && g.chance(4) {
		s.Ops = g.requests(s.Slot)
	}
	if resume && h.Password == PasswordRight && !h.Unknown && h.Seen.Kind != ZxidFuture && g.hints.slots[s.Slot].session && g.chance(2) {
		s.Ops = []Op{g.restoreWatches(s.Slot)}
	}
}

// stepRef names the zxid of one of the last steps.
func (g *generator) stepRef() ZxidRef {
	return ZxidRef{Kind: ZxidStep, Step: max(0, g.next-1-g.rng.IntN(20))}
}

// badBytes are no frames.
func (g *generator) badBytes() []byte {
	return oneOf(g,
		[]byte{0xff, 0xff, 0xff, 0xff},             // a length of -1
		[]byte{0x80, 0, 0, 0, 0, 0, 0, 0},          // the most negative one
		[]byte{0x00, 0x10, 0x00, 0x00, 1, 2, 3, 4}, // one byte more than is allowed
		[]byte{0, 0, 0, 0},                         // an empty frame
		[]byte{0, 0, 0, 4, 0, 0, 0, 1},             // half a header
	)
}
