package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/tree"
)

// Node is one version of a znode.
type Node struct {
	Data    []byte
	Stat    tree.Stat
	ACL     []tree.ACL // nil: anyone may do anything
	Creates int32      // children ever created: the next sequential name
	Touched int64      // ensemble's clock when the data was last set
}

// version says what a path is from a zxid on: nil if it does not exist.
type version struct {
	zxid int64
	node *Node
}

type place struct {
	versions []version
	// guarded says that the znode has, or lately had, an ACL that not everyone may
	// read by.
	guarded bool
}

func (p *place) newest() *Node { return p.versions[len(p.versions)-1].node }

// Session is the replicated part of a session.
type Session struct {
	ID         int64
	Timeout    int64 // milliseconds
	Password   tree.Password
	Server     uint64
	Attachment int64
	Last       uint64 // the last sequence that was executed
	Answered   uint64
	Ended      int64 // the zxid of its end, 0 while it is alive

	records    map[uint64][]byte
	bytes      int
	identities []identity
	ephemerals map[string]bool
}

type identity struct {
	tree.ID
	since, until int64 // zxids; until is 0 while the session has it
}

// Model is the state that the entries so far lead to. It is for one goroutine.
type Model struct {
	window int64

	zxid, clock, wall int64
	settings          tree.Settings

	places   map[string]*place
	count    int
	counts   []int32 // of znodes after the entries of the window, by zxid from countsAt on
	countsAt int64
	sessions map[int64]*Session // those that ended too
	alive    map[int64]*Session

	replaced []replaced // versions that have a successor, in order
	undo     []saved    // of the multi under way
	inMulti  bool
	changes  []Change
}

// replaced says that a path has a new version since zxid.
type replaced struct {
	zxid int64
	path string
}

// New returns the state that every log starts from. States are kept for the last
// window entries.
func New(settings tree.Settings, window int64) *Model {
	m := &Model{
		window: window, settings: withDefaults(settings),
		places: map[string]*place{}, sessions: map[int64]*Session{}, alive: map[int64]*Session{},
		counts: []int32{4},
	}
	start := func(path string, children, version int32, acl []tree.ACL) {
		n := &Node{Data: []byte{}, ACL: acl, Stat: tree.Stat{Version: version, NumChildren: children, Cversion: -children}}
		if acl != nil {
			n.Stat.Aversion = -1
		}
		m.put(path, n)
	}
	start("/", 1, 0, nil)
	start("/zookeeper", 2, 0, nil)
	start("/zookeeper/quota", 0, 0, nil)
	start("/zookeeper/config", 0, 0, []tree.ACL{tree.World(tree.PermRead)})
	return m
}

// Last returns the zxid of the last entry applied, and Low the lowest that At
// still answers for.
func (m *Model) Last() int64 { return m.zxid }

// Low returns the lowest zxid whose state is still known.
func (m *Model) Low() int64 { return max(0, m.zxid-m.window) }

// Now returns the znode at path after the last entry, nil if there is none.
func (m *Model) Now(path string) *Node {
	if p := m.places[path]; p != nil {
		return p.newest()
	}
	return nil
}

// At returns the znode at path after the entry zxid, which is one of [Low, Last].
func (m *Model) At(path string, zxid int64) *Node {
	p := m.places[path]
	if p == nil {
		return nil
	}
	vs := p.versions
	if v := &vs[len(vs)-1]; v.zxid <= zxid {
		return v.node
	}
	i, found := slices.BinarySearchFunc(vs, zxid, func(v version, z int64) int { return cmp.Compare(v.zxid, z) })
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return vs[i].node
}

// CountAt returns how many znodes there were after the entry zxid, which is one of
// [Low, Last].
func (m *Model) CountAt(zxid int64) int { return int(m.counts[zxid-m.countsAt]) }

// Guarded says whether what a session may be told of the znode at path has
// depended on its identities, lately.
func (m *Model) Guarded(path string) bool {
	p := m.places[path]
	return p != nil && p.guarded
}

// Session returns a session, also one that has ended, or nil.
func (m *Model) Session(id int64) *Session { return m.sessions[id] }

// Alive returns how many sessions are alive.
func (m *Model) Alive() int { return len(m.alive) }

