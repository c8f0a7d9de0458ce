// Package server runs a member of an ensemble inside the program: a [Server] is a
// replica of the tree that hosts sessions, and the session.Backend that they are
// opened at.
//
//	srv, err := server.Start(ctx, server.Config{Dir: "data"})
//	...
//	defer srv.Close()
//	s, err := srv.NewSession(ctx, session.Options{})
//
// is a whole ensemble of one. For more members each has the same Members, an ID of
// its own, and a Transport to reach the others, such as transport/tcp.
//
// # Life
//
// Start recovers what is on disk and waits for nobody; Ready waits until the member
// serves; NewSession waits for a leader. Shutdown lets sessions move or end and hands
// leadership over before it closes; Close just closes. A fault that stops the
// replica is a value: Done is closed and Err says why.
//
// # Goroutines and locks
//
// A Server has one goroutine besides those of its zab.Replica: it hands messages to
// sessions, so that applying the log never waits for their side; and another one for a
// moment, when a member asks this leader to hand over. Time is told by the
// replica's ticks. All
// decisions about sessions are made by host.Host, a step machine, under the Server's
// one mutex. Under it the replica is handed proposals, messages and questions for
// read points (which never blocks and keeps their order); nothing else but the host
// is called with it held. A link's own mutex is inside that one, and is held for a
// few instructions only.
//
// # Bytes
//
// Views and events share bytes with the tree; they are read-only. Sessions copy what
// they are given and what they return.
//
// # Invariants
//
//   - The host is told of applied entries in order, each once, after the tree has
//     applied them and before anything else is applied.
//   - What a session is told is queued for it in the order in which the host said it.
//   - Every proposal's end is reported to the host once.
package server
