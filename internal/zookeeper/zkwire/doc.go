// Package zkwire speaks the ZooKeeper client protocol as raw as a test wants it:
// any request a client can send, well formed or not, in any burst, and every field
// of every answer.
//
// It was written from the description of the protocol and from what Apache
// ZooKeeper 3.8.0 sends, and shares no code with Zabtree: it is there to judge
// Zabtree's own codec. It decides nothing: no retries, no pings of its own, no
// order of answers. Conn has no goroutine; it belongs to one caller at a time.
// What it returns is the caller's own memory.
package zkwire
