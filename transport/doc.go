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
//
// # The network in memory
//
// A [Memory] is a whole network: [Memory.Endpoint] plugs a replica in, and
// closing what it returned is that replica's death. Its faults are those of a
// network under TCP: silence ([Memory.Partition], [Memory.Cut],
// [Memory.Isolate]) loses nothing and tells nobody, slowness ([Memory.Delay],
// [Memory.SlowReader]) keeps the order, and loss ([Memory.Drop],
// [Memory.Break]) always takes the connection with it.
//
// It starts no goroutine: a frame is placed in the queue of its direction
// together with the time at which it arrives, and the goroutine that receives
// waits for that time itself, with one timer for each direction. So an idle or
// undelayed network costs no timers at all, and inside a testing/synctest bubble
// a delay of d means exactly d. Channels and timers are made where they are
// waited on: make and use a Memory inside the same bubble.
//
// Locks: Memory.mu (who is connected, which faults are in force) before the
// mutex of a single connection (its queues). Neither is held while waiting.
//
// Bytes: Send copies every frame before it returns, once; the copy belongs to
// whoever receives it. The two sides never share memory.
package transport
