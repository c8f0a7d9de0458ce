package check

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/zabtree/zabtree/internal/host"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// world is an ensemble without consensus: one log, replicas that apply it at their
// own pace and crash, their hosts, and client sides, with everything between them in
// queues that are moved on, delayed or lost by a seeded source. All that a Checker
// is to be told goes to the history, and, if there is one, to a Checker at once.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	check   *Checker
	history []fed // nil: not recorded
	record  bool

	now, clock, calmSince int64
	epoch                 uint32
	leader                int
	log                   []logEntry
	reps                  []*replica
	clients               []*simClient
	links                 map[host.LinkID]*wire
	nextLink              host.LinkID
	settings              tree.Settings

	proposals []proposal
	peers     []peerMessage
	rounds    []round
}

type logEntry struct {
	entry  tree.Entry
	data   []byte
	epoch  uint32
	origin int
	token  host.Token
	told   bool
}

type replica struct {
	index   int
	host    *host.Host
	state   *tree.State
	applied int
	rate    float64
	saved   []byte  // a snapshot of itself
	floor   int64   // of its history
	ring    []int64 // the zxids of the changes in it
	lives   int
}

type wire struct {
	id     host.LinkID
	rep    *replica
	lives  int // of the replica when it was made
	client *simClient
	number uint64
	up     []protocol.Request
	down   []protocol.Message
	dead   bool
}

type proposal struct {
	origin, lives int
	token         host.Token
	command       []byte
}

type peerMessage struct {
	from, to, lives int
	message         []byte
}

type round struct {
	origin, lives int
	number        uint64
}

const (
	second     = int64(1e9)
	timeout    = 10 * second
	tick       = second / 10
	maxChanges = 300
)

func newWorld(t testing.TB, seed uint64, replicas int) *world {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), leader: -1, links: map[host.LinkID]*wire{},
		settings: tree.Settings{Unanswered: 40, Identities: 3},
	}
	w.check = New(w.config())
	for i := range replicas {
		r := &replica{index: i, rate: w.rate(), state: tree.New(w.settings)}
		w.reps = append(w.reps, r)
		w.startHost(r)
	}
	return w
}

func (w *world) config() Config {
	return Config{
		Settings: w.settings, ExpiryBound: 12 * second,
		Slices: Slices{Root: "/slice", MaxOps: 60, Every: 10, Judge: judge},
	}
}

func (w *world) rate() float64 { return 0.98 + 0.04*w.rng.Float64() }

// tell passes something on to the checker.
func (w *world) tell(f fed) {
	if w.record {
		w.history = append(w.history, f)
	}
	if w.check == nil {
		return
	}
	if err := f.tell(w.check); err != nil {
		w.t.Fatalf("%T%+v: %v", f, f, err)
	}
}

func (w *world) startHost(r *replica) {
	h, err := host.New(host.Config{
		Replica: uint64(r.index + 1), Limits: tree.Limits{Data: 1 << 20, Ops: 100, Bytes: 1 << 21},
		History:    watch.HistoryConfig{MaxChanges: maxChanges},
		MinTimeout: second, MaxTimeout: 100 * second, TickEvery: tick, ReapEvery: second, MaxProposals: 64,
	}, r.state.View())
	if err != nil {
		w.t.Fatal(err)
	}
	r.host, r.floor, r.ring = h, r.state.Zxid(), nil
}

func (w *world) elect(i int) {
	w.leader = i
	if i >= 0 {
		w.epoch++
		w.append(logEntry{epoch: w.epoch, origin: -1})
	}
	w.calmSince = w.now
}

func (w *world) tellStatus(r *replica) {
	s := host.Status{}
	if w.leader >= 0 {
		s = host.Status{Leader: uint64(w.leader + 1), Epoch: w.epoch, Leading: w.leader == r.index}
	}
	r.host.Status(s)
	w.collect(r)
}

func (w *world) append(e logEntry) {
	w.clock += 1000
	e.entry = tree.Entry{Zxid: int64(len(w.log) + 1), Wall: w.now, Clock: w.clock, Data: host.Command(e.epoch, e.data)}
	w.log = append(w.log, e)
}

// apply has a replica apply up to n more entries.
func (w *world) apply(r *replica, n int) {
	end := min(r.applied+n, len(w.log))
	for r.applied < end {
		commands := make([][]byte, end-r.applied)
		for i := range commands {
			if e := &w.log[r.applied+i]; e.origin == r.index {
				commands[i] = e.data
			}
		}
		k := r.host.BeforeApply(commands)
		w.applyBatch(r, k)
	}
}

