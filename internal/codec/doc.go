// Package codec writes and reads the small part of MessagePack that Zabtree's
// own bytes are made of: log entries, frames between replicas, operations and
// snapshots. Nothing in it reflects, and nothing it reads is copied.
//
// Writers are functions of the form AppendX(dst, v) that return the extended
// slice and use the shortest form of a value. A [Reader] takes the same values
// back from a byte slice that may be hostile: every length is checked against
// what is left before anything is allocated, the first fault sticks, and after
// it every read returns a zero value. Byte slices it returns alias its input
// with their capacity clipped; strings are copies.
//
// There are no goroutines and no locks here. Tests compare both directions with
// hashicorp/go-msgpack.
package codec
