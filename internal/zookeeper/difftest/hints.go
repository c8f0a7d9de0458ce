package difftest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/zabtree/zabtree/internal/zookeeper/zkwire"
)

// hints are what the generator knows of the tree: what the first server's answers
// told. They need not be right, they only make requests likely that succeed, or
// fail by one. Nothing in them differs from run to run.
type hints struct {
	nodes map[string]hint
	slots []slotHint
}

type hint struct {
	version, aversion int32
	ephemeral         bool
}

type slotHint struct {
	open    bool           // there is a connection
	session bool           // there is a session to resume, or was
	ended   bool           // that session was closed
	watches map[string]int // paths on which the connection may have a watch, and of which modes
	before  map[string]int // those of the connection before
}

// modes of watches on a path, as bits.
const (
	modeStandard = 1 << iota
	modePersistent
	modeRecursive
)

func newHints(slots int) *hints {
	h := &hints{nodes: map[string]hint{}, slots: make([]slotHint, slots)}
	for i := range h.slots {
		h.slots[i].watches = map[string]int{}
	}
	for _, p := range []string{"/", "/zookeeper", "/zookeeper/quota"} {
		h.nodes[p] = hint{}
	}
	return h
}

// paths lists the known znodes.
func (h *hints) paths() []string { return slices.Sorted(maps.Keys(h.nodes)) }

// pick chooses one of the known znodes.
func (h *hints) pick(rng *rand.Rand) string {
	paths := h.paths()
	return paths[rng.IntN(len(paths))]
}

// learn takes in the outcome of a step.
func (h *hints) learn(step *Step, out []SlotOutcome, s *side) {
	own := &out[step.Slot]
	for i, r := range own.Replies {
		h.reply(&step.Ops[i].Request, r)
	}
	for i := range h.slots {
		h.slots[i].open = s.slots[i].conn != nil
		h.slots[i].session = s.slots[i].id != 0
	}
	sl := &h.slots[step.Slot]
	if step.Kind == Connect {
		sl.ended = sl.ended && !sl.open
		if own.Handshake != nil && own.Handshake.SessionID != 0 {
			sl.before, sl.watches = sl.watches, watchesOf(step.Ops)
		}
	}
	if endsSession(step) {
		sl.ended = true
		maps.DeleteFunc(h.nodes, func(_ string, n hint) bool { return n.ephemeral })
	}
}

// endsSession says whether a step closes a session.
func endsSession(step *Step) bool {
	return slices.ContainsFunc(step.Ops, func(o Op) bool { return o.Op == zkwire.CloseSession })
}

func (h *hints) reply(req *zkwire.Request, r *zkwire.Reply) {
	for i := range min(len(r.Results), len(req.Ops)) {
		if !failed(r) {
			h.reply(&req.Ops[i], &r.Results[i].Reply)
		}
	}
	switch {
	case r.Err == -101 && req.Op != zkwire.Create && req.Op != zkwire.Create2:
		delete(h.nodes, req.Path)
	case r.Err != 0:
	case req.Op == zkwire.Delete || req.Op == zkwire.DeleteContainer:
		delete(h.nodes, req.Path)
	case r.Path != nil && req.Op != zkwire.Sync:
		h.nodes[*r.Path] = hint{ephemeral: req.Flags == zkwire.Ephemeral || req.Flags == zkwire.EphemeralSequential}
	case r.Stat != nil:
		h.nodes[req.Path] = hint{
			version: r.Stat.Version, aversion: r.Stat.Aversion, ephemeral: r.Stat.EphemeralOwner != 0,
		}
	case r.Names != nil && strings.HasPrefix(req.Path, "/") && req.Op == zkwire.GetChildren:
		for _, name := range r.Names {
			p := strings.TrimSuffix(req.Path, "/") + "/" + name
			if _, known := h.nodes[p]; !known {
				h.nodes[p] = hint{}
			}
		}
	}
}

// watchesOf lists what requests leave watches on.
func watchesOf(ops []Op) map[string]int {
	watches := map[string]int{}
	for i := range ops {
		op := &ops[i]
		switch {
		case op.Watch:
			watches[op.Path] |= modeStandard
		case op.Op == zkwire.AddWatch:
			watches[op.Path] |= modePersistent | modeRecursive
		}
		for mode, list := range op.Watches {
			for _, p := range list {
				watches[p] |= modeOf(mode)
			}
		}
	}
	return watches
}
