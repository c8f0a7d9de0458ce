// Package wire serves ZooKeeper's clients, in whatever language they are written, on
// ZooKeeper's client port.
//
// A [Server] takes connections of any number of listeners and serves them from a
// [Host], which is a member of an ensemble: the *server.Server of package
// session/server. Each connection is the client side of one session, over a link of
// the host's: it says in session/protocol what the client asks for, and to the client
// in ZooKeeper's protocol what the host answers. Nothing is decided here about znodes.
//
// # The serving
//
// server.go has the listeners and the limits, conn.go a connection's reading and
// writing, connect.go how it begins, requests.go what it asks the host for, answers.go
// what it says to the client, watches.go the watches, reconfig.go changes of the
// membership, fourletter.go the words.
//
// A client's request becomes one request of the host's, which answers in order; what
// is refused here waits for its turn behind a read of nothing. Several that have
// arrived together are passed on together.
//
// A session that goes on over another connection is attached anew: its writes go on
// behind the last that was applied, its identities are those of the new connection, its
// timeout is what that asks for, and the old connection is closed. What a client sends
// again is a new request here as it is there, unless it has a number (see below): it is
// Go's sessions (package session) that never do anything twice.
//
// Clients know a watch by its path and kind, and hear once of one change however many
// of theirs see it. A watch that is there already is asked for all the same, and the
// new one takes its place once it is armed: the old one may fire before.
//
// A connection is closed, and the client turns to another member: when this one does
// not serve for SyncTimeout, cannot reach what the client has seen in that time, may
// have missed events (it was sent a snapshot), or is shut down.
//
// # Read-only serving
//
// With Config.ReadOnly, a member that has not served for SyncTimeout serves reads until it
// serves again, to clients whose handshake says that they are content with that: readonly.go.
// Such a session is of its connection alone, which goes over a link like any other, whose
// host is in readonly_link.go: reads are made from the member's view, as the host of real
// sessions makes them; watches are remembered and stay silent; whatever might change
// something is refused with NOTREADONLY unseen, and so is sync, which nobody can make true
// without a leader. The connection is closed once the member serves.
//
// The id of a read-only session is above all zxids, which those of the ensemble's sessions
// are; brought to any member later it has expired. A session of the ensemble is left alone:
// who asks for it is turned away without an answer, and finds it where the ensemble is. A
// client that has seen more than the member is turned away as well. What is read is
// committed, but may be old; a member that has just been started shows its last snapshot,
// and serves no reads if it has none: what of its log was committed it does not know.
//
// # Extensions
//
// What ZooKeeper's protocol has no request for is in extension.go, where the rules are:
// children by pages, watches that are resumed from a zxid and tell what they may have
// missed, and writes with numbers, which are done once however often they are sent. A
// client may send these after it has found the znode /zookeeper/zabtree, which is in no
// list of children, cannot be made, fires no watch, and which a server of another kind does
// not have. In jute:
//
//	9001 childrenPage  ustring path, ustring after, int limit, boolean watch
//	                   -> vector<ustring> names, boolean more, Stat
//	9002 resumeWatch   ustring path, int mode, long zxid -> long since, long upTo
//	                   mode: 0 persistent, 1 recursive, 2 data, 3 exist, 4 children
//	9003 once          long sequence, long answered, int opcode, then the body of that
//	                   -> the reply of that; 1, 2, 5, 7, 13, 14, 15, 19, 21, and 11 for a ping
//
// # The codec
//
// One file has one part of it: opcodes.go the numbers, handshake.go the two
// frames that open a connection, request.go and multi.go what a client asks,
// operation.go what of it is a write of package tree, kinds.go which watches it
// speaks of, reply.go and multireply.go what a server answers, words.go which
// four-letter words there are. A decoder takes one
// frame without its length; a function appendXReply appends one frame with it,
// into a buffer of the caller's, and allocates nothing else.
//
// Frames are hostile until proved otherwise: what decoding allocates is bounded
// by ten times the frame's length, whatever the lengths in it say. Where strange
// input is concerned the code does what a real server, 3.8.0, was seen to do;
// frames of it lie in testdata, with the program that recorded them.
//
// # Where a real server is not followed
//
//   - Who fails to take over a session, for want of its password, does not end the
//     connection that has it.
//   - A one-shot watch whose event was kept from its owner, who may not read the znode,
//     stays.
//   - checkWatches means the caller's watches, not anybody's. Watches of several modes
//     on one path do not take each other's place (ZOOKEEPER-4466, fixed there since).
//   - A null path is refused with MARSHALLINGERROR in sync, addWatch and getEphemerals
//     too, which take it for a path there.
//   - Bits of an ACL's perms that mean nothing are dropped, not kept and shown.
//   - A check outside of a multi is answered.
//   - A null id behind an entry of scheme auth in an ACL is MARSHALLINGERROR, whoever asks;
//     so is a path without a slash in checkWatches, whatever else is watched.
//   - Limits of a quota that a multi sets count for the rest of it, and hard limits for what
//     the same multi has added.
//   - A participant that joins by reconfig is waited for: if it is not synchronised in
//     time, the answer is NEWCONFIGNOQUORUM and nothing has changed. One participant is
//     enough, and an address is one member's on the loopback interface too. Who may not
//     write /zookeeper/config is told so before it is looked for a quorum of the new
//     participants; what a real server stumbles over in a whole list is BADARGUMENTS.
//     Members go on listening where they do. The zxid of /zookeeper/config is not the
//     version in it. A client of the member that leaves may have to look for itself
//     what became of it: its connection ends.
//   - deleteContainer is refused. SASL is answered as by a server that has none configured.
//   - Read-only serving begins SyncTimeout after the member has ceased to serve, not after
//     two seconds or a tick, and needs no local sessions: a real server without them answers
//     a handshake with a frame that is none. Who does not agree to read alone waits for
//     SyncTimeout before the connection is closed. A read-only session ends with its
//     connection, and is not taken over by another. That a session has expired is said of
//     read-only ones only: a real server says it of each that it has not heard of, of which
//     the ensemble may have. What it shows after a start is all that is in its log, some of
//     which may be undone later.
//   - No reply has a body beside an error. (A multi that is stumbled over has one there.)
//   - A character beyond the BMP in a path, which no znode can have, comes back as it
//     was, not as two surrogates.
//
// # Goroutines, locks
//
// A connection has one goroutine, which reads. Another one writes, and is there only
// while there is something to write that the reading one does not write itself; a
// Server has one more, which watches the host's mode, and the caller's in Serve; while
// the membership is changed for a client, its connection has one for that. Each
// connection has a mutex, under which nothing blocks; the Server's is never held
// together with one of them. All are gone when Close returns.
//
// # Who owns which bytes
//
// Data and passwords of a request alias its frame, which is left to whatever keeps them;
// strings are copies. Replies copy everything.
package wire
