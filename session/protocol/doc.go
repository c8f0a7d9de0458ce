// Package protocol is what a session's client side and its host say to each other,
// and the client side itself as a pure step machine, [Client]. It is public to be
// read, simulated, checked, and to be carried over connections; it comes with no
// promise of compatibility. Users want package session.
//
// # Messages
//
// A link carries [Request] values one way and [Message] values the other, each
// in order. All are plain values with an encoding ([AppendRequest],
// [DecodeRequest], [AppendMessage], [DecodeMessage]) that is safe against hostile
// bytes; within a process they are handed over as they are and never changed.
//
// # Order
//
// Calls are sent in the order submitted, without waiting for answers, up to a
// window. A write gets the next sequence of its session when it is first sent, and
// keeps it. Answers come in the order of the calls. When a link breaks, everything
// without an answer is sent again over the next one, in the same order: writes that
// had been applied are answered from the record of the first time, so nothing takes
// effect twice. A read that stood before such a write cannot be carried out in its
// place any more and is given back as [FaultOvertaken].
//
// # Watches
//
// Watches belong to a link. The client lists them when it attaches the session to
// another one, with the zxid up to which it has seen everything; the host sends
// what they missed, or a Gap, before anything else.
//
// # Identities
//
// A session has those that Open and Attach name and those that it proves by AddAuth.
// Those named are believed: a link is the business of a program's own sessions, or of
// a server that has looked at who is at the other end of a connection.
//
// # Invariants
//
//   - LastSeen only rises. When it is z, every event up to and including z has been
//     handed out, and a host that has not applied z is not accepted.
//   - The lease is counted from the moment a request was sent whose answer proves
//     that the leader began to count the whole timeout after that moment.
//   - Of two attachments of one session the later in the log counts, and the client
//     names the one it takes over from, so that an attach that was long under way
//     cannot take the session away from where it went since (ZOOKEEPER-710).
//
// The package has no goroutine, lock, clock, randomness or I/O, and its outputs do
// not depend on the order of a map.
package protocol
