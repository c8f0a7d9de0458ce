package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// SliceState is the state of a subtree, as small as a judge can do with. It does
// not change: Step returns another one.
type SliceState struct {
	root  string
	turns []int // of each client: how many of its operations took effect
	nodes map[string]sliceNode
	sum   uint64 // of the nodes' hashes
}

type sliceNode struct {
	data              string
	isNil             bool
	version, cversion int32
	children, creates int32
	owner             int64
}

func newSliceState(root string, nodes map[string]*model.Node) SliceState {
	s := SliceState{root: root, nodes: map[string]sliceNode{}}
	for path, n := range nodes {
		s.put(path, sliceNode{
			data: string(n.Data), isNil: n.Data == nil, version: n.Stat.Version, cversion: n.Stat.Cversion,
			children: n.Stat.NumChildren, creates: n.Creates, owner: n.Stat.EphemeralOwner,
		})
	}
	return s
}

func (n *sliceNode) hash(path string) uint64 {
	h := hash(4).string(path).string(n.data).word(uint64(uint32(n.version))<<32 | uint64(uint32(n.cversion)))
	return uint64(h.word(uint64(uint32(n.children))<<32 | uint64(uint32(n.creates))).word(uint64(n.owner)))
}

func (s *SliceState) put(path string, n sliceNode) {
	s.drop(path)
	s.nodes[path] = n
	s.sum += n.hash(path)
}

func (s *SliceState) drop(path string) {
	if n, ok := s.nodes[path]; ok {
		s.sum -= n.hash(path)
		delete(s.nodes, path)
	}
}

func (s SliceState) clone() SliceState {
	s.nodes = maps.Clone(s.nodes)
	return s
}

// Equal says whether two states are the same, reached by the same operations.
func (s SliceState) Equal(o SliceState) bool {
	return s.sum == o.sum && maps.Equal(s.nodes, o.nodes)
}

// String lists the state.
func (s SliceState) String() string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(s.nodes)) {
		fmt.Fprintf(&b, "%s %+v; ", path, s.nodes[path])
	}
	return b.String()
}

// Step says whether an operation can take effect in this state with the answer
// that it had, and returns the state after it. The operations of a session take
// effect in the order submitted: that is promised too, and a search among all the
// orders of what was pipelined would not end.
func (s SliceState) Step(o *SliceOp) (bool, SliceState) {
	for len(s.turns) <= o.slot {
		s.turns = append(s.turns[:len(s.turns):len(s.turns)], 0)
	}
	if s.turns[o.slot] != o.turn {
		return false, s
	}
	ok, next := s.effect(o)
	if ok {
		next.turns = slices.Clone(s.turns)
		next.turns[o.slot]++
	}
	return ok, next
}

// effect is Step for an operation whose turn it is in its session.
func (s SliceState) effect(o *SliceOp) (bool, SliceState) {
	switch {
	case o.Gone != nil:
		return s.vanish(o.Gone)
	case o.Op == nil:
		return s.read(o), s
	}
	next := s.clone()
	ops := []tree.Op{o.Op}
	if multi, ok := o.Op.(tree.Multi); ok {
		ops = multi.Ops
	}
	results := make([]tree.Result, len(ops))
	for i, op := range ops {
		r, code := next.do(op, o.Session)
		if code != tree.CodeOK {
			return !o.Known || failedAt(o.Results, i, len(ops), code), s
		}
		results[i] = r
	}
	return !o.Known || slices.EqualFunc(o.Results, results, sameResult), next
}

func failedAt(results []tree.Result, i, n int, want tree.Code) bool {
	if len(results) != n {
		return false
	}
	code, _ := tree.CodeOf(results[i].Err)
	return code == want
}

// sameResult compares what a result says that does not depend on zxids.
func sameResult(got, want tree.Result) bool {
	return got.Err == nil && got.Path == want.Path && got.Stat.Version == want.Stat.Version &&
		got.Stat.Cversion == want.Stat.Cversion && got.Stat.NumChildren == want.Stat.NumChildren &&
		got.Stat.DataLength == want.Stat.DataLength && got.Stat.EphemeralOwner == want.Stat.EphemeralOwner
}

