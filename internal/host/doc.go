// Package host is the hosting of sessions, as a pure step machine, [Host]: one for
// each replica, driven by package session/server and by simulations. It speaks
// session/protocol to the client sides, proposes tree commands to the log, is told
// what was applied, and exchanges messages with the hosts of other replicas.
//
// # What it does
//
//   - Writes are proposed as they come, many at a time. What becomes of them is seen
//     in the log as it is applied; a proposal that failed, whatever that means, is
//     made again under the same (session, attachment, sequence), by which apply knows
//     it. Answers are given in the order of the requests.
//   - Reads are made from applied state at their place in the session's order: after
//     the writes before them and, as the driver asks BeforeApply how far it may go,
//     before the writes behind them.
//   - The watches of hosted sessions are dispatched entry by entry: the events of an
//     entry are sent before any answer that reflects it, and zxids never fall on a
//     link.
//   - Whatever is not too large is proposed, the ill-formed too: what is wrong with an
//     operation is decided in its place, as ZooKeeper does. Reads of what cannot be find
//     nothing.
//   - A session is taken in (Attach) when this replica has applied what the session
//     has seen. The move is an entry of the log: whoever had the session before is
//     fenced by it. Its watches get what they missed before anything else.
//   - The host of the leader counts the timeouts of all sessions of the ensemble, and
//     ends those that are up, by the log; see lease.go for why nobody's lease is cut
//     short.
//   - It also deletes containers and TTL znodes that are due.
//
// # Rules of the driver
//
// Everything is called by one goroutine at a time, or under one lock, in this
// order for a stretch of the log: BeforeApply, apply that many, Applied. The
// output is taken after each event and carried out in order: proposals in the
// order given, deliveries of a link in the order given. Every proposal and every
// read round is answered, once.
//
// # Bytes
//
// Nothing that comes in is changed. What goes out may share bytes with the tree
// and is changed by nobody.
package host
