// Package transport is how replicas reach each other: ordered connections that
// carry frames.
//
// A [Transport] dials and accepts; a [Conn] keeps the order of what is sent on
// it and loses a suffix when it breaks, never a frame in the middle. That is all
// the protocol needs and all it relies on. Frames are opaque bytes here: the
// replicas' own handshake, in the first frame of each connection, is checked by
// package zab, so that every transport is checked alike.
//
// [Memory] connects replicas of one process and can be told to fail; package
// transport/tcp is TCP with optional TLS. Implementers run the suite
// zab/zabtest.TestTransport.
package transport
