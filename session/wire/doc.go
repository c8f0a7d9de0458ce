// Package wire speaks ZooKeeper's client protocol.
//
// # The codec
//
// One file has one part of it: opcodes.go the numbers, handshake.go the two
// frames that open a connection, request.go and multi.go what a client asks,
// operation.go what of it is a write of package tree, kinds.go which watches it
// speaks of, reply.go and multireply.go what a server answers, words.go the
// four-letter words. A decoder takes one
// frame without its length; a function appendXReply appends one frame with it,
// into a buffer of the caller's, and allocates nothing else.
//
// Frames are hostile until proved otherwise: what decoding allocates is bounded
// by ten times the frame's length, whatever the lengths in it say. Where strange
// input is concerned the code does what a real server, 3.8.0, was seen to do;
// frames of it lie in testdata, with the program that recorded them. The limit on
// a frame's length is for whoever reads it from a connection.
//
// Where a real server is not followed:
//
//   - A null path is refused with MARSHALLINGERROR in sync, addWatch and
//     removeWatches too, which take it for a path there.
//   - A create is refused for its path before anything is looked up. There an
//     empty part in the middle (/a//b) is found out by the parent that is missing.
//   - A multi is refused for a malformed operation although one before it would
//     have failed by the state of the tree. There the first one is named.
//   - Bits of an ACL's perms that mean nothing are dropped, not kept and shown.
//   - Schemes that package tree does not know, ip among them, are INVALIDACL.
//   - deleteContainer is refused.
//   - No reply has a body beside an error. (A multiRead of writes has one there.)
//
// # Who owns which bytes
//
// Data, passwords and credentials of a request alias its frame; strings are
// copies. Replies copy everything.
//
// # Goroutines, locks
//
// The codec has none, and no state.
package wire
