package sched

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
)

// Fallback says where answers come from once a replayed tape is at its end.
type Fallback uint8

const (
	// Calm answers 0, which disturbs least. A loop that draws until the answer
	// differs would not end: draw once, from what is left.
	Calm Fallback = iota
	// FromSeed goes on with what the tape's seed gives at this place, as if
	// everything before it had been drawn too. A tape that is nothing but cut short
	// then leads to the same run as the whole.
	FromSeed
)

// Source gives the streams of one run.
type Source struct {
	seed     uint64
	streams  map[string]*Stream // found by name; its order never shows
	replay   *Tape
	fallback Fallback
	record   *Tape
}

// NewSource returns the source of a seed.
func NewSource(seed uint64) *Source {
	return &Source{seed: seed, streams: map[string]*Stream{}}
}

// Replay returns a source that answers from a tape. The tape is read only and must
// not change while the source is in use.
func Replay(tape *Tape, fallback Fallback) *Source {
	s := NewSource(tape.Seed)
	s.replay, s.fallback = tape, fallback
	return s
}

// Seed returns the seed.
func (s *Source) Seed() uint64 { return s.seed }

// Record begins to record every answer from here on, and returns the tape. It
// works while replaying too: the new tape holds what was really used. Call it
// before the first draw.
func (s *Source) Record() *Tape {
	s.record = NewTape(s.seed)
	for _, st := range s.streams {
		st.out = s.record.stream(st.name)
	}
	return s.record
}

// Stream returns the stream of a name: always the same one for the same name.
// Names longer than MaxName are cut.
func (s *Source) Stream(name string) *Stream {
	name = name[:min(len(name), MaxName)]
	if st := s.streams[name]; st != nil {
		return st
	}
	st := &Stream{name: name, seeded: s.replay == nil || s.fallback == FromSeed}
	if st.seeded {
		key := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, s.seed), name...))
		st.chacha = rand.NewChaCha8(key)
	}
	if s.replay != nil {
		st.in = s.replay.Draws(name)
	}
	if s.record != nil {
		st.out = s.record.stream(name)
	}
	s.streams[name] = st
	return st
}

// Stream is a sequence of answers. Each call of one of its methods is one draw,
// whatever the arguments, so that a change of probabilities moves nothing that
// comes after; Shuffle takes one for each element but one.
type Stream struct {
	name   string
	chacha *rand.ChaCha8
	seeded bool
	in     []uint64 // of a replayed tape
	n      int      // draws so far
	out    *track
}

// Name returns the stream's name.
func (s *Stream) Name() string { return s.name }

// Draws returns how many answers were given: a place on the stream's tape.
func (s *Stream) Draws() int { return s.n }

// raw returns the seed's next 64 bits.
func (s *Stream) raw() uint64 {
	if !s.seeded {
		return 0
	}
	return s.chacha.Uint64()
}

// answer gives an answer in [0, n), n > 0: the one of the tape if it has one, else
// the one that was drawn.
func (s *Stream) answer(drawn, n uint64) uint64 {
	if s.n < len(s.in) {
		drawn = s.in[s.n]
		if drawn >= n {
			drawn %= n
		}
	}
	s.n++
	if s.out != nil {
		s.out.draws = append(s.out.draws, drawn)
	}
	return drawn
}

// Uint64N returns a number in [0, n), or 0 if n is 0.
func (s *Stream) Uint64N(n uint64) uint64 {
	n = max(n, 1)
	hi, _ := bits.Mul64(s.raw(), n)
	return s.answer(hi, n)
}

// Uint64 returns 64 bits: for seeds and contents, since nothing can make them
// smaller in a way that means something.
func (s *Stream) Uint64() uint64 {
	// The one value that is out of reach is as good as any other.
	return s.answer(min(s.raw(), math.MaxUint64-1), math.MaxUint64)
}

// IntN returns a number in [0, n), or 0 if n is less than 1.
func (s *Stream) IntN(n int) int { return int(s.Uint64N(uint64(max(n, 1)))) }

// Range returns a number in [lo, hi], or lo if hi is less.
func (s *Stream) Range(lo, hi int64) int64 {
	if hi < lo {
		hi = lo
	}
	span := uint64(hi) - uint64(lo) // exact, also where hi-lo would not fit
	if span == math.MaxUint64 {
		return int64(uint64(lo) + s.Uint64())
	}
	return int64(uint64(lo) + s.Uint64N(span+1))
}

// Chance returns true with probability num/den. What is recorded is the decision,
// so that it outlives a change of the probability.
func (s *Stream) Chance(num, den int) bool {
	raw := s.raw()
	if num <= 0 || den <= 0 {
		return s.answer(0, 1) == 1
	}
	if num >= den {
		s.answer(1, 2)
		return true
	}
	drawn := uint64(0) // also for raw 0, which is what a calm stream draws
	if hi, _ := bits.Mul64(raw, uint64(den)); hi >= uint64(den-num) {
		drawn = 1
	}
	return s.answer(drawn, 2) == 1
}

// PPM returns true with a probability in parts per million.
func (s *Stream) PPM(ppm int) bool { return s.Chance(ppm, 1_000_000) }

// expBits is how finely exponential times are drawn: 14 bits go from 0 to 9.7
// times the mean, and into two bytes of a tape.
const expBits = 14

// Exp returns a time with exponential distribution, at most 10 times the mean. It
// is 0 if mean is not positive.
func (s *Stream) Exp(mean int64) int64 { return exponential(mean, s.Uint64N(1<<expBits)) }

// Wait is Exp for the time until something comes that disturbs: an answer of 0, which
// disturbs least, stands for the longest time and not for the shortest.
func (s *Stream) Wait(mean int64) int64 {
	x := s.Uint64N(1 << expBits)
	if x == 0 {
		x = 1<<expBits - 1
	}
	return exponential(mean, x)
}

// exponential returns the time at a place of the distribution.
func exponential(mean int64, x uint64) int64 {
	if mean <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(mean), negLog(x))
	if hi >= 1<<31 {
		return math.MaxInt64
	}
	return int64(hi<<32 | lo>>32)
}

// negLog returns -ln(1 - x/2^expBits) with 32 binary digits, some 16 of them good.
func negLog(x uint64) uint64 {
	v := uint64(1<<expBits) - x // ln of it is what is missing
	whole := bits.Len64(v) - 1
	// The mantissa in [1, 2) with 31 digits; squaring it gives one digit of its
	// base 2 logarithm at a time.
	m := v << (31 - whole)
	log := uint64(whole) << 16
	for bit := uint64(1 << 15); bit > 0; bit >>= 1 {
		m = m * m >> 31
		if m >= 1<<32 {
			m >>= 1
			log |= bit
		}
	}
	const ln2 = 2977044472 // with 32 digits
	return (expBits<<16 - log) * ln2 >> 16
}

// Shuffle puts n things into a random order by swapping them. If every answer is 0
// the order stays.
func (s *Stream) Shuffle(n int, swap func(i, j int)) {
	for i := range n - 1 {
		if j := i + s.IntN(n-i); j != i {
			swap(i, j)
		}
	}
}

// Pick returns one of a list; of an empty list, the zero value.
func Pick[T any](s *Stream, list []T) T {
	i := s.IntN(len(list))
	if len(list) == 0 {
		var none T
		return none
	}
	return list[i]
}

// Shuffled returns a shuffled copy of a list.
func Shuffled[T any](s *Stream, list []T) []T {
	list = append([]T(nil), list...)
	s.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
