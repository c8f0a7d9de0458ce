// Package check holds a simulated run to what the ensemble promises to clients, and
// to what replicas promise to each other.
//
// A [Checker] is told everything, in the order in which it happens: what each
// member applies, what each client submits, is answered, is told by its watches and
// believes about its lease. It says at once when a promise is broken, by a
// [Violation] with the name of the checker:
//
//   - digest: the same zxid is the same entry with the same outcome, changes and
//     digest on every member, also when replayed or loaded; zxids have no holes; and
//     the state is what the model says.
//   - linearizability: writes take effect once between being submitted and being
//     answered, in the order of their zxids, with the results that the model
//     predicts; a linearizable read is of a state no older than anything applied
//     anywhere before it was submitted; every read finds what the model has at the
//     zxid of its answer; what is said not to be applied never is.
//   - session-order: answers come in the order submitted, zxids never fall, a read
//     stands between the writes before and those after it.
//   - exactly-once: a write is executed at most once, and its answer is the record of
//     that.
//   - watches: every event that is due comes once, in order, before anything that
//     reflects its change; a Gap only where there may be one.
//   - ephemerals: each has an owner that is alive, all of an owner's go in the entry
//     that ends it, and nothing of the session is executed afterwards.
//   - expiry: no session expires while its holder believes in its lease, and each
//     that nobody hears of does in time.
//   - acked-durability: at the end every healthy member has all that anyone was shown.
//
// # Telling it
//
// Everything is told when it happens, before whatever comes of it:
//
//   - Applied, entry by entry in order, before the member's host is told, and so before
//     any answer that reflects it. A member that stops is Restarted, and Restored when
//     it has a state again, of zxid 0 if that is empty. Snapshots that are installed
//     while it runs are Restored too. Digest is 0 where it is not known; the more
//     digests there are the sooner a difference shows.
//   - Submitted before the call goes to the client side, Resolved, Event, Attached,
//     Lease, LeaseLost and Ended in the order of the client side's effects, and LastSeen
//     after all effects of a step. A client is one session; who opens another one is
//     another client.
//   - Silent when a client is gone or cut off. LeaseLost before, if its process is.
//   - View now and then; Overdue, Final for each healthy member, and Finish at the end,
//     when nothing moves any more.
//
// Times are the simulation's own, in nanoseconds; Lease's is the end of the lease by
// that clock.
//
// # What is not looked at
//
// Of one entry's events, those of different watches may come in any order. What a
// watch of an ACL that hides things is told depends on when the host looks: there an
// event may be missing, but must never show what the session may not read. A Gap of a
// recursive watch, or of a znode that is absent, may cover nothing. Whether tombstones
// still know the fate of a write is not predicted, only that what they say is true.
// Answers about states that fell out of the window are counted as unchecked.
//
// # The witness
//
// The order of zxids is taken as the order in which everything takes effect, and the
// moment at which an entry is first applied anywhere as its moment. Since that lies
// between submission and answer of what it does, and all results are those of the
// model in that order, the history is linearizable; there is nothing to search for.
// [Slice] is the independent opinion: a stretch of the history of one subtree
// without any zxid, for a judge that searches.
//
// # Cost
//
// All checkers are online. An entry costs its execution by the model once, and a
// hash for each member; an answer a look-up or two; an event the comparison with the
// head of a queue. View and Overdue take time in the size of the state.
//
// # Goroutines, bytes
//
// A Checker is for one goroutine and has no clock, goroutine or randomness. What it
// is handed it keeps only where that is said, and never changes.
package check
