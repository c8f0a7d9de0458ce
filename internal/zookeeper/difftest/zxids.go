package difftest

import "slices"

// zxids is the correspondence between the zxids of changes at two servers. Which
// numbers they use is their affair, and so is what else takes one (a failed write,
// a session); that changes are the same ones in the same order is not.
type zxids struct {
	ab, ba map[int64]int64
	a, b   []int64 // both ascending, a[i] is b[i]
}

func newZxids() *zxids { return &zxids{ab: map[int64]int64{}, ba: map[int64]int64{}} }

// same says whether a and b can be the same change, and from then on they are.
func (z *zxids) same(a, b int64) bool {
	if other, known := z.ab[a]; known {
		return other == b
	}
	if _, known := z.ba[b]; known {
		return false
	}
	i, j := z.rank(a, b)
	if i != j {
		return false
	}
	z.ab[a], z.ba[b] = b, a
	z.a, z.b = slices.Insert(z.a, i, a), slices.Insert(z.b, i, b)
	return true
}

// rank returns how many known changes each of the two has seen.
func (z *zxids) rank(a, b int64) (int, int) { return upTo(z.a, a), upTo(z.b, b) }

func upTo(list []int64, v int64) int {
	i, found := slices.BinarySearch(list, v)
	if found {
		i++
	}
	return i
}
