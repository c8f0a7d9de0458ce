package explore

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/zabtree/zabtree/zab/protocol"
)

// pool gives equal contents equal small numbers, in the order in which they are
// first seen, and remembers a hash of each content. Zero is the empty content.
type pool struct {
	ids    map[string]uint32
	hashes []uint64
}

func newPool() pool { return pool{ids: map[string]uint32{"": 0}, hashes: []uint64{0}} }

// put returns the number of a content and whether it is new.
func (p *pool) put(content []byte) (id uint32, isNew bool) {
	if id, ok := p.ids[string(content)]; ok {
		return id, false
	}
	id = uint32(len(p.hashes))
	p.ids[string(content)] = id
	sum := sha256.Sum256(content)
	p.hashes = append(p.hashes, binary.LittleEndian.Uint64(sum[:]))
	return id, true
}

// entries are all log entries that ever came up.
type entries struct {
	pool pool
	all  []entry
}

// entry is a log entry; hash is that of its encoding.
type entry struct {
	raw     []byte
	zxid    protocol.Zxid
	request uint64
	hash    uint64
}

func newEntries() entries { return entries{pool: newPool(), all: make([]entry, 1)} }

func (e *entries) at(id uint32) *entry { return &e.all[id] }

func (e *entries) intern(raw []byte) (uint32, error) {
	id, isNew := e.pool.put(raw)
	if isNew {
		x, _, err := protocol.DecodeEntry(raw)
		if err != nil {
			return 0, err
		}
		request := x.Request
		if x.Kind == protocol.KindOpen {
			request = 0
		}
		e.all = append(e.all, entry{raw: raw, zxid: x.Zxid, request: request, hash: e.pool.hashes[id]})
	}
	return id, nil
}

// digest extends the digest of a prefix of the log by more entries: this is the
// state machine.
func (e *entries) digest(d uint64, log []uint32) uint64 {
	for _, id := range log {
		d = mix(d ^ e.at(id).hash)
	}
	return d
}

// frames are all frames that were ever sent.
type frames struct {
	pool pool
	all  []frame
}

type frame struct {
	bytes  []byte
	claims protocol.Claims
}

func newFrames() frames { return frames{pool: newPool(), all: make([]frame, 1)} }

func (f *frames) at(id uint32) *frame { return &f.all[id] }

func (f *frames) intern(b []byte) (uint32, error) {
	id, isNew := f.pool.put(b)
	if isNew {
		c, err := protocol.ClaimsOf(b)
		if err != nil {
			return 0, err
		}
		f.all = append(f.all, frame{bytes: b, claims: c})
	}
	return id, nil
}

// queues are all sequences of undelivered frames that ever came up. Zero is the
// empty one.
type queues struct {
	pool   pool
	all    []queue
	pushes table
	key    []byte
}

type queue struct {
	frames []uint32
	rest   uint32 // the queue without its head
	known  bool   // rest is
}

func newQueues() queues { return queues{pool: newPool(), all: make([]queue, 1), pushes: newTable()} }

func (q *queues) head(id uint32) uint32 { return q.all[id].frames[0] }

func (q *queues) push(id, frame uint32, f *frames) uint32 {
	at := q.pushes.slot(uint64(id)<<32 | uint64(frame))
	if at.value == 0 {
		next := append(q.all[id].frames[:len(q.all[id].frames):len(q.all[id].frames)], frame)
		at.value = q.intern(next, f)
	}
	return at.value
}

func (q *queues) pop(id uint32, f *frames) uint32 {
	if !q.all[id].known {
		rest := q.intern(q.all[id].frames[1:], f)
		q.all[id].rest, q.all[id].known = rest, true
	}
	return q.all[id].rest
}

// intern names a queue by its frames' hashes, so that its own hash does not
// depend on the order in which frames were found.
func (q *queues) intern(ids []uint32, f *frames) uint32 {
	q.key = q.key[:0]
	for _, id := range ids {
		q.key = binary.LittleEndian.AppendUint64(q.key, f.pool.hashes[id])
	}
	id, isNew := q.pool.put(q.key)
	if isNew {
		q.all = append(q.all, queue{frames: ids})
	}
	return id
}

// mix is the finalizer of SplitMix64: a bijection in which every bit of the input
// changes every bit of the output half of the time.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
