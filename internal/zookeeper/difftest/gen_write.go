package difftest

import (
	"fmt"
	"math"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// request makes an operation. What a quota's znodes hold is always well formed:
// see notGenerated.
func request(r zkwire.Request) Op {
	switch {
	case r.Op == zkwire.Multi:
		for i := range r.Ops {
			r.Ops[i] = request(r.Ops[i]).Request
		}
	case strings.HasSuffix(r.Path, "/zookeeper_stats") || strings.HasSuffix(r.Path, "/zookeeper_limits"):
		if !strings.HasPrefix(string(r.Data), "count=") {
			r.Data = []byte("count=3,bytes=30")
		}
	}
	return Op{Request: r}
}

// create makes a znode of any kind.
func (g *generator) create(slot int) Op {
	if g.quota && g.chance(6) {
		return request(g.quotaNode())
	}
	r := zkwire.Request{Op: oneOf(g, zkwire.Create, zkwire.Create, zkwire.Create2), Path: g.path(), Data: g.data(), ACL: g.aclList()}
	switch n := g.rng.IntN(30); {
	case n < 12:
		r.Flags = zkwire.Persistent
	case n < 16:
		r.Flags = zkwire.Ephemeral
	case n < 20:
		r.Flags = zkwire.PersistentSequential
		r.Path = oneOf(g, r.Path, join(g.hints.pick(g.rng), "s-"), join(g.hints.pick(g.rng), ""))
	case n < 23:
		r.Flags = zkwire.EphemeralSequential
		r.Path = join(g.hints.pick(g.rng), "e-")
	case n < 25:
		r.Op, r.Flags = zkwire.CreateContainer, zkwire.Container
	case n < 28:
		r.Op, r.TTL = zkwire.CreateTTL, 1e9+g.rng.Int64N(1e9)
		r.Flags = oneOf(g, zkwire.PersistentTTL, zkwire.PersistentSequentialTTL)
		if g.chance(6) {
			r.TTL = oneOf(g, int64(0), -1, 1<<40, 1<<40-1, math.MaxInt64, math.MinInt64)
		}
	case n == 28: // opcodes and flags that do not go together
		r.Op = oneOf(g, zkwire.Create, zkwire.Create2, zkwire.CreateContainer, zkwire.CreateTTL)
		r.Flags, r.TTL = int32(g.rng.IntN(7)), 1e9
	default:
		r.Flags = oneOf(g, int32(7), -1, 100, math.MinInt32)
	}
	r.NullPath = g.chance(200)
	return request(r)
}

// quotaNode makes limits or statistics of a quota, or what they lie in.
func (g *generator) quotaNode() zkwire.Request {
	of := oneOf(g, "/a", "/a/b", "/b")
	path := "/zookeeper/quota" + of
	r := zkwire.Request{Op: zkwire.Create, Path: path, Data: []byte{}, ACL: []zkwire.ACL{entry(zkwire.PermAll, "world", "anyone")}}
	limits := fmt.Sprintf("count=%d,bytes=%d", oneOf(g, -1, 2, 4, 100), oneOf(g, -1, 5, 40, 1000))
	if g.chance(2) {
		limits += fmt.Sprintf("=;byteHardLimit=%d;countHardLimit=%d", oneOf(g, -1, 10, 100), oneOf(g, -1, 3, 6))
	}
	missing := func(p string) bool { _, there := g.hints.nodes[p]; return !there }
	switch {
	case missing(path): // what it lies in comes first
	case missing(path + "/zookeeper_limits"):
		r.Path, r.Data = path+"/zookeeper_limits", []byte(limits)
	case missing(path + "/zookeeper_stats"):
		r.Path, r.Data = path+"/zookeeper_stats", []byte("count=0,bytes=0")
	case g.chance(2):
		r = zkwire.Request{Op: zkwire.SetData, Path: path + "/zookeeper_limits", Data: []byte(limits), Version: -1}
	default:
		op := oneOf(g, zkwire.GetData, zkwire.GetData, zkwire.GetData, zkwire.Delete)
		r = zkwire.Request{Op: op, Path: path + oneOf(g, "/zookeeper_stats", "/zookeeper_stats", "/zookeeper_limits"), Version: -1}
	}
	return r
}

func (g *generator) delete(slot int) Op {
	p := g.path()
	if g.chance(2) {
		p = g.hints.pick(g.rng)
	}
	return request(zkwire.Request{Op: zkwire.Delete, Path: p, Version: g.version(g.hints.nodes[p].version), NullPath: g.chance(300)})
}

func (g *generator) setData(slot int) Op {
	p := g.path()
	return request(zkwire.Request{Op: zkwire.SetData, Path: p, Data: g.data(), Version: g.version(g.hints.nodes[p].version), NullPath: g.chance(300)})
}

func (g *generator) acl(slot int) Op {
	p := g.path()
	if g.chance(2) {
		return request(zkwire.Request{Op: zkwire.GetACL, Path: p, NullPath: g.chance(300)})
	}
	return request(zkwire.Request{Op: zkwire.SetACL, Path: p, ACL: g.aclList(), Version: g.version(g.hints.nodes[p].aversion)})
}

// multi makes a transaction, most of them likely to succeed.
func (g *generator) multi(slot int) Op {
	m := zkwire.Request{Op: zkwire.Multi}
	if g.chance(40) {
		return request(m) // an empty one
	}
	for range 1 + g.rng.IntN(5) {
		if r := g.member(slot); !strings.HasSuffix(r.Path, "/zookeeper_limits") { // see notGenerated
			m.Ops = append(m.Ops, r)
		}
	}
	return request(m)
}

func (g *generator) member(slot int) zkwire.Request {
	switch n := g.rng.IntN(20); {
	case n < 8:
		return g.create(slot).Request
	case n < 12:
		return g.delete(slot).Request
	case n < 15:
		return g.setData(slot).Request
	case n < 19:
		p := g.path()
		return zkwire.Request{Op: zkwire.Check, Path: p, Version: g.version(g.hints.nodes[p].version)}
	}
	if g.chance(4) {
		return g.read(slot).Request
	}
	p := g.hints.pick(g.rng)
	return zkwire.Request{Op: zkwire.Check, Path: p, Version: -1}
}
