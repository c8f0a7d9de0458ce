// Package wire speaks ZooKeeper's client protocol.
//
// # The codec
//
// One file has one part of it: opcodes.go the numbers, handshake.go the two
// frames that open a connection, request.go and multi.go what a client asks,
// operation.go what of it is a write of package tree, reply.go and multireply.go
// what a server answers, words.go the four-letter words. A decoder takes one
// frame without its length; a function appendXReply appends one frame with it,
// into a buffer of the caller's, and allocates nothing else.
//
// Frames are hostile until proved otherwise: what decoding allocates is bounded
// by ten times the frame's length, whatever the lengths in it say. Where strange
// input is concerned the code does what a real server, 3.8.0, was seen to do;
// frames of it lie in testdata. The limit on a frame's length is for whoever
// reads it from a connection.
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
