package tree

// versions is a persistent array of the newest versions of things: one writer
// replaces elements, and a frozen copy costs nothing to take and stays as it
// was. It is what makes a write cheap. The ordered trees say where in it a path
// or a session has its version, and do not change when only a version does.
//
// It has three levels. Replacing an element copies the leaf and the branch that
// it is in, unless they were copied since the last freeze.
type versions[T any] struct {
	frozen[T]
	token uint64 // of this writer since the last freeze
	owned bool   // whether the trunk was copied since then
	next  uint32
	free  []uint32
}

const (
	leafBits   = 5
	branchBits = 6
)

type leaf[T any] struct {
	token uint64
	items [1 << leafBits]*T
}

type branch[T any] struct {
	token  uint64
	leaves [1 << branchBits]*leaf[T]
}

// frozen is an array that does not change any more.
type frozen[T any] struct{ trunk []*branch[T] }

// at returns the element i, which must be one that was added.
func (f frozen[T]) at(i uint32) *T {
	return f.trunk[i>>(leafBits+branchBits)].leaves[i>>leafBits&(1<<branchBits-1)].items[i&(1<<leafBits-1)]
}

// reserve returns the index for a new element, to be set next.
func (v *versions[T]) reserve() uint32 {
	if n := len(v.free); n > 0 {
		i := v.free[n-1]
		v.free = v.free[:n-1]
		return i
	}
	v.next++
	return v.next - 1
}

// release gives an index back. The element must have been set to nil.
func (v *versions[T]) release(i uint32) { v.free = append(v.free, i) }

func (v *versions[T]) set(i uint32, x *T) {
	if !v.owned {
		v.trunk, v.owned = append(make([]*branch[T], 0, len(v.trunk)+1), v.trunk...), true
	}
	at := int(i >> (leafBits + branchBits))
	for at >= len(v.trunk) {
		v.trunk = append(v.trunk, &branch[T]{token: v.token})
	}
	b := v.trunk[at]
	if b.token != v.token {
		c := *b
		c.token = v.token
		b = &c
		v.trunk[at] = b
	}
	at = int(i >> leafBits & (1<<branchBits - 1))
	l := b.leaves[at]
	switch {
	case l == nil:
		l = &leaf[T]{token: v.token}
		b.leaves[at] = l
	case l.token != v.token:
		c := *l
		c.token = v.token
		l = &c
		b.leaves[at] = l
	}
	l.items[i&(1<<leafBits-1)] = x
}

func (v *versions[T]) freeze() frozen[T] {
	v.token++
	v.owned = false
	return v.frozen
}
