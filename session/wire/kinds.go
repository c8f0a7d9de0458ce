package wire

import "github.com/zabtree/zabtree/watch"

// Modes of addWatch.
const (
	addWatchPersistent          int32 = 0
	addWatchPersistentRecursive int32 = 1
)

// Kinds of watches that checkWatches and removeWatches name.
const (
	watcherChildren int32 = 1
	watcherData     int32 = 2
	watcherAny      int32 = 3
)

// watchKind returns the kind of watch that is asked for, or what the request is
// refused with.
func (q *addWatchRequest) watchKind() (watch.Kind, errCode) {
	switch q.mode {
	case addWatchPersistent:
		return watch.Persistent, errOK
	case addWatchPersistentRecursive:
		return watch.PersistentRecursive, errOK
	}
	return 0, errMarshalling
}

// check returns what the request is refused with for the kind it names, or errOK.
func (q *watchesRequest) check() errCode {
	switch q.kind {
	case watcherChildren, watcherData, watcherAny:
		return errOK
	}
	return errMarshalling
}

// covers says whether the request speaks of watches of a kind. A persistent watch
// counts as one of the children and as one of the data. (A real server keeps it in
// two tables, and removeWatches of the one takes away half of it.)
func (q *watchesRequest) covers(kind watch.Kind) bool {
	switch kind {
	case watch.Children:
		return q.kind == watcherChildren || q.kind == watcherAny
	case watch.Data, watch.Exist:
		return q.kind == watcherData || q.kind == watcherAny
	case watch.Persistent, watch.PersistentRecursive:
		return q.check() == errOK
	}
	return false
}
