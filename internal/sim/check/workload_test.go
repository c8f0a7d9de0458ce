package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
	"github.com/zabtree/zabtree/watch"
)

// simClient is a client side in a world, and what it does.
type simClient struct {
	w       *world
	id      int
	m       *protocol.Client
	rate    float64
	wire    *wire
	dead    bool // its process is gone
	away    bool // it reaches nobody
	calls   []*simCall
	watches []uint64
	until   int64
}

type simCall struct {
	protocol.Call
	id   uint64
	done bool
}

func (w *world) addClient() *simClient {
	c := &simClient{w: w, id: len(w.clients), rate: w.rate()}
	var p tree.Password
	copy(p[:], fmt.Sprintf("client %d", c.id))
	c.m = protocol.NewClient(protocol.ClientConfig{Timeout: timeout, Password: p, Backends: len(w.reps), Window: 16}, c.time())
	w.clients = append(w.clients, c)
	if first := w.rng.IntN(len(w.reps)); first > 0 {
		c.m.Move(first, c.time())
	}
	w.effects(c)
	return c
}

func (c *simClient) time() int64 { return int64(float64(c.w.now) * c.rate) }

func (c *simClient) trueTime(t int64) int64 { return int64(float64(t) / c.rate) }

// effects carries out what a client wants, and tells what happened to it.
func (w *world) effects(c *simClient) {
	for _, e := range c.m.TakeEffects(nil) {
		switch e.Kind {
		case protocol.EffectConnect:
			w.connect(c, e)
		case protocol.EffectDisconnect:
			if c.wire != nil && c.wire.number == e.Link {
				w.cut(c.wire)
				c.wire = nil
			}
		case protocol.EffectSend:
			if c.wire != nil && c.wire.number == e.Link {
				r, err := protocol.DecodeRequest(protocol.AppendRequest(nil, e.Request))
				if err != nil {
					w.t.Fatal(err)
				}
				c.wire.up = append(c.wire.up, r)
			}
		case protocol.EffectResolve:
			k := e.Call.Owner.(*simCall)
			k.done = true
			w.tell(&fedResolved{c.id, k.id, k.Call})
		case protocol.EffectEvents:
			for i := range e.Events {
				f := &fedEvent{c.id, e.Watch, e.Events[i], -1}
				if c.wire != nil {
					f.floor = c.wire.rep.floor
				}
				w.tell(f)
			}
		case protocol.EffectAttached:
			w.tell(&fedAttached{c.id, c.m.Session(), c.m.LastSeen(), w.now})
		case protocol.EffectLease:
			c.until = c.trueTime(e.Until)
			w.tell(&fedLease{c.id, c.until, w.now})
		case protocol.EffectLeaseLost:
			w.tell(&fedLeaseLost{c.id})
		case protocol.EffectEnded:
			w.tell(&fedEnded{c.id, e.Fault})
		}
	}
	w.tell(&fedLastSeen{c.id, c.m.LastSeen()})
}

func (w *world) connect(c *simClient, e protocol.Effect) {
	if c.away {
		c.m.Lost(e.Link, c.time())
		w.effects(c)
		return
	}
	w.nextLink++
	l := &wire{id: w.nextLink, rep: w.reps[e.Backend], client: c, number: e.Link}
	l.lives = l.rep.lives
	w.links[l.id] = l
	c.wire = l
	l.rep.host.Connect(l.id)
	c.m.Connected(e.Link, c.time())
	w.effects(c)
}

func (c *simClient) submit(k *simCall) {
	k.Owner, k.id = k, uint64(len(c.calls)+1)
	c.calls = append(c.calls, k)
	c.w.tell(&fedSubmitted{c.id, k.id, k.Call})
	c.m.Submit(&k.Call, c.time())
	c.w.effects(c)
}

// kill ends a client's process: it says nothing any more, and hears nothing.
func (w *world) kill(c *simClient) {
	if c.dead {
		return
	}
	c.dead = true
	w.tell(&fedLeaseLost{c.id})
	w.tell(&fedSilent{c.id, w.now})
	if c.wire != nil && !c.wire.dead {
		c.wire.dead = true
		delete(w.links, c.wire.id)
		if c.wire.lives == c.wire.rep.lives {
			c.wire.rep.host.Disconnect(c.wire.id)
			w.collect(c.wire.rep)
		}
	}
}

// The paths of a world: a subtree for slices, and others.
var hotPaths = []string{"/slice", "/slice/a", "/slice/b", "/slice/a/x", "/d", "/d/e", "/d/f", "/secret", "/secret/a", "/nothing/here"}

const slicePaths = 4

func inSlice(path string) bool { return strings.HasPrefix(path, "/slice") }

func (w *world) path() string { return hotPaths[w.rng.IntN(len(hotPaths))] }

// near returns a path on the same side of the subtree for slices, nearly always.
func (w *world) near(path string) string {
	switch {
	case w.rng.IntN(100) == 0:
		return w.path()
	case inSlice(path):
		return hotPaths[w.rng.IntN(slicePaths)]
	}
	return hotPaths[slicePaths+w.rng.IntN(len(hotPaths)-slicePaths)]
}

