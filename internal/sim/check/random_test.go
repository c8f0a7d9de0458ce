package check

import (
	"fmt"
	"slices"
	"testing"
)

// run lets a world of a seed go through whatever can happen, and come to rest.
func run(t testing.TB, seed uint64, steps int, record bool) *world {
	w := newWorld(t, seed, 1+int(seed%3))
	w.record = record
	w.run(steps)
	return w
}

func (w *world) run(steps int) {
	w.elect(0)
	for _, r := range w.reps {
		w.tellStatus(r)
	}
	for range 2 + w.rng.IntN(4) {
		w.addClient()
	}
	for _, path := range []string{"/slice", "/d", "/secret"} {
		w.clients[0].create(path)
	}
	w.settle()
	for range steps {
		w.step()
	}
	w.calm()
}

// calm heals everything, lets time go by until all that is to happen has, and looks
// at the end.
func (w *world) calm() {
	if w.leader < 0 {
		w.elect(0)
	}
	for _, r := range w.reps {
		w.tellStatus(r)
	}
	w.calmSince = w.now
	for range 300 {
		w.settle()
		w.pass(tick)
	}
	w.settle()
	w.tell(&fedOverdue{w.calmSince, w.now})
	for _, r := range w.reps {
		w.tell(&fedFinal{uint64(r.index + 1), r.state.View()})
	}
	w.tell(&fedFinish{})
}

func (w *world) step() {
	pick := w.rng.IntN
	c, r := w.clients[pick(len(w.clients))], w.reps[pick(len(w.reps))]
	switch n := pick(100); {
	case c.dead && n < 50:
	case n < 14:
		c.write()
	case n < 20:
		c.read(false)
	case n < 24:
		c.read(true)
	case n < 44:
		if c.wire != nil {
			w.up(c.wire)
		}
	case n < 50:
		for range 4 {
			if c.wire != nil {
				w.down(c.wire)
			}
		}
	case n < 66:
		if len(w.proposals) > 0 {
			w.propose(0, true, false)
		}
	case n < 76:
		w.apply(r, 1+pick(20))
	case n < 79:
		if len(w.proposals) > 0 {
			i, logged := pick(len(w.proposals)), pick(2) == 0
			w.propose(i, logged, !logged || pick(3) > 0) // each is answered
		}
	case n < 82:
		if len(w.peers) > 0 {
			w.deliverPeer(pick(len(w.peers)), pick(4) == 0)
		}
	case n < 86:
		if len(w.rounds) > 0 {
			w.answerRound(pick(len(w.rounds)))
		}
	case n < 90:
		w.pass(int64(pick(int(2 * second))))
	case n < 92:
		w.settle()
	default:
		w.upheaval(c, r)
	}
}

func (w *world) upheaval(c *simClient, r *replica) {
	switch n := w.rng.IntN(100); {
	case n < 12:
		if c.wire != nil && !c.dead {
			w.cut(c.wire)
		}
	case n < 20:
		if !c.dead {
			w.move(c, r.index)
		}
	case n < 30:
		w.elect(w.rng.IntN(len(w.reps)+1) - 1)
	case n < 50:
		w.tellStatus(r)
	case n < 52:
		w.quietInstall(r, w.reps[w.rng.IntN(len(w.reps))])
	case n < 56:
		w.install(r, w.reps[w.rng.IntN(len(w.reps))])
	case n < 60:
		w.save(r)
	case n < 64:
		w.crash(r)
	case n < 70:
		w.tell(&fedView{uint64(r.index + 1), r.state.View()})
	case n < 78:
		if !c.dead {
			c.unwatch()
		}
	case n < 84:
		if !c.dead {
			c.cancel()
		}
	case n < 90:
		if !c.dead {
			c.auth()
		}
	case n < 93:
		if len(w.clients) < 12 {
			w.addClient()
		}
	case n < 94:
		if c.id > 0 {
			w.kill(c)
		}
	case n < 96:
		if c.id > 0 && !c.dead {
			c.m.Close(c.time())
			w.effects(c)
		}
	case n < 97:
		w.pass(12 * second)
	case n < 98:
		if c.id > 0 && !c.dead {
			w.cutOff(c)
		}
	}
}

