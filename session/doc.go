// Package session is the client's view of an ensemble: a [Session] with its
// ephemeral znodes, watches and order of operations, over one small interface,
// [Backend]. A server in the same process is a Backend (package session/server),
// and so is whatever else can carry the messages of package session/protocol.
// This package links no replica.
//
// # What a session promises
//
//   - Its operations take effect, and are answered, in the order in which they
//     were submitted; a read sees the session's earlier writes.
//   - A write takes effect exactly once, however often it has to be sent: replicas
//     know each write by the session and its sequence, also after the connection or
//     the leader was lost (ZooKeeper's ConnectionLoss, with its unknown outcome, does
//     not exist). An outcome is unknown only to a caller who stopped waiting
//     ([ErrUnknownOutcome]); [NotApplied] tells.
//   - The zxids that it sees never go down, also when it moves to another replica.
//   - The event of a change comes before anything that shows the change; events come
//     in the order of the changes, and none is lost in silence.
//   - It is never expired early. [Session.Context] is done before anybody else can
//     hold what the session's ephemerals stand for.
//
// Reads are local to the replica that hosts the session, and so may be behind
// what another session has written. [Session.Linearizable] gives the same session
// with reads that are not; [Session.Sync] waits once for everything committed so
// far.
//
// # Time
//
// The timeout is what the ensemble counts after the last ping that the leader has
// confirmed, and every new leader counts it anew. On this side the lease is 95 %
// of the timeout, counted from the moment a ping was sent. The only assumption is
// that clocks run at rates that differ by less than 5 %. Go's monotonic clock stands
// still on Linux while the whole machine is suspended (not while the process is
// stopped): a lease is of no use on a laptop that sleeps.
//
// A session whose lease has run out is not lost: it goes on as soon as a replica
// can be reached that still knows it; a new [Session.Context] begins then.
//
// # Who owns which bytes
//
// Data of operations is copied when they are submitted. What reads return belongs
// to the caller. Events hold shared znodes that are read-only.
//
// # Goroutines and locks
//
// All decisions are made by protocol.Client, a step machine, under the one mutex
// of a Session; its effects are carried out in order by whichever goroutine finds
// nobody else at it, with no lock held. A Session has no goroutine of its own but
// one for each attempt to connect to a backend, while that lasts, and timers. All
// methods may be called by any number of goroutines.
package session
