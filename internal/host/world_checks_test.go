package host

import (
	"fmt"
	"strconv"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// What clients of a world do, and what must be true of it. Each client counts up
// in a znode of its own: so a read must find exactly the last count that was
// submitted before it, no more and no less, whatever was lost in between; a write
// applied twice would leave a second znode behind.

func (c *client) path() string { return fmt.Sprintf("/c%s", c.name()) }

func (c *client) name() string {
	for i, o := range c.w.clients {
		if o == c {
			return strconv.Itoa(i)
		}
	}
	return "?"
}

// count submits the next count: it sets the znode's data, and makes a sequential
// znode that says which count it was.
func (c *client) count() *call {
	k := &call{seq: len(c.calls), write: c.submitted() + 1}
	value := []byte(strconv.Itoa(k.write))
	k.Op = tree.Multi{Ops: []tree.Op{
		tree.Set{Path: c.path(), Data: value},
		tree.Create{Path: c.path() + "/n", Data: value, Mode: tree.Sequential},
	}}
	if k.write == 1 {
		k.Op = tree.Multi{Ops: []tree.Op{
			tree.Create{Path: c.path(), Data: value},
			tree.Create{Path: c.path() + "/n", Data: value, Mode: tree.Sequential},
		}}
	}
	c.submit(k)
	return k
}

// read submits a read of the client's own count.
func (c *client) read(linearizable bool) *call {
	k := &call{seq: len(c.calls)}
	k.Read = protocol.Read{Kind: protocol.ReadData, Path: c.path(), Linearizable: linearizable}
	c.submit(k)
	return k
}

// peek submits a linearizable read of another client's count, which must be at
// least what that client had been answered by now.
func (c *client) peek(o *client) *call {
	k := &call{seq: len(c.calls), before: -1}
	k.Read = protocol.Read{Kind: protocol.ReadData, Path: o.path(), Linearizable: true}
	atLeast := 0
	for _, x := range o.calls {
		if x.write > 0 && x.done && x.Answer != nil && x.Answer.Code == tree.CodeOK {
			atLeast = max(atLeast, x.write)
		}
	}
	k.Owner = k
	k.before = -atLeast - 1
	c.calls = append(c.calls, k)
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
	return k
}

// observe submits a read that arms a watch on everything.
func (c *client) observe() {
	if c.watch != nil {
		return
	}
	k := &call{seq: len(c.calls)}
	id := c.m.NewWatch()
	c.watch = &watcher{id: id, armed: -1}
	k.Read = protocol.Read{Kind: protocol.ReadNothing, Path: "/", Watch: id, WatchKind: watch.PersistentRecursive}
	c.submit(k)
}

func (c *client) submitted() int {
	for i := len(c.calls) - 1; i >= 0; i-- {
		if c.calls[i].write > 0 {
			return c.calls[i].write
		}
	}
	return 0
}

func (c *client) submit(k *call) {
	k.Owner = k
	k.before = c.submitted()
	c.calls = append(c.calls, k)
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
}

func (c *client) resolved(k *call) {
	if k.done {
		c.w.fail("client %s: call %d resolved twice", c.name(), k.seq)
	}
	k.done = true
	a := k.Answer
	if a == nil {
		return
	}
	c.checkEvents(a.Zxid)
	switch {
	case k.write > 0:
		if a.Record == nil {
			c.w.fail("client %s: count %d: code %v", c.name(), k.write, a.Code.Err())
			return
		}
		results, err := tree.DecodeRecord(a.Record)
		if err != nil || len(results) != 2 || results[1].Err != nil {
			c.w.fail("client %s: count %d: %v %v", c.name(), k.write, results, err)
		}
	case k.Read.Kind == protocol.ReadNothing:
		if c.watch != nil && k.Read.Watch == c.watch.id {
			c.watch.armed = a.Zxid
			if !a.Read.Armed {
				c.w.fail("not armed")
			}
		}
	default:
		found := 0
		if a.Code == tree.CodeOK {
			found, _ = strconv.Atoi(string(a.Read.Data))
		}
		switch {
		case k.before < 0 && found < -k.before-1:
			c.w.fail("client %s: linearizable read at zxid %d finds %d, %d was answered before", c.name(), a.Zxid, found, -k.before-1)
		case k.before >= 0 && found != c.countBefore(k):
			c.w.fail("client %s: read %d at zxid %d finds %d, submitted before it was %d", c.name(), k.seq, a.Zxid, found, c.countBefore(k))
		}
	}
}

// countBefore returns the last count that was submitted before k and not
// withdrawn.
func (c *client) countBefore(k *call) int {
	for i := k.seq - 1; i >= 0; i-- {
		if o := c.calls[i]; o.write > 0 && !(o.done && o.Answer == nil && !o.Unknown) {
			return o.write
		}
	}
	return 0
}

func (c *client) events(id uint64, evs []watch.Event) {
	if c.watch == nil || c.watch.id != id {
		c.w.fail("events of a watch that is none")
		return
	}
	for _, ev := range evs {
		if n := len(c.watch.seen); n > 0 && ev.Zxid < c.watch.seen[n-1].Zxid {
			c.w.fail("client %s: %v after %v", c.name(), ev, c.watch.seen[n-1])
		}
		c.watch.seen = append(c.watch.seen, ev)
	}
}

// checkEvents checks that a session which is shown the state at zxid has been
// told of everything up to it.
func (c *client) checkEvents(zxid int64) {
	if c.watch == nil || c.watch.armed < 0 {
		return
	}
	seen := c.watch.seen
	want := c.w.eventsBetween(c.watch.armed, zxid)
	for len(seen) > 0 && seen[0].Zxid <= zxid {
		if seen[0].Type == watch.Gap {
			if len(want) > 0 && want[0].Zxid <= seen[0].Since {
				c.w.fail("client %s: %v, but not told %v", c.name(), seen[0], want[0])
			}
			for len(want) > 0 && want[0].Zxid <= seen[0].Zxid {
				want = want[1:]
			}
			seen = seen[1:]
			continue
		}
		if len(want) == 0 || want[0].Type != seen[0].Type || want[0].Path != seen[0].Path || want[0].Zxid != seen[0].Zxid {
			c.w.fail("client %s: told %v, want %v", c.name(), seen[0], want[:min(len(want), 1)])
			return
		}
		want, seen = want[1:], seen[1:]
	}
	if len(want) > 0 {
		c.w.fail("client %s: shown zxid %d before %v", c.name(), zxid, want[0])
	}
}

// eventsBetween returns what a recursive watch on the root is to be told of
// (after, through].
func (w *world) eventsBetween(after, through int64) (evs []watch.Event) {
	for _, c := range w.changes {
		if c.Zxid <= after || c.Zxid > through {
			continue
		}
		ev := watch.Event{Path: c.Path, Zxid: c.Zxid}
		switch c.Kind {
		case tree.Created:
			ev.Type = watch.Created
		case tree.Deleted:
			ev.Type = watch.Deleted
		case tree.DataSet:
			ev.Type = watch.DataChanged
		default:
			continue
		}
		evs = append(evs, ev)
	}
	return evs
}

// check checks the end of a run: everything answered, every write applied exactly
// once if it was answered, at most once if nobody knows, and never if it is said
// to have failed.
func (w *world) check() {
	view := w.state()
	for _, c := range w.clients {
		counts := map[int]int{}
		for z := range view.ChildNodes(c.path()) {
			n, _ := strconv.Atoi(string(z.Data()))
			counts[n]++
		}
		for _, k := range c.calls {
			if !k.done {
				w.fail("client %s: call %d (write %d) was never resolved", c.name(), k.seq, k.write)
			}
			if k.write == 0 {
				continue
			}
			n := counts[k.write]
			switch {
			case n > 1:
				w.fail("client %s: write %d applied %d times", c.name(), k.write, n)
			case k.Answer != nil && n != 1:
				w.fail("client %s: write %d was answered and not applied", c.name(), k.write)
			case k.Answer == nil && !k.Unknown && n != 0:
				w.fail("client %s: write %d was said not to be applied, and was", c.name(), k.write)
			}
		}
		if id := c.m.Session(); c.ended != (w.ended[id] != 0) && id != 0 {
			w.fail("client %s: ended here %v, in the tree at %d", c.name(), c.ended, w.ended[id])
		}
		if !c.ended {
			c.checkEvents(c.m.LastSeen())
			if !c.leased {
				w.fail("client %s: no lease", c.name())
			}
		}
	}
	for _, r := range w.reps {
		if r.state.View().Digest() != view.Digest() {
			w.fail("replica %d differs", r.index)
		}
		if r.host.blocking != 0 || len(r.host.broken) != 0 || r.host.inflight != 0 {
			w.fail("replica %d: blocking %d broken %d in flight %d", r.index, r.host.blocking, len(r.host.broken), r.host.inflight)
		}
	}
}