func (w *world) cond() tree.Cond {
	if w.rng.IntN(3) == 0 {
		return tree.Version(int32(w.rng.IntN(4)))
	}
	return tree.Cond{}
}

func (w *world) data() []byte {
	switch w.rng.IntN(8) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	return fmt.Appendf(nil, "%d", w.rng.IntN(1000))
}

func (w *world) op(path string) tree.Op {
	guarded := strings.HasPrefix(path, "/secret")
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		return tree.Create{Path: path, Data: w.data()}
	case 3:
		return tree.Create{Path: path, Data: w.data(), Mode: tree.Ephemeral}
	case 4:
		return tree.Create{Path: path + "/s", Data: w.data(), Mode: tree.EphemeralSequential}
	case 5:
		return tree.Create{Path: path + "/q", Data: w.data(), Mode: tree.Sequential}
	case 6, 7, 8:
		return tree.Set{Path: path, Data: w.data(), If: w.cond()}
	case 9:
		return tree.Delete{Path: path, If: w.cond()}
	case 10:
		if guarded {
			acls := [][]tree.ACL{nil, {tree.Auth(tree.PermAll)}, {tree.World(tree.PermCreate), {Perms: tree.PermAll, ID: tree.DigestID("u", "p")}}}
			return tree.SetACL{Path: path, ACL: acls[w.rng.IntN(len(acls))], If: w.cond()}
		}
		return tree.Check{Path: path, If: w.cond()}
	}
	top := "/d"
	if inSlice(path) {
		top = "/slice"
	}
	switch w.rng.IntN(5) {
	case 0:
		return tree.Create{Path: top + "/ttl", Data: w.data(), TTL: 3 * time.Second}
	case 1:
		return tree.Set{Path: top + "/ttl", Data: w.data()}
	case 2:
		return tree.Create{Path: top + "/c", Mode: tree.Container}
	case 3:
		return tree.Create{Path: top + "/c/x"}
	}
	return tree.Delete{Path: top + "/c/x"}
}

// write submits an operation, or several at once.
func (c *simClient) write() {
	w, path := c.w, c.w.path()
	op := w.op(path)
	if w.rng.IntN(4) == 0 {
		multi := tree.Multi{}
		for range w.rng.IntN(4) {
			multi.Ops = append(multi.Ops, w.op(w.near(path)))
		}
		op = multi
	}
	c.submit(&simCall{Call: protocol.Call{Op: op}})
}

// read submits a read, which may leave a watch.
func (c *simClient) read(watched bool) {
	w := c.w
	r := protocol.Read{Kind: protocol.ReadKind(w.rng.IntN(5)), Path: w.path(), Linearizable: w.rng.IntN(2) == 0}
	if w.rng.IntN(20) == 0 {
		r.Path = "/"
	}
	if w.rng.IntN(4) == 0 && !watched {
		w.moreOf(&r)
	}
	if watched {
		r.Watch, r.WatchKind = c.m.NewWatch(), watch.Kind(1+w.rng.IntN(5))
		if w.rng.IntN(4) == 0 {
			r.Resume, r.Since = true, int64(w.rng.IntN(len(w.log)+2))
		}
		c.watches = append(c.watches, r.Watch)
	}
	c.submit(&simCall{Call: protocol.Call{Read: r}})
}

// moreOf makes a read one of the less usual ones.
func (w *world) moreOf(r *protocol.Read) {
	switch w.rng.IntN(5) {
	case 0:
		r.Kind, r.After, r.Limit = protocol.ReadChildren, strings.Repeat("m", w.rng.IntN(2)), w.rng.IntN(4)
	case 1:
		r.Kind, r.Path = protocol.ReadEphemerals, r.Path[:1+w.rng.IntN(len(r.Path))]
	case 2:
		r.Kind = protocol.ReadDescendants
	case 3:
		r.Kind = protocol.ReadIdentities
	case 4:
		r.Kind = protocol.ReadMany
		for range w.rng.IntN(4) {
			r.Parts = append(r.Parts, protocol.Part{Kind: protocol.ReadKind(1 + w.rng.IntN(4)), Path: w.path()})
		}
	}
}

func (c *simClient) unwatch() {
	if n := len(c.watches); n > 0 {
		i := c.w.rng.IntN(n)
		id := c.watches[i]
		c.watches = append(c.watches[:i:i], c.watches[i+1:]...)
		c.w.tell(&fedUnwatched{c.id, id})
		c.m.Unwatch(id, c.time())
		c.w.effects(c)
	}
}

func (c *simClient) cancel() {
	if n := len(c.calls); n > 0 {
		k := c.calls[c.w.rng.IntN(n)]
		c.m.Cancel(&k.Call, c.time())
		c.w.effects(c)
	}
}

func (c *simClient) create(path string) {
	c.submit(&simCall{Call: protocol.Call{Op: tree.Create{Path: path}}})
}

// auth gives the session an identity, or tries with one too many.
func (c *simClient) auth() {
	user := "u"
	if c.w.rng.IntN(3) == 0 {
		user = fmt.Sprint("u", c.w.rng.IntN(4))
	}
	c.submit(&simCall{Call: protocol.Call{Auth: &protocol.AddAuth{Scheme: "digest", Credential: []byte(user + ":p")}}})
}
