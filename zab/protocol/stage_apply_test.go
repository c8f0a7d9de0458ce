package protocol

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// apply gives the state machine what may be applied, from the durable log alone,
// and compares it with what was applied everywhere else.
func (s *stage) apply(a *actor) {
	if b := a.install; b != nil {
		a.install = nil
		s.restore(a, b)
	}
	from := a.state.applied.Counter
	if a.target.Counter < from {
		s.violation("%d is told to apply up to %v, and has applied %v", a.id, a.target, a.state.applied)
	}
	var applied []Entry
	for a.state.applied.Counter < a.target.Counter {
		raw, err := a.disk.read(a.state.applied.Counter, 1)
		if err != nil {
			s.violation("%d may apply up to %v: %v", a.id, a.target, err)
			return
		}
		e := mustDecode(raw)
		s.record(a, &e)
		a.state.apply(&e)
		applied = append(applied, e)
		if e.Kind == KindCommand && e.Origin == a.id {
			a.pending = slices.DeleteFunc(a.pending, func(q uint64) bool { return q == e.Request })
		}
		s.passBarrier(a)
	}
	if len(applied) > 0 {
		s.say("%d applies %s", a.id, describeEntries(applied))
	}
	if a.state.applied != a.target && !a.target.IsZero() {
		s.violation("%d has applied %v where %v was meant", a.id, a.state.applied, a.target)
	}
}

func (s *stage) restore(a *actor, b *Base) {
	data, ok := a.disk.files[b.Snapshot]
	if !ok {
		s.violation("%d installs snapshot %v, which is not there", a.id, b.Zxid())
		return
	}
	if b.Zxid().Counter <= a.state.applied.Counter {
		s.violation("%d goes back from %v to snapshot %v", a.id, a.state.applied, b.Zxid())
	}
	a.state = restoreState(b.Snapshot, data)
	if a.state.clock != b.Clock {
		s.violation("snapshot %v is of clock %d, its base says %d", b.Zxid(), a.state.clock, b.Clock)
	}
	a.pending = nil // what became of them cannot be seen
	s.say("%d installs snapshot %v", a.id, b.Zxid())
	s.passBarrier(a)
}

// record compares an entry with what was applied in its place elsewhere.
func (s *stage) record(a *actor, e *Entry) {
	n := e.Zxid.Counter
	switch {
	case s.barred[[2]uint64{e.Origin, e.Request}] && e.Kind == KindCommand:
		s.violation("%d applies #%d of %d, which was certainly not in the log", a.id, e.Request, e.Origin)
	case n > uint64(len(s.history))+1:
		s.violation("%d applies %v before anybody applied %d", a.id, e.Zxid, n-1)
	case n == uint64(len(s.history))+1:
		if n > 1 && e.Clock < s.history[n-2].Clock {
			s.violation("the clock falls at %v", e.Zxid)
		}
		s.history = append(s.history, *e)
	default:
		if h := &s.history[n-1]; h.Zxid != e.Zxid || h.Kind != e.Kind || !bytes.Equal(h.Data, e.Data) {
			s.violation("%d applies %s where %s was applied", a.id, describeEntry(e), describeEntry(h))
		}
	}
}

// bar notes that a request is certainly not in the log.
func (s *stage) bar(a *actor, request uint64) {
	s.barred[[2]uint64{a.id, request}] = true
	a.pending = slices.DeleteFunc(a.pending, func(q uint64) bool { return q == request })
	for _, e := range s.history {
		if e.Kind == KindCommand && e.Origin == a.id && e.Request == request {
			s.violation("#%d of %d is said not to be in the log, but is %v", request, a.id, e.Zxid)
		}
	}
}

func (s *stage) passBarrier(a *actor) {
	b := a.barrier
	if b == nil || b.counter > a.state.applied.Counter {
		return
	}
	a.barrier = nil
	for _, q := range b.requests {
		if slices.Contains(a.pending, q) {
			s.say("%d knows that #%d is not in the log", a.id, q)
			s.bar(a, q)
		}
	}
}

// snapshot writes out the state that a replica has applied; named has a record
// in the log name it.
func (s *stage) snapshot(a *actor) (named func()) {
	meta, data := a.state.snapshot()
	base := a.core.BaseAt(meta, a.state.clock)
	a.disk.files[meta] = data
	if base.Config.Version > meta.Zxid.Counter || meta.Zxid.Less(base.Config.PendingAt) {
		s.violation("the snapshot of %v names a configuration from behind it: %s", meta.Zxid, describeConfiguration(&base.Config))
	}
	s.say("%d has a snapshot of %v, %d bytes, %s", a.id, meta.Zxid, meta.Size, describeConfiguration(&base.Config))
	return func() { s.act(a, func(c *Core) { c.Compacted(base) }) }
}

