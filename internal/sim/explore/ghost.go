package explore

import (
	"fmt"
	"slices"

	"github.com/zabtree/zabtree/internal/codec"
)

// prefix is the beginning of a log: what a base stands for, by its digest, and the
// entries after it.
type prefix struct {
	base, digest uint64
	log          []uint32
}

func (p *prefix) end() uint64 { return p.base + uint64(len(p.log)) }

func (p *prefix) equal(q *prefix, entries *entries) bool {
	if p.base == q.base {
		return p.digest == q.digest && slices.Equal(p.log, q.log)
	}
	return p.end() == q.end() && entries.digest(p.digest, p.log) == entries.digest(q.digest, q.log)
}

// fact is what an event shows of the ensemble: judged against the ghost, and part
// of it from then on.
type fact struct {
	known       prefix // committed, as a replica knows now; empty: nothing new
	epoch       uint32 // of that replica
	established uint32 // the epoch in which a leader is established now, or 0
	log         prefix // that leader's
	self        int
	reads       []readFact
	refused     uint64 // mask of requests
}

type readFact struct {
	id     uint8
	failed bool
	at     uint64
}

// facts are all facts that ever came up. Zero is that there is none.
type facts struct {
	pool pool
	all  []fact
	key  []byte
}

func newFacts() facts { return facts{pool: newPool(), all: make([]fact, 1)} }

func (fs *facts) intern(f *fact) uint32 {
	if f.known.end() == 0 && f.established == 0 && f.reads == nil && f.refused == 0 {
		return 0
	}
	k := appendPrefix(fs.key[:0], &f.known)
	k = appendPrefix(k, &f.log)
	for _, v := range []uint64{uint64(f.epoch), uint64(f.established), uint64(f.self), f.refused} {
		k = codec.AppendUint(k, v)
	}
	for _, r := range f.reads {
		k = codec.AppendUint(codec.AppendBool(append(k, r.id), r.failed), r.at)
	}
	fs.key = k
	id, isNew := fs.pool.put(k)
	if isNew {
		fs.all = append(fs.all, *f)
	}
	return id
}

func appendPrefix(dst []byte, p *prefix) []byte {
	dst = codec.AppendUint(codec.AppendUint(dst, p.base), p.digest)
	dst = codec.AppendArray(dst, len(p.log))
	for _, id := range p.log {
		dst = codec.AppendUint(dst, uint64(id))
	}
	return dst
}

// ghost is the history of the ensemble as far as invariants ask for it: no replica
// knows it.
type ghost struct {
	log     []uint32 // committed
	by      []uint32 // the epoch in which each was
	leaders []uint8  // node + 1, by epoch
	needs   [maxBudget + 1]uint8
	refused uint64
}

// ghosts are all ghosts that ever came up. The first has seen nothing.
type ghosts struct {
	pool   pool
	all    []ghost
	judged table // (ghost, fact) -> verdicts
	found  []verdict
	key    []byte
}

type verdict struct {
	ghost     uint32
	violation *violation
}

const firstGhost = 1

func newGhosts(cfg *Config) ghosts {
	g := ghosts{pool: newPool(), all: make([]ghost, 1), judged: newTable(), found: make([]verdict, 1)}
	g.intern(&ghost{leaders: make([]uint8, cfg.MaxEpoch+1)})
	return g
}

// asked takes note that a read point was asked for.
func (x *space) asked(id uint32, read int) uint32 {
	g := x.ghosts.all[id]
	g.needs[read] = uint8(len(g.log))
	return x.ghosts.intern(&g)
}

// judge holds a fact against the ghost.
func (x *space) judge(id, fact uint32) verdict {
	at := x.ghosts.judged.slot(uint64(id)<<32 | uint64(fact))
	if at.value == 0 {
		g := x.ghosts.all[id]
		g.log, g.by, g.leaders = slices.Clip(g.log), slices.Clip(g.by), slices.Clone(g.leaders)
		v := verdict{violation: x.learn(&g, &x.facts.all[fact])}
		v.ghost = x.ghosts.intern(&g)
		x.ghosts.found = append(x.ghosts.found, v)
		at.value = uint32(len(x.ghosts.found) - 1)
	}
	return x.ghosts.found[at.value]
}

// learn adds a fact to a ghost.
func (x *space) learn(g *ghost, f *fact) *violation {
	checks := []struct {
		name  Invariant
		check func(*ghost, *fact) string
	}{
		{OneLeader, x.learnLeader}, {FoundedOnce, x.checkFounding}, {NothingLost, x.checkLog}, {Agreement, x.learnKnown},
		{FreshReads, x.learnReads}, {TrueOutcomes, x.learnRefused},
	}
	for _, c := range checks {
		if detail := c.check(g, f); detail != "" && !slices.Contains(x.cfg.plant.without, c.name) {
			return &violation{c.name, detail}
		}
	}
	return nil
}

