package spec

import (
	"cmp"
	"hash/crc32"
	"slices"

	"github.com/zabtree/zabtree/zab/protocol"
)

// epoch is an epoch that a leader has opened: the history that it began with, named by
// its last entry, and all that it broadcast, in order. As every entry says which one it
// follows and an epoch has one leader, an entry's zxid names everything before it too:
// a member's history is the zxid of its last entry, and these arrays say what is in it.
type epoch struct {
	number uint32
	leader voter
	run    uint64 // of the leader: after a restart it is another
	prev   protocol.Zxid
	// proposals are the hashes of what was broadcast; the first is the opening entry.
	proposals []uint64

	// initial is the last change of membership in the initial history; changes are
	// those that were broadcast.
	initial *change
	changes []*change

	acks      []count // counters, by who has them durable
	committed uint64  // up to this counter by acknowledgements counted in this epoch
	rounds    uint64  // of confirmation, begun
	pongs     []count // rounds, by who confirmed
	confirmed uint64  // the last round that a quorum has confirmed
	asked     map[askedKey]uint64
}

// count is the highest number that a voter has told.
type count struct {
	voter
	n uint64
}

// change is a membership in the log, and the one before it.
type change struct {
	zxid protocol.Zxid
	next protocol.Membership
	prev *change
}

// opening is the zxid of the entry that opens the epoch.
func (e *epoch) opening() protocol.Zxid {
	return protocol.Zxid{Epoch: e.number, Counter: e.prev.Counter + 1}
}

// end is the last entry broadcast, or what the opening entry will follow.
func (e *epoch) end() protocol.Zxid {
	if len(e.proposals) == 0 {
		return e.prev
	}
	return protocol.Zxid{Epoch: e.number, Counter: e.prev.Counter + uint64(len(e.proposals))}
}

// change is the last change of membership in what the leader has.
func (e *epoch) change() *change {
	if n := len(e.changes); n > 0 {
		return e.changes[n-1]
	}
	return e.initial
}

// told raises a voter's number.
func told(counts []count, v voter, n uint64) []count {
	for i := range counts {
		if counts[i].voter == v {
			counts[i].n = max(counts[i].n, n)
			return counts
		}
	}
	return append(counts, count{v, n})
}

func toldBy(counts []count, v voter) uint64 {
	for i := range counts {
		if counts[i].voter == v {
			return counts[i].n
		}
	}
	return 0
}

// epochOf returns an epoch that was opened, or nil.
func (s *Spec) epochOf(n uint32) *epoch {
	if s.recent != nil && s.recent.number == n {
		return s.recent
	}
	e := s.epochs[n]
	if e != nil {
		s.recent = e
	}
	return e
}

// hashAt returns the hash of an entry, if it was ever broadcast.
func (s *Spec) hashAt(z protocol.Zxid) (uint64, bool) {
	e := s.epochOf(z.Epoch)
	if e == nil || z.Counter <= e.prev.Counter || z.Counter > e.prev.Counter+uint64(len(e.proposals)) {
		return 0, false
	}
	return e.proposals[z.Counter-e.prev.Counter-1], true
}

// exists says whether z was ever broadcast, or is the position before everything.
func (s *Spec) exists(z protocol.Zxid) bool {
	_, ok := s.hashAt(z)
	return ok || z.IsZero()
}

// contains says whether the history that ends with last holds z, or begins with it.
func (s *Spec) contains(last, z protocol.Zxid) bool {
	return s.common(last, z) == z
}

// common returns the last entry that the histories of two entries share.
func (s *Spec) common(a, b protocol.Zxid) protocol.Zxid {
	for a.Epoch != b.Epoch {
		higher := &a
		if a.Epoch < b.Epoch {
			higher = &b
		}
		e := s.epochOf(higher.Epoch)
		if e == nil {
			return protocol.Zxid{}
		}
		*higher = e.prev
	}
	return protocol.Zxid{Epoch: a.Epoch, Counter: min(a.Counter, b.Counter)}
}

// changeAt returns the last change of membership in the history of z, or nil.
func (s *Spec) changeAt(z protocol.Zxid) *change {
	e := s.epochOf(z.Epoch)
	if e == nil {
		return nil
	}
	for i := len(e.changes) - 1; i >= 0; i-- {
		if e.changes[i].zxid.Counter <= z.Counter {
			return e.changes[i]
		}
	}
	return e.initial
}

// history is the committed history: the last counter of each epoch in it.
type history []protocol.EpochEnd

func (h history) last() protocol.Zxid {
	if len(h) == 0 {
		return protocol.Zxid{}
	}
	e := h[len(h)-1]
	return protocol.Zxid{Epoch: e.Epoch, Counter: e.Last}
}

// holds says whether z is in h, or the position before everything.
func (h history) holds(z protocol.Zxid) bool {
	n := len(h)
	if n > 0 && h[n-1].Epoch == z.Epoch { // most often
		return z.Counter <= h[n-1].Last && (n == 1 || z.Counter > h[n-2].Last)
	}
	i, ok := slices.BinarySearchFunc(h, z.Epoch, func(e protocol.EpochEnd, n uint32) int { return cmp.Compare(e.Epoch, n) })
	if !ok {
		return z.IsZero()
	}
	return z.Counter <= h[i].Last && (i == 0 || z.Counter > h[i-1].Last)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// hash is what an entry says, in 64 bits.
func hash(e *protocol.Entry) uint64 {
	h := uint64(crc32.Update(uint32(len(e.Data)), castagnoli, e.Data))
	if e.Data == nil {
		h ^= 1 << 40
	}
	for _, v := range [...]uint64{uint64(e.PrevEpoch), uint64(e.Kind), uint64(e.Wall), uint64(e.Clock), e.Origin, e.Request} {
		h = (h ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}
