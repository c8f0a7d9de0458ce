package difftest

import (
	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

var reads = []zkwire.Opcode{zkwire.Exists, zkwire.GetData, zkwire.GetChildren, zkwire.GetChildren2}

func (g *generator) read(slot int) Op {
	return request(zkwire.Request{Op: oneOf(g, reads...), Path: g.path(), NullPath: g.chance(300)})
}

// watchingRead leaves a watch.
func (g *generator) watchingRead(slot int) Op {
	op := g.read(slot)
	op.Watch = g.mayWatch(slot, op.Path, modeStandard)
	return op
}

// mayWatch says whether a connection may watch a path in a mode, and notes that it
// does. Apache ZooKeeper 3.8 keeps one mode for each path of a connection, whatever
// was asked for (ZOOKEEPER-4466): see notGenerated.
func (g *generator) mayWatch(slot int, path string, mode int) bool {
	watches := g.hints.slots[slot].watches
	if watches[path]&^mode != 0 {
		return false
	}
	watches[path] |= mode
	return true
}

func (g *generator) multiRead(slot int) Op {
	m := zkwire.Request{Op: zkwire.MultiRead}
	for range g.rng.IntN(5) {
		r := g.read(slot).Request
		if !g.chance(20) {
			r.Op = oneOf(g, zkwire.GetData, zkwire.GetChildren)
		}
		m.Ops = append(m.Ops, r)
	}
	return request(m)
}

func (g *generator) addWatch(slot int) Op {
	r := zkwire.Request{Op: zkwire.AddWatch, Path: g.path(), Type: int32(g.rng.IntN(2))}
	if !g.mayWatch(slot, r.Path, modePersistent<<r.Type) || g.chance(20) {
		r.Type = oneOf(g, int32(2), -1, 7)
	}
	return request(r)
}

// unwatch asks for a watch's removal or whether there is one.
func (g *generator) unwatch(slot int) Op {
	r := zkwire.Request{Op: oneOf(g, zkwire.RemoveWatches, zkwire.RemoveWatches, zkwire.CheckWatches), Path: g.path(), NullPath: g.chance(100)}
	if watched := sortedKeys(g.hints.slots[slot].watches); len(watched) > 0 && !g.chance(4) {
		r.Path = oneOf(g, watched...)
	}
	r.Type = 1 + int32(g.rng.IntN(3))
	if g.chance(30) {
		r.Type = oneOf(g, int32(0), 4, 5, -1, 6)
	}
	if r.Op == zkwire.RemoveWatches && g.hints.slots[slot].watches[r.Path]&(modePersistent|modeRecursive) != 0 {
		r.Type = zkwire.WatchersAny // see notGenerated
	}
	return request(r)
}

// setWatches is what a client sends behind a resume, at any time.
func (g *generator) setWatches(slot int) Op {
	r := zkwire.Request{Xid: zkwire.XidSetWatches, Op: oneOf(g, zkwire.SetWatches, zkwire.SetWatches2)}
	n := 3
	if r.Op == zkwire.SetWatches2 {
		n = 5
	}
	for i := range n {
		if g.chance(40) {
			continue // null
		}
		r.Watches[i] = []string{}
		for range g.rng.IntN(4) {
			if p := g.path(); g.mayWatch(slot, p, modeOf(i)) {
				r.Watches[i] = append(r.Watches[i], p)
			}
		}
	}
	op := request(r)
	op.Since = oneOf(g, ZxidRef{Kind: ZxidLast}, g.stepRef(), g.stepRef(), ZxidRef{})
	return op
}

func modeOf(vector int) int {
	return []int{modeStandard, modeStandard, modeStandard, modePersistent, modeRecursive}[vector]
}

// restoreWatches is setWatches with what the connection before had, or nearly so.
func (g *generator) restoreWatches(slot int) Op {
	watches := g.hints.slots[slot].watches
	r := zkwire.Request{Xid: zkwire.XidSetWatches, Op: zkwire.SetWatches2}
	for i := range r.Watches {
		r.Watches[i] = []string{}
	}
	for _, p := range sortedKeys(watches) {
		for i := range r.Watches {
			if watches[p]&modeOf(i) == 0 || g.chance(4) {
				continue
			}
			r.Watches[i] = append(r.Watches[i], p)
			if modeOf(i) != modeStandard {
				break // which of the two it was is not known: see notGenerated
			}
		}
	}
	op := request(r)
	op.Since = oneOf(g, ZxidRef{Kind: ZxidLast}, ZxidRef{Kind: ZxidLast}, g.stepRef())
	return op
}
