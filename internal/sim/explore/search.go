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

// search is a breadth-first search. Of each state it keeps a hash, the state from
// which it was found first, and the action; of the states of two levels, all.
type search struct {
	x           *space
	seen        set
	parents     []uint32
	via         []uint32
	transitions int
	acts        []action
	batch       batch
	now, next   level
}

// level is all states with the same distance from the first one.
type level struct {
	rows   []uint32
	hashes []uint64
}

// batch is states that may be new. They are looked up together, so that the
// processor need not wait for its memory once for each.
type batch struct {
	rows    []uint32
	hashes  []uint64
	parents []uint32
	via     []uint32
}

const batchSize = 256

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
	s.add(first, s.x.hash(first), 0, 0)
	s.flush()
	s.levels(&r, progress)
	r.States, r.Transitions, r.Space = len(s.parents), s.transitions, s.x.String()
	return r, nil
}

// levels goes from level to level until there is nothing new.
func (s *search) levels(r *Result, progress func(Progress)) {
	cfg := &s.x.cfg
	for ; ; r.Depth++ {
		s.now, s.next = s.next, level{s.now.rows[:0], s.now.hashes[:0]}
		if progress != nil {
			progress(Progress{Name: cfg.Name, Depth: r.Depth, States: len(s.parents), Frontier: len(s.now.hashes), Space: s.x.String()})
		}
		if r.Depth == cfg.MaxDepth && cfg.MaxDepth > 0 {
			return
		}
		begin := len(s.parents) - len(s.now.hashes)
		for i, h := range s.now.hashes {
			id := uint32(begin + i)
			if v, a := s.expand(id, s.now.rows[i*s.x.width:(i+1)*s.x.width], h); v != nil {
				s.flush()
				r.Depth++
				r.Violation = newViolation(*cfg, v, append(s.path(id), a.pack()))
				return
			}
			if cfg.MaxStates > 0 && len(s.parents) > cfg.MaxStates {
				return
			}
		}
		s.flush()
		if len(s.next.hashes) == 0 {
			r.Complete = true
			return
		}
	}
}

// expand follows all actions of a state, up to one that breaks an invariant.
func (s *search) expand(id uint32, from state, hash uint64) (*violation, action) {
	s.acts = s.x.actions(from, s.acts[:0])
	for _, a := range s.acts {
		n := len(s.batch.rows)
		s.batch.rows = append(s.batch.rows, from...)
		to := state(s.batch.rows[n:])
		ok, v := s.x.apply(to, a)
		if ok {
			s.transitions++
		}
		if !ok || v != nil {
			s.batch.rows = s.batch.rows[:n]
			if v != nil {
				return v, a
			}
			continue
		}
		s.batch.rows = s.batch.rows[:n]
		s.add(to, s.x.rehash(hash, from, to), id, a.pack())
	}
	return nil, action{}
}

// add puts a state into the batch.
func (s *search) add(row state, hash uint64, parent, via uint32) {
	b := &s.batch
	b.rows, b.hashes = append(b.rows, row...), append(b.hashes, hash)
	b.parents, b.via = append(b.parents, parent), append(b.via, via)
	if len(b.hashes) == batchSize {
		s.flush()
	}
}

// flush looks the batch up, and makes what is new a part of the next level.
func (s *search) flush() {
	b, w := &s.batch, s.x.width
	s.seen.touch(b.hashes)
	for i, h := range b.hashes {
		if s.seen.add(h) {
			s.parents, s.via = append(s.parents, b.parents[i]), append(s.via, b.via[i])
			s.next.rows, s.next.hashes = append(s.next.rows, b.rows[i*w:(i+1)*w]...), append(s.next.hashes, h)
		}
	}
	b.rows, b.hashes, b.parents, b.via = b.rows[:0], b.hashes[:0], b.parents[:0], b.via[:0]
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
