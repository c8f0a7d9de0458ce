// Package difftest sends the same operations to two ZooKeeper servers and compares
// what they answer, field by field.
//
// A run has rounds, a round has steps. In a step one session does something: sends
// requests in one packet, connects, resumes, drops its connection, sends rubbish.
// Both servers are asked at the same time, and the step is over when the answers are
// there and, unless it only read, every session has had a ping answered: events of
// what was done come before that. So both servers see the same order, although
// there are several sessions.
//
// Steps are made from a seed, and from what the first server answered to the steps
// before: versions and names that are there, nothing that differs from run to run.
// They are values, which name zxids, sessions and passwords by where they came
// from. Hence the steps of a failed round can be carried out again, and cut down to
// those that matter (Shrink). Rounds begin with nothing but the first znodes; a
// difference ends its round, since what follows would differ because of it.
//
// Compared exactly: errors, paths, data, Stats, ACLs, what connections are closed,
// handshakes, and for each session the events, their order and their place among
// its answers. Not compared: zxids, times and session ids as numbers. Zxids of
// changes must be in the same order on both sides, and those in headers must have as
// many changes before them; a change has one time, about now; sessions are known by
// the order in which they were opened. Lists that Apache ZooKeeper takes from hash
// tables are sorted: children, ephemerals, identities, and events of znodes that go
// with their session.
//
// What is wanted to differ is in differences.go, what is not asked at all in
// not_generated.go, each with its reason.
//
// Goroutines: one for each server during a step. A side, with its connections, is
// used by one of them at a time.
package difftest
