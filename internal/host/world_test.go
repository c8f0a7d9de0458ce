package host

import (
	"errors"
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// world is an ensemble without consensus: one log, replicas that apply it at their
// own pace, their hosts, and client sides, with everything that goes between them
// in queues that a test moves on, reorders in time, or loses.
type world struct {
	fail func(format string, args ...any)
	logf func(format string, args ...any)

	now     int64 // true time
	epoch   uint32
	leader  int // index, or -1
	clock   int64
	log     []logEntry
	reps    []*replica
	clients []*client
	links   map[LinkID]*wire
	nextID  LinkID

	proposals []inProposal // on their way to the log
	peers     []inPeer
	rounds    []inRound

	settings tree.Settings
	changes  []tree.Change   // of all entries that any replica has applied
	ended    map[int64]int64 // session -> zxid, when appended: by a reference state
	ref      *tree.State
}

type logEntry struct {
	epoch  uint32
	origin int // replica, or -1
	token  Token
	told   bool // the origin was told an error before
	data   []byte
	wall   int64
	clock  int64
}

type replica struct {
	index   int
	host    *Host
	state   *tree.State
	applied int
	rate    float64
}

// wire is a link: two queues.
type wire struct {
	id     LinkID
	rep    *replica
	client *client
	number uint64
	up     []protocol.Request
	down   []protocol.Message
	dead   bool
}

type client struct {
	w      *world
	m      *protocol.Client
	rate   float64
	wire   *wire
	closed bool
	ended  bool
	fault  protocol.Fault
	leased bool
	until  int64
	calls  []*call
	watch  *watcher
	last   int64 // zxid of the last answer or event
}

type call struct {
	protocol.Call
	seq    int // in order of submission
	write  int // value of the client's counter that it sets; 0: a read
	before int // the last counter value submitted before
	done   bool
}

type watcher struct {
	id    uint64
	armed int64 // zxid
	seen  []watch.Event
}

type inProposal struct {
	origin  int
	token   Token
	command []byte
}

type inPeer struct {
	from, to int
	message  []byte
}

type inRound struct {
	origin int
	round  uint64
}

const (
	second  = int64(1e9)
	timeout = 10 * second
	tick    = second / 10
)

var errLost = errors.New("lost")

func newWorld(n int, fail, logf func(string, ...any)) *world {
	return newWorldWith(n, tree.Settings{}, fail, logf)
}

func newWorldWith(n int, settings tree.Settings, fail, logf func(string, ...any)) *world {
	w := &world{
		fail: fail, logf: logf, leader: -1, settings: settings,
		links: map[LinkID]*wire{}, ended: map[int64]int64{}, ref: tree.New(settings),
	}
	for i := range n {
		w.addReplica(i)
	}
	return w
}

func (w *world) addReplica(i int) {
	state := tree.New(w.settings)
	h, err := New(Config{
		Replica: uint64(i + 1), Limits: tree.Limits{Data: 1 << 20, Ops: 100, Bytes: 1 << 21},
		History:    watch.HistoryConfig{MaxChanges: 1 << 12},
		MinTimeout: second, MaxTimeout: 100 * second, TickEvery: tick, ReapEvery: second, MaxProposals: 64,
	}, state.View())
	if err != nil {
		w.fail("New: %v", err)
	}
	w.reps = append(w.reps, &replica{index: i, host: h, state: state, rate: 1})
}

// elect makes a replica lead a new epoch, or nobody if i < 0. Who has not been
// told goes on with what it knows.
func (w *world) elect(i int) {
	w.leader = i
	if i >= 0 {
		w.epoch++
		w.append(logEntry{epoch: w.epoch, origin: -1})
	}
}

// tellStatus tells a replica who leads.
func (w *world) tellStatus(r *replica) {
	s := Status{}
	if w.leader >= 0 {
		s = Status{Leader: uint64(w.leader + 1), Epoch: w.epoch, Leading: w.leader == r.index}
	}
	r.host.Status(s)
	w.collect(r)
}

// append puts an entry at the end of the log, where it is committed at once, and
// sees what it does.
func (w *world) append(e logEntry) {
	w.clock += 1000
	e.clock, e.wall = w.clock, w.now
	w.log = append(w.log, e)
	w.logf("log %d: from %d %+v", len(w.log), e.origin, e.token)
	out, changes, err := w.ref.Apply([]tree.Entry{w.entry(len(w.log) - 1)})
	if err != nil {
		w.fail("reference: %v", err)
	}
	w.changes = append(w.changes, changes...)
	for _, id := range out[0].Ended {
		w.ended[id] = int64(len(w.log))
		for _, c := range w.clients {
			if c.m.Session() == id && !c.closed && c.leased && c.time() < c.until {
				w.fail("session %d ended at zxid %d, with %v of its lease left", id, len(w.log), c.until-c.time())
			}
		}
	}
}

func (w *world) entry(i int) tree.Entry {
	e := &w.log[i]
	return tree.Entry{Zxid: int64(i + 1), Wall: e.wall, Clock: e.clock, Data: Command(e.epoch, e.data)}
}

// apply has a replica apply up to n more entries.
func (w *world) apply(r *replica, n int) {
	end := min(r.applied+n, len(w.log))
	for r.applied < end {
		commands := make([][]byte, end-r.applied)
		for i := range commands {
			if e := w.log[r.applied+i]; e.origin == r.index {
				commands[i] = e.data
			}
		}
		k := r.host.BeforeApply(commands)
		var entries []tree.Entry
		for i := range k {
			entries = append(entries, w.entry(r.applied+i))
		}
		outcomes, changes, err := r.state.Apply(entries)
		if err != nil {
			w.fail("apply: %v", err)
		}
		first := r.applied
		r.applied += k
		w.logf("replica %d applies to %d", r.index, r.applied)
		r.host.Applied(Applied{outcomes, changes, r.state.View(), w.log[r.applied-1].epoch})
		for i := range k {
			if e := &w.log[first+i]; e.origin == r.index && !e.told {
				r.host.Proposed(e.token, &outcomes[i], nil)
			}
		}
		w.collect(r)
	}
}

// restore has a replica jump to the end of the log by a snapshot.
func (w *world) restore(r *replica) {
	if r.applied == len(w.log) || w.leader == r.index {
		return
	}
	r.state = tree.New(w.settings)
	var entries []tree.Entry
	first := r.applied
	for i := range w.log {
		entries = append(entries, w.entry(i))
	}
	if _, _, err := r.state.Apply(entries); err != nil {
		w.fail("restore: %v", err)
	}
	r.applied = len(w.log)
	r.host.Restored(r.state.View())
	for i := first; i < len(w.log); i++ {
		if e := &w.log[i]; e.origin == r.index && !e.told {
			r.host.Proposed(e.token, nil, errLost)
		}
	}
	w.collect(r)
}

// collect carries out what a host wants.
func (w *world) collect(r *replica) {
	out := r.host.TakeOutput()
	for _, p := range out.Proposals {
		w.proposals = append(w.proposals, inProposal{r.index, p.Token, p.Command})
	}
	for _, p := range out.Peers {
		w.peers = append(w.peers, inPeer{r.index, int(p.To) - 1, p.Message})
	}
	for _, n := range out.ReadRounds {
		w.rounds = append(w.rounds, inRound{r.index, n})
	}
	for _, d := range out.Deliveries {
		l := w.links[d.Link]
		if l == nil || l.dead {
			continue
		}
		l.down = append(l.down, d.Messages...)
		if d.Close {
			l.down = append(l.down, nil)
		}
	}
}

// propose takes proposal i to the log, or refuses it.
func (w *world) propose(i int) {
	p := w.proposals[i]
	w.proposals = slices.Delete(w.proposals, i, i+1)
	if w.leader < 0 {
		w.refuse(p)
		return
	}
	w.append(logEntry{epoch: w.epoch, origin: p.origin, token: p.token, data: p.command})
}

func (w *world) refuse(p inProposal) {
	r := w.reps[p.origin]
	r.host.Proposed(p.token, nil, errLost)
	w.collect(r)
}

// doubt tells the origin that a proposal failed, and has it reach the log all the
// same, now.
func (w *world) doubt(i int) {
	p := w.proposals[i]
	if w.leader < 0 {
		return
	}
	w.proposals = slices.Delete(w.proposals, i, i+1)
	w.append(logEntry{epoch: w.epoch, origin: p.origin, token: p.token, data: p.command, told: true})
	w.refuse(p)
}

func (w *world) deliverPeer(i int) {
	p := w.peers[i]
	w.peers = slices.Delete(w.peers, i, i+1)
	r := w.reps[p.to]
	if err := r.host.Peer(uint64(p.from+1), p.message); err != nil {
		w.fail("peer: %v", err)
	}
	w.collect(r)
}

// answerRound answers a read point: from the true leader, whoever asks.
func (w *world) answerRound(i int) {
	q := w.rounds[i]
	w.rounds = slices.Delete(w.rounds, i, i+1)
	r := w.reps[q.origin]
	if w.leader < 0 {
		r.host.ReadPoint(q.round, 0, 0, errLost)
	} else {
		r.host.ReadPoint(q.round, int64(len(w.log)), w.epoch, nil)
	}
	w.collect(r)
}

// addClient opens a session.
func (w *world) addClient(first int) *client {
	c := &client{w: w, rate: 1}
	var p tree.Password
	copy(p[:], fmt.Sprintf("client %d", len(w.clients)))
	c.m = protocol.NewClient(protocol.ClientConfig{Timeout: timeout, Password: p, Backends: len(w.reps), Window: 16}, c.time())
	w.clients = append(w.clients, c)
	if first > 0 {
		c.m.Move(first, c.time())
	}
	w.effects(c)
	return c
}

func (c *client) time() int64 { return int64(float64(c.w.now) * c.rate) }

// effects carries out what a client wants.
func (w *world) effects(c *client) {
	for _, e := range c.m.TakeEffects(nil) {
		switch e.Kind {
		case protocol.EffectConnect:
			w.nextID++
			l := &wire{id: w.nextID, rep: w.reps[e.Backend], client: c, number: e.Link}
			w.links[l.id] = l
			c.wire = l
			l.rep.host.Connect(l.id)
			c.m.Connected(e.Link, c.time())
			w.effects(c)
		case protocol.EffectDisconnect:
			if c.wire != nil && c.wire.number == e.Link {
				w.cut(c.wire)
				c.wire = nil
			}
		case protocol.EffectSend:
			if c.wire != nil && c.wire.number == e.Link {
				// Through the codec, as over a connection.
				r, err := protocol.DecodeRequest(protocol.AppendRequest(nil, e.Request))
				if err != nil {
					w.fail("request: %v", err)
				}
				c.wire.up = append(c.wire.up, r)
			}
		case protocol.EffectResolve:
			c.resolved(e.Call.Owner.(*call))
		case protocol.EffectEvents:
			c.events(e.Watch, e.Events)
		case protocol.EffectLease:
			if e.Until-c.time() > timeout*leasePercentMax/100 {
				w.fail("lease of %v", e.Until-c.time())
			}
			c.leased, c.until = true, e.Until
		case protocol.EffectLeaseLost:
			c.leased = false
		case protocol.EffectEnded:
			c.ended, c.fault = true, e.Fault
			if c.leased {
				w.fail("ended with a lease")
			}
		}
	}
}

const leasePercentMax = 95

// cut breaks a link at both ends. What was under way is lost.
func (w *world) cut(l *wire) {
	if l.dead {
		return
	}
	l.dead = true
	w.logf("link %d cut", l.id)
	delete(w.links, l.id)
	l.rep.host.Disconnect(l.id)
	w.collect(l.rep)
	c := l.client
	c.m.Lost(l.number, c.time())
	w.effects(c)
}

// up moves a request on.
func (w *world) up(l *wire) {
	if l.dead || len(l.up) == 0 {
		return
	}
	r := l.up[0]
	l.up = l.up[1:]
	w.logf("link %d up %T%+v", l.id, r, r)
	l.rep.host.Request(l.id, r)
	w.collect(l.rep)
}

// down moves a message on.
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
		w.fail("message %T: %v", m, err)
	}
	w.logf("link %d down %T%+v", l.id, m, m)
	c := l.client
	switch m := encoded.(type) {
	case *protocol.Answer:
		c.rises(m.Zxid)
	case *protocol.Events:
		c.rises(m.Zxid)
	}
	c.m.Receive(l.number, encoded, c.time())
	w.effects(c)
}

// rises checks that what a session sees never goes back.
func (c *client) rises(zxid int64) {
	if zxid < c.last {
		c.w.fail("session %d: zxid %d after %d", c.m.Session(), zxid, c.last)
	}
	c.last = zxid
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
		if c.m.Deadline() <= c.time() {
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
			w.propose(0)
			moved = true
		}
		for len(w.peers) > 0 {
			w.deliverPeer(0)
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
		for _, c := range w.clients {
			for l := c.wire; l != nil && l == c.wire && len(l.up)+len(l.down) > 0; {
				w.up(l)
				w.down(l)
				moved = true
			}
		}
		if !moved {
			return
		}
	}
	w.fail("does not settle")
}

// calm heals everything and lets time go by until all is answered.
func (w *world) calm() {
	if w.leader < 0 {
		w.elect(0)
	}
	for _, r := range w.reps {
		w.tellStatus(r)
	}
	for range 300 {
		w.settle()
		w.pass(tick)
	}
	w.settle()
}

func (w *world) state() *tree.View { return w.ref.View() }