func (w *world) applyBatch(r *replica, k int) {
	var entries []tree.Entry
	for i := range k {
		entries = append(entries, w.log[r.applied+i].entry)
	}
	outcomes, changes, err := r.state.Apply(entries)
	if err != nil {
		w.t.Fatal(err)
	}
	first := r.applied
	r.applied += k
	rest := changes
	for i := range outcomes {
		n := 0
		for n < len(rest) && rest[n].Zxid == entries[i].Zxid {
			n++
		}
		a := &fedApplied{
			Member: uint64(r.index + 1), Entry: entries[i], Epoch: w.log[first+i].epoch,
			Outcome: outcomes[i], Changes: rest[:n], Now: w.now,
		}
		if rest = rest[n:]; i == k-1 {
			a.Digest = r.state.View().Digest()
		}
		w.tell(a)
	}
	for i := range changes {
		if r.ring = append(r.ring, changes[i].Zxid); len(r.ring) > maxChanges {
			r.floor, r.ring = r.ring[0], r.ring[1:]
		}
	}
	r.host.Applied(host.Applied{Outcomes: outcomes, Changes: changes, View: r.state.View(), Epoch: w.log[r.applied-1].epoch})
	for i := range k {
		if e := &w.log[first+i]; e.origin == r.index && !e.told {
			e.told = true
			r.host.Proposed(e.token, &outcomes[i], nil)
		}
	}
	w.collect(r)
}

// crash stops a replica, which comes back from its own snapshot, or from nothing.
func (w *world) crash(r *replica) {
	for _, l := range w.openLinks() {
		if l.rep == r {
			w.cut(l)
		}
	}
	for i := range w.log {
		if e := &w.log[i]; e.origin == r.index {
			e.told = true
		}
	}
	w.tell(&fedRestarted{uint64(r.index + 1)})
	r.lives++
	r.state = tree.New(w.settings)
	if r.saved != nil {
		w.load(r, r.saved)
	}
	r.applied = int(r.state.Zxid())
	w.tell(&fedRestored{uint64(r.index + 1), r.state.Zxid(), r.state.View().Digest()})
	if w.leader == r.index {
		w.leader = -1
	}
	// What was not committed, it cannot know; what was, it has: the log is durable.
	w.startHost(r)
	w.tellStatus(r)
}

func (w *world) save(r *replica) {
	var b bytes.Buffer
	if err := r.state.View().WriteSnapshot(&b); err != nil {
		w.t.Fatal(err)
	}
	r.saved = b.Bytes()
}

func (w *world) load(r *replica, snapshot []byte) {
	state, err := tree.ReadSnapshot(bytes.NewReader(snapshot))
	if err != nil {
		w.t.Fatal(err)
	}
	r.state = state
}

// install has a replica jump ahead by a snapshot of another one.
func (w *world) install(r, from *replica) {
	if r.applied >= from.applied || w.leader == r.index {
		return
	}
	w.save(from)
	first := r.applied
	w.load(r, from.saved)
	r.applied = from.applied
	r.floor, r.ring = int64(r.applied), nil
	w.tell(&fedRestored{uint64(r.index + 1), r.state.Zxid(), r.state.View().Digest()})
	r.host.Restored(r.state.View())
	for i := first; i < r.applied; i++ {
		if e := &w.log[i]; e.origin == r.index && !e.told {
			e.told = true
			r.host.Proposed(e.token, nil, errLost)
		}
	}
	w.collect(r)
}

var errLost = fmt.Errorf("lost")

// collect carries out what a host wants.
func (w *world) collect(r *replica) {
	out := r.host.TakeOutput()
	for _, p := range out.Proposals {
		w.proposals = append(w.proposals, proposal{r.index, r.lives, p.Token, p.Command})
	}
	for _, p := range out.Peers {
		w.peers = append(w.peers, peerMessage{r.index, int(p.To) - 1, r.lives, p.Message})
	}
	for _, n := range out.ReadRounds {
		w.rounds = append(w.rounds, round{r.index, r.lives, n})
	}
	for _, d := range out.Deliveries {
		if l := w.links[d.Link]; l != nil && !l.dead {
			l.down = append(l.down, d.Messages...)
			if d.Close {
				l.down = append(l.down, nil)
			}
		}
	}
}

