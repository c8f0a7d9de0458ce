// Package explore visits every state that a small ensemble can get into, within
// stated bounds, and checks in each of them what must always hold. What it steps
// is the protocol's own core, [protocol.Core], with its frames encoded and decoded;
// network, disks and fate are modelled here.
//
// [Run] explores a [Config] breadth first, so that what is found wrong is found on a
// shortest way, which is printed as a timeline and can be replayed ([Replay]).
// [Standard] lists the configurations that are to be explored to the end.
//
// # The model
//
// A link has two lanes, each a queue of frames. A link that breaks loses what is on
// its way, and both ends learn of it in the same step. Writes are queued and become
// durable one by one, in order; a crash loses those that are not. A wiped replica
// has an empty disk and a new incarnation. A snapshot's file is whole when it is
// taken, the record that names it is a write like others; a received one comes in a
// chunk, and that is a write of its own. Which links exist, which frame arrives,
// which write is done, is chosen in every possible way at any time. What else
// happens (see [Config]) is bounded.
//
// # What is left out, and why that is sound
//
//   - A crash and the restart are one step: a replica that is down is to others as
//     one that is up without links, and does nothing alone but lose patience.
//   - A reading of the log or of a snapshot is answered within the step that asks for
//     it, and the log an entry at a time: a slow reading is a slow frame, and frames
//     of single entries can be cut off at any place that frames of many can. That two
//     entries are durable in one step is not explored.
//   - Time. A tick happens when it matters: the patience of who looks, follows or
//     leads ends ([Config.Timeouts]), or an established leader does its rounds
//     ([Config.Ticks]). All other ticks only count. Heartbeats are left out where
//     nobody reads: they then only say that the leader is there.
//   - The core is compared by [protocol.Core.AppendCanonical], which says what it
//     leaves out: numbers of writes and of readings, which nobody else knows; the end
//     of the log in memory, which is sent as it would be from the disk; bytes in
//     flight, which are far from their limits; what an earlier phase left and the next
//     overwrites. TestTwins holds it to that: it takes states with equal encodings and
//     different histories, and lets everything happen to both.
//   - A link between two replicas has the same number each time: a core that was told
//     that a link is down has nothing left that names it. It fixes the order in which
//     a leader looks at its links.
//   - Election rounds and the numbers of joins are kept as they are. They tell apart
//     up to twice as many states as need be.
//   - Replicas are not taken for each other: IDs decide elections, so that there is no
//     symmetry to use.
//
// Not sound, and said in the names of the configurations that use it:
// [Config.FastDisks], which explores fewer orders once nothing can crash any more,
// and [Config.Links], in which some pairs never meet. A link of which one end learns
// late that it is broken is not explored, nor are batches, weights, low space and
// limits; and what [protocol.Output] says with Barrier is not checked.
//
// # How it is fast
//
// A replica does the same, for ever, given the same event. So each outcome is worked
// out once, with a clone of the core, and remembered; there are thousands of states
// of a replica where there are millions of the ensemble. Everything (states of
// replicas, frames, queues, what the ghost knows) is kept once and has a number, and
// a state is a row of numbers. Following an action is looking some of them up.
//
// Of the visited states a hash of 64 bits is kept, a sum over the numbers' contents'
// SHA-256. With n states, the odds that any two collide, and so that a state is
// taken for visited, are about n²/2⁶⁵: 3 in ten million for 3 million states, 3 in
// ten thousand for 100 million. Besides, 8 bytes a state say how it was
// reached, and the rows of two levels are kept.
//
// # What is checked
//
// See [Invariant]. Some of it needs a ghost: the history of what was committed and
// by whom, which no replica has. A late leader of a lower epoch may be established
// after a higher one has committed; so a leader is judged by what was committed in
// lower epochs only. The tests plant faults, and want to see them found.
//
// A search runs in its caller's goroutine and is deterministic, counts included.
// Nothing is shared between searches, which may run side by side. Nodes, frames and
// rows of finished levels are never changed.
package explore
