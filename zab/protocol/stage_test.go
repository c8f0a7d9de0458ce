package protocol

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/codec"
)

// stage is an ensemble of cores in one goroutine that a scenario directs: it
// carries out what the cores want done, on disks, links and state machines in
// memory, tells all of it as text, and checks at every step what must always
// hold. A check that fails is told as a VIOLATION, and fails the test.
type stage struct {
	cfg     Config
	actors  []*actor
	cables  []*cable
	nextInc uint64
	nextID  LinkID
	now     int64 // nanoseconds
	taping  bool  // keep frames
	frames  [][]byte
	quiet   bool // tell neither frames nor writes
	hidden  bool // tell nothing but violations
	out     strings.Builder
	faults  []string

	// What is true of the ensemble for ever.
	history []Entry            // applied anywhere, by counter-1
	opened  map[uint32]uint64  // who was established in an epoch
	barred  map[[2]uint64]bool // requests, by replica, that certainly are not in the log
	asked   map[[2]uint64]Zxid // reads that wait: what was committed anywhere when they were asked
	known   Zxid               // the highest commit that any replica told to apply
}

// actor is one replica.
type actor struct {
	id     uint64
	core   *Core // nil while it is down
	disk   actorDisk
	state  actorState
	skew   int64 // of its wall clock
	halted bool

	writes  []Write
	stores  []StoreChunk
	entries []stageRead
	chunks  []ReadChunk
	held    map[string]bool // "disk", "reads", "apply"

	target   Zxid  // may be applied up to here
	install  *Base // to be restored first
	requests uint64
	pending  []uint64
	barrier  *actorBarrier
	reads    uint64
	told     string // status as told last
	status   Status // without positions and Peers, as of the last step
	peers    []PeerStatus
	config   string
}

type actorBarrier struct {
	counter  uint64
	requests []uint64
}

// cable is a link between two actors: two lanes, each way.
type cable struct {
	id    LinkID
	ends  [2]*actor
	up    [2]bool
	lanes [2][Lanes][][]byte // by sender
	held  [2][Lanes]bool
}

func newStage() *stage {
	return &stage{nextInc: 0xa, opened: map[uint32]uint64{}, barred: map[[2]uint64]bool{}, asked: map[[2]uint64]Zxid{},
		cfg: Config{TailBytes: 1 << 10, ChunkBytes: 16, MaxInflightBytes: 1 << 10, GatherBytes: 1, MaxBatchBytes: 256, MaxCommandBytes: 128, MaxPendingBytes: 1 << 10}}
}

func (s *stage) say(format string, args ...any) {
	if !s.hidden {
		fmt.Fprintf(&s.out, "  "+format+"\n", args...)
	}
}

func (s *stage) sayTraffic(format string, args ...any) {
	if !s.quiet {
		s.say(format, args...)
	}
}

// violation tells that something is wrong that must never be.
func (s *stage) violation(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(&s.out, "  VIOLATION: %s\n", text)
	s.faults = append(s.faults, text)
}

func (s *stage) actor(id uint64) *actor {
	for _, a := range s.actors {
		if a.id == id {
			return a
		}
	}
	return nil
}

// add brings on a replica with an empty disk, and a new incarnation.
func (s *stage) add(id uint64) *actor {
	a := &actor{id: id, held: map[string]bool{}}
	s.actors = append(s.actors, a)
	s.wipe(a)
	return a
}

func (s *stage) wipe(a *actor) {
	a.disk = newActorDisk(a.id, s.nextInc)
	s.nextInc++
}

// start recovers a replica from what its disk holds, and nothing else.
func (s *stage) start(a *actor) {
	d := &a.disk
	d.forget()
	rec := NewRecovery(d.hs, d.base, d.latest, d.partial, uint64(len(d.chunks)))
	for _, raw := range d.raws {
		if err := rec.Add(raw); err != nil {
			s.violation("%d cannot recover: %v", a.id, err)
			return
		}
	}
	cfg := s.cfg
	cfg.ID = a.id
	core, err := New(cfg, rec)
	if err != nil {
		s.violation("%d cannot start: %v", a.id, err)
		return
	}
	*a = actor{id: a.id, core: core, disk: a.disk, skew: a.skew, held: map[string]bool{}, requests: a.requests, reads: a.reads}
	a.state = restoreState(d.latest.Snapshot, d.files[d.latest.Snapshot])
	a.target = a.state.applied
	s.say("%d starts as %d:%s, accepted epoch %d, log from %v to %v, applied %v",
		a.id, a.id, incarnationName(d.hs.Incarnation), d.hs.AcceptedEpoch, d.base.Zxid(), d.end(), a.state.applied)
	out := s.step(a, a.core, func(*Core) {})
	s.carryOut(a, &out)
}

