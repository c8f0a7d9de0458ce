// Package protocol is ZAB as a pure step machine: the whole protocol of one
// replica, without a goroutine, a clock, I/O or randomness in it.
//
// It is public to be read, simulated and checked, and makes no promise of
// compatibility: programs use package zab, which drives it.
//
// # How it is driven
//
// A [Core] is told of events by its methods: a tick, a frame that arrived, a link
// that came up or broke, proposals, and that something it asked of the storage is
// done. Between events a driver calls [Core.Take] and carries out the [Output]:
// batches to be written, frames to be sent, how far the log may be applied,
// answers. Given the same events a Core does the same, for ever; [Core.Clone] and
// [Core.AppendState] let a simulator branch and compare, [Core.AppendCanonical] lets
// an explorer forget what makes no difference, and [ClaimsOf] says what a frame
// implies of its sender's disk. The times that a Core is told only go into entries:
// safety never depends on them, nor on ticks.
//
// A driver hands over everything that it has received before it counts a tick,
// and counts a late tick once, so that a replica that was starved never takes its
// own pause for its leader's silence.
//
// # The log is the one truth
//
// A [Zxid] is an epoch and a counter; the counter is the log index and goes on
// over epochs. The entry that opens an epoch is a real entry, and the current
// epoch is that of the last durable one: to have it, contiguous from a common
// entry, is to have accepted the leader's history, in one durable fact
// (ZOOKEEPER-4643, 2832). The membership is in the log and nowhere else.
// [HardState] adds only what a log cannot say: the accepted epoch and who this
// replica is. Every batch is one durable step.
//
// Nothing that implies durability leaves a Core except in answer to
// [Core.Durable]: votes and histories are told only when nothing is being written,
// a promise once the accepted epoch is durable, an acknowledgement once the
// entries are. The durable end counts no further than what every queued
// truncation or base keeps.
//
// # The phases
//
// Election (election.go): who has no leader says where its log ends; everybody
// supports the best candidate; a quorum of support lets it go on. Support binds
// nobody.
//
// Discovery (discovery.go): the candidate makes the next epoch its accepted one,
// durably, and offers it to all. A promise counts if it raised the promiser's
// accepted epoch. A candidate that finds a better history among those who promise
// gives up. With the promises of a quorum the epoch is opened. The first epoch of
// an ensemble takes all founding voters, each empty, and each keeps the list of
// (ID, incarnation) for ever: so founding happens once. One whose storage was damaged
// may have lost that list with all else, and takes part in no founding.
//
// Synchronisation (progress.go, snapsend.go, follower.go): a follower tells the
// last counter of each epoch that it has; the leader finds the last common entry
// in that, never by comparing ranges of zxids (ZOOKEEPER-1154); and from there on
// sends one ordered stream: perhaps a snapshot in chunks, the log, and then live
// entries without a seam. A follower never cuts what it knows to be committed: it
// stops instead, because then the ensemble is broken (ZOOKEEPER-4837, 5094).
//
// Broadcast (broadcast.go): proposals are cut into batches, each encoded once;
// the same bytes go to the log and to every follower. While a batch is neither
// durable at the leader nor committed, small proposals gather for the next. Acknowledgements are
// cumulative. Counting commits nothing before the entry that opened the leader's
// own epoch has a quorum; before that, acknowledgements only make room for more
// to be sent. The commit rides on every frame of the stream.
//
// Reads (reads.go) are confirmed in numbered rounds begun after the request.
// Changes of membership (change.go) are joint from the moment they are appended.
// Once a change is committed the leader says so in the log, and only when that is
// committed too are those who have left told to go: else a restart of all could
// find the change pending and wait for a quorum with members that are gone. For
// the same reason who looks for a leader tells what it knows to be committed.
// A member that comes back under another incarnation, with an empty disk, counts
// in no quorum until the leader has entered its new incarnation into the log.
//
// # What becomes of a proposal
//
// The origin learns it exactly. Applied: its entry names origin and request.
// Refused: it is not in the log and never will be. And Output.Barrier says up to
// which counter the log must be applied to know that what is still open was lost
// with a link or an epoch: a leader takes forwarded proposals of its own epoch
// only, and a stream begins with everything in the log that came before it.
//
// # Ownership of bytes
//
// Frames given to [Core.Receive] belong to the Core; entries alias them. Bytes in an
// Output are shared and never changed by anybody. Proposals' Data are copied
// when they are encoded.
package protocol