func (s SliceState) vanish(paths []string) (bool, SliceState) {
	next := s.clone()
	for _, path := range paths {
		if n, ok := next.nodes[path]; !ok || n.children != 0 {
			return false, s
		}
		next.remove(path)
	}
	return true, next
}

func (s *SliceState) remove(path string) {
	s.drop(path)
	s.countChild(path, -1)
}

// countChild has the parent count a child, if it is in the subtree.
func (s *SliceState) countChild(path string, by int32) {
	up, ok := s.nodes[model.Parent(path)]
	if !ok {
		return
	}
	up.children += by
	up.cversion++
	if by > 0 {
		up.creates++
	}
	s.put(model.Parent(path), up)
}

func (n *sliceNode) result() tree.Result {
	return tree.Result{Stat: tree.Stat{
		Version: n.version, Cversion: n.cversion, NumChildren: n.children, DataLength: int32(len(n.data)), EphemeralOwner: n.owner,
	}}
}

// do executes one operation in place.
func (s *SliceState) do(op tree.Op, session int64) (tree.Result, tree.Code) {
	if c, ok := op.(tree.Create); ok {
		return s.create(c, session)
	}
	n, exists := s.nodes[tree.OpPath(op)]
	if !exists {
		return tree.Result{}, tree.CodeNoNode
	}
	wrong := func(c tree.Cond) bool {
		v, exact := c.Wanted()
		return exact && v != n.version
	}
	switch op := op.(type) {
	case tree.Set:
		if wrong(op.If) {
			return tree.Result{}, tree.CodeBadVersion
		}
		n.data, n.isNil, n.version = string(op.Data), op.Data == nil, n.version+1
		s.put(op.Path, n)
		return n.result(), tree.CodeOK
	case tree.Delete:
		if wrong(op.If) {
			return tree.Result{}, tree.CodeBadVersion
		}
		if n.children != 0 {
			return tree.Result{}, tree.CodeNotEmpty
		}
		s.remove(op.Path)
	case tree.Check:
		if wrong(op.If) {
			return tree.Result{}, tree.CodeBadVersion
		}
	}
	return tree.Result{}, tree.CodeOK
}

func (s *SliceState) create(op tree.Create, session int64) (tree.Result, tree.Code) {
	path := op.Path
	up, exists := s.nodes[model.Parent(path)]
	if !exists && path != s.root { // whose parent is not in the subtree
		return tree.Result{}, tree.CodeNoNode
	}
	if op.Mode&tree.Sequential != 0 {
		path += fmt.Sprintf("%010d", up.creates)
	}
	if _, taken := s.nodes[path]; taken {
		return tree.Result{}, tree.CodeNodeExists
	}
	if up.owner != 0 {
		return tree.Result{}, tree.CodeNoChildrenForEphemerals
	}
	n := sliceNode{data: string(op.Data), isNil: op.Data == nil}
	if op.Mode&tree.Ephemeral != 0 {
		n.owner = session
	}
	s.countChild(path, +1)
	s.put(path, n)
	r := n.result()
	r.Path = path
	return r, tree.CodeOK
}

// read says whether a read finds what it found.
func (s SliceState) read(o *SliceOp) bool {
	n, exists := s.nodes[o.Read.Path]
	if !exists {
		if o.Read.Kind == protocol.ReadExists {
			return o.Code == tree.CodeOK && o.Found != nil && !o.Found.Exists
		}
		return o.Code == tree.CodeNoNode
	}
	if o.Code != tree.CodeOK || o.Found == nil || !o.Found.Exists {
		return false
	}
	got, want := tree.Result{Stat: o.Found.Stat}, n.result()
	if !sameResult(got, want) {
		return false
	}
	switch o.Read.Kind {
	case protocol.ReadData:
		return string(o.Found.Data) == n.data && (o.Found.Data == nil) == n.isNil
	case protocol.ReadChildren:
		for _, name := range o.Found.Names {
			if _, ok := s.nodes[o.Read.Path+"/"+name]; !ok {
				return false
			}
		}
		return len(o.Found.Names) == int(n.children)
	}
	return true
}