// crash loses everything but the disk.
func (s *stage) crash(a *actor) {
	a.core = nil
	for _, w := range slices.Clone(s.cables) {
		if w.ends[0] == a || w.ends[1] == a {
			s.cut(w)
		}
	}
	for key := range s.asked {
		if key[0] == a.id {
			delete(s.asked, key)
		}
	}
}

func (s *stage) connect(a, b *actor) {
	if s.between(a, b) != nil || a == b || a.core == nil || b.core == nil {
		return
	}
	s.nextID++
	w := &cable{id: s.nextID, ends: [2]*actor{a, b}, up: [2]bool{true, true}}
	s.cables = append(s.cables, w)
	s.say("%d and %d are linked", a.id, b.id)
	for i, x := range w.ends {
		o := w.ends[1-i]
		s.act(x, func(c *Core) { c.LinkUp(w.id, Peer{o.id, o.disk.hs.Incarnation}) })
	}
}

// cut breaks a link; what is on its way is lost.
func (s *stage) cut(w *cable) {
	s.say("%d and %d are cut off", w.ends[0].id, w.ends[1].id)
	s.down(w, w.ends[0])
	s.down(w, w.ends[1])
}

// down lets one end notice that its link is broken. From then on nothing
// arrives there.
func (s *stage) down(w *cable, at *actor) {
	i := 0
	if w.ends[1] == at {
		i = 1
	}
	if !w.up[i] {
		return
	}
	w.up[i] = false
	w.lanes[1-i] = [Lanes][][]byte{}
	if !w.up[0] && !w.up[1] {
		s.cables = slices.DeleteFunc(s.cables, func(x *cable) bool { return x == w })
	}
	if at.core != nil {
		s.act(at, func(c *Core) { c.LinkDown(w.id) })
	}
}

// between returns the link of two actors that both are at.
func (s *stage) between(a, b *actor) *cable {
	for _, w := range s.cables {
		if w.up[0] && w.up[1] && (w.ends == [2]*actor{a, b} || w.ends == [2]*actor{b, a}) {
			return w
		}
	}
	return nil
}

func (w *cable) sender(a *actor) int {
	if w.ends[0] == a {
		return 0
	}
	return 1
}

// deliver hands over up to n frames of a lane that a sent, all before one Take.
func (s *stage) deliver(w *cable, from *actor, lane Lane, n int) bool {
	i := w.sender(from)
	q := &w.lanes[i][lane]
	to := w.ends[1-i]
	n = min(n, len(*q))
	if n == 0 || to.core == nil || !w.up[1-i] {
		return false
	}
	frames := (*q)[:n:n]
	*q = (*q)[n:]
	var err error
	s.act(to, func(c *Core) {
		err = nil
		for _, f := range frames {
			if err = c.Receive(w.id, slices.Clone(f)); err != nil {
				return
			}
		}
	})
	if err != nil {
		s.say("%d refuses what %d says: %v", to.id, from.id, err)
		if slices.Contains(s.cables, w) {
			s.cut(w)
		}
	}
	return true
}

// act hands an event to a core and carries out what it wants done. The same event
// is rehearsed with a clone first, which must come to the same, and must not
// touch the original.
func (s *stage) act(a *actor, event func(*Core)) {
	if a.core == nil {
		return
	}
	before := a.core.AppendState(nil)
	twin := a.core.Clone()
	twinOut := s.step(a, twin, event)
	if !bytes.Equal(a.core.AppendState(nil), before) {
		s.violation("stepping a clone of %d changed the original", a.id)
	}
	out := s.step(a, a.core, event)
	if !reflect.DeepEqual(out, twinOut) || !bytes.Equal(a.core.AppendState(nil), twin.AppendState(nil)) {
		s.violation("%d and its clone come to different ends:\n%+v\n%+v", a.id, out, twinOut)
	}
	s.carryOut(a, &out)
}

