package check

import (
	"errors"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/sim/check/model"
	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

// Slices says which stretches of the history are judged apart: those of the
// operations on one subtree that has no ACLs, and is not spanned by multis that
// reach outside.
type Slices struct {
	Root   string // of the subtree, a child of "/"; "" for no slices
	MaxOps int    // of one slice; 0: 500
	Every  int    // calls from the end of a slice to the next; 0: 2000
	// Judge says whether a slice is linearizable, by an error that says why not, or
	// ErrUndecided. It is handed each slice once. Its search should be bounded by
	// steps, not by time, or the same run may end in two ways.
	Judge func(*Slice) error
}

// ErrUndecided is what a judge returns whose search was too long. It is no verdict:
// the slice is counted as undecided.
var ErrUndecided = errors.New("check: slice not decided")

func (s Slices) withDefaults() Slices {
	if s.MaxOps <= 0 {
		s.MaxOps = 500
	}
	if s.Every <= 0 {
		s.Every = 2000
	}
	return s
}

// Slice is a stretch of the history of one subtree: writes and linearizable reads,
// with nothing of the order in which they took effect but when they began and
// ended.
type Slice struct {
	Init SliceState
	Ops  []*SliceOp
}

// SliceOp is one operation of a slice. Its times are ranks: what returns before
// another is called has the smaller one.
type SliceOp struct {
	Client       int
	Call, Return int64

	Op   tree.Op       // of a write
	Read protocol.Read // otherwise, if Gone is nil
	// Gone are paths that vanished by no client's doing.
	Gone []string

	Session int64             // of the client
	Known   bool              // whether it is known what came of it
	Results []tree.Result     // of a write
	Code    tree.Code         // of a read
	Found   *protocol.Reading // of a read that found something

	slot, turn int // the session's place in the slice, and the operation's in the session
}

// slicer collects the slice that is under way.
type slicer struct {
	config Slices
	rank   int64
	calls  int // since the last slice
	now    *Slice
	open   map[*call]*client // of the slice's operations, those without an answer
}

// inside says whether a path is in the subtree.
func (s *slicer) inside(path string) bool {
	rest, ok := strings.CutPrefix(path, s.config.Root)
	return ok && (rest == "" || rest[0] == '/')
}

// reach says whether an operation is of the subtree, and whether it can be part of
// a slice if it is.
func (s *slicer) reach(op tree.Op) (in, fits bool) {
	multi, ok := op.(tree.Multi)
	if !ok {
		return s.reachOne(op)
	}
	fits = true
	all := true
	for _, member := range multi.Ops {
		i, f := s.reachOne(member)
		in, all, fits = in || i, all && i, fits && f
	}
	return in, fits && all
}

func (s *slicer) reachOne(op tree.Op) (in, fits bool) {
	path := tree.OpPath(op)
	switch op := op.(type) {
	case tree.Create:
		if op.Mode&tree.Sequential != 0 && path == s.config.Root {
			return false, true // its name is another
		}
		return s.inside(path), op.ACL == nil
	case tree.SetACL:
		return s.inside(path), false
	}
	return s.inside(path), true
}

func (s *slicer) tick() int64 {
	s.rank++
	return s.rank
}

// sliceSubmitted takes a call that was submitted.
func (c *Checker) sliceSubmitted(cl *client, k *call, what *protocol.Call) {
	s := &c.slice
	if s.config.Root == "" || s.config.Judge == nil {
		return
	}
	s.calls++
	if s.now == nil && s.calls >= s.config.Every {
		c.sliceBegin(k)
	}
	if s.now != nil {
		c.sliceAdd(cl, k, what.Op, s.tick())
	}
}

// sliceAdd adds a call to the slice, if it is of the subtree.
func (c *Checker) sliceAdd(cl *client, k *call, op tree.Op, rank int64) {
	s := &c.slice
	o := &SliceOp{Client: cl.id, Call: rank, Op: op, Read: k.read}
	switch {
	case op != nil:
		in, fits := s.reach(op)
		if !in {
			return
		}
		if !fits {
			c.sliceDiscard()
			return
		}
	case k.auth != nil, !k.read.Linearizable, k.read.Kind == protocol.ReadNothing, k.read.Kind >= protocol.ReadACL, k.read.After != "", k.read.Limit > 0, !s.inside(k.read.Path):
		return
	}
	k.sliced, s.open[k] = o, cl
	s.now.Ops = append(s.now.Ops, o)
}

// sliceBegin begins a slice with the state as it is. Writes that are under way
// belong to it.
func (c *Checker) sliceBegin(but *call) {
	s := &c.slice
	s.calls = 0
	s.open = map[*call]*client{}
	nodes := c.model.Subtree(s.config.Root)
	for _, n := range nodes {
		if n.ACL != nil {
			c.stats.Discarded++
			return
		}
	}
	s.now = &Slice{Init: newSliceState(s.config.Root, nodes)}
	rank := s.tick()
	for _, cl := range c.order {
		if cl.over {
			continue
		}
		for _, k := range cl.writes[cl.mapped-cl.base:] {
			if k == but || k.withdrawn || s.now == nil {
				continue
			}
			if op, err := tree.DecodeOp(k.op); err == nil {
				c.sliceAdd(cl, k, op, rank)
			}
		}
	}
}

func (c *Checker) sliceDiscard() {
	c.stats.Discarded++
	c.sliceReset()
}

func (c *Checker) sliceReset() {
	c.slice.now, c.slice.open, c.slice.calls = nil, nil, 0
}

// sliceEntry takes what an entry did that is no write: ephemerals that go with
// their session, and what is deleted when it is due.
func (c *Checker) sliceEntry(p *model.Prediction) error {
	s := &c.slice
	if s.now == nil {
		return nil
	}
	if _, isWrite := p.Command.(tree.Write); isWrite {
		return nil
	}
	var gone []string
	for i := range p.Changes {
		if ch := &p.Changes[i]; ch.Kind == tree.Deleted && s.inside(ch.Path) {
			gone = append(gone, ch.Path)
		}
	}
	if gone != nil {
		rank := s.tick()
		s.now.Ops = append(s.now.Ops, &SliceOp{Client: -1, Call: rank, Return: rank, Gone: gone, Known: true})
	}
	return nil
}

// sliceAnswered takes the answer of a call.
func (c *Checker) sliceAnswered(k *call, a *protocol.Answer) error {
	s, o := &c.slice, k.sliced
	if o == nil || s.open[k] == nil {
		return nil
	}
	o.Return, o.Known, o.Session = s.tick(), true, s.open[k].session
	delete(s.open, k)
	if o.Op != nil {
		results, err := tree.DecodeRecord(a.Record)
		if err != nil {
			return c.fail(Linearizability, "client %d: call %d: %v", o.Client, k.id, err)
		}
		o.Results = results
	} else {
		o.Code, o.Found = a.Code, a.Read
	}
	if len(s.now.Ops)-len(s.open) < s.config.MaxOps {
		return nil
	}
	return c.sliceEnd()
}

// sliceUnanswered takes a call that has no answer. A write may still take effect.
func (c *Checker) sliceUnanswered(k *call) {
	s := &c.slice
	if k.sliced != nil && s.open[k] != nil && k.op == nil {
		c.sliceRemove(k)
	}
}

func (c *Checker) sliceRemove(k *call) {
	s := &c.slice
	delete(s.open, k)
	s.now.Ops = slices.DeleteFunc(s.now.Ops, func(o *SliceOp) bool { return o == k.sliced })
}

// sliceEnd has the slice judged. What is under way and was not applied yet cannot
// have been seen by anybody. A write that was applied and not answered took effect
// by now; that its result is what the record says makes the search shorter.
func (c *Checker) sliceEnd() error {
	s := &c.slice
	rank := s.tick()
	unseen := map[*SliceOp]bool{}
	for k, cl := range s.open {
		o := k.sliced
		if k.zxid == 0 {
			unseen[o] = true
			continue
		}
		results, err := tree.DecodeRecord(k.record)
		o.Return, o.Session, o.Known, o.Results = rank, cl.session, err == nil, results
	}
	slice := s.now
	slice.Ops = slices.DeleteFunc(slice.Ops, func(o *SliceOp) bool { return unseen[o] })
	slice.number()
	c.sliceReset()
	c.stats.Slices++
	c.stats.SliceOps += len(slice.Ops)
	switch err := s.config.Judge(slice); {
	case errors.Is(err, ErrUndecided):
		c.stats.Undecided++
	case err != nil:
		return c.fail(Linearizability, "slice of %d operations: %v", len(slice.Ops), err)
	}
	return nil
}

// number gives each operation its place in its session.
func (s *Slice) number() {
	var slots []int // clients
	var turns []int
	for _, o := range s.Ops {
		o.slot = slices.Index(slots, o.Client)
		if o.slot < 0 {
			o.slot = len(slots)
			slots, turns = append(slots, o.Client), append(turns, 0)
		}
		o.turn = turns[o.slot]
		turns[o.slot]++
	}
}
