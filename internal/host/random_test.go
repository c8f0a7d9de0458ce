package host

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRandom runs client sides, hosts and trees together through whatever can
// happen between them.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(1, 3).Draw(t, "replicas"), t.Fatalf, t.Logf)
		for _, r := range w.reps {
			r.rate = rapid.Float64Range(0.98, 1.02).Draw(t, "rate")
		}
		w.elect(0)
		for _, r := range w.reps {
			w.tellStatus(r)
		}
		for range rapid.IntRange(1, 3).Draw(t, "clients") {
			c := w.addClient(rapid.IntRange(0, len(w.reps)-1).Draw(t, "at"))
			c.rate = rapid.Float64Range(0.98, 1.02).Draw(t, "rate")
		}
		n := rapid.IntRange(1, 400).Draw(t, "steps")
		for range n {
			w.randomStep(t)
		}
		w.calm()
		w.check()
	})
}

func (w *world) randomStep(t *rapid.T) {
	c := w.clients[rapid.IntRange(0, len(w.clients)-1).Draw(t, "client")]
	r := w.reps[rapid.IntRange(0, len(w.reps)-1).Draw(t, "replica")]
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
	switch rapid.IntRange(0, 31).Draw(t, "step") {
	case 0, 1, 2, 3:
		c.count()
	case 4, 5:
		c.read(rapid.Bool().Draw(t, "linearizable"))
	case 6, 7:
		c.peek(w.clients[pick(len(w.clients))])
	case 8:
		c.observe()
	case 9, 10, 11, 12, 13:
		if c.wire != nil {
			w.up(c.wire)
		}
	case 14, 15, 16, 17, 18:
		if c.wire != nil {
			w.down(c.wire)
		}
	case 19, 20, 21:
		if len(w.proposals) > 0 {
			w.propose(0)
		}
	case 22, 23:
		w.apply(r, rapid.IntRange(1, 20).Draw(t, "entries"))
	case 24:
		if len(w.proposals) > 0 {
			switch i := pick(len(w.proposals)); rapid.IntRange(0, 2).Draw(t, "trouble") {
			case 0:
				p := w.proposals[i]
				w.proposals = append(w.proposals[:i:i], w.proposals[i+1:]...)
				w.refuse(p)
			case 1:
				w.doubt(i)
			case 2:
				w.propose(i)
			}
		}
	case 25:
		if len(w.peers) > 0 {
			if i := pick(len(w.peers)); rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				w.peers = append(w.peers[:i:i], w.peers[i+1:]...)
			} else {
				w.deliverPeer(i)
			}
		}
	case 26:
		if len(w.rounds) > 0 {
			w.answerRound(pick(len(w.rounds)))
		}
	case 27:
		w.pass(rapid.Int64Range(1, 5*second).Draw(t, "time"))
	case 28:
		if c.wire != nil {
			w.cut(c.wire)
		}
	case 29:
	upheaval:
		switch rapid.IntRange(0, 4).Draw(t, "upheaval") {
		case 0:
			w.elect(rapid.IntRange(-1, len(w.reps)-1).Draw(t, "leader"))
		case 1:
			c.m.Move(r.index, c.time())
			w.effects(c)
		case 2:
			w.restore(r)
		case 3:
			if len(c.calls) > 0 {
				k := c.calls[pick(len(c.calls))]
				if k.write == 1 || c.watch != nil && k.Read.Watch == c.watch.id {
					break upheaval // others stand on it
				}
				c.m.Cancel(&k.Call, c.time())
				w.effects(c)
			}
		case 4:
			if rapid.IntRange(0, 3).Draw(t, "close") == 0 {
				c.closed = true
				c.m.Close(c.time())
				w.effects(c)
			}
		}
	case 30:
		w.tellStatus(r)
	case 31:
		w.settle()
	}
}
