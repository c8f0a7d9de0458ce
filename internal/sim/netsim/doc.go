// Package netsim is a simulated network of connections between processes that
// have a uint64 for an ID: replicas, clients, whoever. It is driven by a
// sched.Scheduler and draws from one sched.Stream.
//
// A [Net] knows processes ([Net.Start], [Net.Crash], [Net.Pause]), each with a
// [Handler]. [Net.Dial] leads to [Handler.Accept] at the other process and to
// [Handler.Open] at the dialer, or to [Handler.Broken], or to nothing at all, which
// only the dialer's own timer reveals. What is open is duplex; each direction
// carries bytes in order, with latency, bandwidth and a bounded window. Frames go
// as bytes: a length of 4 bytes and a payload, so a connection can be cut in the
// middle of one, of which nothing arrives then. Nothing within a connection is
// lost in the middle, duplicated or reordered.
//
// Each of the two sides of a connection has its own [Conn], a value that can be
// compared and be the key of a map, and stays distinct from all others for ever.
//
// # What the kernel does and what the process does
//
// Every process has a kernel under it, which shakes hands, receives into the
// window and sends from the buffer without it. A paused process, or one that does
// not read a connection, makes its kernel's window fill, and then the other side's
// buffer. What was sent before a process closed a connection still flows after it,
// and the end behind it. The acknowledgements that open a window take no time, but
// the way back must not be stalled.
//
// # Faults
//
// Faults befall directed pairs of processes: [Net.Stall], [Net.Refuse],
// [Net.Blackhole], [Net.Delay], [Net.Throttle]. Each call adds one, independent of
// all others, that lasts until [Fault.Heal] of what it returned or [Net.HealAll].
// [Net.Cut] and [Net.CutConn] break connections, and tell both sides, one, or
// neither. Partitions are made of these, in shape.go and shape_timed.go.
// [Net.Counts] says what was injected and what came of it.
//
// # Rules
//
// Goroutines: none. Handlers are called from scheduled events only, never from
// within a call of this package, and may call everything. What befalls a process
// while its handler runs (a crash, a close) holds at once: nothing more comes.
//
// Bytes: Send copies the frame, which stays the caller's; what Frame gets belongs
// to the handler and is never written again. Small frames are carved out of blocks
// of a few KiB that they share with their neighbours, capacity clipped: copy what
// is to be kept for long.
//
// Invariants: on every connection the receiver gets a prefix of the frames sent,
// whole; Accept or Open comes first, Broken at most once and last; after Close,
// Broken or a crash nothing comes for that Conn.
package netsim
