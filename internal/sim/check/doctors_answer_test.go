package check

import (
	"slices"

	"github.com/zabtree/zabtree/session/protocol"
	"github.com/zabtree/zabtree/tree"
)

func answeredWrite(f *fedResolved) bool {
	return f.what.Op != nil && f.what.Answer != nil && f.what.Answer.Zxid != 0 && f.what.Answer.Record != nil
}

func answeredRead(f *fedResolved) bool {
	return f.what.Op == nil && f.what.Auth == nil && f.what.Answer != nil && f.what.Read.Watch == 0
}

// submission returns where the call of a resolution was submitted.
func (h *chart) submission(f *fedResolved) int {
	i, _ := next(h, 0, func(_ int, s *fedSubmitted) bool { return s.client == f.client && s.call == f.call })
	return i
}

// withAnswer returns the history with another answer at i.
func (h *chart) withAnswer(i int, f *fedResolved, change func(a *protocol.Answer)) []fed {
	if i < 0 {
		return nil
	}
	g := *f
	a := *f.what.Answer
	if a.Read != nil {
		read := *a.Read
		a.Read = &read
	}
	change(&a)
	g.what.Answer = &a
	return h.with(i, &g)
}

func (h *chart) executed(i int, f *fedApplied) bool {
	return h.first(i) && f.Outcome.Record() != nil && !f.Outcome.Repeated
}

