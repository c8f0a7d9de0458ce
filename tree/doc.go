// Package tree is the replicated state machine of Zabtree: ZooKeeper's znodes,
// ACLs and sessions, and the operations on them.
//
// A [State] is fed the committed entries of one log, in order, and is a pure
// function of them: replicas that applied the same entries are the same, down
// to the bytes of their snapshots. Each [Entry] holds one [Command]; what came
// of it is an [Outcome], and what it did to znodes a list of [Change] values,
// which is all that watches and caches ever need to read. A [View] is the
// whole state at one zxid, for reading.
//
//	entries --Apply--> outcomes   answers for the sessions
//	                   changes    for watches, in order
//	                   View       for reads, snapshots, housekeeping
//
// An operation ([Create], [Set], [Delete], [Check], [SetACL], [Multi]) is one
// value wherever it is: a call, a member of a multi, and inside a [Write] a
// record of the log. [ValidateSize] refuses what is too large before it is logged;
// sizes are never looked at again, so that a log can always be replayed
// (ZOOKEEPER-4306, 3496, 2101). Everything else is decided when the entry is applied,
// in ZooKeeper's order, and failures are logged and counted like successes.
// [Validate] tells beforehand what need not be tried.
//
// # Sessions
//
// Sessions are part of the state (ZOOKEEPER-3144). A session's id is the zxid
// of the entry that created it. Its writes are numbered, and each is executed
// exactly once and in order, however often it is logged: its result is kept
// until the session says that it has the answer, and a little longer if the
// session ends before ([View.Fate]). Moving to another server is an entry too,
// and fences what the old server still has under way. When a session ends, all
// its ephemeral znodes go at that one zxid, found by their owner at that place
// in the log, and nothing of it takes effect afterwards (ZOOKEEPER-1208, 3145).
// When a session is to expire is not decided here.
//
// # Time
//
// An entry brings two times. The wall clock is for Ctime and Mtime alone. The
// ensemble's clock never falls and decides about TTLs and tombstones; deleting
// a container or TTL znode is a command of its own, which names the version
// that was found and does nothing to another one.
//
// # What is not as in ZooKeeper
//
// EphemeralOwner, TTL and Container are separate fields. Children are in order.
// The scheme sasl is unknown. IPv6 networks are known, which ZooKeeper's 3.8 has not.
// Permissions other than the five are refused. Hard limits of quotas are enforced by
// default, with what the same multi has added; what stands in the znodes of a quota and
// cannot be read is as if it were not there. A container that never had a child is never
// due.
//
// # Versions
//
// The state says by which rules it is applied ([View.ApplyVersion]). New rules
// come into force at an entry, [RaiseApplyVersion], and for what follows it, so
// that an old log gives for ever what it gave; testdata holds such a log for
// each version. An entry that this package does not know, or that is damaged,
// halts the State: it is never skipped.
//
// # Goroutines, locks, bytes
//
// There are no goroutines and no locks. A State belongs to one goroutine; its
// View and Err may be called by any, and Views, Znodes and Changes may be used
// by any number at once. What Apply is given is not kept: data is copied once.
// What it and Views return is shared, and read-only for everybody: under the
// race detector the State halts when it finds that somebody wrote to a znode's
// data, and no snapshot is written of such a znode.
//
// # Invariants
//
//   - A Znode and a session are replaced and never changed once a View or a
//     Change can reach them. Only the State's own goroutine freezes (clones) its
//     trees, once after each Apply, and only those that changed.
//   - Every znode but the root has a parent that is not ephemeral, and every
//     ephemeral znode an owner that is alive.
//   - NumChildren is how many children there are; Cversion counts their
//     creations and deletions; the number in a sequential name is how many were
//     created before, of whatever kind.
//   - A session's results are those after AnsweredUpTo up to LastSequence, with
//     none missing.
//   - The digest is the sum of the hashes of all items. Whatever adds, replaces
//     or removes one does so for the digest in the same place.
//
// # Inside
//
// An ordered tree has a place for every path, and an array has for every place
// the newest version of its znode; both are persistent. A write that changes no
// name touches only the array. So does one of a session that is there already.
package tree