func (s *stage) step(a *actor, c *Core, event func(*Core)) Output {
	c.SetTime(s.now, s.now+a.skew)
	event(c)
	return c.Take()
}

// carryOut does what a core wants done.
func (s *stage) carryOut(a *actor, out *Output) {
	if why := insane(a.core); why != "" {
		s.violation("%d is not in its right mind: %s", a.id, why)
	}
	if a.halted && (len(out.Writes) > 0 || len(out.Sends) > 0) {
		s.violation("%d goes on after it halted", a.id)
	}
	a.writes = append(a.writes, out.Writes...)
	for _, w := range out.Writes {
		s.sayTraffic("%d writes #%d: %s", a.id, w.Seq, describeBatch(&w.Batch))
	}
	for _, m := range out.Sends {
		s.send(a, m)
	}
	s.takeStorage(a, out)
	s.takeAnswers(a, out)
	s.tellStatus(a, out)
	for _, c := range out.Close {
		s.closeLink(a, c)
	}
	if !a.held["reads"] {
		s.serveReads(a)
	}
}

func (s *stage) takeStorage(a *actor, out *Output) {
	for _, q := range out.ReadEntries {
		s.sayTraffic("%d reads its log behind %d", a.id, q.After)
		a.entries = append(a.entries, s.readFor(a, q))
	}
	a.chunks = append(a.chunks, out.ReadChunks...)
	for _, q := range out.StoreChunks {
		s.sayTraffic("%d stores chunk %d of %v", a.id, q.N, q.Meta.Zxid)
		a.stores = append(a.stores, q)
	}
	if out.Barrier != 0 {
		a.barrier = &actorBarrier{out.Barrier, slices.Clone(a.pending)} // in place of any before it
		s.passBarrier(a)
	}
	if out.Install != nil {
		a.install = out.Install
	}
	a.target = out.Apply
	if s.known.Less(a.target) {
		s.known = a.target
	}
	if !a.held["apply"] {
		s.apply(a)
	}
}

func (s *stage) takeAnswers(a *actor, out *Output) {
	for _, r := range out.Refused {
		s.say("%d is refused #%d: %v", a.id, r.Request, r.Err)
		s.bar(a, r.Request)
	}
	for _, r := range out.Reads {
		key := [2]uint64{a.id, r.ID}
		asked, ok := s.asked[key]
		delete(s.asked, key)
		switch {
		case !ok:
			s.violation("%d gets an answer to read #%d, which does not wait", a.id, r.ID)
		case r.Err != nil:
			s.say("%d gets no answer to read #%d: %v", a.id, r.ID, r.Err)
		case r.Zxid.Less(asked):
			s.violation("%d may read at %v, but %v was committed before it asked", a.id, r.Zxid, asked)
		default:
			s.say("%d may answer read #%d once it has applied %v", a.id, r.ID, r.Zxid)
		}
	}
	if out.Halt != nil {
		s.say("%d halts: %v", a.id, out.Halt)
		a.halted = true
	}
}

func (s *stage) closeLink(a *actor, c CloseLink) {
	for _, w := range slices.Clone(s.cables) {
		if w.id == c.Link {
			s.say("%d closes its link to %d: %v", a.id, w.ends[1-w.sender(a)].id, c.Reason)
			s.cut(w)
		}
	}
}

// stageRead is a reading of the log, with what there was when it was asked for, the
// writes under way included: what comes after may be seen or not.
type stageRead struct {
	q   ReadEntries
	raw []byte
	err error
}

func (s *stage) readFor(a *actor, q ReadEntries) stageRead {
	d := a.disk.clone()
	for _, w := range a.writes {
		if err := d.put(&w.Batch); err != nil {
			s.violation("%d: %v", a.id, err)
		}
	}
	raw, err := d.read(q.After, q.MaxBytes)
	return stageRead{q, raw, err}
}

