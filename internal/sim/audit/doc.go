// Package audit holds what a replica tells others against what its disk really has.
//
// It is one of the simulator's checkers and stands apart from what it checks: it
// knows the protocol's rules and the form of its frames, and takes no decision and no
// decoder from package protocol, whose types alone it uses.
//
// [Decode] is a decoder of the protocol's frames. An [Auditor] watches one member: it
// is told each batch that the simulated disk has, in order, and each frame that leaves
// the member, and names the [Rule] that is broken when a frame implies more than the
// disk holds. What holds between members is for package spec.
//
// # What a frame implies
//
//   - Look and Join tell a position, and a Join the table of epochs: exactly what is
//     durable, no less and no more, since a candidate is chosen and a log is cut by it.
//   - Lead, and everything else that a leader sends in an epoch, implies that its own
//     accepted epoch is durably that one; a Join, an Ack, a ChunkAck and what a
//     follower asks for imply the same of the follower's.
//   - A Join that says "promised" implies that the accepted epoch was raised to it, once.
//   - Look, Support and Nack tell the accepted epoch; see "Hints" below.
//   - Ack implies that the stream's log is durable up to a counter, and never falls.
//   - ChunkAck implies that a chunk is durable; for a snapshot's last chunk, that the
//     snapshot has become the base of the log.
//   - A Pong implies that no later epoch was promised.
//
// A leader's entries may leave before they are durable: that is why its own
// acknowledgement is counted by package spec from its disk alone.
//
// # Order of calls
//
// Everything is told before what follows from it: a batch that has become durable
// before the member is told so, a frame that arrives before the member gets it.
// An Auditor is for one goroutine, keeps nothing that it is given, and is deterministic.
package audit