// quietInstall has a replica jump ahead by a snapshot while its sessions wait for
// nothing but events.
func (w *world) quietInstall(r, from *replica) {
	w.settle()
	for _, c := range w.clients {
		if c.wire == nil || c.wire.dead || c.dead || c.wire.rep == r || w.leader < 0 {
			continue
		}
		c.write()
		c.write()
		for len(c.wire.up) > 0 && !c.wire.dead {
			w.up(c.wire)
		}
	}
	for len(w.proposals) > 0 && w.leader >= 0 {
		w.propose(0, true, false)
	}
	w.apply(from, len(w.log))
	w.install(r, from)
}

// hold takes what a client's session has under way to the log out of its way.
func (w *world) hold(c *simClient) (held []proposal) {
	w.proposals = slices.DeleteFunc(w.proposals, func(p proposal) bool {
		mine := p.token.Session != 0 && p.token.Session == c.m.Session()
		if mine {
			held = append(held, p)
		}
		return mine
	})
	return held
}

// move moves a client. What it had under way by the old link may reach the log after
// that.
func (w *world) move(c *simClient, to int) {
	held := w.hold(c)
	c.m.Move(to, c.time())
	w.effects(c)
	if w.rng.IntN(2) == 0 {
		w.settle()
	}
	w.proposals = append(w.proposals, held...)
}

// cutOff cuts a client off until its session has expired. What it had under way
// reaches the log after that.
func (w *world) cutOff(c *simClient) {
	if w.leader < 0 {
		w.elect(0)
	}
	for _, r := range w.reps {
		w.tellStatus(r)
	}
	for c.wire != nil && len(c.wire.up) > 0 && !c.wire.dead {
		w.up(c.wire)
	}
	held := w.hold(c)
	c.away = true
	if c.wire != nil && !c.wire.dead {
		w.cut(c.wire)
	}
	for range 130 {
		w.pass(tick)
		w.settle()
	}
	c.away = false
	w.proposals = append(w.proposals, held...)
}

// TestRandom lets worlds of many seeds go through whatever can happen: no checker
// has anything to say, and each has looked at something.
func TestRandom(t *testing.T) {
	seeds, steps := uint64(150), 1500
	if testing.Short() {
		seeds = 30
	}
	var all Stats
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := run(t, seed, steps, false).check.Stats()
			all.add(&s)
		})
	}
	t.Logf("%+v", all)
	for name, n := range all.counts() {
		if n == 0 && name != "Unchecked" && name != "Undecided" { // they are not aims
			t.Errorf("%s is 0", name)
		}
	}
}

// TestWindow: what lies behind the window is counted and not judged.
func TestWindow(t *testing.T) {
	unchecked := 0
	for seed := range uint64(20) {
		w := newWorld(t, seed, 3)
		config := w.config()
		config.Window = 4
		w.check = New(config)
		w.run(1500)
		unchecked += w.check.Stats().Unchecked
	}
	if unchecked == 0 {
		t.Error("every read was within the window")
	}
}

// TestDeterminism: the same history gets the same figures and the same verdict.
func TestDeterminism(t *testing.T) {
	for seed := range uint64(5) {
		a, b := run(t, seed, 1500, true), run(t, seed, 1500, true)
		if len(a.history) != len(b.history) || a.check.Stats() != b.check.Stats() {
			t.Errorf("seed %d: %d events with %+v, then %d with %+v", seed, len(a.history), a.check.Stats(), len(b.history), b.check.Stats())
		}
	}
}

// BenchmarkChecker is what the checkers cost: for each event, and for each entry of
// the log with all that belongs to it, slices not included.
func BenchmarkChecker(b *testing.B) {
	w := run(b, 5, 20_000, true)
	config := w.config()
	config.Slices = Slices{}
	b.ReportAllocs()
	var s Stats
	for b.Loop() {
		c := New(config)
		if err := tellAll(c, w.history); err != nil {
			b.Fatal(err)
		}
		s = c.Stats()
	}
	ns := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(ns/float64(len(w.history)), "ns/event")
	b.ReportMetric(ns/float64(s.Entries), "ns/entry")
	b.ReportMetric(float64(s.Entries), "entries")
}

// BenchmarkWorld is what the same world costs with and without them.
func BenchmarkWorld(b *testing.B) {
	for _, checked := range []bool{false, true} {
		b.Run(fmt.Sprintf("checked=%t", checked), func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b, 5, 3)
				config := w.config()
				config.Slices = Slices{}
				if w.check = New(config); !checked {
					w.check = nil
				}
				w.run(20_000)
			}
		})
	}
}