// serveReads answers what the core wants to read from its storage. Entries that
// are queued count as there.
func (s *stage) serveReads(a *actor) {
	for len(a.entries) > 0 && a.core != nil {
		r := a.entries[0]
		a.entries = a.entries[1:]
		s.act(a, func(c *Core) { c.EntriesRead(r.q, r.raw, r.err) })
	}
	for len(a.chunks) > 0 && a.core != nil {
		q := a.chunks[0]
		a.chunks = a.chunks[1:]
		data, ok := a.disk.files[q.Meta]
		var err error
		if !ok {
			err = fmt.Errorf("snapshot %v is not there", q.Meta.Zxid)
		}
		first := min(int(q.N)*s.chunkBytes(), len(data))
		data = data[first:min(first+s.chunkBytes(), len(data))]
		s.act(a, func(c *Core) { c.ChunkRead(q, data, err) })
	}
}

func (s *stage) chunkBytes() int { return s.cfg.withDefaults().ChunkBytes }

// sync makes up to n queued writes durable in one step, or all of them.
func (s *stage) sync(a *actor, n int) bool {
	n = min(n, len(a.writes))
	if n == 0 || a.core == nil {
		return false
	}
	for _, w := range a.writes[:n] {
		if err := a.disk.put(&w.Batch); err != nil {
			s.violation("%d: %v", a.id, err)
		}
	}
	seq := a.writes[n-1].Seq
	a.writes = a.writes[n:]
	s.sayTraffic("%d has written up to #%d", a.id, seq)
	s.act(a, func(c *Core) { c.Durable(seq) })
	return true
}

// store makes up to n chunks of a snapshot durable.
func (s *stage) store(a *actor, n int) bool {
	n = min(n, len(a.stores))
	for range n {
		if len(a.stores) == 0 || a.core == nil {
			break
		}
		q := a.stores[0]
		a.stores = a.stores[1:]
		err := a.disk.store(q)
		s.act(a, func(c *Core) { c.ChunkStored(q, err) })
	}
	return n > 0
}

// send puts a frame on a link, having checked that what it says is durable.
func (s *stage) send(a *actor, m Send) {
	for _, w := range s.cables {
		if w.id != m.Link {
			continue
		}
		i := w.sender(a)
		lane := [...]string{"control", "bulk"}[m.Lane]
		s.sayTraffic("%d->%d %s %s", a.id, w.ends[1-i].id, lane, describeFrame(m.Frame))
		if s.taping {
			s.frames = append(s.frames, m.Frame)
		}
		if why := a.unfounded(m.Frame); why != "" {
			s.violation("%d says %s, but %s", a.id, describeFrame(m.Frame), why)
		}
		if w.up[1-i] {
			w.lanes[i][m.Lane] = append(w.lanes[i][m.Lane], m.Frame)
		}
	}
}

// unfounded says why a frame says more than what is durable, if it does.
func (a *actor) unfounded(frame []byte) string {
	d := &a.disk
	r := codec.NewReader(frame)
	switch kind(r.Uint8()) {
	case kindLook:
		if m := readLook(&r); m.looking && (m.last != d.end() || len(a.writes) > 0) {
			return fmt.Sprintf("its log ends durably at %v with %d writes queued", d.end(), len(a.writes))
		}
	case kindLead:
		if m := readLead(&r); d.hs.AcceptedEpoch < m.epoch {
			return fmt.Sprintf("it has accepted %d durably", d.hs.AcceptedEpoch)
		}
	case kindJoin:
		if m := readJoin(&r); d.hs.AcceptedEpoch < m.epoch || m.last != d.end() || m.base != d.base.Zxid() || len(a.writes) > 0 {
			return fmt.Sprintf("it has accepted %d durably and a log from %v to %v", d.hs.AcceptedEpoch, d.base.Zxid(), d.end())
		}
	case kindAck:
		if m := readAck(&r); d.end().Counter < m.counter {
			return fmt.Sprintf("its log ends durably at %v", d.end())
		}
	case kindChunkAck:
		if m := readChunkAck(&r); m.n >= uint64(len(d.chunks)) && !d.partial.IsZero() {
			return fmt.Sprintf("%d chunks are durable", len(d.chunks))
		}
	}
	return ""
}
