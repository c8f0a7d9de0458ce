// Package spec is a naive executable specification of ZAB: the other of the simulator's
// checkers that stand apart from what they check, beside package audit.
//
// A [Spec] is told what can be seen of an ensemble from outside its replicas: what
// their disks hold, which frames leave and reach them, what their state machines
// apply, which reads they answer. From that it steps an abstract ensemble, and an
// action that the rules do not allow is a failure under the name of the [Rule]. It
// takes no decision from package protocol, only types and the form of an entry.
//
// # The feed
//
// Every event is told before what follows from it, in the order in which it happened:
//
//	Started       a member is started: what its disk holds, read by the simulator
//	Down          it crashed or was stopped
//	Durable       a batch is on its disk now: each one, in order, before the core is told
//	LinkUp        two members are connected, before either is told
//	LinkDown      nothing will be sent or delivered on that link any more
//	Sent          a frame leaves a member, as soon as the core has it in its Output
//	Delivered     a frame is about to be given to a core
//	Applied       a state machine has applied an entry
//	Installed     a state machine was restored from a snapshot (Output.Install)
//	ReadAsked     a core is about to be asked for a read point
//	ReadAnswered  it has answered one
//	ReadFailed    it has answered that there is none
//
// Of an Output, Sends come before Install, Install before what is applied; reads may
// come anywhere. Batches that were under way when a member went down and are found on
// its disk are told by Durable between Down and Started; audit.Survived finds them. A
// member that has lost its disk, or what only its disk had, starts under another
// incarnation with whatever it has left.
//
// # The state
//
// Of an epoch that was opened: its leader, the history that it began with, all that it
// broadcast, and who has acknowledged how much of it. An entry says which one it
// follows, and an epoch has one leader in one run of it; so the zxid of an entry names
// all that comes before it, and a member's history is the zxid of its last durable
// entry. No event copies a history: most cost less than a microsecond, and those that
// walk over epochs (an epoch is opened, a log is cut, a replica is started) are rare.
//
// # What is judged, and how strictly
//
// An epoch counts as opened when its leader is first seen to speak in it as one (a
// stream begun, an entry durable or sent). Entries are committed as soon as the
// acknowledgements that were delivered to their leader in its own run, and its own
// disk, make a quorum of everything in force; the leader may learn that later, or
// never. So a core may be stricter than the Spec, never laxer, and it must not count
// what was not delivered to it, came from another incarnation or belongs to another
// epoch. A change of membership that the ensemble has committed is in force alone,
// though its leader may not know and require more.
//
// Several events may share one Output: a core may have opened its epoch before a
// promise that was delivered before its first frame was seen. So a promise from a
// better history is not a failure by itself; to need it for the quorum is. For the same
// reason confirmations of reads are counted when they arrive, under what is in force
// then.
//
// A leader of a lower epoch may be established after a higher one has committed, and
// those who follow it may cut what the higher one has: only leaders of higher epochs are
// judged by what lower ones have committed.
//
// Which reads are stale is judged by what was told or applied as committed anywhere
// before the request, which is all that anybody can have seen.
//
// A Spec is for one goroutine and deterministic. It keeps no batch, frame or entry.
package spec
