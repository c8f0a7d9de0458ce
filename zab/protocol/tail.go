package protocol

// tail is the end of the log in memory, as encoded batches, so that followers
// that keep up cost no reading. It never changes bytes that it was given.
type tail struct {
	chunks []chunk // contiguous
	bytes  int
}

// chunk is a run of entries and the frame that carries them.
type chunk struct {
	first, last uint64 // counters
	raw         []byte
	// frame is the Entries frame that has raw as its end, with this header; nil if
	// there is none.
	frame  []byte
	header entriesHeader
}

// add appends a chunk, and drops old ones that are durable while there are more
// than limit bytes.
func (t *tail) add(c chunk, limit int, durable uint64) {
	t.chunks = append(t.chunks, c)
	t.bytes += c.size()
	n := 0
	for t.bytes > limit && n < len(t.chunks)-1 && t.chunks[n].last <= durable {
		t.bytes -= t.chunks[n].size()
		n++
	}
	clear(t.chunks[:n]) // append moves the rest to the front of a new array now and then
	t.chunks = t.chunks[n:]
}

// size is what a chunk counts for: its bytes and about what it takes besides, so
// that a great many small ones are bounded too.
func (c *chunk) size() int { return len(c.raw) + 256 }

// after returns the chunk that begins right behind a counter, cut to do so if
// need be, and whether there is one.
func (t *tail) after(counter uint64) (chunk, bool) {
	for i := len(t.chunks) - 1; i >= 0; i-- {
		c := t.chunks[i]
		if c.first > counter+1 {
			continue
		}
		if c.last <= counter {
			return chunk{}, false
		}
		return c.skip(counter), true
	}
	return chunk{}, false
}

// skip drops the entries up to a counter.
func (c chunk) skip(counter uint64) chunk {
	for c.first <= counter {
		_, n, err := DecodeEntry(c.raw)
		if err != nil { // cannot be: these bytes were decoded or encoded here
			return chunk{}
		}
		c.raw, c.frame, c.first = c.raw[n:], nil, c.first+1
	}
	return c
}

// truncate drops the entries behind a counter.
func (t *tail) truncate(counter uint64) {
	for len(t.chunks) > 0 {
		i := len(t.chunks) - 1
		c := t.chunks[i]
		if c.last <= counter {
			return
		}
		t.chunks = t.chunks[:i:i]
		t.bytes -= c.size()
		if c.first <= counter {
			kept := c.head(counter)
			t.chunks = append(t.chunks, kept)
			t.bytes += kept.size()
		}
	}
}

// head keeps the entries up to a counter.
func (c chunk) head(counter uint64) chunk {
	n := 0
	for i := c.first; i <= counter; i++ {
		_, k, err := DecodeEntry(c.raw[n:])
		if err != nil {
			return chunk{}
		}
		n += k
	}
	c.raw, c.frame, c.last = c.raw[:n:n], nil, counter
	return c
}