// AliveIDs returns the sessions that are alive, in order.
func (m *Model) AliveIDs() []int64 {
	ids := make([]int64, 0, len(m.alive))
	for id := range m.alive {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// IdentitiesAt returns the identities that a session had after the entry zxid.
func (m *Model) IdentitiesAt(session, zxid int64) []tree.ID {
	x := m.sessions[session]
	if x == nil {
		return nil
	}
	return m.identitiesOf(x, zxid)
}

func (*Model) identitiesOf(x *Session, zxid int64) []tree.ID {
	var ids []tree.ID
	for _, id := range x.identities {
		if id.since <= zxid && (id.until == 0 || zxid < id.until) {
			ids = append(ids, id.ID)
		}
	}
	return ids
}

// saved is what a path was before an operation of a multi.
type saved struct {
	path  string
	place *place
	n     int
	top   version
}

// put makes n the newest version of a path.
func (m *Model) put(path string, n *Node) {
	p := m.places[path]
	if p == nil {
		p = &place{}
		m.places[path] = p
	}
	if m.inMulti {
		s := saved{path: path, place: p, n: len(p.versions)}
		if s.n > 0 {
			s.top = p.versions[s.n-1]
		}
		m.undo = append(m.undo, s)
	}
	var was *Node
	if len(p.versions) > 0 {
		was = p.newest()
	}
	m.enter(path, was, n)
	if n != nil && !readableByAll(n.ACL) {
		p.guarded = true
	}
	if k := len(p.versions); k > 0 && p.versions[k-1].zxid == m.zxid {
		p.versions[k-1].node = n
	} else {
		p.versions = append(p.versions, version{m.zxid, n})
	}
	if len(p.versions) > 1 || n == nil {
		m.replaced = append(m.replaced, replaced{m.zxid, path})
	}
}

// enter keeps the count of znodes, and what is whose ephemeral.
func (m *Model) enter(path string, before, after *Node) {
	switch {
	case before != nil && after == nil:
		m.count--
		if x := m.alive[before.Stat.EphemeralOwner]; x != nil {
			delete(x.ephemerals, path)
		}
	case before == nil && after != nil:
		m.count++
		if x := m.alive[after.Stat.EphemeralOwner]; x != nil {
			x.ephemerals[path] = true
		}
	}
}

// takeBack undoes what the multi under way has done.
func (m *Model) takeBack() {
	for i := len(m.undo) - 1; i >= 0; i-- {
		s := &m.undo[i]
		m.enter(s.path, s.place.newest(), s.top.node)
		s.place.versions = s.place.versions[:s.n]
		if s.n > 0 {
			s.place.versions[s.n-1] = s.top
		} else {
			delete(m.places, s.path)
		}
	}
}

// forget drops the versions that no zxid of the window can see.
func (m *Model) forget() {
	low := m.Low()
	for len(m.replaced) > 0 && m.replaced[0].zxid <= low {
		path := m.replaced[0].path
		m.replaced = m.replaced[1:]
		p := m.places[path]
		if p == nil {
			continue
		}
		n := 0
		for n+1 < len(p.versions) && p.versions[n+1].zxid <= low {
			n++
		}
		p.versions = slices.Delete(p.versions, 0, n)
		if len(p.versions) == 1 && p.versions[0].node == nil && p.versions[0].zxid <= low {
			delete(m.places, path)
		}
	}
	if n := low - m.countsAt; n > m.window {
		m.counts = slices.Delete(m.counts, 0, int(n))
		m.countsAt = low
	}
}

// Parent returns the path of a path's parent, "" for the root.
func Parent(path string) string {
	if path == "/" {
		return ""
	}
	return path[:max(1, strings.LastIndexByte(path, '/'))]
}

// Has says whether a session had an identity after the entry zxid.
func (m *Model) Has(session int64, id tree.ID, zxid int64) bool {
	return slices.Contains(m.IdentitiesAt(session, zxid), id)
}

// EachAt calls visit for every znode after the entry zxid, which is one of [Low, Last],
// in no order, in time proportional to the whole model.
func (m *Model) EachAt(zxid int64, visit func(path string, n *Node)) {
	for path := range m.places {
		if n := m.At(path, zxid); n != nil {
			visit(path, n)
		}
	}
}

// Subtree returns the znode at root and all below it, in time proportional to the
// whole model.
func (m *Model) Subtree(root string) map[string]*Node {
	nodes := map[string]*Node{}
	for path, p := range m.places {
		if rest, ok := strings.CutPrefix(path, root); !ok || rest != "" && rest[0] != '/' {
			continue
		}
		if n := p.newest(); n != nil {
			nodes[path] = n
		}
	}
	return nodes
}
