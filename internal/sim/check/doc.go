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
