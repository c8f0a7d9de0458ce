// Package jute writes and reads the primitives of jute, the encoding of
// ZooKeeper's client protocol: big-endian integers of 4 and 8 bytes, one-byte
// booleans, and buffers, strings and vectors with a 4-byte length in front,
// which is -1 for null. Nothing in it reflects.
//
// Writers are functions of the form AppendX(dst, v) that return the extended
// slice. A [Reader] takes the values of one frame back from bytes that may be
// hostile: every length is checked against what is left of the frame before
// anything is allocated, the first fault sticks, and after it every read returns
// a zero value. Buffers alias the frame with their capacity clipped; strings are
// copies.
//
// # As Java does
//
// What Java's reader lets pass is let pass: a boolean is true if its byte is not
// 0, and a vector whose count is negative, but not -1, is empty. Any other
// negative length is a fault.
//
// A string that is not UTF-8 is no fault in Java: what is malformed in it
// becomes U+FFFD. So it is here, with as many of them as Java's decoder gives
// (one for each longest stretch that could have begun a character, and one for a
// surrogate of three bytes), so that two strings are the same for a Go server
// exactly if they are for a Java one. In the other direction the two differ: Java
// writes a character beyond U+FFFF as two surrogates of three bytes each, which
// is not UTF-8 and which it does not read back itself; here it stays as it is.
// No path of a znode can have such a character.
//
// There are no goroutines and no locks here.
package jute