// What may go wrong with writes, reads and their answers.
var answerDoctors = []doctor{
	{"a stale linearizable read", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Read.Linearizable && h.applied[h.submission(f)] > 1
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Zxid = h.applied[h.submission(f)] - 1 })
	}},
	{"a read of other data", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Read.Kind == protocol.ReadData && f.what.Answer.Read != nil
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Read.Data = append(slices.Clone(a.Read.Data), '!') })
	}},
	{"a read of another version", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Read.Kind == protocol.ReadExists && f.what.Answer.Read != nil && f.what.Answer.Read.Exists
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Read.Stat.Version++ })
	}},
	{"a read that finds nothing", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Read.Kind == protocol.ReadData && f.what.Answer.Read != nil
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Code, a.Read = tree.CodeNoNode, nil })
	}},
	{"a child is missing", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Answer.Read != nil && len(f.what.Answer.Read.Names) > 0
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Read.Names = a.Read.Names[1:] })
	}},
	{"a child that is another", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Answer.Read != nil && len(f.what.Answer.Read.Names) > 0
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) {
			a.Read.Names = slices.Clone(a.Read.Names)
			a.Read.Names[len(a.Read.Names)-1] += "x"
		})
	}},
	{"another ACL", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredRead(f) && f.what.Answer.Read != nil && f.what.Read.Kind == protocol.ReadACL
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Read.ACL = []tree.ACL{tree.World(tree.PermAdmin)} })
	}},
	{"a read of the future", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			j, _ := next(h, h.submission(f), func(j int, s *fedSubmitted) bool { return j < i && s.client == f.client && s.what.Op != nil })
			return answeredRead(f) && j < 0
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Zxid = h.applied[i] + 1 })
	}},
	{"two answers swapped", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) && !h.repeats(f) })
		j, g := next(h, i+1, func(_ int, g *fedResolved) bool {
			return answeredWrite(g) && i >= 0 && !slices.Equal(g.what.Answer.Record, f.what.Answer.Record)
		})
		if i < 0 || j < 0 {
			return nil
		}
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Record = g.what.Answer.Record })
	}},
	{"answered before it is applied", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredWrite(f) && f.what.Answer.Zxid > h.applied[h.submission(f)] && h.noneBetween(h.submission(f), i, f.client)
		})
		if i < 0 {
			return nil
		}
		return h.move(i, h.submission(f)+1)
	}},
	{"another code", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.executed(i, f) && f.Outcome.Code != tree.CodeOK })
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome.Code = tree.CodeOK })
	}},
	{"another result", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.executed(i, f) && f.Outcome.Code == tree.CodeOK })
		_, g := next(h, i+1, func(j int, g *fedApplied) bool {
			return h.executed(j, g) && g.Outcome.Code == tree.CodeOK && !slices.Equal(f.Outcome.Record(), g.Outcome.Record())
		})
		if g == nil {
			return nil
		}
		return h.withApplied(i, f, func(a *fedApplied) {
			was := a.Outcome
			a.Outcome = g.Outcome
			a.Outcome.Zxid, a.Outcome.Session, a.Outcome.Attachment = was.Zxid, was.Session, was.Attachment
			a.Outcome.Sequence, a.Outcome.Next = was.Sequence, was.Next
		})
	}},
	{"applied, and said not to be", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) })
		return h.withFault(i, f)
	}},
	{"said not to be applied, and applied", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			return answeredWrite(f) && f.what.Answer.Zxid > h.applied[h.submission(f)]
		})
		if i < 0 {
			return nil
		}
		g := *f
		g.what.Answer, g.what.Fault = nil, protocol.FaultCancelled
		c := &chart{fed: h.without(i)}
		return c.insert(h.submission(f)+1, &g)
	}},
	{"a write that nobody submitted", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) })
		if i < 0 {
			return nil
		}
		c := &chart{fed: h.without(i)}
		return c.without(h.submission(f))
	}},
	{"another write than submitted", Linearizability, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) })
		if i < 0 {
			return nil
		}
		g := *h.fed[h.submission(f)].(*fedSubmitted)
		g.what.Op = tree.Set{Path: "/never"}
		return h.with(h.submission(f), &g)
	}},
	{"a write applied twice", ExactlyOnce, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.first(i) && f.Outcome.Repeated })
		return h.withApplied(i, f, func(a *fedApplied) { a.Outcome.Repeated = false })
	}},
	{"another result when repeated", ExactlyOnce, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedApplied) bool { return h.first(i) && f.Outcome.Repeated })
		_, g := next(h, 0, func(_ int, g *fedApplied) bool {
			return f != nil && g.Outcome.Record() != nil && !slices.Equal(f.Outcome.Record(), g.Outcome.Record())
		})
		return h.withApplied(i, f, func(a *fedApplied) {
			a.Outcome = g.Outcome
			a.Outcome.Repeated = true
		})
	}},
	{"a write passed over", ExactlyOnce, func(h *chart) []fed {
		i, f := find(h, 0, h.executed)
		return h.withApplied(i, f, func(a *fedApplied) {
			o := a.Outcome
			a.Outcome = tree.Outcome{Zxid: o.Zxid, Session: o.Session, Attachment: o.Attachment, Sequence: o.Sequence, Next: o.Sequence, Code: tree.CodeResend}
		})
	}},
	{"a result that was dropped", ExactlyOnce, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) })
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Code, a.Record = tree.CodeAnswered, nil })
	}},
	{"answers out of order", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredRead(f) })
		j, _ := next(h, i+1, func(_ int, g *fedResolved) bool { return g.client == f.client && answeredRead(g) })
		if i < 0 || j < 0 {
			return nil
		}
		return h.move(i, j+1)
	}},
	{"answered twice", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return f.what.Answer != nil })
		return h.insert(i, f)
	}},
	{"submitted twice", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedSubmitted) bool { return true })
		return h.insert(i, f)
	}},
	{"never answered", SessionOrder, func(h *chart) []fed {
		i, _ := find(h, 0, func(i int, f *fedResolved) bool {
			j, _ := next(h, 0, func(_ int, e *fedEnded) bool { return e.client == f.client })
			k, _ := next(h, 0, func(_ int, e *fedSilent) bool { return e.client == f.client })
			return answeredRead(f) && j < 0 && k < 0
		})
		return h.without(i)
	}},
	{"a read of an older state than seen", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredRead(f) && !f.what.Read.Linearizable && h.seen[i] > 1 })
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Zxid = h.seen[i] - 1 })
	}},
	{"a write answered before its time", SessionOrder, func(h *chart) []fed {
		i, f := find(h, 0, func(i int, f *fedResolved) bool { return answeredWrite(f) && h.seen[i] > 1 })
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Zxid = h.seen[i] - 1 })
	}},
	{"a read that sees a later write of its session", SessionOrder, func(h *chart) []fed {
		later := int64(0)
		i, f := find(h, 0, func(i int, f *fedResolved) bool {
			if !answeredRead(f) {
				return false
			}
			j, s := next(h, h.submission(f), func(j int, s *fedSubmitted) bool { return j < i && s.client == f.client && s.what.Op != nil })
			if j < 0 {
				return false
			}
			// Its answer comes after i, and says that it was applied before.
			k, r := next(h, i, func(_ int, r *fedResolved) bool { return r.client == s.client && r.call == s.call })
			if k < 0 || !answeredWrite(r) || r.what.Answer.Zxid > h.applied[i] {
				return false
			}
			later = r.what.Answer.Zxid
			return true
		})
		return h.withAnswer(i, f, func(a *protocol.Answer) { a.Zxid = later })
	}},
}

// repeats says whether any write of the client is logged a second time.
func (h *chart) repeats(f *fedResolved) bool {
	i, _ := next(h, 0, func(_ int, a *fedApplied) bool {
		return a.Outcome.Repeated && h.clientOf(a.Outcome.Session) == f.client
	})
	return i >= 0
}

// noneBetween says whether nothing of a client's was answered between two places.
func (h *chart) noneBetween(i, j int, client int) bool {
	k, _ := next(h, i, func(_ int, f *fedResolved) bool { return f.client == client })
	return k == j
}

// withFault returns the history with a fault instead of the answer at i.
func (h *chart) withFault(i int, f *fedResolved) []fed {
	if i < 0 {
		return nil
	}
	g := *f
	g.what.Answer, g.what.Fault = nil, protocol.FaultExpired
	return h.with(i, &g)
}
