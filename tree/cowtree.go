package tree

import "github.com/google/btree"

const degree = 16

// cowTree is an ordered set with one writer and any number of frozen copies.
// Only the writer clones, and only when something changed; a frozen tree is
// read and never cloned again, which is what makes google/btree's sharing of
// nodes safe without a lock.
type cowTree[T any] struct {
	live   *btree.BTreeG[T]
	frozen *btree.BTreeG[T]
}

func newCowTree[T any](less btree.LessFunc[T]) cowTree[T] {
	return cowTree[T]{live: btree.NewG(degree, less)}
}

func (t *cowTree[T]) put(item T) {
	t.live.ReplaceOrInsert(item)
	t.frozen = nil
}

func (t *cowTree[T]) remove(item T) {
	t.live.Delete(item)
	t.frozen = nil
}

func (t *cowTree[T]) freeze() *btree.BTreeG[T] {
	if t.frozen == nil {
		t.frozen = t.live.Clone()
	}
	return t.frozen
}