// propose takes the i-th proposal to the log; or refuses it; or both, as when the
// origin lost its leader.
func (w *world) propose(i int, logged, refused bool) {
	p := w.proposals[i]
	w.proposals = append(w.proposals[:i:i], w.proposals[i+1:]...)
	r := w.reps[p.origin]
	gone := p.lives != r.lives
	if w.leader < 0 {
		logged = false
	}
	refused = refused || !logged // every proposal is answered
	if logged {
		w.append(logEntry{epoch: w.epoch, origin: p.origin, token: p.token, data: p.command, told: refused || gone})
	}
	if refused && !gone {
		r.host.Proposed(p.token, nil, errLost)
		w.collect(r)
	}
}

func (w *world) deliverPeer(i int, lost bool) {
	p := w.peers[i]
	w.peers = append(w.peers[:i:i], w.peers[i+1:]...)
	if r := w.reps[p.to]; !lost {
		if err := r.host.Peer(uint64(p.from+1), p.message); err != nil {
			w.t.Fatal(err)
		}
		w.collect(r)
	}
}

// answerRound answers a read point: from the true leader.
func (w *world) answerRound(i int) {
	q := w.rounds[i]
	w.rounds = append(w.rounds[:i:i], w.rounds[i+1:]...)
	r := w.reps[q.origin]
	if q.lives != r.lives {
		return
	}
	if w.leader < 0 {
		r.host.ReadPoint(q.number, 0, 0, errLost)
	} else {
		r.host.ReadPoint(q.number, int64(len(w.log)), w.epoch, nil)
	}
	w.collect(r)
}

// openLinks returns the links in the order in which they were made.
func (w *world) openLinks() (ls []*wire) {
	for id := host.LinkID(1); id <= w.nextLink; id++ {
		if l := w.links[id]; l != nil {
			ls = append(ls, l)
		}
	}
	return ls
}

// cut breaks a link at both ends. What was under way is lost.
func (w *world) cut(l *wire) {
	if l.dead {
		return
	}
	l.dead = true
	delete(w.links, l.id)
	if l.lives == l.rep.lives {
		l.rep.host.Disconnect(l.id)
		w.collect(l.rep)
	}
	l.client.m.Lost(l.number, l.client.time())
	w.effects(l.client)
}

func (w *world) up(l *wire) {
	if l.dead || len(l.up) == 0 {
		return
	}
	r := l.up[0]
	l.up = l.up[1:]
	l.rep.host.Request(l.id, r)
	w.collect(l.rep)
}

func (w *world) down(l *wire) {
	if l.dead || len(l.down) == 0 {
		return
	}
	m := l.down[0]
	l.down = l.down[1:]
	if m == nil {
		w.cut(l)
		return
	}
	encoded, err := protocol.DecodeMessage(protocol.AppendMessage(nil, m))
	if err != nil {
		w.t.Fatal(err)
	}
	l.client.m.Receive(l.number, encoded, l.client.time())
	w.effects(l.client)
}

// pass lets time go by for everyone.
func (w *world) pass(d int64) {
	w.now += d
	w.clock += d
	for _, r := range w.reps {
		r.host.Tick(int64(float64(w.now) * r.rate))
		w.collect(r)
	}
	for _, c := range w.clients {
		if c.m.Deadline() <= c.time() && !c.dead {
			c.m.Tick(c.time())
			w.effects(c)
		}
	}
}

// settle moves everything on until nothing moves.
func (w *world) settle() {
	for range 10_000 {
		moved := false
		for len(w.proposals) > 0 && w.leader >= 0 {
			w.propose(0, true, false)
			moved = true
		}
		for len(w.peers) > 0 {
			w.deliverPeer(0, false)
			moved = true
		}
		for n := len(w.rounds); n > 0; n-- {
			w.answerRound(0)
			moved = moved || w.leader >= 0
		}
		for _, r := range w.reps {
			if r.applied < len(w.log) {
				w.apply(r, len(w.log))
				moved = true
			}
		}
		for _, l := range w.openLinks() {
			for !l.dead && !l.client.dead && len(l.up)+len(l.down) > 0 {
				w.up(l)
				w.down(l)
				moved = true
			}
		}
		if !moved {
			return
		}
	}
	w.t.Fatal("does not settle")
}