// checkNews checks that a core said so if its status is news, which is not looked at
// otherwise.
func (s *stage) checkNews(a *actor, out *Output, st *Status) {
	peers, rest := st.Peers, *st
	rest.Last, rest.Durable, rest.Commit, rest.Base, rest.Peers = Zxid{}, Zxid{}, Zxid{}, Zxid{}, nil
	for i := range peers {
		peers[i].Synchronised = false // what is committed says so
	}
	if !out.ConfigChanged && a.status.ID != 0 && !reflect.DeepEqual(rest.Config, a.status.Config) {
		s.violation("%d does not say that its configuration is new: %+v, was %+v", a.id, rest.Config, a.status.Config)
	}
	told := out.StatusChanged || out.ConfigChanged
	switch {
	case !told && !reflect.DeepEqual(rest, a.status):
		s.violation("%d does not say that its status is new: %+v, was %+v", a.id, rest, a.status)
	case !told && !out.PeersChanged && !reflect.DeepEqual(peers, a.peers):
		s.violation("%d does not say that its peers are: %+v, were %+v", a.id, peers, a.peers)
	}
	a.status, a.peers = rest, peers
}

// tellStatus says what a replica is, when that is news, and checks that an epoch
// has one established leader, who lacks nothing that was committed before.
func (s *stage) tellStatus(a *actor, out *Output) {
	if a.core == nil {
		return
	}
	st := a.core.Status()
	s.checkNews(a, out, &st)
	if text := describeStatus(&st); text != a.told {
		a.told = text
		s.say("%d %s", a.id, text)
	}
	if text := describeConfiguration(&st.Config); text != a.config && st.Config.Founded() {
		a.config = text
		s.sayTraffic("%d has configuration %s", a.id, text)
	}
	if st.Leader != a.id || st.Phase != Broadcasting {
		return
	}
	if was, ok := s.opened[st.Epoch]; ok && was != a.id {
		s.violation("%d and %d both lead epoch %d", was, a.id, st.Epoch)
	}
	s.opened[st.Epoch] = a.id
	if st.Epoch > s.known.Epoch && st.Last.Less(s.known) {
		s.violation("%d leads epoch %d with a log to %v, but %v is committed", a.id, st.Epoch, st.Last, s.known)
	}
}

func describeStatus(st *Status) string {
	if st.Phase == Looking {
		return "looks for a leader"
	}
	s := fmt.Sprintf("follows %d in epoch %d, %v", st.Leader, st.Epoch, st.Phase)
	if st.Leader == st.ID {
		s = fmt.Sprintf("leads epoch %d, %v", st.Epoch, st.Phase)
	}
	if st.Serving {
		s += ", serving"
	}
	return s
}

// settle lets everything happen that can happen without time, and says whether
// it came to an end.
func (s *stage) settle() bool {
	for range 500 {
		moved := false
		for _, a := range s.actors {
			if a.core == nil || a.held["disk"] {
				continue
			}
			moved = s.sync(a, len(a.writes)) || moved
			moved = s.store(a, len(a.stores)) || moved
		}
		for _, w := range slices.Clone(s.cables) {
			for i, from := range w.ends {
				for lane := range Lanes {
					if !w.held[i][lane] {
						moved = s.deliver(w, from, lane, len(w.lanes[i][lane])) || moved
					}
				}
			}
		}
		if !moved {
			return true
		}
	}
	return false
}

// tick counts one tick of 100 ms at each of some actors, one after the other.
func (s *stage) tick(actors []*actor) {
	s.now += 100e6
	for _, a := range actors {
		s.act(a, (*Core).Tick)
	}
}

// agree returns what two or more replicas do not agree on.
func (s *stage) agree(actors []*actor) string {
	first := actors[0]
	for _, a := range actors[1:] {
		switch {
		case a.core == nil || first.core == nil:
			return "one of them is down"
		case a.state.applied != first.state.applied || a.state.digest != first.state.digest ||
			strings.Join(a.state.values, " ") != strings.Join(first.state.values, " "):
			return fmt.Sprintf("%d is at %v with digest %x, %d at %v with %x",
				first.id, first.state.applied, first.state.digest, a.id, a.state.applied, a.state.digest)
		}
		x, y := first.core.Status().Config, a.core.Status().Config
		if describeConfiguration(&x) != describeConfiguration(&y) {
			return fmt.Sprintf("%d has configuration %s, %d has %s", first.id, describeConfiguration(&x), a.id, describeConfiguration(&y))
		}
	}
	return ""
}
