// Package watch knows who waits for which path, and carries what they wait for
// to them. It is fed by nothing but the changes that applied entries leave
// behind ([tree.Change]) and stands on package tree alone.
//
// There are three parts, each usable without the others:
//
//   - [Table] holds the registered watches of one replica and turns changes into
//     ordered deliveries, by ZooKeeper's trigger matrix (see [Kind]).
//   - [History] keeps the newest changes, bounded, so that a watch that comes
//     back from a broken connection or another replica ([Table.Resume]) is given
//     exactly what it missed, or one [Gap] event if the history does not reach
//     back that far. Nothing is ever missed in silence.
//   - [Stream] and [Watcher] are the two ends of one watch's bounded queue on the
//     client's side. Events are pulled; a queue that overflows collapses to one
//     Gap that names the zxid from which the lost events can be had again. What
//     is had again so does not count against the bound.
//
// # Zxids
//
// A zxid is the int64 counter of an applied entry. An entry may hold many
// changes (a multi, the end of a session); all of them and all their events have
// its zxid and keep its order. "Resuming at r" means that everything up to and
// including r has been received.
//
// # Goroutines, locks and purity
//
// The package starts no goroutine. Table and History are step machines: no lock,
// clock, randomness or I/O, and no output depends on the order of a map. They
// belong to whichever single goroutine applies entries. A Stream and its Watcher
// share one mutex that is never held across anything that can block; one
// producer and any number of consumers may use them at once, also inside a
// testing/synctest bubble.
//
// # Who owns which bytes
//
// Znodes in an event are shared with the tree and read-only. Paths of
// registrations are kept as given. Slices passed in are never kept; slices
// returned belong to the caller.
//
// # Invariants
//
//   - A watch is in the Table under exactly one (owner, id), and removing it
//     touches no other watch, whatever else is registered on its path
//     (ZOOKEEPER-4466, 4471, 4472, 4625).
//   - Deliveries come in the order of the changes; for one change in a fixed
//     order (see [Table.Dispatch]).
//   - A one-shot watch is delivered at most one event, a Gap included, and is
//     gone once it is.
//   - History holds every change of its range (Floor, Last], or says that a zxid
//     is out of it.
//   - Of the events pushed into a Stream, each is handed out once, or is covered
//     by the range (Since, Zxid] of a Gap that is.
package watch