// learnKnown: what is known to be committed is a prefix of what was, or more.
func (x *space) learnKnown(g *ghost, f *fact) string {
	if at := x.differs(g, &f.known, len(g.log)); at != 0 {
		return fmt.Sprintf("replica %d knows %s to be committed, which differs at %d from %s", f.self+1, x.prefixString(&f.known), at, x.logString(g.log))
	}
	for i := uint64(len(g.log)); i < f.known.end(); i++ {
		g.log = append(g.log, f.known.log[i-f.known.base])
		g.by = append(g.by, f.epoch)
	}
	return ""
}

// differs returns the first counter up to n at which a log is not as committed, or
// 0. What a log lacks at its end is no difference.
func (x *space) differs(g *ghost, p *prefix, n int) uint64 {
	if p.base > 0 && (p.base > uint64(len(g.log)) || x.entries.digest(0, g.log[:p.base]) != p.digest) {
		return p.base
	}
	for i, id := range p.log {
		if at := p.base + uint64(i); at < uint64(n) && g.log[at] != id {
			return at + 1
		}
	}
	return 0
}

func (x *space) learnLeader(g *ghost, f *fact) string {
	if f.established == 0 {
		return ""
	}
	if was := g.leaders[f.established]; was != 0 && int(was) != f.self+1 {
		return fmt.Sprintf("replicas %d and %d lead epoch %d", was, f.self+1, f.established)
	}
	g.leaders[f.established] = uint8(f.self + 1)
	return ""
}

func (x *space) checkFounding(g *ghost, f *fact) string {
	if f.established != 0 && len(g.log) > 0 && f.log.base == 0 && len(f.log.log) > 0 && f.log.log[0] != g.log[0] {
		return fmt.Sprintf("replica %d leads epoch %d with a log that was founded by %v, not by %v", f.self+1, f.established,
			x.entries.at(f.log.log[0]).zxid, x.entries.at(g.log[0]).zxid)
	}
	return ""
}

// checkLog judges leaders of higher epochs only: a late leader of a lower one may
// be established after a higher one has committed.
func (x *space) checkLog(g *ghost, f *fact) string {
	if f.established == 0 {
		return ""
	}
	n := 0
	for n < len(g.log) && g.by[n] < f.established {
		n++
	}
	at := x.differs(g, &f.log, n)
	if at == 0 && f.log.end() < uint64(n) {
		at = f.log.end() + 1
	}
	if at == 0 {
		return ""
	}
	return fmt.Sprintf("replica %d leads epoch %d with %s, without entry %d of %s, committed in epoch %d", f.self+1, f.established,
		x.prefixString(&f.log), at, x.logString(g.log), g.by[at-1])
}

func (x *space) learnReads(g *ghost, f *fact) string {
	for _, r := range f.reads {
		if need := uint64(g.needs[r.id]); !r.failed && r.at < need {
			return fmt.Sprintf("replica %d may read at %d, but %d was committed before it asked", f.self+1, r.at, need)
		}
		g.needs[r.id] = 0
	}
	return ""
}

func (x *space) learnRefused(g *ghost, f *fact) string {
	g.refused |= f.refused
	for _, id := range g.log {
		if r := x.entries.at(id).request; r != 0 && g.refused&(1<<r) != 0 {
			return fmt.Sprintf("request %d was refused, but is committed at %v", r, x.entries.at(id).zxid)
		}
	}
	return ""
}

func (gs *ghosts) intern(g *ghost) uint32 {
	k := codec.AppendUint(gs.key[:0], uint64(len(g.log)))
	for i := range g.log {
		k = codec.AppendUint(codec.AppendUint(k, uint64(g.log[i])), uint64(g.by[i]))
	}
	k = append(append(k, g.leaders...), g.needs[:]...)
	k = codec.AppendUint(k, g.refused)
	gs.key = k
	id, isNew := gs.pool.put(k)
	if isNew {
		gs.all = append(gs.all, *g)
	}
	return id
}

func (x *space) logString(log []uint32) string { return x.prefixString(&prefix{log: log}) }

func (x *space) prefixString(p *prefix) string {
	s := "["
	if p.base > 0 {
		s += fmt.Sprintf("snapshot of %d ", p.base)
	}
	for i, id := range p.log {
		if i > 0 {
			s += " "
		}
		s += x.entries.at(id).zxid.String()
	}
	return s + "]"
}
