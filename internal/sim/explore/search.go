package explore

// Result is what a search has found.
type Result struct {
	Name        string
	States      int // distinct ones
	Transitions int // that were followed
	Depth       int // of the last level that had a new state
	// Complete says that every state within the bounds was visited. If not, the
	// search found a violation or came to one of its limits.
	Complete bool
	// Violation is nil if every invariant held in every state visited.
	Violation *Violation
	// Space says how many different parts the states are made of.
	Space string
}

// Progress is told after every level.
type Progress struct {
	Name             string
	Depth            int
	States, Frontier int
	Space            string
}

// search is a breadth-first search. Of each state it keeps 16 bytes: a hash, the
// state from which it was found first, and the action.
type search struct {
	x           *space
	seen        set
	parents     []uint32
	via         []uint32
	transitions int
	acts        []action
	next        state
}

// Run explores a configuration. It is deterministic and uses one goroutine: to use
// several processors, run several configurations. A nil progress is allowed.
func Run(cfg Config, progress func(Progress)) (Result, error) {
	if err := cfg.validate(); err != nil {
		return Result{}, err
	}
	s := &search{x: newSpace(cfg), seen: newSet()}
	r := Result{Name: cfg.Name}
	first, v := s.x.first()
	if v != nil {
		r.Violation = newViolation(cfg, v, nil)
		return r, nil
	}
	s.next = make(state, s.x.width)
	s.seen.add(s.x.hash(first))
	s.parents, s.via = append(s.parents, 0), append(s.via, 0)
	s.levels(&r, first, progress)
	r.States, r.Transitions, r.Space = len(s.parents), s.transitions, s.x.String()
	return r, nil
}

// levels goes from level to level until there is nothing new.
func (s *search) levels(r *Result, first state, progress func(Progress)) {
	cfg := &s.x.cfg
	frontier, begin := []uint32(first), 0
	var next []uint32
	for depth := 0; ; depth++ {
		end := len(s.parents)
		next = next[:0]
		for i := begin; i < end; i++ {
			at := (i - begin) * s.x.width
			var v *violation
			if next, v = s.expand(uint32(i), frontier[at:at+s.x.width], next); v != nil {
				r.Depth = depth + 1
				r.Violation = newViolation(*cfg, v, s.path(uint32(len(s.parents)-1)))
				return
			}
			if cfg.MaxStates > 0 && len(s.parents) > cfg.MaxStates {
				return
			}
		}
		if progress != nil {
			progress(Progress{Name: cfg.Name, Depth: depth, States: len(s.parents), Frontier: len(next) / s.x.width, Space: s.x.String()})
		}
		if len(next) == 0 {
			r.Complete = true
			return
		}
		r.Depth = depth + 1
		if r.Depth == cfg.MaxDepth {
			return
		}
		frontier, next, begin = next, frontier, end
	}
}

// expand follows all actions of a state, and appends the new states to next. With a
// violation, the last state added is the one that has it.
func (s *search) expand(id uint32, from state, next []uint32) ([]uint32, *violation) {
	s.acts = s.x.actions(from, s.acts[:0])
	for _, a := range s.acts {
		copy(s.next, from)
		ok, v := s.x.apply(s.next, a)
		if !ok {
			continue
		}
		s.transitions++
		if v == nil && !s.seen.add(s.x.hash(s.next)) {
			continue
		}
		s.parents, s.via = append(s.parents, id), append(s.via, a.pack())
		if v != nil {
			return next, v
		}
		next = append(next, s.next...)
	}
	return next, nil
}

// path lists the actions that lead to a state.
func (s *search) path(id uint32) Trace {
	var t Trace
	for ; id != 0; id = s.parents[id] {
		t = append(t, s.via[id])
	}
	for i, j := 0, len(t)-1; i < j; i, j = i+1, j-1 {
		t[i], t[j] = t[j], t[i]
	}
	return t
}
