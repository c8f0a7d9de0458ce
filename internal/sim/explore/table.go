package explore

// table is an open hash table from keys that are not zero to small numbers. It
// grows by doubling, and never forgets.
type table struct {
	slots []tableSlot
	n     int
}

type tableSlot struct {
	key   uint64
	value uint32
}

func newTable() table { return table{slots: make([]tableSlot, 1<<10)} }

// slot finds the place of a key; a new one has the value 0. It is valid until the
// next call.
func (t *table) slot(key uint64) *tableSlot {
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	s := t.find(key)
	if s.key == 0 {
		s.key = key
		t.n++
	}
	return s
}

func (t *table) find(key uint64) *tableSlot {
	mask := uint64(len(t.slots) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]tableSlot, 2*len(old))
	for _, s := range old {
		if s.key != 0 {
			*t.find(s.key) = s
		}
	}
}

// set is an open hash table of hashes of states.
type set struct {
	slots []uint64
	n     int
	near  uint64 // what touch read, so that it is read
}

func newSet() set { return set{slots: make([]uint64, 1<<16)} }

// touch brings the places of hashes into the processor's cache, all at once.
func (s *set) touch(hashes []uint64) {
	mask := uint64(len(s.slots) - 1)
	for _, h := range hashes {
		s.near += s.slots[h&mask] & 1
	}
}

// add says whether a hash is new.
func (s *set) add(h uint64) bool {
	if h == 0 {
		h = 1
	}
	if s.n*4 >= len(s.slots)*3 {
		s.grow()
	}
	if !s.put(h) {
		return false
	}
	s.n++
	return true
}

func (s *set) put(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case h:
			return false
		case 0:
			s.slots[i] = h
			return true
		}
	}
}

func (s *set) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, h := range old {
		if h != 0 {
			s.put(h)
		}
	}
}
