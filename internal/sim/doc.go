// Package sim runs whole ensembles in one goroutine, each driven by one seed, breaks
// them in every way that they must survive, and holds them to what they promise.
//
// It is no mock: the step machines are the product's own (zab/protocol, internal/driver,
// internal/host, session/protocol's client side, watch), and so are the tree, the
// codecs, and the logs and snapshots of internal/dirstore, over internal/disk's file
// system that crashes. What is simulated is around them: time and chance (package
// sched), connections (package netsim), disks, machines and clocks, and programs with
// sessions. In the place of goroutines there are events: where the product has a
// goroutine that waits for work, a process here has a step that is scheduled when
// there is some. The goroutine shells themselves have tests of their own.
//
// # A run
//
// [Derive] makes the options of a run from its seed: how many members and clients, how
// large or tiny every limit, which faults and how often. [Run] plays it: a time of
// faults; then a quorum is healed, everybody else stays broken for ever, and a write
// must commit; then all is healed, and everybody must come to the same state, every
// call be answered and every silent session be gone; then all machines lose power at
// once, and come back with everything that was ever acknowledged.
//
// What may break at a time is what must be survived (see faults.mayDamage): of the
// voters' disks only so many may lose what was durable that a quorum stays whole, and
// none while the membership changes. So "survives without an operator" is an assertion.
//
// # Beyond the model
//
// One run of eight breaks more than that, in the ways of beyondTable, which says for
// each what may be given up, and which ways cannot be among them. There refusing is
// allowed and a wrong answer is not: all the checkers stay, but for what the table names.
// It ends like any other if a quorum is whole when all is healed; if none is, then
// nobody may lead, serve or commit.
//
// # Checkers
//
// Each is told of everything as it happens, and ends the run by its name:
//
//   - durability-audit (package audit): no frame that leaves a member implies anything
//     that its simulated disk does not have.
//   - refinement (package spec): every step is one that a naive specification of ZAB,
//     written apart from the product, allows; the rule that was broken is named.
//   - digest, linearizability, session-order, exactly-once, watches, ephemerals, expiry,
//     acked-durability (package check): what clients see and replicas hold, against a
//     naive model of the tree; porcupine judges slices of it independently.
//   - storage-audit: a member finds on its disk what was durable there and, of what was
//     under way, whole writes in order.
//   - no-halt: no member halts, refuses a frame or fails to start by itself.
//   - bounded: what is under way stays within its bounds, however slow somebody is: the
//     log on its way to a follower, a host's proposals and the copies among them, a
//     client's calls.
//   - refusal: beyond the model, nobody answers when no quorum is whole.
//   - no-panic.
//   - liveness: what must come comes in time. And what would keep it from coming with bad
//     luck alone is found where it happens: a follower that is sent the next snapshot, and
//     nothing of the log behind the last; a change of membership that is said to be
//     settled, and is not.
//
// # Seeds and tapes
//
// The same seed gives the same run, to the bit: [Report].Hash is over everything that
// happened. Every draw is on a tape ([Report].Tape), which replays across changes of
// the code for as long as those do not change how much is drawn. Behind its end, and where
// it was made calmer (see [Shrink]), as little happens as can. A failure prints its seed,
// every option and the end of the timeline.
//
// What was found is listed in bugs.go. Each has a tape in testdata/tapes, which fails if
// the bug comes back, and a plant (package plant) that brings it back: the command's
// -plants . -tapes has each of these tapes find its own.
//
// # Goroutines, bytes
//
// There are none, and no clock. Frames and messages go through the real codecs and are
// copied on their way; everything else is shared as in the product.
package sim
